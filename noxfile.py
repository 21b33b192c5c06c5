"""Each job of the project as a nox session; `python3 run.py SESSION` sets up nox first."""

from __future__ import annotations

import shutil
from pathlib import Path

import nox

nox.options.sessions = ["tests"]
nox.options.reuse_existing_virtualenvs = True
nox.needs_version = ">=2024.4"

CONSTRAINTS = ("-c", "constraints.txt")
ONE_THREAD = {
    # Many small operations: on a busy machine threads wait for each other longer than they work.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "QT_QPA_PLATFORM": "offscreen",
}


def install(session: nox.Session, extras: str) -> None:
    """This project with some of its extras, at the versions used for development."""
    session.install(*CONSTRAINTS, f".[{extras}]")


@nox.session
def demo(session: nox.Session) -> None:
    """A digital patient, its maps, a tumour ratio, pictures and a report."""
    install(session, "report")
    session.run("synthetic-perfusion", "demo", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Every test that needs no Slicer application and no GPU, and the checks of the code."""
    install(session, "report,dicom,train,test,develop")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("pytest", *session.posargs, env=ONE_THREAD)


@nox.session
def bench(session: nox.Session) -> None:
    """Speed and memory, beside osipy and a bare matrix product."""
    install(session, "report")
    peer = Path(session.create_tmp()).absolute() / "osipy"
    session.run("python", "Testing/benchmarks/bench.py", "--peer", str(peer), *session.posargs)


@nox.session
def pages(session: nox.Session) -> None:
    """The pictures of README, made again from the demo and the gallery."""
    install(session, "report")
    made = Path(session.create_tmp()).absolute() / "demo"
    session.run("synthetic-perfusion", "demo", "--output", str(made))
    kept = Path("Resources/Screenshots")
    shutil.copy(made / "stroke/pictures/Tmax.png", kept / "stroke-Tmax.png")
    shutil.copy(made / "glioma-high/pictures/CBV_corrected.png", kept / "glioma-CBV.png")
    gallery = Path(session.create_tmp()).absolute() / "gallery"
    session.run("synthetic-perfusion", "gallery", str(gallery))
    shutil.copy(gallery / "patients.png", kept / "patients.png")
