"""Models of a group as one method: what is offered, what is run, what is prepared once."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.methods import families, model_registry, pix2pix
from SyntheticPerfusionLib.methods.group import GroupMethod
from SyntheticPerfusionLib.methods.model_registry import USER_FOLDER_VARIABLE
from SyntheticPerfusionLib.methods.registry import (
    classical_names,
    describe_methods,
    get_method,
    method_names,
)
from SyntheticPerfusionLib.pipeline import MapOptions, make_maps

from unit.small_models import small_model
from unit.small_pix2pix import pix2pix_model, pix2pix_series

GROUP = "temp-small"


@pytest.fixture(autouse=True)
def shipped(tmp_path, monkeypatch):
    """The folder of shipped models, empty, and one of the user, empty too."""
    user, place = tmp_path / "user", tmp_path / "shipped"
    user.mkdir()
    place.mkdir()
    monkeypatch.setenv(USER_FOLDER_VARIABLE, str(user))
    monkeypatch.setattr(model_registry, "shipped_model_folder", lambda: place)
    return place


def member(place, quantity, seed, group=GROUP, name=None, **changes):
    card = {
        "group": group,
        "title": f"Synthetic {quantity} (small)",
        "description": f"A network reads {quantity}. It is valid for nothing.",
        **changes,
    }
    return pix2pix_model(place, quantity, name or f"{GROUP}-{quantity.lower()}", seed, card=card)


@pytest.fixture
def three(shipped):
    return [member(shipped, name, seed) for seed, name in enumerate(("Tmax", "CBF", "TTP"))]


def test_a_group_is_offered_in_place_of_its_members(three):
    assert GROUP in method_names()
    assert not [name for name in method_names() if name.startswith(f"{GROUP}-")]
    method = get_method(GROUP)
    assert isinstance(method, GroupMethod)
    assert [item.name for item in method.quantities] == ["CBF", "Tmax", "TTP"]
    assert method.title == "Synthetic perfusion maps (small)"
    assert "reads CBF, Tmax and TTP." in method.description
    assert not method.needs.aif
    with pytest.raises(InputError, match=f"choose one of .*{GROUP}, or give"):
        get_method("nosuch")


def test_its_maps_are_those_of_its_members_which_can_be_chosen_too(three):
    series, mask = pix2pix_series()
    together = get_method(GROUP).estimate(series, mask)
    assert together.method == GROUP
    assert together.names == ("CBF", "Tmax", "TTP")
    for folder in three:
        alone = get_method(folder.name).estimate(series, mask)
        by_path = get_method(str(folder.path)).estimate(series, mask)
        name = alone.names[0]
        np.testing.assert_array_equal(together[name], alone[name])
        np.testing.assert_array_equal(by_path[name], alone[name])
        sha = folder.card["weights"]["sha256"]
        assert together.settings["models"][name]["weights_sha256"] == sha
    assert len({together[name].tobytes() for name in together.names}) == 3


def test_the_series_is_prepared_once_for_members_that_read_the_same(shipped, monkeypatch):
    made = []
    original = pix2pix.PreparedSlices

    def counting(*given):
        made.append(original(*given))
        return made[-1]

    monkeypatch.setattr(pix2pix, "PreparedSlices", counting)
    series, mask = pix2pix_series()
    for seed, name in enumerate(("Tmax", "CBF", "TTP")):
        member(shipped, name, seed)
    span = get_method(GROUP).estimate(series, mask).settings["time_points_s"]
    assert len(span) == 2
    assert len(made) == 1
    changed = {"source": "signal", "before_s": 5.0}
    folder = pix2pix_model(shipped, "MTT", f"{GROUP}-mtt", 5, changed, card={"group": GROUP})
    assert folder.card["preprocessing"]["source"] == "signal"
    spans = get_method(GROUP).estimate(series, mask).settings["by_map"]["time_points_s"]
    assert len(made) == 3
    # What the members do not share is told of each map.
    assert spans["Tmax"] == spans["CBF"] == spans["TTP"] == span
    assert spans["MTT"][0] == pytest.approx(span[0] + 10.0, abs=0.01)


def test_only_the_members_whose_maps_are_wanted_are_run(three, tmp_path, monkeypatch):
    loaded = []
    original = pix2pix.Pix2PixMethod.network
    monkeypatch.setattr(
        pix2pix.Pix2PixMethod,
        "network",
        lambda self, device: loaded.append(self.name) or original(self, device),
    )
    series, _ = pix2pix_series()
    outcome = make_maps(
        series, GROUP, tmp_path / "maps", MapOptions(device="cpu", quantities=("Tmax",))
    )
    assert set(loaded) == {f"{GROUP}-tmax"}
    assert outcome.maps.names == ("Tmax",)
    assert outcome.maps.method == GROUP
    report = json.loads((tmp_path / "maps" / "report.json").read_text())
    assert "weights" in report["seconds"]
    with pytest.raises(InputError, match=f"{GROUP} does not give MTT; it gives CBF, Tmax, TTP"):
        make_maps(series, GROUP, tmp_path / "maps", MapOptions(quantities=("MTT",)))


def test_what_several_members_warn_of_is_said_once(shipped):
    narrow = {"valid_range": {"repetition_time_s": [2.0, 3.0]}}
    other = {"valid_range": {"repetition_time_s": [2.5, 3.0]}}
    for seed, (name, card) in enumerate((("Tmax", narrow), ("CBF", narrow), ("TTP", other))):
        member(shipped, name, seed, **card)
    series, _ = pix2pix_series()
    method = get_method(GROUP)
    warnings = method.range_warnings(series)
    assert len(warnings) == 2
    assert all(GROUP in sentence for sentence in warnings)
    assert len(method.only(["CBF"]).range_warnings(series)) == 1
    described = next(one for one in describe_methods() if one["name"] == GROUP)
    assert described["card"]["valid_range"] == {"repetition_time_s": [2.5, 3.0]}


def test_the_panel_is_told_of_it_as_of_any_model(three):
    described = next(one for one in describe_methods() if one["name"] == GROUP)
    assert described == get_method(GROUP).describe()
    assert [card["name"] for card in described["cards"]] == [
        f"{GROUP}-{name}" for name in ("cbf", "tmax", "ttp")
    ]
    card = described["card"]
    assert card["quantities"] == ["CBF", "Tmax", "TTP"]
    assert {"CBF: error [s]", "Tmax: error [s]", "TTP: error [s]"} < set(card["metrics"])
    assert described["folder"] == str(three[1].path)
    json.dumps(described)


def test_a_persons_own_model_of_a_map_that_the_group_has_stands_alone(three, tmp_path):
    own = member(tmp_path / "user", "Tmax", 9, name="own-tmax")
    extra = member(tmp_path / "user", "MTT", 10, name="own-mtt")
    assert [name for name in method_names() if "own" in name] == ["own-tmax"]
    method = get_method(GROUP)
    assert [item.name for item in method.quantities] == ["CBF", "MTT", "Tmax", "TTP"]
    series, mask = pix2pix_series()
    models = method.estimate(series, mask).settings["models"]
    assert models["MTT"]["name"] == extra.name
    assert models["Tmax"]["name"] == f"{GROUP}-tmax"
    assert get_method("own-tmax").folder.path == own.path


def test_a_group_called_as_a_method_is_none(shipped, monkeypatch):
    member(shipped, "Tmax", 0, group="oSVD", name="one")
    member(shipped, "CBF", 1, group="two", name="two")
    assert {"one", "two"} < set(method_names())
    assert get_method("two").folder.name == "two"
    assert get_method("oSVD").name == classical_names()[2]


def test_models_of_any_family_make_a_group(shipped, monkeypatch):
    from unit.small_models import MeanMethod

    monkeypatch.setitem(sys.modules, "SyntheticPerfusionLib.small", sys.modules[__name__])
    monkeypatch.setattr(sys.modules[__name__], "MeanMethod", MeanMethod, raising=False)
    monkeypatch.setitem(families.FAMILIES, "hess", "small:MeanMethod")
    small_model(shipped, "mean", {"group": GROUP})
    member(shipped, "Tmax", 0)
    series, mask = pix2pix_series()
    maps = get_method(GROUP).estimate(series, mask)
    assert maps.names == ("Tmax", "TTP")
    np.testing.assert_allclose(
        maps["TTP"], get_method("mean").estimate(series, mask)["TTP"], rtol=1e-6
    )


def test_flags_and_warnings_of_all_members_are_kept(three):
    series, mask = pix2pix_series()
    signal = series.signal.copy()
    signal[:, 1, 16, 16] = 0
    dark = replace(series, signal=signal)
    maps = get_method(GROUP).estimate(dark, mask)
    assert maps.flags[1, 16, 16]
    assert all(maps[name][1, 16, 16] == 0 for name in maps.names)
