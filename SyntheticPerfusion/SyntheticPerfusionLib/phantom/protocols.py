"""Examinations as clinics make them: a named protocol of a scanner, and the day's own conditions.

A protocol fixes what is set at the console. What differs from patient to patient (the circulation
and the injection, noise, motion, faults) is drawn for each examination, as is where a site varies.

heidelberg        acute stroke, Kossen et al. 2023: TR 2.22 s, TE 36 ms, 90 degrees, 240 mm on
                  128 x 128, 25 to 27 slices of 5 mm, 50 to 75 frames with at least eight before
                  the bolus.
pegasus           steno-occlusive disease, Mutke et al. 2014: TR 1.39 s, TE 29 ms, 80 frames, 1.8 x
                  1.8 x 5 mm. Matrix, slices and flip angle are not given: 128 x 128 x 21 and 90
                  degrees here.
bern              acute stroke, Hess et al. 2018: 24 slices of 256 x 256 (interpolated), 80 frames.
                  The rest is not given: TR 1.41 s, TE 30 ms, 90 degrees, 230 mm, 5 mm here.
glioma-consensus  Boxerman et al. 2020 at 3 T, with preload: 60 degrees, TE 20 to 35 ms; TR 1.25 to
                  1.5 s, 120 frames with 30 to 40 before the bolus and 128 x 128 on 240 mm here.
glioma-low-flip   the same without preload: 30 degrees.
standard          Acquisition's own scanner.
random            anything within TR 1 to 2.5 s, TE 20 to 50 ms, 40 to 100 frames, and early, late,
                  slow and cut-off boluses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import InputError
from .acquisition import SLICE_ORDERS, Acquisition
from .dispersion import KERNELS

_ARTERIAL_PEAK_PER_S = (55.0, 90.0)
"""Peak of R2* in an artery, which dips by 81 to 93 % at TE 30 ms. Found in two real series: 63 and
68, averages of voxels of which single ones peak at 100."""

_BASELINE_FRAMES = 6
"""Before the bolus at the least, the first two of which are not at steady state."""
_BASELINE_S = 8.0

_PASSAGE_S = 26.0
"""From the onset in the arteries to the end of the first pass in the veins, for a usual bolus."""
_VENOUS_S = 8.0
_CUT_OFF = 0.15

_FALLING = ("exponential", "gamma", "lorentzian", "linear")
"""Residues that keep one early maximum when vessels disperse them. A box, or a gamma family of a
shape near 100, is flat to its end: there Tmax would be the end of the transit, and no delay."""

_Settings = dict[str, Any]


def draw_acquisition(protocol: str, rng: np.random.Generator) -> Acquisition:
    """An examination by one of PROTOCOLS; InputError for another name.

    At least six frames and eight seconds come before the bolus, which passes within the
    acquired time. In 15 of 100 examinations of `random` the series ends during the passage, after
    the peak of the brain.
    """
    if protocol not in _SCANNERS:
        raise InputError(
            f"There is no protocol called '{protocol}'; choose from {', '.join(PROTOCOLS)}."
        )
    return Acquisition(**_SCANNERS[protocol](rng))


def _between(rng: np.random.Generator, lowest: float, highest: float) -> float:
    return float(rng.uniform(lowest, highest))


def _log_between(rng: np.random.Generator, lowest: float, highest: float) -> float:
    return math.exp(_between(rng, math.log(lowest), math.log(highest)))


def _one_of(rng: np.random.Generator, names: tuple[str, ...]) -> str:
    return names[int(rng.integers(len(names)))]


def _patient(rng: np.random.Generator, snr: tuple[float, float]) -> _Settings:
    """Blood, noise, motion and faults of one examination in a site with a usual injection."""
    peak = _between(rng, 460.0, 620.0)
    moves, sparks, settled, masked = rng.random(4) < (0.5, 0.1, 0.5, 0.4)
    return {
        "aif_peak_per_s": peak,
        "arterial_relaxivity": _between(rng, *_ARTERIAL_PEAK_PER_S) / peak,
        "bolus_width": _log_between(rng, 0.8, 1.35),
        "injection_s": _between(rng, 0.0, 2.0),
        "recirculation": _between(rng, 0.08, 0.22),
        "tail": _between(rng, 0.05, 0.12),
        "residue": _one_of(rng, _FALLING),
        "gamma_shape": _log_between(rng, 1.0, 10.0),
        "dispersion_kernel": _one_of(rng, tuple(KERNELS)),
        "snr": _log_between(rng, *snr),
        "noise_smoothness": _between(rng, 0.0, 0.4),
        "physiological_noise": _log_between(rng, 0.001, 0.004),
        "psf_voxels": _between(rng, 0.35, 0.6),
        "rim_gain": _between(rng, 0.1, 0.55),
        "b1_variation": _between(rng, 0.03, 0.18),
        "dummy_scans": int(rng.integers(2, 7)) if settled else 0,
        "air_masked": bool(masked),
        "dropout": _between(rng, 0.6, 1.4),
        "motion_mm": _between(rng, 0.1, 1.0) if moves else 0.0,
        "spikes": int(rng.integers(1, 4)) if sparks else 0,
        "shift_mm": _between(rng, -4.0, 4.0),
    }


def _passage_s(settings: _Settings) -> float:
    """How long after its onset the first pass has left the brain."""
    return _PASSAGE_S * settings["bolus_width"] + settings["injection_s"] + _VENOUS_S


def _first_onset_s(settings: _Settings) -> float:
    # The circulation of a patient moves the onset by up to a second.
    return 1.0 + max(_BASELINE_FRAMES * settings["repetition_time_s"], _BASELINE_S)


def _with_bolus(
    settings: _Settings, earliest_s: float, latest_s: float, rng: np.random.Generator
) -> _Settings:
    """With an onset in that range, as far as baseline and passage have room."""
    step = settings["repetition_time_s"]
    first = _first_onset_s(settings)
    last = (settings["frames"] - 1) * step - 1.0 - _passage_s(settings)
    low = min(max(earliest_s, first), last)
    return {**settings, "bolus_onset_s": _between(rng, low, min(max(latest_s, low), last))}


def _heidelberg(rng: np.random.Generator) -> _Settings:
    scanner = {
        "shape": (int(rng.integers(25, 28)), 128, 128),
        "spacing_mm": (1.875, 1.875, 5.0),
        "echo_time_s": 0.036,
        "repetition_time_s": 2.22,
        "frames": int(rng.integers(50, 76)),
        "flip_angle_deg": 90.0,
        "slice_order": "interleaved",
    }
    return _with_bolus({**scanner, **_patient(rng, (25.0, 90.0))}, 8 * 2.22, 30.0, rng)


def _pegasus(rng: np.random.Generator) -> _Settings:
    scanner = {
        "shape": (21, 128, 128),
        "spacing_mm": (1.8, 1.8, 5.0),
        "echo_time_s": 0.029,
        "repetition_time_s": 1.39,
        "frames": 80,
        "flip_angle_deg": 90.0,
        "slice_order": "interleaved",
    }
    return _with_bolus({**scanner, **_patient(rng, (25.0, 80.0))}, 12.0, 28.0, rng)


def _bern(rng: np.random.Generator) -> _Settings:
    scanner = {
        "shape": (24, 256, 256),
        "spacing_mm": (230 / 256, 230 / 256, 5.0),
        "echo_time_s": 0.030,
        "repetition_time_s": 1.41,
        "frames": 80,
        "flip_angle_deg": 90.0,
        "slice_order": "interleaved",
    }
    # An interpolated matrix: its points are finer than what was read out.
    interpolated = {
        "noise_smoothness": _between(rng, 0.4, 0.55),
        "psf_voxels": _between(rng, 0.8, 1.1),
    }
    settings = {**scanner, **_patient(rng, (20.0, 60.0)), **interpolated}
    return _with_bolus(settings, 10.0, 30.0, rng)


def _glioma(flip_angle_deg: float) -> Callable[[np.random.Generator], _Settings]:
    def scanner(rng: np.random.Generator) -> _Settings:
        step = _between(rng, 1.25, 1.5)
        settings = {
            "shape": (int(rng.integers(20, 25)), 128, 128),
            "spacing_mm": (1.875, 1.875, 5.0),
            "echo_time_s": _between(rng, 0.020, 0.035),
            "repetition_time_s": step,
            "frames": 120,
            "flip_angle_deg": flip_angle_deg,
            "slice_order": "interleaved",
        }
        return _with_bolus({**settings, **_patient(rng, (25.0, 90.0))}, 30 * step, 40 * step, rng)

    return scanner


def _standard(rng: np.random.Generator) -> _Settings:
    usual = Acquisition()
    scanner = {
        name: getattr(usual, name)
        for name in (
            "shape",
            "spacing_mm",
            "echo_time_s",
            "repetition_time_s",
            "frames",
            "flip_angle_deg",
            "slice_order",
        )
    }
    return _with_bolus({**scanner, **_patient(rng, (25.0, 90.0))}, 12.0, 30.0, rng)


def _random(rng: np.random.Generator) -> _Settings:
    across = 16 * int(rng.integers(4, 11))
    field_mm = _between(rng, 220.0, 250.0)
    thickness = _between(rng, 3.0, 6.5)
    coverage_mm = _between(rng, 95.0, 140.0)
    scanner = {
        "shape": (round(coverage_mm / thickness), across, across),
        "spacing_mm": (field_mm / across, field_mm / across, thickness),
        "echo_time_s": _between(rng, 0.020, 0.050),
        "repetition_time_s": _between(rng, 1.0, 2.5),
        "frames": int(rng.integers(40, 101)),
        "flip_angle_deg": 90.0 if rng.random() < 0.6 else _between(rng, 30.0, 90.0),
        "slice_order": _one_of(rng, SLICE_ORDERS),
    }
    settings = {**scanner, **_patient(rng, (10.0, 100.0))}
    step = settings["repetition_time_s"]
    kind = _one_of(rng, ("early", "late", "slow", "usual", "usual"))
    if kind == "slow":
        settings["injection_s"] = _between(rng, 4.0, 12.0)
        settings["bolus_width"] = _log_between(rng, 1.0, 1.8)
    if rng.random() < 0.3:
        settings["motion_mm"] = _between(rng, 1.0, 2.0)
    needed = _first_onset_s(settings) + 1.0 + _passage_s(settings)
    settings["frames"] = max(settings["frames"], math.ceil(needed / step) + 1)
    earliest, latest = {"early": (0.0, 12.0), "late": (40.0, 70.0)}.get(kind, (12.0, 35.0))
    if rng.random() < _CUT_OFF:
        return _cut_off(settings, rng)
    return _with_bolus(settings, earliest, latest, rng)


def _cut_off(settings: _Settings, rng: np.random.Generator) -> _Settings:
    """The series ends while the first pass still leaves the brain."""
    frames = min(settings["frames"], int(rng.integers(40, 61)))
    last = (frames - 1) * settings["repetition_time_s"]
    onset = last - _between(rng, 0.55, 0.9) * _passage_s(settings)
    return {**settings, "frames": frames, "bolus_onset_s": max(onset, _first_onset_s(settings))}


_SCANNERS: dict[str, Callable[[np.random.Generator], _Settings]] = {
    "standard": _standard,
    "heidelberg": _heidelberg,
    "pegasus": _pegasus,
    "bern": _bern,
    "glioma-consensus": _glioma(60.0),
    "glioma-low-flip": _glioma(30.0),
    "random": _random,
}

PROTOCOLS = tuple(_SCANNERS)
