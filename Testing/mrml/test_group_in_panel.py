"""Models of a group, as the panel's list, card and the command line's list see them."""

import re

import pytest
from SyntheticPerfusionLib import cli
from SyntheticPerfusionLib.methods import model_registry
from SyntheticPerfusionLib.methods.model_registry import USER_FOLDER_VARIABLE
from SyntheticPerfusionLib.methods.registry import describe_methods
from unit.small_models import small_model

GROUP = "pair"


@pytest.fixture
def group(tmp_path, monkeypatch):
    """A group of two models beside the built-in methods, as the panel is told of it."""
    place = tmp_path / "shipped"
    place.mkdir()
    monkeypatch.setenv(USER_FOLDER_VARIABLE, str(tmp_path / "none"))
    monkeypatch.setattr(model_registry, "shipped_model_folder", lambda: place)
    for quantity in ("TTP", "Tmax"):
        changes = {"group": GROUP, "quantities": [quantity]}
        small_model(place, f"{GROUP}-{quantity.lower()}", changes)
    (described,) = [method for method in describe_methods() if method["name"] == GROUP]
    return described


def test_a_group_says_what_it_needs_as_every_method_does(group):
    classical = describe_methods()[0]
    assert set(group["needs"]) == set(classical["needs"])
    assert group["needs"]["regions"] == []


def test_its_card_names_the_model_of_each_map(group):
    from SyntheticPerfusionLib.gui.model_card import card_page

    page = re.sub(r"<[^>]+>", " ", card_page(group["card"], group["folder"], group["cards"]))
    assert "A model for each map" in page
    assert "Tmax: pair-tmax, version 1.0" in page
    assert "TTP: pair-ttp, version 1.0" in page
    assert "Tmax: error [s]" in page
    one = group["cards"][0]
    assert "A model for each map" not in card_page(one, group["folder"], [one])


def test_the_command_line_lists_it(group, capsys):
    assert cli.main(["methods"]) == 0
    listed = capsys.readouterr().out
    assert re.search(r"^pair ", listed, re.MULTILINE)
    assert not re.search(r"^pair-tmax ", listed, re.MULTILINE)
