"""DICOM through dcm2niix: three ways of writing a dynamic series, and what cannot be read."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("dcm2niix")
pytest.importorskip("pydicom")

from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.series import conversion
from SyntheticPerfusionLib.series.read import read_series

from unit.small_dicoms import (
    NORMAL,
    ORIENTATION,
    ORIGIN,
    SPACING,
    write_classic,
    write_enhanced,
    write_mosaic,
    write_volumes,
)

FRAMES, SHAPE = 12, (5, 16, 24)


def signal(frames: int = FRAMES) -> np.ndarray:
    return np.random.default_rng(5).integers(50, 999, (frames, *SHAPE)).astype(np.uint16)


def expected_position(k: int, j: int, i: int) -> np.ndarray:
    rows, columns = np.array(ORIENTATION[:3]), np.array(ORIENTATION[3:])
    return ORIGIN + i * SPACING[0] * rows + j * SPACING[1] * columns + k * SPACING[2] * NORMAL


def check(series, stored: np.ndarray) -> None:
    """Every value lies where the DICOM says, whatever the order of rows in memory."""
    inverse = np.linalg.inv(series.geometry.voxel_to_lps)
    for place in [(0, 0, 0), (4, 15, 23), (2, 3, 20), (1, 12, 5)]:
        there = inverse @ np.array([*expected_position(*place), 1.0])
        i, j, k = (round(value) for value in there[:3])
        np.testing.assert_allclose(there[:3], [i, j, k], atol=1e-3)
        np.testing.assert_array_equal(series.signal[:, k, j, i], stored[(slice(None), *place)])
    assert np.sort(series.signal, axis=None).tolist() == np.sort(stored, axis=None).tolist()
    np.testing.assert_allclose(series.frame_times_s, np.arange(FRAMES) * 1.5)
    assert series.echo_time_s == pytest.approx(0.03)
    assert series.frame_times_source == "DICOM, BIDS sidecar RepetitionTime"
    assert series.echo_time_source == "DICOM, BIDS sidecar EchoTime"


def test_classic_single_frames(tmp_path):
    write_classic(tmp_path, signal())
    series = read_series(tmp_path)
    check(series, signal())
    assert series.name == "5: DSC perfusion"


def test_siemens_mosaic(tmp_path):
    write_mosaic(tmp_path, signal())
    check(read_series(tmp_path), signal())


@pytest.mark.parametrize("maker", ["SIEMENS", "GE MEDICAL SYSTEMS", "Philips Medical Systems"])
@pytest.mark.parametrize("slices_first", [True, False])
def test_enhanced_multi_frame(tmp_path, maker, slices_first):
    write_enhanced(tmp_path / "all.dcm", signal(), maker=maker, slices_first=slices_first)
    check(read_series(tmp_path), signal())


def test_images_that_look_the_same_keep_their_places(tmp_path):
    stored = signal()
    stored[:, 0] = 0
    stored[7, 1] = stored[3, 2]
    write_enhanced(tmp_path / "all.dcm", stored)
    check(read_series(tmp_path), stored)


def test_enhanced_multi_frame_file_by_itself(tmp_path):
    write_enhanced(tmp_path / "IM0001", signal())
    check(read_series(tmp_path / "IM0001"), signal())


def test_enhanced_file_for_each_frame(tmp_path):
    write_volumes(tmp_path, signal())
    check(read_series(tmp_path), signal())


def test_given_times_override(tmp_path):
    write_enhanced(tmp_path / "all.dcm", signal())
    series = read_series(tmp_path, echo_time_s=0.04, repetition_time_s=2.0)
    assert (series.echo_time_s, series.repetition_time_s) == (0.04, 2.0)
    assert series.frame_times_source == series.echo_time_source == "given by the user"


def test_the_dynamic_series_is_picked(tmp_path):
    write_mosaic(tmp_path, signal())
    write_classic(tmp_path, signal(1), series_number=2, description="localizer")
    assert read_series(tmp_path).name == "7: ep2d_perf"


def test_two_dynamic_series_are_named(tmp_path):
    write_classic(tmp_path, signal(10), series_number=3, description="resting state")
    write_classic(tmp_path, signal(11), series_number=5)
    words = r"2 dynamic series: 3: resting state \(10 frames\); 5: DSC perfusion \(11 frames\)"
    with pytest.raises(InputError, match=words):
        read_series(tmp_path)


def test_no_dynamic_series(tmp_path):
    write_classic(tmp_path, signal(1), series_number=2, description="T1")
    with pytest.raises(InputError, match=r"no dynamic series .*; found 2: T1 \(1 frame\)"):
        read_series(tmp_path)


def test_empty_folder(tmp_path):
    with pytest.raises(InputError, match="is empty; expected the DICOM files"):
        read_series(tmp_path)


def test_folder_without_dicom(tmp_path):
    (tmp_path / "notes.txt").write_text("no images here")
    with pytest.raises(InputError, match="no readable DICOM image"):
        read_series(tmp_path)


@pytest.mark.parametrize("length", [132, 400, 900])
def test_unreadable_dicom(tmp_path, length):
    write_enhanced(tmp_path / "all.dcm", signal())
    content = (tmp_path / "all.dcm").read_bytes()
    (tmp_path / "all.dcm").write_bytes(content[:length])
    with pytest.raises(InputError, match="no readable DICOM image"):
        read_series(tmp_path)


def spoiling(monkeypatch, spoil, status: int = 0, words: str = "") -> None:
    """Let dcm2niix run as ever, then let `spoil` at the folder of what it made."""
    run = subprocess.run

    def spoiled(command, **settings):
        done = run(command, **settings)
        spoil(Path(command[command.index("-o") + 1]))
        return subprocess.CompletedProcess(command, status, done.stdout + words, done.stderr)

    monkeypatch.setattr(conversion.subprocess, "run", spoiled)


def with_localizer(folder) -> None:
    write_classic(folder, signal())
    write_classic(folder, signal(1), series_number=2, description="localizer")


def shear(path: Path) -> None:
    """Leave a NIfTI with a sheared sform alone, which SimpleITK refuses (tilted gantry)."""
    content = bytearray(path.read_bytes())
    content[252:256] = np.array([0, 1], "<i2").tobytes()
    content[280 + 4 : 280 + 8] = np.array([1.5], "<f4").tobytes()
    path.write_bytes(content)


def test_sheared_series_beside_the_dynamic_one(tmp_path, monkeypatch):
    with_localizer(tmp_path)
    spoiling(monkeypatch, lambda folder: shear(folder / "2_localizer.nii"))
    series = read_series(tmp_path)
    check(series, signal())
    assert series.warnings == ()


def test_sheared_dynamic_series(tmp_path, monkeypatch):
    write_classic(tmp_path, signal())
    spoiling(monkeypatch, lambda folder: shear(folder / "5_DSC_perfusion.nii"))
    with pytest.raises(InputError, match="has a sheared affine"):
        read_series(tmp_path)


def test_sheared_frames_that_came_one_by_one(tmp_path, monkeypatch):
    def spoil(folder: Path) -> None:
        for file in folder.glob("*.nii"):
            shear(file)

    write_volumes(tmp_path, signal())
    spoiling(monkeypatch, spoil)
    with pytest.raises(InputError, match=r"found 12 times .* cannot be joined .* sheared affine"):
        read_series(tmp_path)


@pytest.mark.parametrize(
    "content", [b"{'SeriesNumber': 2", b'{"SeriesDescription": "Sch\xe4del"}', b"[]"]
)
def test_unreadable_sidecar_beside_the_dynamic_one(tmp_path, monkeypatch, content):
    with_localizer(tmp_path)
    spoiling(monkeypatch, lambda folder: (folder / "2_localizer.json").write_bytes(content))
    series = read_series(tmp_path)
    check(series, signal())
    assert len(series.warnings) == 1
    assert "series 2_localizer beside it cannot be read, what dcm2niix wrote" in series.warnings[0]


def test_unreadable_image_beside_the_dynamic_one(tmp_path, monkeypatch):
    with_localizer(tmp_path)
    spoiling(monkeypatch, lambda folder: (folder / "2_localizer.nii").write_bytes(b"half"))
    series = read_series(tmp_path)
    check(series, signal())
    assert "series 2: localizer beside it cannot be read" in series.warnings[0]


def test_unreadable_sidecar_of_the_dynamic_series(tmp_path, monkeypatch):
    with_localizer(tmp_path)
    spoiling(monkeypatch, lambda folder: (folder / "5_DSC_perfusion.json").write_text("{"))
    with pytest.raises(InputError, match="dynamic series 5_DSC_perfusion cannot be read, what dcm"):
        read_series(tmp_path)


def test_nothing_but_unreadable_images(tmp_path, monkeypatch):
    write_classic(tmp_path, signal())
    spoiling(monkeypatch, lambda folder: (folder / "5_DSC_perfusion.nii").write_bytes(b"half"))
    with pytest.raises(InputError, match=r"found 5: DSC perfusion \(unreadable, its conversion"):
        read_series(tmp_path)


def test_truncated_frame_among_those_that_came_one_by_one(tmp_path, monkeypatch):
    def spoil(folder: Path) -> None:
        file = sorted(folder.glob("*.nii"))[3]
        file.write_bytes(file.read_bytes()[:-200])

    write_volumes(tmp_path, signal())
    spoiling(monkeypatch, spoil)
    with pytest.raises(InputError, match=r"cannot be joined .* is truncated or damaged"):
        read_series(tmp_path)


def test_fault_of_the_program_is_passed_on(tmp_path, monkeypatch):
    write_classic(tmp_path, signal())
    spoiling(monkeypatch, lambda folder: None, 8, "\n Error: Missing images in series 5\n")
    series = read_series(tmp_path)
    check(series, signal())
    words = r"(dcm2niix, exit status 8: Missing images in series 5): check that this is the DSC"
    assert words in series.warnings[0]


def test_crash_of_the_program_is_passed_on(tmp_path, monkeypatch):
    write_classic(tmp_path, signal())
    spoiling(monkeypatch, lambda folder: None, -11)
    assert "dcm2niix, exit status -11" in read_series(tmp_path).warnings[0]


def test_missing_file_is_named_as_the_reason(tmp_path):
    write_classic(tmp_path, signal())
    (tmp_path / "5_0023.dcm").unlink()
    with pytest.raises(
        InputError, match=r"no readable DICOM .* exit status 1: .*1\.\.12\); expect"
    ):
        read_series(tmp_path)


def test_program_that_does_not_start(tmp_path, monkeypatch):
    write_enhanced(tmp_path / "all.dcm", signal())
    (tmp_path / "dcm2niix").write_bytes(b"no program")
    monkeypatch.setattr(conversion, "find_dcm2niix", lambda: tmp_path / "dcm2niix")
    with pytest.raises(InputError, match="dcm2niix does not start"):
        read_series(tmp_path)


def test_program_that_is_not_installed(tmp_path, monkeypatch):
    write_enhanced(tmp_path / "all.dcm", signal())
    monkeypatch.setattr(conversion, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="pip install dcm2niix"):
        read_series(tmp_path)
