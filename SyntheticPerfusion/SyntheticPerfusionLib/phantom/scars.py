"""Old infarcts: small, slow and empty, yet reached in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from .anatomy import Anatomy
from .condition import Condition
from .fields import SmoothField
from .physiology import TissueValues
from .shapes import ellipsoid

_GREY_SCAR = TissueValues(13.0, 1.2, 1.6)
_WHITE_SCAR = TissueValues(8.0, 0.8, 1.8)

_INNER_BORDER_ZONE = (
    (24.0, 20.0, 27.0),
    (26.0, 4.0, 32.0),
    (27.0, -14.0, 33.0),
    (27.0, -32.0, 31.0),
)
"""Between the deep and the cortical branches, in the centrum semiovale: MNI mm, right side."""


def with_old_infarct(condition: Condition, anatomy: Anatomy, rng: np.random.Generator) -> Condition:
    """One infarct of 6 to 14 mm anywhere in the cerebrum."""
    centre = rng.uniform((-48, -70, -5), (48, 40, 45))
    return _scarred(condition, anatomy, [centre], rng.uniform(3.0, 7.0, 1), rng)


def with_border_infarcts(
    condition: Condition, anatomy: Anatomy, side: int, rng: np.random.Generator
) -> Condition:
    """A chain of two to four small infarcts in the inner border zone of one side."""
    count = int(rng.integers(2, 5))
    first = int(rng.integers(len(_INNER_BORDER_ZONE) - count + 1))
    centres = [
        np.array(place) * (side, 1, 1) + rng.normal(0, 2.0, 3)
        for place in _INNER_BORDER_ZONE[first : first + count]
    ]
    return _scarred(condition, anatomy, centres, rng.uniform(3.0, 5.5, count), rng)


def _scarred(
    condition: Condition,
    anatomy: Anatomy,
    centres: list[np.ndarray],
    radii_mm: np.ndarray,
    rng: np.random.Generator,
) -> Condition:
    ragged = 0.25 * SmoothField.draw(rng, length_mm=4.0)(anatomy.mni_mm)
    scar = torch.zeros_like(anatomy.grey)
    for centre, radius in zip(centres, radii_mm, strict=True):
        own = ellipsoid(anatomy.mni_mm, centre, radius * rng.uniform(0.8, 1.3, 3), ragged, 1.5)
        scar = torch.maximum(scar, own)
    old = condition.physiology
    return replace(
        condition,
        physiology=replace(
            old, grey=old.grey.towards(_GREY_SCAR, scar), white=old.white.towards(_WHITE_SCAR, scar)
        ),
        scar=torch.maximum(condition.scar, scar),
    )
