"""The demonstration as a person starts it: one command, and everything it promises is there."""

import pytest
from SyntheticPerfusionLib.cli import main


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "new"
    assert main(["demo", "--output", str(folder), "--small"]) == 0
    return folder


def test_report_tells_both_patients_with_ratios_and_truth(output):
    page = (output / "report.html").read_text(encoding="utf-8")
    for expected in (
        "For research only",
        "High-grade glioma",
        "Acute stroke",
        "Tumor over contralateral white matter",
        "True ratio",
        "Volume [ml]",
        "Tmax &gt; 6 s, oSVD",
        "Against the truth",
        "regularisation",
    ):
        assert expected in page, expected


def test_maps_and_pictures_of_both_patients_are_there(output):
    for kind, own in (("glioma-high", "K2"), ("stroke", "Tmax")):
        for name in ("CBF", "CBV", "MTT", "Tmax", "TTP", own):
            assert (output / kind / "maps" / f"{name}.nii.gz").exists()
            assert (output / kind / "pictures" / f"{name}.png").stat().st_size > 5_000
        assert (output / kind / "maps" / "report.json").exists()
        assert (output / kind / "patient" / "truth" / "CBF.nii.gz").exists()
    assert not list(output.rglob(".*"))


def test_unusable_folder_is_one_line_and_exit_2(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["demo", "--output", str(tmp_path / "file" / "demo"), "--small"]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert "file" in told[0]


def test_unknown_method_is_one_line_and_exit_2(tmp_path, capsys):
    assert main(["demo", "--output", str(tmp_path), "--small", "--method", "magic"]) == 2
    assert "magic" in capsys.readouterr().err
