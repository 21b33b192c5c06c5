"""Small made-up series for tests: an ellipsoid head with structure, a bolus, motion where asked.

The head is a formula, evaluated where each voxel lies: moving it needs no interpolation, so the
applied motion is known exactly.
"""

from __future__ import annotations

import numpy as np
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry

ECHO_TIME_S = 0.03
REPETITION_TIME_S = 1.5

OBLIQUE = (0.98, -0.17, 0.1, 0.17, 0.985, 0.0, -0.1, 0.017, 0.995)


def oblique_direction(left_handed: bool = False) -> tuple[float, ...]:
    """An orthonormal direction close to `OBLIQUE`, mirrored along i where asked."""
    q, r = np.linalg.qr(np.reshape(OBLIQUE, (3, 3)))
    q = q * np.sign(np.diag(r))
    if left_handed:
        q = q * np.array([-1.0, 1.0, 1.0])
    return tuple(float(value) for value in q.ravel())


def small_geometry(
    shape: tuple[int, int, int] = (12, 40, 48),
    spacing: tuple[float, float, float] = (4.0, 4.5, 6.0),
    left_handed: bool = False,
) -> Geometry:
    """An oblique grid around the origin of patient space."""
    centred = Geometry(shape, spacing, direction=oblique_direction(left_handed))
    middle = (np.array(shape[::-1]) - 1) / 2
    origin = -(centred.voxel_to_lps[:3, :3] @ middle) + np.array([3.0, -7.0, 11.0])
    return Geometry(shape, spacing, tuple(float(x) for x in origin), centred.direction)


def points(geometry: Geometry) -> np.ndarray:
    """(3, K, J, I) LPS position of each voxel in mm."""
    k, j, i = np.indices(geometry.shape, dtype=float)
    voxels = np.stack([i, j, k, np.ones_like(i)])
    return np.tensordot(geometry.voxel_to_lps, voxels, axes=1)[:3]


def centre(geometry: Geometry) -> np.ndarray:
    """LPS position of the middle of the grid in mm."""
    return points(geometry).reshape(3, -1).mean(axis=1)


def head(position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Baseline signal and blood volume (arbitrary) at (3, ...) mm from the middle of the head."""
    x, y, z = position
    radius = np.sqrt((x / 64) ** 2 + (y / 82) ** 2 + ((z + 5) / 42) ** 2)
    inside = 1 / (1 + np.exp((radius - 1) * 25))
    cortex = np.exp(-(((radius - 0.88) / 0.12) ** 2))
    folds = 0.5 + 0.5 * np.cos(x / 7.5) * np.cos(y / 8.5 + 0.6) * np.cos(z / 9.0)
    ventricle = np.exp(-((((np.abs(x) - 14) / 7) ** 2) + (y / 25) ** 2 + (z / 13) ** 2))
    nucleus = np.exp(-((x - 30) ** 2 + (y + 25) ** 2 + (z - 8) ** 2) / (2 * 11.0**2))
    baseline = inside * (300 + 120 * cortex * folds + 260 * ventricle - 70 * nucleus)
    volume = inside * (0.45 + 0.7 * cortex * folds + 0.4 * nucleus) * (1 - 0.9 * ventricle)
    return baseline, volume


def bolus_curve(times_s: np.ndarray, arrival_s: float = 9.0, width_s: float = 2.0) -> np.ndarray:
    """(T,) gamma-variate of height 1."""
    since = np.clip(np.asarray(times_s) - arrival_s, 0, None) / (3 * width_s)
    return since**3 * np.exp(3 * (1 - since))


def rotation(degrees: np.ndarray) -> np.ndarray:
    """(3, 3) Rz Ry Rx of three angles about x, y and z."""
    a, b, c = np.deg2rad(degrees)
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return rz @ ry @ rx


def small_series(
    frame_count: int = 20,
    geometry: Geometry | None = None,
    *,
    translations_mm: np.ndarray | None = None,
    rotations_deg: np.ndarray | None = None,
    noise: float = 6.0,
    drop: float = 0.6,
    arrival_s: float = 9.0,
    seed: int = 0,
) -> DscSeries:
    """A series with a bolus, moved frame by frame about the middle of the grid.

    translations_mm, rotations_deg  (T, 3); a point p of the head is found at R (p - c) + c + t.
    noise  standard deviation of the signal (Rician); the baseline of white matter is 300.
    drop   -ln(S/S0) at the peak where the blood volume is 1.
    """
    geometry = geometry or small_geometry()
    times = np.arange(frame_count) * REPETITION_TIME_S
    curve = bolus_curve(times, arrival_s)
    rng = np.random.default_rng(seed)
    middle = centre(geometry)[:, None, None, None]
    relative = points(geometry) - middle
    signal = np.empty((frame_count, *geometry.shape), np.float32)
    for t in range(frame_count):
        shift = np.zeros(3) if translations_mm is None else translations_mm[t]
        turn = np.eye(3) if rotations_deg is None else rotation(rotations_deg[t])
        at_rest = np.tensordot(turn.T, relative - shift[:, None, None, None], axes=1)
        baseline, volume = head(at_rest)
        real = baseline * np.exp(-drop * curve[t] * volume) + rng.normal(0, noise, geometry.shape)
        signal[t] = np.hypot(real, rng.normal(0, noise, geometry.shape))
    return DscSeries(signal, times, geometry, ECHO_TIME_S, "test", "test", "small")
