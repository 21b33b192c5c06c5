"""`synthetic-perfusion phases`: what it writes, and what it says where it cannot."""

import csv
import json

import numpy as np
import pytest
from SyntheticPerfusionLib.cli import main
from SyntheticPerfusionLib.series.images import read_image, write_image
from SyntheticPerfusionLib.series.phases import PHASES
from SyntheticPerfusionLib.series.write import write_series

from .small_passage import BRAIN, GEOMETRY, LESION, MCA, SSS, passage


@pytest.fixture
def folder(tmp_path):
    write_series(passage(), tmp_path / "dsc.nii.gz")
    for name, region in (("mca", MCA), ("sss", SSS), ("brain", BRAIN)):
        write_image(region, GEOMETRY, tmp_path / f"{name}.nii.gz")
    return tmp_path


def phases(folder, *more, mca="mca", sss="sss", output="out"):
    return main(
        [
            "phases",
            str(folder / "dsc.nii.gz"),
            "--mca",
            str(folder / f"{mca}.nii.gz"),
            "--sss",
            str(folder / f"{sss}.nii.gz"),
            "--mask",
            str(folder / "brain.nii.gz"),
            "--output",
            str(folder / output),
            *more,
        ]
    )


def test_writes_maps_curves_and_intervals(folder, capsys):
    assert phases(folder) == 0
    out = folder / "out"
    printed = capsys.readouterr().out
    assert "early venous" in printed
    assert "research" in printed
    late, grid = read_image(out / "Collateral_delay.nii.gz")
    assert grid.matches(GEOMETRY)
    assert late[LESION].mean() > 1.5 * late[BRAIN & ~LESION & ~SSS].mean()
    sidecar = json.loads((out / "Collateral_arterial.json").read_text())
    assert sidecar["Settings"]["preparation"]["mask"] == "brain.nii.gz"
    assert "research" in sidecar["Use"]

    described = json.loads((out / "phases.json").read_text())
    assert list(described["phases"]) == list(PHASES)
    assert described["phases"]["arterial"]["end"] == "peak of the arterial curve"
    assert described["curves"]["sss"] == {
        **described["curves"]["sss"],
        "region": "sss.nii.gz",
        "voxels": int(SSS.sum()),
        "saturated": False,
    }
    ends = [part["end_s"] for part in described["phases"].values()]
    starts = [part["start_s"] for part in described["phases"].values()]
    assert starts[1:] == ends[:-1]

    with (out / "reference_curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == passage().frame_count
    peak = max(rows, key=lambda row: float(row["mca_1_per_s"]))
    assert float(peak["time_s"]) == pytest.approx(described["phases"]["arterial"]["end_s"], abs=1.5)
    inside = [row for row in rows if row["phase"] == "late_venous"]
    assert float(inside[0]["time_s"]) >= described["phases"]["late_venous"]["start_s"]
    report = json.loads((out / "report.json").read_text())
    assert report["method"] == "phases"
    assert set(report["seconds"]) == {"preparation", "phases", "writing"}


def test_pictures_and_progress_for_programs(folder, capsys):
    pytest.importorskip("matplotlib")
    assert phases(folder, "--pictures", "--json-progress") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    fractions = [line["progress"] for line in lines if "progress" in line]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    (result,) = [line["result"] for line in lines if "result" in line]
    assert len(result["pictures"]) == 2
    for path in result["pictures"]:
        assert (folder / path).read_bytes().startswith(b"\x89PNG")


def test_two_runs_in_one_folder_do_not_mix(folder):
    assert phases(folder) == 0
    out = folder / "out"
    (out / "CBF.nii.gz").write_bytes(b"of another method")
    assert phases(folder) == 0
    assert not (out / "CBF.nii.gz").exists()
    assert (out / "phases.json").exists()


def refused(capsys, code):
    assert code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_mistakes_are_said_in_one_line(folder, capsys):
    assert "exchanged" in refused(capsys, phases(folder, mca="sss", sss="mca"))
    write_image(np.zeros_like(MCA), GEOMETRY, folder / "none.nii.gz")
    assert "empty" in refused(capsys, phases(folder, mca="none"))
    assert "nowhere" in refused(capsys, phases(folder, mca="nowhere"))
    moved = type(GEOMETRY)(GEOMETRY.shape, GEOMETRY.spacing, (50.0, 0.0, 0.0))
    write_image(SSS, moved, folder / "moved.nii.gz")
    assert "another grid" in refused(capsys, phases(folder, sss="moved"))
    assert "--smooth-time" in refused(capsys, phases(folder, "--smooth-time", "-1"))
    write_image(SSS, GEOMETRY, folder / "mask.nii.gz")
    assert "overwritten" in refused(capsys, phases(folder, sss="mask", output="."))
    (folder / "dsc.json").write_text('{"RepetitionTime": 1.5}')
    assert "--echo-time" in refused(capsys, phases(folder))
    assert phases(folder, "--echo-time", "0.03") == 0
