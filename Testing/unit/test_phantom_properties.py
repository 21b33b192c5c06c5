"""No legal setting gives a patient with a hole in it: signal, lesion and truth are all there."""

from __future__ import annotations

import contextlib
import math

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.phantom.acquisition import LEGAL, SLICE_ORDERS, Acquisition
from SyntheticPerfusionLib.phantom.dispersion import KERNELS
from SyntheticPerfusionLib.phantom.patient import KINDS, make_patient
from SyntheticPerfusionLib.phantom.protocols import PROTOCOLS, draw_acquisition
from SyntheticPerfusionLib.phantom.residue import RESIDUES

_COARSE = {"shape": (8, 32, 32), "spacing_mm": (7.0, 7.0, 17.0)}
"""The whole head on few voxels: a patient in a fraction of a second."""

_ON_THE_BRAIN_MM = 30.0
"""However the head lies, slices shifted by this hold enough of it for every disease."""

_FIXED = {"shift_mm", "frames", "repetition_time_s", "bolus_onset_s", "spikes"}
_LESIONS: dict[str, set[str]] = {
    "healthy": set(),
    "stroke": {"lesion", "core"},
    "steno-occlusive": {"affected"},
    "moyamoya": {"affected"},
    "glioma-high": {"tumor", "reference"},
    "glioma-low": {"tumor", "reference"},
}
_FAMILIES = {
    "residue": RESIDUES,
    "dispersion_kernel": KERNELS,
    "slice_order": SLICE_ORDERS,
}


@st.composite
def acquisitions(draw: st.DrawFn, shift_mm: tuple[float, float]) -> Acquisition:
    """Any scan that Acquisition takes, on a coarse grid that is shifted within a range."""
    frames = draw(st.integers(10, 60))
    repetition_time_s = draw(st.floats(*LEGAL["repetition_time_s"]))
    chosen: dict[str, object] = {
        name: draw(st.floats(low, min(high, 1000.0)))
        for name, (low, high) in LEGAL.items()
        if name not in _FIXED and isinstance(low, float)
    }
    chosen["air_masked"] = draw(st.booleans())
    for name, (low, high) in LEGAL.items():
        if name not in _FIXED and isinstance(low, int):
            chosen[name] = draw(st.integers(low, int(high)))
    chosen |= {name: draw(st.sampled_from(sorted(family))) for name, family in _FAMILIES.items()}
    return Acquisition(
        **_COARSE,  # type: ignore[arg-type]
        **chosen,  # type: ignore[arg-type]
        shift_mm=draw(st.floats(*shift_mm)),
        frames=frames,
        repetition_time_s=repetition_time_s,
        bolus_onset_s=draw(st.floats(0, (frames - 1) * repetition_time_s)),
        spikes=draw(st.integers(0, frames)),
    )


def check(kind: str, seed: int, acquisition: Acquisition) -> None:
    patient = make_patient(kind, seed, acquisition)
    signal = patient.series.signal
    assert np.all(np.isfinite(signal))
    assert signal.min() >= 0
    assert patient.mask.any()
    for name in patient.truth.names:
        values = patient.truth[name]
        assert np.all(np.isfinite(values)), name
        assert np.all(values[~patient.mask] == 0), name
    for name in ("CBF", "CBV", "MTT", "TTP"):
        assert patient.truth[name].min() >= 0, name
    for name, region in patient.rois.items():
        assert region.any(), name
    assert _LESIONS[kind] <= set(patient.rois)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(KINDS),
    st.integers(0, 2**32),
    acquisitions((-_ON_THE_BRAIN_MM, _ON_THE_BRAIN_MM)),
)
@example("stroke", 0, Acquisition(**_COARSE, frames=10, bolus_onset_s=0.0, snr=math.inf))
def test_any_legal_scan_of_the_brain_is_whole(kind, seed, acquisition):
    check(kind, seed, acquisition)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(KINDS), st.integers(0, 2**32), acquisitions(LEGAL["shift_mm"]))
def test_any_legal_scan_of_any_patient_is_whole_or_refused(kind, seed, acquisition):
    with contextlib.suppress(InputError):
        check(kind, seed, acquisition)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(KINDS), st.integers(0, 2**32), st.sampled_from(PROTOCOLS))
def test_any_drawn_examination_is_whole(kind, seed, protocol):
    drawn = draw_acquisition(protocol, np.random.default_rng(seed))
    changed = {**drawn.__dict__, **_COARSE}
    check(kind, seed, Acquisition(**changed))
