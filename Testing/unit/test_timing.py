"""Where TE and frame times come from, and what is said where they are missing or impossible."""

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry
from SyntheticPerfusionLib.series.multivolume import attribute_echo_time, attribute_times
from SyntheticPerfusionLib.series.read import read_series
from SyntheticPerfusionLib.series.timing import seconds_per
from SyntheticPerfusionLib.series.write import write_series

from unit.test_nifti import FRAMES, write

SIDECAR = {"EchoTime": 0.03, "RepetitionTime": 1.25}


def test_sidecar_in_seconds(tmp_path):
    series = read_series(write(tmp_path / "dsc.nii.gz", sidecar=SIDECAR, tr=1.25))
    assert series.echo_time_s == 0.03
    np.testing.assert_array_equal(series.frame_times_s, np.arange(FRAMES) * 1.25)
    assert series.frame_times_source == "BIDS sidecar RepetitionTime"
    assert series.echo_time_source == "BIDS sidecar EchoTime"
    assert series.warnings == ()


def test_given_times_override_and_the_source_says_so(tmp_path):
    series = read_series(write(tmp_path / "dsc.nii", sidecar=SIDECAR), 0.045, 2.0)
    assert series.echo_time_s == 0.045
    assert series.repetition_time_s == 2.0
    assert series.frame_times_source == series.echo_time_source == "given by the user"


def test_what_is_given_overrides_what_is_wrong_in_the_file(tmp_path):
    path = write(tmp_path / "dsc.nii", sidecar={"EchoTime": 30, "RepetitionTime": 1500})
    series = read_series(path, echo_time_s=0.03, repetition_time_s=1.5)
    assert (series.echo_time_s, series.repetition_time_s) == (0.03, 1.5)


def test_volume_timing_comes_before_repetition_time(tmp_path):
    times = (np.arange(FRAMES) * 1.5 + 0.01 * np.arange(FRAMES) ** 2).tolist()
    path = write(tmp_path / "dsc.nii", sidecar={**SIDECAR, "VolumeTiming": times})
    series = read_series(path)
    np.testing.assert_array_equal(series.frame_times_s, times)
    assert series.frame_times_source == "BIDS sidecar VolumeTiming"


def test_frame_times_start_counts_from_the_first_frame(tmp_path):
    starts = (np.arange(FRAMES) * 2.0 - 4.0).tolist()
    series = read_series(write(tmp_path / "dsc.nii", sidecar={"FrameTimesStart": starts}))
    np.testing.assert_array_equal(series.frame_times_s, np.arange(FRAMES) * 2.0)


def test_time_between_excitations_is_no_frame_time(tmp_path):
    path = write(tmp_path / "dsc.nii", sidecar={"RepetitionTimeExcitation": 0.5}, tr=0)
    with pytest.raises(InputError, match="--repetition-time"):
        read_series(path)


def test_repetition_time_shorter_than_a_frame_gives_way_to_the_header(tmp_path):
    path = write(tmp_path / "dsc.nii", sidecar={"RepetitionTime": 0.017}, tr=1.4)
    series = read_series(path)
    assert series.repetition_time_s == pytest.approx(1.4)
    assert "sidecar's RepetitionTime of 0.017 s" in series.frame_times_source


def test_sidecar_and_header_that_disagree_are_reported(tmp_path):
    series = read_series(write(tmp_path / "dsc.nii", sidecar=SIDECAR, tr=2.0))
    assert series.repetition_time_s == 1.25
    assert "1.25 s" in series.warnings[0]
    assert "2 s between frames" in series.warnings[0]


@pytest.mark.parametrize(
    ("unit", "interval"), [("sec", 1.243), ("msec", 1243.0), ("usec", 1243000.0)]
)
def test_header_with_a_unit(tmp_path, unit, interval):
    series = read_series(write(tmp_path / "dsc.nii", tr=interval, units=("mm", unit)))
    np.testing.assert_allclose(series.frame_times_s, np.arange(FRAMES) * 1.243, rtol=1e-6)
    assert series.frame_times_source == f"NIfTI header pixdim[4], in {unit}"
    assert series.echo_time_s is None
    assert series.echo_time_source == ""


def test_header_without_a_unit_is_seconds_where_plausible_and_says_so(tmp_path):
    series = read_series(write(tmp_path / "dsc.nii", tr=1.5, units=("mm", "unknown")))
    assert series.repetition_time_s == 1.5
    assert series.frame_times_source.endswith("unit not stated, taken as seconds")


def test_header_without_a_unit_is_not_guessed_where_implausible(tmp_path):
    path = write(tmp_path / "dsc.nii", tr=1500, units=("mm", "unknown"))
    with pytest.raises(InputError, match=r"1500 with no unit.*--repetition-time \(1.5 if"):
        read_series(path)


@pytest.mark.parametrize("placeholder", [0, 1])
def test_placeholder_without_a_unit_is_no_time(tmp_path, placeholder):
    path = write(tmp_path / "dsc.nii", tr=placeholder, units=("mm", "unknown"))
    with pytest.raises(InputError, match=r"not stored with dsc.nii; give it with --repetition-ti"):
        read_series(path)


def test_unit_of_something_else_is_no_time(tmp_path):
    path = write(tmp_path / "dsc.nii", tr=1.5, units=("mm", "hz"))
    with pytest.raises(InputError, match="--repetition-time"):
        read_series(path)


def test_broken_header_does_not_stand_in_the_way_of_the_sidecar(tmp_path):
    path = write(tmp_path / "dsc.nii", sidecar=SIDECAR, tr=1500, units=("mm", "unknown"))
    assert read_series(path).repetition_time_s == 1.25


def test_missing_echo_time_is_asked_for_where_it_is_needed(tmp_path):
    series = read_series(write(tmp_path / "dsc.nii"))
    with pytest.raises(InputError, match=r"--echo-time \(in seconds\)"):
        series.require_echo_time()


def test_echo_time_in_milliseconds_is_noticed(tmp_path):
    path = write(tmp_path / "dsc.nii")
    with pytest.raises(InputError, match=r"30 s \(given by .*milliseconds.*--echo-time 0\.03\."):
        read_series(path, echo_time_s=30)
    stored = write(tmp_path / "stored.nii", sidecar={"EchoTime": 30})
    with pytest.raises(InputError, match=r"30 s \(BIDS sidecar EchoTime\) looks like millisec"):
        read_series(stored)


def test_repetition_time_in_milliseconds_is_noticed(tmp_path):
    path = write(tmp_path / "dsc.nii")
    with pytest.raises(InputError, match=r"1500 s .*milliseconds.*--repetition-time 1\.5\."):
        read_series(path, repetition_time_s=1500)
    stored = write(tmp_path / "stored.nii", sidecar={"RepetitionTime": 1500})
    with pytest.raises(InputError, match=r"BIDS sidecar RepetitionTime\) looks like millisec"):
        read_series(stored)
    header = write(tmp_path / "header.nii", tr=1500)
    with pytest.raises(InputError, match=r"pixdim\[4\], in sec\) looks like milliseconds"):
        read_series(header)


@pytest.mark.parametrize("echo_time", [0.0, -0.03, 3e-5, 0.5, float("nan"), float("inf")])
def test_impossible_echo_time(tmp_path, echo_time):
    with pytest.raises(InputError, match=r"echo time .* expected 0.001 to 0.3 s"):
        read_series(write(tmp_path / "dsc.nii"), echo_time_s=echo_time)


@pytest.mark.parametrize("repetition_time", [0.0, -1.5, 0.02, 30.0, float("nan"), float("inf")])
def test_impossible_repetition_time(tmp_path, repetition_time):
    with pytest.raises(InputError, match=r"time between frames .* expected 0\.1 to 10 s"):
        read_series(write(tmp_path / "dsc.nii"), repetition_time_s=repetition_time)


@pytest.mark.parametrize(
    ("sidecar", "words"),
    [
        ({"VolumeTiming": [0, 1.5]}, "2 times for 12 frames"),
        ({"VolumeTiming": [0, 1.5, 1.0, *range(3, 12)]}, "do not increase"),
        ({"VolumeTiming": "0 1 2"}, "no list of numbers"),
        ({"RepetitionTime": "1.5 s"}, "expected a number of seconds"),
        ({"EchoTime": [0.03]}, "expected a number of seconds"),
        ([1, 2], "no JSON object"),
    ],
)
def test_sidecar_that_cannot_be_used(tmp_path, sidecar, words):
    with pytest.raises(InputError, match=words):
        read_series(write(tmp_path / "dsc.nii", sidecar=sidecar))


def test_sidecar_that_is_no_json(tmp_path):
    path = write(tmp_path / "dsc.nii")
    (tmp_path / "dsc.json").write_text("{EchoTime: 0.03")
    with pytest.raises(InputError, match=r"dsc.json is not readable as JSON"):
        read_series(path)


def labels(step: float, count: int = FRAMES, start: float = 0.0) -> str:
    return ",".join(f"{start + step * k:g}" for k in range(count))


def multivolume(**changes: str) -> dict[str, str]:
    attributes = {
        "FrameLabels": labels(1500, start=41000),
        "FrameIdentifyingDICOMTagName": "AcquisitionTime",
        "FrameIdentifyingDICOMTagUnits": "ms",
        "DICOM.EchoTime": "30",
        "DICOM.RepetitionTime": "1400",
    }
    return {f"MultiVolume.{name}": value for name, value in {**attributes, **changes}.items()}


def test_frame_labels_come_first():
    times = attribute_times(multivolume(), FRAMES, [str(k) for k in range(FRAMES)], "s")
    np.testing.assert_allclose(times.times_s, np.arange(FRAMES) * 1.5)
    assert times.source == "MultiVolume.FrameLabels, in ms"
    assert attribute_echo_time(multivolume()).seconds == pytest.approx(0.03)


@pytest.mark.parametrize(
    "no_time",
    [
        {
            "FrameIdentifyingDICOMTagName": "TemporalPositionIdentifier",
            "FrameIdentifyingDICOMTagUnits": "count",
            "FrameLabels": labels(1),
        },
        {"FrameIdentifyingDICOMTagName": "EchoTime"},
        {"FrameIdentifyingDICOMTagUnits": ""},
        {"FrameLabels": labels(0)},
        {"FrameLabels": labels(1500, FRAMES - 1)},
        {"FrameLabels": "a,b,c"},
    ],
)
def test_label_that_is_no_time_gives_way(no_time):
    index = [f"{2 * k}" for k in range(FRAMES)]
    by_index = attribute_times(multivolume(**no_time), FRAMES, index, "s")
    np.testing.assert_allclose(by_index.times_s, np.arange(FRAMES) * 2.0)
    assert by_index.source == "sequence index, in s"
    by_tr = attribute_times(multivolume(**no_time), FRAMES, index, "")
    np.testing.assert_allclose(by_tr.times_s, np.arange(FRAMES) * 1.4)
    assert by_tr.source == "MultiVolume.DICOM.RepetitionTime"


def test_count_alone_gives_no_times():
    attributes = {
        "MultiVolume.FrameLabels": labels(1),
        "MultiVolume.FrameIdentifyingDICOMTagName": "TemporalPositionIdentifier",
        "MultiVolume.FrameIdentifyingDICOMTagUnits": "count",
    }
    assert attribute_times(attributes, FRAMES, [str(k) for k in range(FRAMES)], "frame") is None
    assert attribute_echo_time(attributes) is None


def test_labels_whose_unit_is_wrong_are_refused():
    wrong = multivolume(FrameIdentifyingDICOMTagUnits="s")
    with pytest.raises(InputError, match=r"1500 s apart .*--repetition-time"):
        attribute_times(wrong, FRAMES)


def test_repetition_time_attribute_in_seconds_is_refused():
    with pytest.raises(InputError, match=r"0\.0015 s \(MultiVolume.DICOM.RepetitionTime\)"):
        attribute_times({"MultiVolume.DICOM.RepetitionTime": "1.5"}, FRAMES)


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [("s", 1), ("SEC", 1), ("ms", 1e-3), (" msec ", 1e-3), ("µs", 1e-6), ("min", 60)],
)
def test_units_of_time(unit, seconds):
    assert seconds_per(unit) == seconds


@pytest.mark.parametrize("unit", ["", "count", "mm", "Hz", "degrees"])
def test_units_of_something_else(unit):
    assert seconds_per(unit) is None


def test_where_times_were_read_survives_writing_and_reading(tmp_path):
    """The panel hands its series to another process; the report still says where TE came from."""
    series = DscSeries(
        np.random.default_rng(0).uniform(100, 200, (12, 2, 4, 4)),
        np.arange(12) * 1.5,
        Geometry((2, 4, 4), (2.0, 2.0, 5.0)),
        0.03,
        frame_times_source="MultiVolume.FrameLabels in ms",
        echo_time_source="typed in the panel",
    )
    write_series(series, tmp_path / "dsc.nii.gz")
    again = read_series(tmp_path / "dsc.nii.gz")
    assert again.frame_times_source == "MultiVolume.FrameLabels in ms"
    assert again.echo_time_source == "typed in the panel"
