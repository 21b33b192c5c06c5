"""PerfusionTraining: its form, its arguments and its build files describe the same module."""

from __future__ import annotations

import argparse
import ast
import importlib.util
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "PerfusionTraining"
SCRIPT = FOLDER / "PerfusionTraining.py"
FORM = ElementTree.parse(FOLDER / "PerfusionTraining.xml").getroot()
PARAMETERS = {
    item.findtext("longflag"): item
    for group in FORM.findall("parameters")
    for item in group
    if item.find("name") is not None
}
IN_FORM = {"string", "string-enumeration", "integer", "boolean", "file", "directory"}


def module():
    spec = importlib.util.spec_from_file_location("PerfusionTraining", SCRIPT)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


MODULE = module()
OPTIONS = {
    action.option_strings[-1]: action
    for action in MODULE.build_parser()._actions
    if not isinstance(action, argparse._HelpAction)
}


def test_form_and_arguments_are_the_same():
    assert list(PARAMETERS) == list(OPTIONS)
    names = [item.findtext("name") for item in PARAMETERS.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("flag", list(OPTIONS))
def test_each_field_has_the_type_and_default_of_its_argument(flag):
    item, action = PARAMETERS[flag], OPTIONS[flag]
    assert item.tag in IN_FORM
    assert item.findtext("label")
    assert item.findtext("description").endswith(".")
    default = item.findtext("default")
    if item.tag == "boolean":
        # Slicer writes the flag where it is ticked and nothing where it is not.
        assert action.const is True
        assert action.default is False
    elif item.tag == "integer":
        assert action.type is int
        assert int(default) == action.default
    elif item.tag == "string-enumeration":
        assert [element.text for element in item.findall("element")] == list(action.choices)
        assert default == action.default
    else:
        assert (default or "") == action.default
    if item.tag in ("file", "directory"):
        assert item.findtext("channel") in ("input", "output")


def test_slicer_takes_the_script_for_a_command_line_module():
    lines = SCRIPT.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#!/usr/bin/env python-real"
    assert FORM.tag == "executable"
    for part in ("title", "category", "description", "version", "license", "contributor"):
        assert FORM.findtext(part), part
    assert "research only" in FORM.findtext("description")
    assert "NAME ${MODULE_NAME}" in (FOLDER / "CMakeLists.txt").read_text()
    assert "add_subdirectory(PerfusionTraining)" in (ROOT / "CMakeLists.txt").read_text()


def test_loading_the_script_needs_the_standard_library_alone():
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    names = {
        name.split(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
        )
    }
    assert names <= sys.stdlib_module_names


def test_every_recipe_is_shipped():
    shipped = {path.stem for path in (ROOT / "Resources" / "Training").glob("*.yaml")}
    assert set(MODULE.RECIPES) <= shipped


def test_what_the_form_asks_for_is_what_the_command_line_is_told():
    from SyntheticPerfusionLib.cli import build_parser

    filled = ["--recipe", "phae", "--patients", "/site", "--start-from", "phae", "--name", "own"]
    filled += ["--output", "/run", "--install", "--epochs", "4", "--device", "cuda"]
    filled += ["--changes", "task.quantity=CBF; optimisation.batch_size=2;"]
    told = build_parser().parse_args(MODULE.command(MODULE.build_parser().parse_args(filled)))
    assert told.config == "phae"
    assert told.data == "/site"
    assert told.start_from == "phae"
    assert told.name == "own"
    assert told.output == Path("/run")
    assert told.set == ["task.quantity=CBF", "optimisation.batch_size=2"]
    assert told.install
    assert told.epochs == 4
    assert told.device == "cuda"
    assert told.threads is None
    assert told.slicer_progress
    left = build_parser().parse_args(MODULE.command(MODULE.build_parser().parse_args([])))
    assert (left.config, left.data, left.start_from) == ("phae-delay", None, None)
    assert (left.epochs, left.device, left.threads, left.install) == (None, None, None, False)
    assert left.set == []
