"""Digital patients look like real series: the figures of the literature and of real slices.

Ranges are those of two real slices and twelve cortical curves (benchmarks/realism.py) with the
figures published for gradient-echo EPI at TR 2 s and TE 30 ms.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pytest
from SyntheticPerfusionLib.analysis.curve_figures import CurveFigures, curve_figures
from SyntheticPerfusionLib.analysis.image_figures import VoxelFigures, voxel_figures
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.patient import make_patient
from SyntheticPerfusionLib.series.aif_search import find_aif
from SyntheticPerfusionLib.series.prepare import prepare

SLAB = Acquisition(shape=(12, 128, 128), repetition_time_s=2.0, frames=45)
PATIENTS = [("healthy", 0), ("glioma-low", 5)]


@dataclass(frozen=True)
class Looks:
    brain: CurveFigures
    grey: CurveFigures
    white: CurveFigures
    artery: CurveFigures
    voxels: VoxelFigures


@lru_cache(maxsize=4)
def looks(kind: str, seed: int) -> Looks:
    patient = make_patient(kind, seed, SLAB)
    prepared = prepare(patient.series)
    series, bolus, mask = patient.series, prepared.acquired, prepared.mask
    arteries = find_aif(prepared.series, mask, prepared.bolus).voxels

    def of(where: np.ndarray) -> CurveFigures:
        return curve_figures(series.mean_curve(where), bolus)

    # Away from the folds: what is beside them shows the vessels of the pia.
    deep = mask & (patient.shares["artery"] + patient.shares["vein"] < 0.01)
    return Looks(
        of(mask),
        of(deep & (patient.shares["grey"] > 0.97)),
        of(deep & (patient.shares["white"] > 0.9)),
        of(arteries),
        voxel_figures(series, mask, bolus),
    )


@pytest.fixture(params=PATIENTS, ids=lambda one: f"{one[0]}-{one[1]}")
def patient(request) -> Looks:
    return looks(*request.param)


def test_whole_brain_falls_by_40_to_50_percent(patient):
    assert 0.40 <= patient.brain.dip <= 0.50


def test_grey_matter_falls_by_20_to_45_percent_and_white_by_less(patient):
    assert 0.20 <= patient.grey.dip <= 0.45
    assert 0.10 <= patient.white.dip <= 0.30


def test_arteries_that_are_found_fall_by_80_to_90_percent(patient):
    assert 0.80 <= patient.artery.dip <= 0.90


def test_first_frame_lies_up_to_30_percent_above_the_baseline(patient):
    assert 1.05 < patient.brain.first_frame <= 1.30


def test_second_pass_shows_in_arteries_and_in_the_brain(patient):
    assert 0.15 < patient.artery.second_pass_level < 0.40
    assert patient.artery.second_pass > 0.05
    assert 0.15 < patient.brain.second_pass_level < 0.45
    assert patient.brain.second_pass > 0.02
    seconds = patient.brain.second_pass_frames * SLAB.repetition_time_s
    assert 8 < seconds < 24


def test_series_ends_at_90_to_95_percent_of_the_baseline(patient):
    assert 0.90 <= patient.brain.end <= 0.95


def test_curves_are_as_wide_as_real_ones(patient):
    step_s = SLAB.repetition_time_s
    assert 6.0 < step_s * patient.artery.width_frames < 10.0
    assert 9.0 < step_s * patient.brain.width_frames < 12.0


def test_sulci_are_dark_and_hardly_a_voxel_keeps_its_signal(patient):
    dip = patient.voxels.dip
    assert np.mean(dip < 0.10) < 0.04
    assert 0.02 < np.mean(dip > 0.80) < 0.12
    assert 0.55 < np.percentile(dip, 95) < 0.90


def test_parts_of_the_brain_peak_at_times_of_their_own(patient):
    peaks = patient.voxels.peak_frame * SLAB.repetition_time_s
    early, late = np.nanpercentile(peaks, (25, 75))
    assert 1.0 < late - early < 3.5


def test_noise_of_the_mean_is_not_that_of_independent_voxels(patient):
    assert 200 < patient.brain.tsnr < 2500
