"""phae-delay as a method: its maps, their scale, their flags, what the shipped model reaches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.errors import Cancelled, InputError
from SyntheticPerfusionLib.evaluation.curve_accuracy import run_on_curves
from SyntheticPerfusionLib.evaluation.simulated_curves import CurveConditions, simulated_curves
from SyntheticPerfusionLib.maps.quantity import QUANTITIES
from SyntheticPerfusionLib.maps.write import map_sidecar
from SyntheticPerfusionLib.methods.model_folder import write_model_folder
from SyntheticPerfusionLib.methods.model_registry import model_folders
from SyntheticPerfusionLib.methods.networks.phae_delay import (
    PhaeDelayArchitecture,
    PhaeDelayNetwork,
)
from SyntheticPerfusionLib.methods.phae_delay import PhaeDelayMethod
from SyntheticPerfusionLib.methods.registry import get_method
from SyntheticPerfusionLib.series.concentration import Flag

from unit.small_models import small_card

SMALL = {"grid": {"transits": 14, "delays": 18}, "width": 16, "blocks": 1,
         "families": ["exponential", "lorentzian", "box"]}  # fmt: skip
CURVES = CurveConditions(residue="exponential", snr=60.0, delays_s=(0.0, 3.2), side=4)


@pytest.fixture(scope="module")
def method(tmp_path_factory) -> PhaeDelayMethod:
    """Untrained: it gives the mean of the likelihood, to which training adds."""
    torch.manual_seed(0)
    architecture = PhaeDelayArchitecture.from_json(SMALL)
    card = small_card(
        name="delay-small",
        family="phae-delay",
        quantities=["CBF", "CBV", "MTT", "Tmax", "misfit"],
        architecture=architecture.as_json(),
        needs={"aif": True, "echo_time": True, "minimum_frames": 20},
    )
    weights = PhaeDelayNetwork(architecture).state_dict()
    folder = write_model_folder(tmp_path_factory.mktemp("models") / "delay-small", card, weights)
    return PhaeDelayMethod(folder)


@pytest.fixture(scope="module")
def curves():
    return simulated_curves(CURVES)


@pytest.fixture(scope="module")
def maps(method, curves):
    return method.estimate(curves.series, curves.mask, curves.aif)


def test_delay_and_residue_are_found_and_flow_does_not_fall_with_delay(method, curves, maps):
    assert maps.settings["residue"] == "exponential"
    rows = run_on_curves(method, curves)
    off = rows["tmax"] - rows["delay_s"]
    assert np.median(np.abs(off)) < 0.4
    late = rows["delay_s"] > 3
    for tissue in ("grey matter", "white matter", "tumour"):
        here = rows["tissue"] == tissue
        flow = [np.median(rows["cbf"][here & one]) for one in (late, ~late)]
        assert flow[0] / flow[1] == pytest.approx(1, abs=0.12)


def test_its_tmax_is_said_to_be_the_delay(maps):
    told = {item.name: map_sidecar(item, maps)["Definition"] for item in maps.arrays}
    assert told["Tmax"].startswith("Delay of the residue function")
    assert told["MTT"] == QUANTITIES["MTT"].definition


def test_volume_is_flow_times_transit_time(maps):
    product = maps["CBF"] * maps["MTT"] / 60
    assert np.allclose(product, maps["CBV"], rtol=1e-4, atol=1e-4)


def test_misfit_is_one_where_noise_alone_is_left(maps):
    assert np.median(maps["misfit"]) == pytest.approx(1.0, abs=0.12)


def test_the_series_that_the_maps_stand_for_differs_from_the_measured_by_noise(
    method, curves, maps
):
    explained = method.reconstruct(maps, curves.series, curves.aif)
    assert explained.signal.shape == curves.series.signal.shape
    away = explained.signal - curves.series.signal
    baseline = curves.series.signal[2:8].mean()
    assert away.std() / baseline == pytest.approx(1 / CURVES.snr, rel=0.15)
    assert abs(away.mean()) / baseline < 0.002


def test_maps_do_not_depend_on_the_unit_of_the_signal(method, curves, maps):
    louder = replace(curves.series, signal=curves.series.signal * np.float32(37.0))
    again = method.estimate(louder, curves.mask, curves.aif)
    for name in ("CBF", "MTT", "Tmax"):
        assert np.median(np.abs(again[name] - maps[name])) < 0.02 * np.median(np.abs(maps[name]))


def test_a_higher_arterial_curve_lowers_flow_and_volume_alone(method, curves, maps):
    higher = replace(curves.aif, concentration=curves.aif.concentration * 2)
    again = method.estimate(curves.series, curves.mask, higher)
    assert np.allclose(again["CBV"] * 2, maps["CBV"], rtol=0.01, atol=0.01)
    assert np.allclose(again["MTT"], maps["MTT"], rtol=0.01)


def test_a_voxel_knows_its_neighbours_in_the_slice_and_no_others(method, curves, maps):
    some = curves.mask.copy()
    some[0, 0, 0] = False
    found = method.estimate(curves.series, some, curves.aif)
    assert found.settings["residue"] == maps.settings["residue"]
    changed = found["MTT"] != maps["MTT"]
    assert changed[0, 1, 1]
    # Bolus and noise are measured over the mask; a voxel less moves them by next to nothing.
    assert np.abs(found["MTT"][1:] - maps["MTT"][1:]).max() < 1e-3


@pytest.mark.parametrize("step_s", [0.6, 3.0])
def test_series_faster_or_slower_than_the_training_are_brought_to_it(method, step_s):
    found = simulated_curves(replace(CURVES, repetition_time_s=step_s, snr=80.0))
    rows = run_on_curves(method, found)
    here = rows["tissue"] == "white matter"
    assert np.median(rows["tmax"][here] - rows["delay_s"][here]) == pytest.approx(0, abs=0.7)
    assert np.median(rows["mtt"][here] / rows["true_mtt"][here]) == pytest.approx(1, abs=0.3)


def test_voxels_without_signal_hold_nothing_and_say_so(method, curves):
    signal = curves.series.signal.copy()
    signal[:, 0, 0, 0] = 0
    found = method.estimate(replace(curves.series, signal=signal), curves.mask, curves.aif)
    assert found.flags[0, 0, 0] == Flag.NO_SIGNAL
    assert all(found[name][0, 0, 0] == 0 for name in found.names)


def test_what_cannot_be_used_is_said(method, curves):
    with pytest.raises(InputError, match="arterial"):
        method.estimate(curves.series, curves.mask, None)
    flat = replace(curves.aif, concentration=np.zeros_like(curves.aif.concentration))
    with pytest.raises(InputError, match="never rises"):
        method.estimate(curves.series, curves.mask, flat)
    with pytest.raises(Cancelled):
        method.estimate(curves.series, curves.mask, curves.aif, cancelled=lambda: True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"widht": 8}, "widht"),
        ({"width": 0}, "network of nothing"),
        ({"families": ["fermi"]}, "fermi"),
        ({"grid": {"rows": 3}}, "rows"),
    ],
)
def test_an_architecture_that_cannot_be_is_refused(change, says):
    with pytest.raises(InputError, match=says):
        PhaeDelayArchitecture.from_json({**SMALL, **change})


@pytest.mark.skipif("phae-delay" not in model_folders(), reason="phae-delay is not installed")
@pytest.mark.parametrize("residue", ["exponential", "box"])
def test_the_shipped_model_reads_flow_at_any_delay(residue):
    """On an arterial curve and noise that neither training nor any choice has seen."""
    found = simulated_curves(CurveConditions(residue=residue, snr=50.0, arterial_seed=404))
    rows = run_on_curves(get_method("phae-delay"), found)
    for delay in np.unique(rows["delay_s"]):
        ratio = (rows["cbf"] / rows["true_cbf"])[rows["delay_s"] == delay]
        assert np.nanmedian(ratio) == pytest.approx(1, abs=0.08)
    assert np.nanmean(np.abs(rows["mtt"] - rows["true_mtt"])) < 1.0
    assert np.nanmean(np.abs(rows["tmax"] - rows["delay_s"])) < 1.0
