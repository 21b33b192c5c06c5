"""The gallery as a person starts it: every true map and every setting of a patient is shown."""

import pytest
from SyntheticPerfusionLib.cli import main
from SyntheticPerfusionLib.gallery import KINDS, regions
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.patient import make_patient

KIND = "stroke"


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery") / "new"
    assert main(["gallery", str(folder), "--small", "--seed", "3", "--patient", KIND]) == 0
    return folder


@pytest.fixture(scope="module")
def patient():
    return make_patient(KIND, 3 + KINDS.index(KIND), Acquisition.small())


def test_page_holds_what_the_patient_holds(output, patient):
    page = (output / "gallery.html").read_text(encoding="utf-8")
    assert "For research only" in page
    assert f"{KIND}, seed {patient.seed}" in page
    for quantity in patient.truth.arrays:
        assert f"{quantity.title}: the truth." in page
        assert (output / KIND / f"{quantity.name}.png").stat().st_size > 5_000
    for picture in ("baseline", "peak", "curves", "inputs", "labels"):
        assert (output / KIND / f"{picture}.png").stat().st_size > 5_000
    for name in patient.settings["disease"]:
        assert f"disease: {name.replace('_', ' ')}" in page
    assert "acquisition: snr" in page


def test_sheet_is_there_and_nothing_is_left_half_written(output):
    assert (output / "patients.png").stat().st_size > 20_000
    assert not list(output.rglob(".*"))


def test_regions_are_what_they_are_called(patient):
    found = regions(patient)
    truth = patient.truth["CBF"]
    assert truth[found["grey matter"]].mean() > 1.5 * truth[found["white matter"]].mean()
    assert not (found["grey matter"] & patient.rois["lesion"]).any()
    assert (found["artery"] & found["vein"]).sum() == 0
    assert found["artery"].sum() >= 20


@pytest.mark.parametrize(
    ("arguments", "word"), [(["--patient", "migraine"], "migraine"), (["--seed", "-1"], "-1")]
)
def test_unusable_input_is_one_line_and_exit_2(tmp_path, capsys, arguments, word):
    assert main(["gallery", str(tmp_path / "new"), "--small", *arguments]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert word in told[0]
