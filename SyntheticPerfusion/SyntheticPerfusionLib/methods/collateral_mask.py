"""The brain mask of Le 2021, section 2.2: sum of the series, threshold, morphology.

It keeps whatever is bright, the scalp too where it hangs on the brain; the masks of this program
(series.brain_mask) look at the bolus and do not. It is here because the paper's range of values is
that inside this mask.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..errors import InputError

THRESHOLD = 0.1
_ROUNDS = 2
"""Of closing, erosion and dilation, each with a cross in the plane; the paper says none."""
_CROSS = ndimage.generate_binary_structure(2, 1)[None]


def paper_mask(signal: np.ndarray) -> np.ndarray:
    """(K, J, I) bool of a series (T, K, J, I).

    Raises InputError where the sum of the frames shows no contrast.
    """
    total = np.zeros(signal.shape[1:], np.float64)
    for frame in signal:
        total += np.nan_to_num(frame.astype(np.float64), posinf=0, neginf=0)
    lowest, highest = float(total.min()), float(total.max())
    if not highest > lowest:
        raise InputError("The series shows no contrast, so no brain stands out in it.")
    bright = (total - lowest) / (highest - lowest) > THRESHOLD
    # Closing would eat what touches the border of the image.
    margin = ((0, 0), (_ROUNDS, _ROUNDS), (_ROUNDS, _ROUNDS))
    closed = ndimage.binary_closing(np.pad(bright, margin), _CROSS, _ROUNDS)
    inner = closed[:, _ROUNDS:-_ROUNDS, _ROUNDS:-_ROUNDS]
    eroded = ndimage.binary_erosion(inner, _CROSS, _ROUNDS)
    return np.asarray(ndimage.binary_dilation(eroded, _CROSS, _ROUNDS))
