"""The parts of a brain in which maps are judged, each apart: a mean over all hides the lesion."""

from __future__ import annotations

import numpy as np

from ..phantom.truth import TissueLabel

BRAIN = "brain"
TISSUE = "tissue"

_VESSELS = (TissueLabel.ARTERY, TissueLabel.VEIN)
_TISSUES = {
    "grey matter": TissueLabel.GREY_MATTER,
    "white matter": TissueLabel.WHITE_MATTER,
    "penumbra": TissueLabel.PENUMBRA,
    "core": TissueLabel.CORE,
    "tumour": TissueLabel.TUMOUR,
}
_PERFUSED = (*_TISSUES.values(), TissueLabel.OEDEMA)

REGIONS = (BRAIN, TISSUE, *_TISSUES)
"""Names of the regions, in the order of tables."""

FEWEST_VOXELS = 20
"""A region of fewer voxels says nothing and is left out."""


def brain_regions(labels: np.ndarray, inside: np.ndarray) -> dict[str, np.ndarray]:
    """Masks (K, J, I) by name: `brain`, `tissue`, and one for each tissue that is there.

    labels  uint8 of TissueLabel.
    inside  bool, where maps have values and the truth is the brain's.

    `brain` is everything inside but large arteries and veins, fluid too: what training counts.
    `tissue` is what has flow: without fluid and necrosis. Regions of fewer than FEWEST_VOXELS are
    left out.
    """
    brain = inside & ~np.isin(labels, _VESSELS)
    regions = {
        BRAIN: brain,
        TISSUE: brain & np.isin(labels, _PERFUSED),
        **{name: inside & (labels == label) for name, label in _TISSUES.items()},
    }
    return {name: region for name, region in regions.items() if region.sum() >= FEWEST_VOXELS}
