"""How well a lesion seen by a threshold agrees with the true one: volume and overlap.

Tmax > 6 s is the volume that clinics act on (DEFUSE 3); programs differ by 20 ml on one patient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TMAX_THRESHOLD_S = 6.0


@dataclass(frozen=True)
class LesionAgreement:
    """The part of a mask above a threshold, in an estimated and in the true map.

    estimated_ml, true_ml   the volumes.
    dice                    twice the shared volume over the sum of both; 1 where both are empty.
    """

    estimated_ml: float
    true_ml: float
    dice: float

    @property
    def volume_error_ml(self) -> float:
        """Estimated minus true volume in ml."""
        return self.estimated_ml - self.true_ml


def lesion_agreement(
    estimate: np.ndarray,
    truth: np.ndarray,
    mask: np.ndarray,
    voxel_volume_ml: float,
    threshold: float = TMAX_THRESHOLD_S,
) -> LesionAgreement:
    """Agreement of two maps (K, J, I) above `threshold`, in their unit, within a bool mask."""
    found, real = (values[mask] > threshold for values in (estimate, truth))
    both = int(found.sum()) + int(real.sum())
    return LesionAgreement(
        estimated_ml=float(found.sum()) * voxel_volume_ml,
        true_ml=float(real.sum()) * voxel_volume_ml,
        dice=2.0 * float((found & real).sum()) / both if both else 1.0,
    )
