"""Maps of digital patients at SNR 50 against their truth."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from SyntheticPerfusionLib.maps.perfusion_maps import PerfusionMaps
from SyntheticPerfusionLib.methods.registry import classical_names, get_method
from SyntheticPerfusionLib.phantom.patient import TissueLabel
from SyntheticPerfusionLib.series.aif_search import find_aif

from .small_patients import prepared_slab, slab

TISSUE = [TissueLabel.GREY_MATTER, TissueLabel.WHITE_MATTER, TissueLabel.CORE, TissueLabel.PENUMBRA]
VESSEL_SHARE = 0.02


@pytest.fixture(scope="module")
def patient():
    return slab("stroke")


@pytest.fixture(scope="module")
def prepared():
    return prepared_slab("stroke")


@pytest.fixture(scope="module")
def aif(prepared):
    return find_aif(prepared.series, prepared.mask, prepared.bolus)


@pytest.fixture(scope="module")
def every_method(prepared, aif) -> dict[str, PerfusionMaps]:
    return {
        name: get_method(name).estimate(prepared.series, prepared.mask, aif)
        for name in classical_names()
    }


@pytest.fixture(scope="module")
def parenchyma(patient, prepared):
    """The brain without vessels."""
    vessels = patient.shares["artery"] + patient.shares["vein"]
    return prepared.mask & (vessels < VESSEL_SHARE) & np.isin(patient.labels, TISSUE)


def correlation(maps, patient, where, name):
    return np.corrcoef(maps[name][where], patient.truth[name][where])[0, 1]


@pytest.mark.parametrize("name", ["sSVD", "cSVD", "oSVD", "Tikhonov"])
def test_flow_and_volume_follow_the_truth(name, every_method, patient, parenchyma):
    maps = every_method[name]
    assert correlation(maps, patient, parenchyma, "CBF") >= 0.8
    assert correlation(maps, patient, parenchyma, "CBV") >= 0.7


@pytest.mark.parametrize("name", ["cSVD", "oSVD", "Tikhonov"])
def test_tmax_rises_with_the_true_delay(name, every_method, patient, parenchyma):
    """Strictly where it is read between frames; Tikhonov's short delays are whole frames."""
    delay = patient.truth["Tmax"][parenchyma]
    tmax = every_method[name]["Tmax"][parenchyma]
    edges = [0, 1.5, 3, 5, 7, 9, 14]
    medians = [
        np.median(tmax[(delay >= low) & (delay < high)])
        for low, high in pairwise(edges)
        if np.sum((delay >= low) & (delay < high)) > 20
    ]
    assert len(medians) >= 4
    steps = np.diff(medians)
    assert np.all(steps >= 0) if name == "Tikhonov" else np.all(steps > 0)
    assert medians[-1] - medians[0] > 6.0


def test_osvd_tmax_tells_penumbra_from_normal_tissue(every_method, patient, prepared):
    normal = np.isin(patient.labels, [TissueLabel.GREY_MATTER, TissueLabel.WHITE_MATTER])
    penumbra = prepared.mask & (patient.labels == TissueLabel.PENUMBRA)
    normal &= prepared.mask
    tmax = every_method["oSVD"]["Tmax"]
    assert penumbra.sum() > 100
    truth = np.repeat([1, 0], [penumbra.sum(), normal.sum()])
    assert roc_auc_score(truth, np.concatenate([tmax[penumbra], tmax[normal]])) >= 0.95


def test_core_keeps_its_delay(every_method, patient, prepared):
    """One core voxel alone shows no bolus; a Tmax of 0 there would look like normal tissue."""
    core = prepared.mask & (patient.labels == TissueLabel.CORE)
    assert core.sum() > 50
    assert np.median(every_method["oSVD"]["Tmax"][core]) > 6.0


def test_csvd_is_not_ssvd(every_method, parenchyma):
    circular, causal = (every_method[name]["CBF"][parenchyma] for name in ("cSVD", "sSVD"))
    assert abs(np.median(circular / causal) - 1) > 0.02


@pytest.mark.parametrize(("kind", "seed"), [("stroke", 0), ("glioma-low", 1), ("healthy", 5)])
def test_automatic_aif_is_near_the_true_one(kind, seed):
    patient, prepared = slab(kind, seed), prepared_slab(kind, seed)
    found = find_aif(prepared.series, prepared.mask, prepared.bolus).quality
    frame = patient.acquisition.repetition_time_s
    assert abs(found.peak_time_s - patient.aif.quality.peak_time_s) <= frame
    assert abs(found.fwhm_s / patient.aif.quality.fwhm_s - 1) <= 0.30
    assert not found.saturated


def test_automatic_aif_is_the_same_every_time(prepared, aif):
    again = find_aif(prepared.series, prepared.mask, prepared.bolus)
    np.testing.assert_array_equal(again.concentration, aif.concentration)


def test_mask_is_the_brain(patient, prepared):
    shared = 2 * (prepared.mask & patient.mask).sum()
    assert shared / (prepared.mask.sum() + patient.mask.sum()) > 0.95


def test_maps_are_zero_outside_the_mask_and_finite(every_method, prepared):
    for maps in every_method.values():
        for name in maps.names:
            assert np.all(np.isfinite(maps[name])), name
            assert np.all(maps[name][~prepared.mask] == 0), name


def test_mtt_is_volume_over_flow(every_method):
    maps = every_method["oSVD"]
    there = maps["CBF"] > 0
    np.testing.assert_allclose(
        maps["MTT"][there], 60 * maps["CBV"][there] / maps["CBF"][there], rtol=1e-4
    )


def test_scale_of_the_arterial_curve_is_warned_about(every_method):
    """The artery shows a fraction of the curve that feeds the tissue: CBF is out of scale."""
    assert any("read CBF and CBV as ratios" in said for said in every_method["oSVD"].warnings)


def test_leakage_correction_raises_the_volume_of_leaking_tumour():
    patient, prepared = slab("glioma-high", 3), prepared_slab("glioma-high", 3)
    aif = find_aif(prepared.series, prepared.mask, prepared.bolus)
    method = get_method("oSVD", leakage=True, allow_for_transit=True)
    maps = method.estimate(prepared.series, prepared.mask, aif)
    tumour = prepared.mask & (patient.labels == TissueLabel.TUMOUR)
    white = prepared.mask & (patient.labels == TissueLabel.WHITE_MATTER)
    assert tumour.sum() > 50
    assert abs(np.median(maps["K2"][white])) < 0.3 * abs(np.median(maps["K2"][tumour]))
    truth = np.median(patient.truth["CBV"][tumour]) / np.median(patient.truth["CBV"][white])
    plain, corrected = (
        np.median(maps[name][tumour]) / np.median(maps[name][white])
        for name in ("CBV", "CBV_corrected")
    )
    assert abs(corrected - truth) < abs(plain - truth)
