"""What a disease leaves of a patient's tissue: the value that every disease here returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from .physiology import Physiology, TissueMaps, TissueValues

_NECROSIS = TissueValues(2.0, 0.35, 2.0)


@dataclass(frozen=True, eq=False)
class Condition:
    """A patient's tissue with its disease. Shares are float32 (V,), 0 to 1.

    physiology            of grey matter, white matter and fluid.
    tumour, necrosis      shares of the voxel, in the place of other tissue.
    tumour_maps           physiology of living tumour; `necrosis_maps` of its dead centre.
    ktrans_per_min        (V,) leakage of living tumour.
    oedema                share of the white matter that is swollen.
    core, penumbra, oligemia   shares of the brain tissue that is infarcted, at risk, or short of
                          blood without being at risk; they do not overlap.
    scar                  share of the brain tissue lost to an old infarct.
    arterial_delay_s      how much later blood comes to the arteries of a voxel than in health;
                          `arterial_dispersion_s` how far it is spread on the way.
    leakage_space         v_e of living tumour; leaked_r2star what tracer there adds to R2*, in
                          1/(s mM).
    rois                  bool (V,) masks for the person, none of them empty: "tumor" and
                          "reference" (glioma), "lesion" and "core" (stroke), "affected"
                          (steno-occlusive disease, moyamoya).
    settings              what was drawn, in plain JSON values.
    """

    physiology: Physiology
    tumour: torch.Tensor
    necrosis: torch.Tensor
    oedema: torch.Tensor
    core: torch.Tensor
    penumbra: torch.Tensor
    oligemia: torch.Tensor
    scar: torch.Tensor
    ktrans_per_min: torch.Tensor
    tumour_maps: TissueMaps
    necrosis_maps: TissueMaps
    arterial_delay_s: torch.Tensor
    arterial_dispersion_s: torch.Tensor
    leakage_space: float = 0.29
    leaked_r2star: float = 12.0
    rois: Mapping[str, torch.Tensor] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def healthy(cls, physiology: Physiology) -> Condition:
        """No disease."""
        nothing = torch.zeros_like(physiology.grey.cbf)
        return cls(
            physiology=physiology,
            tumour=nothing,
            necrosis=nothing,
            oedema=nothing,
            core=nothing,
            penumbra=nothing,
            oligemia=nothing,
            scar=nothing,
            ktrans_per_min=nothing,
            arterial_delay_s=nothing,
            arterial_dispersion_s=nothing,
            tumour_maps=physiology.white,
            # Not as fluid: that has the blood of the pia between the folds.
            necrosis_maps=physiology.white.towards(_NECROSIS, torch.ones_like(nothing)),
        )

    def without_leakage(self) -> Condition:
        """The same patient with vessels that hold the tracer."""
        return replace(
            self,
            ktrans_per_min=torch.zeros_like(self.ktrans_per_min),
            settings={**self.settings, "leakage": "none", "ktrans_per_min": 0.0},
        )
