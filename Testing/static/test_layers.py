"""The arrows of the design run one way: what each layer loads when it is imported."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[2] / "SyntheticPerfusion" / "SyntheticPerfusionLib"

ALLOWED = {
    "series": {"series"},
    "maps": {"maps", "series"},
    "methods": {"methods", "maps", "series"},
    "analysis": {"analysis", "maps", "series"},
    "phantom": {"phantom", "maps", "series"},
    "training": {"training", "methods", "phantom", "analysis", "maps", "series"},
    "evaluation": {
        "evaluation",
        "training",
        "methods",
        "phantom",
        "analysis",
        "maps",
        "series",
    },
    "mrml": {"mrml", "methods", "analysis", "maps", "series"},
}
"""What each layer may import, beside what all may (SHARED)."""

SHARED = {"child_processes", "errors", "progress", "resources", "__version__"}


def modules(layer):
    return sorted((LIBRARY / layer).rglob("*.py"))


def imported_parts(path):
    """Names right below the library that a file imports."""
    below = path.relative_to(LIBRARY).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = below[: len(below) - (node.level - 1)]
            full = [*base, *(node.module.split(".") if node.module else [])]
            yield from [full[0]] if full else [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(LIBRARY.name):
            yield node.module.split(".")[1]


@pytest.mark.parametrize("layer", list(ALLOWED))
def test_layer_imports_only_what_lies_below(layer):
    for path in modules(layer):
        beyond = set(imported_parts(path)) - ALLOWED[layer] - SHARED
        assert not beyond, f"{path.name} imports {beyond}"


@pytest.mark.parametrize("package", [layer for layer in ALLOWED if layer != "mrml"])
def test_the_library_knows_neither_slicer_nor_qt(package):
    for path in (LIBRARY / package).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""] + [alias.name for alias in node.names]
            for name in names:
                assert name.split(".")[0] not in {"slicer", "qt", "ctk", "vtk", "mrml", "gui"}, path


def test_the_scene_knows_no_qt():
    for path in (LIBRARY / "mrml").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not {alias.name for alias in node.names} & {"qt", "ctk"}, path
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "") not in {"qt", "ctk", "slicer.i18n"}, path
                assert "gui" not in (node.module or "").split("."), path


@pytest.mark.parametrize("package", ["series", "maps", "analysis"])
def test_importing_the_library_loads_no_torch_and_no_slicer(package):
    program = (
        "import importlib, pkgutil, sys\n"
        f"import SyntheticPerfusionLib.{package} as package\n"
        "for item in pkgutil.iter_modules(package.__path__):\n"
        "    importlib.import_module(package.__name__ + '.' + item.name)\n"
        "heavy = {'torch', 'slicer', 'vtk', 'SimpleITK', 'matplotlib', 'rich'}\n"
        "print(*sorted(heavy & set(sys.modules)))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=LIBRARY.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == ""
