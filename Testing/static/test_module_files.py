"""The module's files fit together: build lists, panel, parameters, icons, imports."""

import ast
import importlib.util
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "SyntheticPerfusion"
ENTRY = MODULE / "SyntheticPerfusion.py"
LIBRARY = MODULE / "SyntheticPerfusionLib"
PANEL = MODULE / "Resources" / "UI" / "SyntheticPerfusion.ui"
CMAKE = (MODULE / "CMakeLists.txt").read_text(encoding="utf-8")


def cmake_list(name):
    found = re.search(rf"set\({name}\n(.*?)\n\s*\)", CMAKE, re.DOTALL)
    assert found, f"{name} is missing from CMakeLists.txt"
    entries = found.group(1).replace("${MODULE_NAME}", "SyntheticPerfusion").split()
    assert len(entries) == len(set(entries)), f"{name} names a file twice"
    return set(entries)


def files(folder, *, python):
    return {
        path.relative_to(MODULE).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and (path.suffix == ".py") == python
    }


def test_every_python_file_is_listed_for_the_build():
    assert cmake_list("MODULE_PYTHON_SCRIPTS") == {"SyntheticPerfusion.py"} | files(
        LIBRARY, python=True
    )


def test_every_resource_is_listed_for_the_build():
    there = files(MODULE / "Resources", python=False) | files(LIBRARY, python=False)
    assert cmake_list("MODULE_PYTHON_RESOURCES") == there


def test_extension_says_what_it_depends_on_and_builds_the_module():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert re.search(r"set\(EXTENSION_DEPENDS PyTorch\)", text)
    for name in ("HOMEPAGE", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS"):
        assert re.search(rf'set\(EXTENSION_{name} ".+"\)', text), name
    for shown in re.findall(r"main/(Resources/\S+?\.png)", text):
        assert (ROOT / shown).is_file(), shown
    for folder in re.findall(r"add_subdirectory\((.+?)\)", text):
        assert (ROOT / folder / "CMakeLists.txt").is_file(), folder


def test_test_scripts_named_for_ctest_exist():
    folder = ROOT / "Testing" / "in_slicer"
    names = re.search(r"foreach\(script (.+?)\)", (folder / "CMakeLists.txt").read_text())
    for name in names.group(1).split():
        assert (folder / f"{name}.py").is_file(), name


def png_size(path):
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", header[16:24])


@pytest.mark.parametrize(
    "path",
    [
        MODULE / "Resources" / "Icons" / "SyntheticPerfusion.png",
        ROOT / "Resources" / "SyntheticPerfusion.png",
    ],
    ids=["module", "extension"],
)
def test_icons_are_there_in_the_size_slicer_asks_for(path):
    assert png_size(path) == (128, 128)


def requirements():
    text = (MODULE / "Resources" / "requirements.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_small_packages_are_asked_for_from_a_version_on_and_torch_is_none_of_them():
    assert requirements()
    for line in requirements():
        assert re.fullmatch(r"[A-Za-z0-9_.-]+>=[0-9.]+", line), line
        assert not line.startswith("torch")


ENTRY_TREE = ast.parse(ENTRY.read_text(encoding="utf-8"))


def parameter_fields():
    (node,) = (
        item
        for item in ENTRY_TREE.body
        if isinstance(item, ast.ClassDef) and item.name == "SyntheticPerfusionParameterNode"
    )
    return {item.target.id: item for item in node.body if isinstance(item, ast.AnnAssign)}


def panel_widgets():
    tree = ElementTree.parse(PANEL)
    widgets = {item.get("name"): item for item in tree.iter("widget")}
    assert len(widgets) == len(list(tree.iter("widget"))), "two widgets share a name"
    return widgets


def bound(widget):
    for item in widget.findall("property"):
        if item.get("name") == "SlicerParameterName":
            return item.findtext("string")
    return None


def test_every_bound_widget_names_a_parameter_and_no_two_the_same():
    names = [bound(widget) for widget in panel_widgets().values() if bound(widget)]
    assert len(names) == len(set(names))
    assert set(names) <= set(parameter_fields())


# These have no widget of a class that Slicer can bind; the sections bind them.
BOUND_BY_HAND = {
    "aifSegmentId", "method", "tumorId", "contralateralId", "ratioTable", "trainingStart",
    "mcaId", "sssId",
}  # fmt: skip


def test_every_parameter_has_its_widget():
    names = {bound(widget) for widget in panel_widgets().values()}
    assert set(parameter_fields()) - names == BOUND_BY_HAND


BINDABLE = {
    "bool": {"QCheckBox"},
    "float": {"QDoubleSpinBox", "ctkSliderWidget"},
    "Path": {"ctkPathLineEdit"},
    "AifSource": {"QComboBox"},
    "Device": {"QComboBox"},
    "TrainingData": {"QComboBox"},
    "int": {"QSpinBox"},
    "str": {"QLineEdit"},
}


def test_bound_widgets_are_of_a_class_that_slicer_can_bind_to_the_parameters_type():
    fields = parameter_fields()
    for widget in panel_widgets().values():
        if bound(widget) is None:
            continue
        annotation = ast.unparse(fields[bound(widget)].annotation)
        kind = re.sub(r"^Annotated\[(\w+),.*", r"\1", annotation)
        allowed = BINDABLE.get(kind, {"qMRMLNodeComboBox"})
        assert widget.get("class") in allowed, f"{bound(widget)}: {kind}"


def test_numbers_have_limits_in_the_parameter_node_because_slicer_sets_them_on_the_widget():
    for name, field in parameter_fields().items():
        annotation = ast.unparse(field.annotation)
        if re.search(r"\b(float|int)\b", annotation):
            assert "WithinRange" in annotation, name


def test_node_types_are_annotated_in_one_way_only():
    for name, field in parameter_fields().items():
        annotation = ast.unparse(field.annotation)
        assert not re.search(r"\||Optional", annotation), name


def test_every_widget_that_code_uses_is_in_the_panel():
    widgets = set(panel_widgets())
    used = set()
    for path in (LIBRARY / "gui").glob("*.py"):
        used |= set(re.findall(r"\bui\.(\w+)", path.read_text(encoding="utf-8")))
    assert used
    assert used <= widgets, used - widgets


def test_labels_that_wrap_do_not_widen_the_panel():
    # In a form layout of Qt 5 a wrapped text asks for its whole width unless it says otherwise.
    wrapped = []
    for name, widget in panel_widgets().items():
        properties = {item.get("name"): item for item in widget.findall("property")}
        if widget.get("class") == "QLabel" and "wordWrap" in properties:
            policy = properties["sizePolicy"].find("sizepolicy")
            assert policy.get("hsizetype") == "Ignored", name
            wrapped.append(name)
    assert {"bolusLabel", "methodLabel", "aifQualityLabel"} <= set(wrapped)


def test_mrml_widgets_get_the_scene():
    root = ElementTree.parse(PANEL).getroot()
    connected = {
        item.findtext("receiver")
        for item in root.iter("connection")
        if item.findtext("signal") == "mrmlSceneChanged(vtkMRMLScene*)"
        and item.findtext("slot") == "setMRMLScene(vtkMRMLScene*)"
    }
    needing = {
        name
        for name, widget in panel_widgets().items()
        if widget.get("class").startswith("qMRML") and widget.get("class") != "qMRMLWidget"
    }
    assert connected == needing


def test_panel_says_that_it_is_for_research_only():
    text = panel_widgets()["researchLabel"].findtext("property/string")
    assert "research only" in text.lower()


def test_what_a_person_works_with_explains_itself():
    for name, widget in panel_widgets().items():
        plain = widget.get("class") in {
            "QLabel", "QFrame", "qMRMLWidget", "ctkCollapsibleButton", "QProgressBar",
            "QPlainTextEdit", "QTextBrowser",
        }  # fmt: skip
        tips = [item for item in widget.findall("property") if item.get("name") == "toolTip"]
        assert plain or tips, name


def file_scope_imports(tree):
    """Modules imported when the file is imported, outside `if TYPE_CHECKING`."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module


def test_entry_imports_only_the_standard_library_and_slicer():
    for name in file_scope_imports(ENTRY_TREE):
        top = name.split(".")[0]
        assert top == "slicer" or top in sys.stdlib_module_names, name


def translated_calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_":
            yield node


@pytest.mark.parametrize(
    "path", [ENTRY, *sorted((LIBRARY / "gui").glob("*.py"))], ids=lambda path: path.stem
)
def test_translated_texts_are_plain_so_that_translators_see_them(path):
    for call in translated_calls(ast.parse(path.read_text(encoding="utf-8"))):
        (argument,) = call.args
        plain = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        assert plain, f"{path.name}:{call.lineno}: format outside _()"


SHOWN_BY = {
    "setText", "setToolTip", "tryWithErrorDisplay", "errorDisplay", "createProgressDialog",
    "setWindowTitle", "getOpenFileName", "getExistingDirectory",
}  # fmt: skip


@pytest.mark.parametrize("path", sorted((LIBRARY / "gui").glob("*.py")), ids=lambda path: path.stem)
def test_texts_for_the_person_are_translated(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        name = getattr(getattr(node, "func", None), "attr", "")
        if isinstance(node, ast.Call) and name in SHOWN_BY:
            for argument in [*node.args, *(item.value for item in node.keywords)]:
                words = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                assert not (words and argument.value.strip("- ")), f"{path.name}:{node.lineno}"


STUBBED_IMPORT = """
import sys, time, types

class Anything(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})

for name in ("slicer", "slicer.i18n", "slicer.parameterNodeWrapper",
             "slicer.ScriptedLoadableModule", "slicer.util"):
    sys.modules[name] = Anything(name)
sys.modules["slicer"].__path__ = []
sys.modules["slicer.i18n"].tr = sys.modules["slicer.i18n"].translate = lambda *texts: texts[-1]
sys.modules["slicer.parameterNodeWrapper"].parameterNodeWrapper = lambda kind: kind
sys.modules["slicer.parameterNodeWrapper"].WithinRange = lambda low, high: (low, high)

import ast, enum, pathlib, typing  # Slicer has these loaded before any module
before = set(sys.modules)
start = time.perf_counter()
import SyntheticPerfusion
print(time.perf_counter() - start)
print(",".join(sorted(set(sys.modules) - before)))
"""


def test_importing_the_entry_loads_nothing_heavy_and_takes_no_time():
    found = subprocess.run(
        [sys.executable, "-c", STUBBED_IMPORT],
        cwd=MODULE,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, loaded = found.stdout.strip().split("\n")
    assert loaded == "SyntheticPerfusion"
    assert float(seconds) < 0.2


def test_slicers_test_names_are_free():
    # A folder Testing/slicer would be taken for a part of the slicer package and be imported by it.
    assert not (ROOT / "Testing" / "slicer").exists()
    assert importlib.util.find_spec("in_slicer") is not None


def test_what_slicer_imports_at_every_start_is_light():
    # The Sample Data entries are registered at start-up; what makes them is imported on demand.
    for name in ("sample_data.py", "__init__.py"):
        tree = ast.parse((LIBRARY / "gui" / name).read_text(encoding="utf-8"))
        for module in file_scope_imports(tree):
            top = module.split(".")[0]
            assert top == "slicer" or top in sys.stdlib_module_names, module
        relative = [item for item in tree.body if isinstance(item, ast.ImportFrom) and item.level]
        assert not relative, name
