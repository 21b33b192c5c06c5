"""`phantom` and `ratio` as commands: what they print, write, and refuse."""

import argparse
import json

import numpy as np
import pytest
from SyntheticPerfusionLib.commands import phantom, ratio
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.phantom.cohort import SMALL_GRID, Member, draw_member
from SyntheticPerfusionLib.phantom.disease import KINDS
from SyntheticPerfusionLib.phantom.protocols import PROTOCOLS
from SyntheticPerfusionLib.phantom.residue import RESIDUES
from SyntheticPerfusionLib.series.geometry import Geometry
from SyntheticPerfusionLib.series.images import read_image, write_image
from SyntheticPerfusionLib.series.read import read_series

GRID = Geometry(shape=(2, 3, 4), spacing=(2.0, 2.0, 5.0), origin=(1.0, 2.0, 3.0))


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers()
    for command in (phantom, ratio):
        command.add_parser(subparsers)
    return parser.parse_args(list(arguments))


@pytest.fixture
def regions(tmp_path):
    values = np.zeros(GRID.shape, np.float32)
    values[0, 0, :2] = 6.0, 8.0
    values[1, 2, 2:] = 2.0, 1.5
    tumor, reference = values > 5, (values > 0) & (values < 5)
    for name, array in (("CBV", values), ("tumor", tumor), ("reference", reference)):
        write_image(array, GRID, tmp_path / f"{name}.nii.gz")
    return tmp_path


def measure(folder, *more: str) -> argparse.Namespace:
    return parse(
        "ratio",
        str(folder / "CBV.nii.gz"),
        "--tumor",
        str(folder / "tumor.nii.gz"),
        "--reference",
        str(folder / "reference.nii.gz"),
        *more,
    )


def test_ratio_as_json(regions, capsys):
    arguments = measure(regions, "--json")
    assert arguments.run(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ratio"] == pytest.approx(7.0 / 1.75)
    assert found["tumor"]["mean"] == pytest.approx(7.0)
    assert found["reference"]["voxels"] == 2.0
    assert found["reference"]["volume_ml"] == pytest.approx(0.04)
    assert (found["quantity"], found["unit"]) == ("CBV", "ml/100g")
    assert found["warnings"] == []


def test_ratio_as_a_table_shows_counts_and_volumes(regions, capsys):
    arguments = measure(regions)
    arguments.run(arguments)
    printed = capsys.readouterr().out
    assert "CBV [ml/100g]" in printed
    assert "4.000" in printed
    tumor_line = next(line for line in printed.splitlines() if line.startswith("tumor "))
    assert tumor_line.split()[1:] == ["7.000", "1.000", "6.000", "2.0", "0.04"]


def test_region_partly_outside_the_map_is_said(regions, capsys):
    larger = np.zeros(GRID.shape, bool)
    larger[1, 2, :] = True
    write_image(larger, GRID, regions / "reference.nii.gz")
    arguments = measure(regions)
    arguments.run(arguments)
    assert "50% of the reference region" in capsys.readouterr().out


def test_region_on_another_grid_is_refused(regions):
    moved = Geometry(GRID.shape, GRID.spacing, origin=(1.0, 2.0, 9.0))
    write_image(np.ones(GRID.shape, bool), moved, regions / "tumor.nii.gz")
    arguments = measure(regions)
    with pytest.raises(InputError, match="another grid"):
        arguments.run(arguments)


def test_phantom_writes_a_patient_that_can_be_read_and_measured(tmp_path, capsys):
    folder = tmp_path / "patient"
    arguments = parse(
        "phantom", str(folder), "--patient", "glioma-low", "--seed", "2", "--small", "--snr", "80"
    )
    assert arguments.run(arguments) == 0
    assert str(folder / "dsc.nii.gz") in capsys.readouterr().out
    series = read_series(folder / "dsc.nii.gz")
    assert series.frame_count == 80
    assert json.loads((folder / "patient.json").read_text())["acquisition"]["snr"] == 80
    cbv, _ = read_image(folder / "truth" / "CBV.nii.gz")
    assert cbv.max() > 2
    measured = parse(
        "ratio",
        str(folder / "truth" / "CBV.nii.gz"),
        "--tumor",
        str(folder / "tumor.nii.gz"),
        "--reference",
        str(folder / "reference.nii.gz"),
        "--json",
    )
    assert measured.run(measured) == 0
    drawn = json.loads((folder / "patient.json").read_text())["settings"]["disease"]["rcbv"]
    assert json.loads(capsys.readouterr().out)["ratio"] == pytest.approx(drawn, rel=0.03)


def test_phantom_of_a_protocol_is_the_member_of_a_cohort_with_its_seed(tmp_path):
    member = Member("sub-001", "healthy", 7, "train", "heidelberg", grid=SMALL_GRID)
    folder = str(tmp_path)
    options = ("--seed", "7", "--protocol", "heidelberg", "--small")
    arguments = parse("phantom", folder, "--patient", "healthy", *options)
    assert arguments.run(arguments) == 0
    series, drawn = read_series(tmp_path / "dsc.nii.gz"), draw_member(member)
    np.testing.assert_array_equal(series.signal, drawn.series.signal)
    described = json.loads((tmp_path / "patient.json").read_text())
    assert described["acquisition"]["repetition_time_s"] == 2.22
    assert described["acquisition"]["snr"] == drawn.acquisition.snr
    arguments = parse("phantom", folder, "--patient", "healthy", *options, "--snr", "33")
    assert arguments.run(arguments) == 0
    described = json.loads((tmp_path / "patient.json").read_text())
    assert described["acquisition"]["snr"] == 33
    assert described["acquisition"]["frames"] == drawn.acquisition.frames


def test_phantom_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    arguments = parse("phantom", str(tmp_path / "file" / "patient"), "--patient", "healthy")
    with pytest.raises(InputError, match="patient"):
        arguments.run(arguments)


@pytest.mark.parametrize(
    "wrong",
    [
        ["--snr", "0"],
        ["--seed", "-1"],
        ["--seed", "1.5"],
        ["--motion", "-2"],
        ["--motion", "much"],
        ["--patient", "migraine"],
        ["--protocol", "paris"],
    ],
)
def test_phantom_options_that_make_no_sense(wrong, capsys):
    with pytest.raises(SystemExit) as stopped:
        parse("phantom", "somewhere", "--patient", "healthy", *wrong)
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert wrong[0] in said
    assert "invalid _" not in said


def test_choices_are_those_of_the_library():
    # The command lists them itself, so that asking for help loads no torch.
    assert phantom.KINDS == KINDS
    assert phantom.PROTOCOLS == PROTOCOLS
    assert tuple(RESIDUES) == phantom.RESIDUES
