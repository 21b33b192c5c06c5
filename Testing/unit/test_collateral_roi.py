"""`maps --method collateral-roi`: the maps of `phases`; regions that are missing or unused."""

import json

import numpy as np
import pytest
from SyntheticPerfusionLib.cli import main
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.maps.quantity import COLLATERALS
from SyntheticPerfusionLib.methods.registry import describe_methods, get_method
from SyntheticPerfusionLib.series.images import read_image, write_image
from SyntheticPerfusionLib.series.phases import PHASES
from SyntheticPerfusionLib.series.write import write_series

from .small_passage import BRAIN, GEOMETRY, MCA, SSS, passage


@pytest.fixture
def folder(tmp_path):
    write_series(passage(), tmp_path / "dsc.nii.gz")
    for name, region in (("mca", MCA), ("sss", SSS), ("brain", BRAIN)):
        write_image(region, GEOMETRY, tmp_path / f"{name}.nii.gz")
    return tmp_path


def arguments(folder, regions=("mca", "sss"), output="out"):
    given = [word for name in regions for word in (f"--{name}", str(folder / f"{name}.nii.gz"))]
    return [
        str(folder / "dsc.nii.gz"), "--mask", str(folder / "brain.nii.gz"),
        "--output", str(folder / output), *given,
    ]  # fmt: skip


def maps(folder, *more, method="collateral-roi", **options):
    return main(["maps", *arguments(folder, **options), "--method", method, *more])


def refused(capsys, code):
    assert code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_gives_the_maps_and_files_of_phases_under_its_own_name(folder, capsys):
    assert maps(folder) == 0
    assert "collateral-roi: Collateral_arterial" in capsys.readouterr().out
    assert main(["phases", *arguments(folder, output="phases")]) == 0
    for item in COLLATERALS:
        ours, _ = read_image(folder / "out" / f"{item.name}.nii.gz")
        theirs, _ = read_image(folder / "phases" / f"{item.name}.nii.gz")
        np.testing.assert_array_equal(ours, theirs)
    for name in ("phases.json", "reference_curves.csv"):
        assert (folder / "out" / name).read_text() == (folder / "phases" / name).read_text()
    report = json.loads((folder / "out" / "report.json").read_text())
    assert report["method"] == "collateral-roi"
    assert list(report["settings"]["phases_s"]) == list(PHASES)


def test_only_the_maps_that_are_wanted(folder):
    assert maps(folder, "--quantities", "Collateral_delay,Collateral_arterial") == 0
    written = {path.name for path in (folder / "out").glob("Collateral_*.nii.gz")}
    assert written == {"Collateral_delay.nii.gz", "Collateral_arterial.nii.gz"}
    assert len(json.loads((folder / "out" / "phases.json").read_text())["phases"]) == 5


def test_a_region_that_is_missing_is_said_before_the_series_is_prepared(folder, capsys):
    line = refused(capsys, maps(folder, regions=("mca",)))
    assert "needs the regions MCA and SSS" in line
    assert line.endswith("give --sss.")
    assert refused(capsys, maps(folder, regions=())).endswith("give --mca and --sss.")
    assert not (folder / "out").exists()


def test_a_region_given_to_another_method_is_said(folder, capsys):
    line = refused(capsys, maps(folder, method="oSVD"))
    assert "oSVD uses no regions; leave out --mca and --sss" in line


def test_what_it_cannot_use_or_give_is_said(folder, capsys):
    assert "leakage" in refused(capsys, maps(folder, "--leakage-correction"))
    assert "does not give CBF" in refused(capsys, maps(folder, "--quantities", "CBF"))
    assert maps(folder, "--aif", str(folder / "mca.nii.gz")) == 0
    assert "mca.nii.gz was not used" in capsys.readouterr().err
    (folder / "mca.nii.gz").rename(folder / "mask.nii.gz")
    drawn = ("--mca", str(folder / "mask.nii.gz"))
    assert "overwritten" in refused(capsys, maps(folder, *drawn, regions=("sss",), output="."))


def test_it_is_listed_with_the_regions_that_it_needs(capsys):
    needed = {item["name"]: item["needs"]["regions"] for item in describe_methods()}
    assert needed.pop("collateral-roi") == ["mca", "sss"]
    assert len(needed) >= 4
    assert not any(needed.values())
    assert main(["methods"]) == 0
    assert "needs echo time, regions MCA and SSS" in capsys.readouterr().out


def test_a_series_alone_is_not_enough():
    with pytest.raises(InputError, match="two regions"):
        get_method("collateral-roi").estimate(passage(), BRAIN)
