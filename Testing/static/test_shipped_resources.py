"""Models and training configurations are found wherever the program is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESOURCES = ROOT / "Resources"
SHIPPED = ("Models", "Training")


def shipped_files(folder):
    """Every file of the shipped folders below `folder`, by its path there."""
    return {
        path.relative_to(folder).as_posix()
        for name in SHIPPED
        for path in (folder / name).rglob("*")
        if path.is_file()
    }


def test_a_library_installed_by_pip_holds_them(tmp_path):
    pytest.importorskip("setuptools", minversion="77", reason="the build needs setuptools 77")
    built = tmp_path / "built"
    steps = ("egg_info", "--egg-base", tmp_path, "build_py", "--build-lib", built)
    subprocess.run(
        [sys.executable, "setup.py", "--quiet", *steps], cwd=ROOT, check=True, capture_output=True
    )
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "from SyntheticPerfusionLib.resources import resource\n"
            "print(resource('Models').parent)\n"
            "print(resource('mni152_2mm.npz').parent)",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(built)},
        check=True,
        capture_output=True,
        text=True,
    )
    data = built / "SyntheticPerfusionLib" / "data"
    assert found.stdout.split() == [str(data), str(data)]
    assert shipped_files(data) == shipped_files(RESOURCES)


@pytest.mark.skipif(shutil.which("cmake") is None, reason="needs CMake")
def test_slicers_build_and_its_installed_extension_hold_them(tmp_path):
    """By the project's own CMake file; what Slicer defines for it is put in its place."""
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\n"
        "project(Extension NONE)\n"
        "set(Slicer_QTSCRIPTEDMODULES_LIB_DIR lib/modules)\n"
        "set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR installed/modules)\n"
        f'add_subdirectory("{RESOURCES.as_posix()}" resources)\n'
    )
    build, prefix = tmp_path / "build", tmp_path / "prefix"
    for arguments in (
        ("-S", tmp_path, "-B", build),
        ("--build", build),
        ("--install", build, "--prefix", prefix, "--component", "Runtime"),
    ):
        subprocess.run(["cmake", *arguments], check=True, capture_output=True)
    for place in (build / "lib" / "modules", prefix / "installed" / "modules"):
        assert shipped_files(place / "Resources") == shipped_files(RESOURCES)


def test_the_source_distribution_takes_them_along():
    lines = (ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines()
    assert {f"graft Resources/{name}" for name in SHIPPED} <= set(lines)
