"""Parts of the brain whose blood supply has values of its own, by their place in MNI space."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .shapes import ellipsoid, on_both_sides, ramp

_SOFT_MM = 4.0


@dataclass(frozen=True, eq=False)
class Regions:
    """Shares float32 (V,), 0 to 1, of both sides together.

    lentiform   putamen and pallidum, with the internal capsule between them and the caudate
                nucleus: what the lenticulostriate arteries feed.
    """

    cerebellum: torch.Tensor
    brainstem: torch.Tensor
    thalamus: torch.Tensor
    lentiform: torch.Tensor
    insula: torch.Tensor
    frontal: torch.Tensor
    occipital: torch.Tensor
    deep_white: torch.Tensor


def find_regions(mni_mm: torch.Tensor) -> Regions:
    """The regions of positions (V, 3) in MNI space."""
    places = on_both_sides(mni_mm)

    def part(
        centre: tuple[float, float, float],
        radii: tuple[float, float, float],
        soft_mm: float = _SOFT_MM,
    ) -> torch.Tensor:
        return ellipsoid(places, centre, radii, soft_mm=soft_mm)

    hemispheres = part((24, -62, -38), (31, 29, 22))
    cerebellum = torch.maximum(hemispheres, part((0, -62, -28), (16, 24, 20)))
    forebrain = ramp(mni_mm[..., 2], -30.0, -20.0) * (1 - cerebellum)
    return Regions(
        cerebellum=cerebellum,
        brainstem=part((0, -28, -32), (14, 14, 26)) * (1 - cerebellum),
        thalamus=part((11, -19, 7), (9, 14, 9)),
        lentiform=torch.maximum(part((25, 2, 1), (10, 18, 12)), part((13, 10, 10), (7, 14, 10))),
        insula=part((38, 3, 2), (7, 18, 14)),
        frontal=ramp(mni_mm[..., 1], -10.0, 15.0) * forebrain,
        occipital=ramp(-mni_mm[..., 1], 62.0, 78.0) * forebrain,
        # Around the lateral ventricles, where white matter lesions gather with age.
        deep_white=torch.maximum(
            part((22, 26, 17), (9, 13, 10), 10.0),
            torch.maximum(
                part((26, -8, 27), (8, 26, 8), 10.0), part((29, -46, 20), (9, 14, 11), 10.0)
            ),
        ),
    )
