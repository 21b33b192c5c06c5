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
    "mrml": {"mrml", "methods", "analysis", "maps", "series"},
}
"""What each layer may import, beside errors, progress, resources and the version."""

SHARED = {"errors", "progress", "resources", "__version__"}


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


@pytest.mark.parametrize("layer", ["series", "maps", "methods", "analysis", "phantom"])
def test_below_the_scene_nothing_knows_slicer_or_qt(layer):
    for path in modules(layer):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            assert not {name.split(".")[0] for name in names} & {"slicer", "qt", "ctk", "vtk"}


@pytest.mark.parametrize("layer", ["mrml"])
def test_the_scene_knows_no_qt(layer):
    for path in modules(layer):
        text = path.read_text(encoding="utf-8")
        assert "import qt" not in text
        assert "import ctk" not in text


@pytest.mark.parametrize("layer", ["series", "maps", "analysis"])
def test_import_loads_neither_torch_nor_slicer(layer):
    names = [
        ".".join(["SyntheticPerfusionLib", *path.relative_to(LIBRARY).with_suffix("").parts])
        for path in modules(layer)
    ]
    code = (
        f"import sys; sys.path.insert(0, {str(LIBRARY.parent)!r})\n"
        f"from importlib import import_module\n"
        f"for name in {names!r}: import_module(name)\n"
        "print(sorted({'torch', 'slicer', 'vtk', 'matplotlib', 'rich'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.stdout.strip() == "[]", said.stderr
