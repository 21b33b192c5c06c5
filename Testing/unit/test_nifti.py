"""4D NIfTI in and out: signal, position, and a sentence for each thing that can be wrong."""

import gzip
import json
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.images import read_image, read_mask, write_image
from SyntheticPerfusionLib.series.read import read_series
from SyntheticPerfusionLib.series.write import write_series

from unit.small_series import small_geometry, small_series

SHAPE = (4, 6, 5)
FRAMES = 12
RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def signal(frames: int = FRAMES) -> np.ndarray:
    rng = np.random.default_rng(7)
    return rng.integers(100, 1000, (frames, *SHAPE)).astype(np.int16)


def affine(left_handed: bool = False) -> np.ndarray:
    return RAS_FROM_LPS @ small_geometry(SHAPE, (2.0, 2.5, 5.0), left_handed).voxel_to_lps


def write(
    path,
    array=None,
    sidecar=None,
    *,
    tr=1.5,
    units=("mm", "sec"),
    matrix=None,
):
    """A NIfTI of a (T, K, J, I) array by nibabel, with a sidecar where one is given."""
    array = signal() if array is None else array
    image = nib.Nifti1Image(array.T, affine() if matrix is None else matrix)
    if array.ndim == 4:
        image.header["pixdim"][4] = tr
    image.header.set_xyzt_units(*units)
    image.to_filename(path)
    if sidecar is not None:
        path.with_name(path.name.split(".")[0] + ".json").write_text(json.dumps(sidecar))
    return path


def write_floats(path, array):
    return write(path, np.asarray(array, np.float32), {"EchoTime": 0.03, "RepetitionTime": 1.5})


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_signal_arrives_as_stored(tmp_path, suffix):
    series = read_series(write(tmp_path / f"dsc{suffix}"))
    assert series.signal.dtype == np.float32
    np.testing.assert_array_equal(series.signal, signal())
    assert series.name == "dsc"
    assert series.warnings == ()


def test_scaling_of_the_header_is_applied(tmp_path):
    path = write(tmp_path / "dsc.nii")
    header = bytearray(path.read_bytes())
    header[112:120] = np.array([0.5, 10.0], "<f4").tobytes()
    path.write_bytes(header)
    np.testing.assert_allclose(read_series(path).signal, 0.5 * signal() + 10, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i4", "f4", "f8", ">i2", ">f4"])
def test_every_kind_of_pixel(tmp_path, dtype):
    array = (signal() % 100).astype(dtype)
    header = nib.Nifti1Header(endianness=">" if dtype[0] == ">" else "<")
    image = nib.Nifti1Image(array.T, affine(), header)
    image.header.set_data_dtype(dtype)
    image.header["pixdim"][4] = 2.0
    image.header.set_xyzt_units("mm", "sec")
    image.to_filename(tmp_path / "dsc.nii")
    series = read_series(tmp_path / "dsc.nii")
    np.testing.assert_array_equal(series.signal, array)
    np.testing.assert_allclose(RAS_FROM_LPS @ series.geometry.voxel_to_lps, affine(), atol=1e-4)


@pytest.mark.parametrize("left_handed", [False, True])
def test_voxels_lie_where_nibabel_says(tmp_path, left_handed):
    path = write(tmp_path / "dsc.nii.gz", matrix=affine(left_handed))
    ours = RAS_FROM_LPS @ read_series(path).geometry.voxel_to_lps
    assert np.sign(np.linalg.det(ours[:3, :3])) == (-1 if left_handed else 1)
    np.testing.assert_allclose(ours, nib.load(path).affine, atol=1e-4)


@pytest.mark.parametrize("left_handed", [False, True])
def test_map_lies_on_the_series_voxel_for_voxel(tmp_path, left_handed):
    source = write(tmp_path / "dsc.nii.gz", matrix=affine(left_handed))
    series = read_series(source)
    write_image(series.signal[3], series.geometry, tmp_path / "CBF.nii.gz")
    stored, geometry = read_image(tmp_path / "CBF.nii.gz")
    assert geometry.matches(series.geometry)
    np.testing.assert_array_equal(stored, series.signal[3])
    for form in ("get_sform", "get_qform"):
        there = getattr(nib.load(tmp_path / "CBF.nii.gz"), form)()
        np.testing.assert_allclose(there, nib.load(source).affine, atol=1e-4)


def test_sheared_position_is_refused_in_words(tmp_path):
    sheared = affine()
    sheared[0, 1] += 0.7
    path = write(tmp_path / "dsc.nii", matrix=sheared)
    with pytest.raises(InputError, match=r"sheared affine \(sform\) and no qform"):
        read_series(path)


def test_sheared_sform_gives_way_to_the_qform(tmp_path):
    sheared = affine()
    sheared[0, 1] += 0.7
    image = nib.Nifti1Image(signal().T, sheared)
    image.set_qform(affine(), code=1)
    image.header["pixdim"][4] = 1.5
    image.header.set_xyzt_units("mm", "sec")
    image.to_filename(tmp_path / "dsc.nii")
    series = read_series(tmp_path / "dsc.nii")
    np.testing.assert_allclose(RAS_FROM_LPS @ series.geometry.voxel_to_lps, affine(), atol=1e-4)
    assert "the qform was used" in series.warnings[0]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_written_series_reads_back_the_same(tmp_path, suffix):
    series = small_series(12, small_geometry(SHAPE, left_handed=True))
    write_series(series, tmp_path / f"out{suffix}")
    back = read_series(tmp_path / f"out{suffix}")
    np.testing.assert_array_equal(back.signal, series.signal)
    np.testing.assert_array_equal(back.frame_times_s, series.frame_times_s)
    assert back.echo_time_s == series.echo_time_s
    assert back.geometry.matches(series.geometry)
    assert sorted(os.listdir(tmp_path)) == sorted([f"out{suffix}", "out.json"])


@pytest.mark.parametrize(
    ("change", "stored"),
    [(0.0, np.int16), (0.25, np.float32), (40_000.0, np.float32), (np.nan, np.float32)],
)
def test_whole_numbers_are_stored_as_scanners_do(tmp_path, change, stored):
    series = small_series(12, small_geometry(SHAPE))
    values = np.rint(series.signal)
    values[3, 1, 2, 0] += change
    write_series(series.with_signal(values), tmp_path / "out.nii.gz", {"FlipAngle": 60})
    assert nib.load(tmp_path / "out.nii.gz").get_data_dtype() == stored
    found = np.moveaxis(nib.load(tmp_path / "out.nii.gz").get_fdata(), 3, 0)
    np.testing.assert_array_equal(found.transpose(0, 3, 2, 1), values)
    assert json.loads((tmp_path / "out.json").read_text())["FlipAngle"] == 60


def test_uneven_and_late_frames_read_back_the_same(tmp_path):
    series = small_series(14, small_geometry(SHAPE))
    times = series.frame_times_s + 0.1 * np.sin(np.arange(14))
    uneven = DscSeries(series.signal, times - times[0], series.geometry).from_frame(2)
    write_series(uneven, tmp_path / "out.nii")
    back = read_series(tmp_path / "out.nii")
    np.testing.assert_array_equal(back.frame_times_s, uneven.frame_times_s)
    assert back.echo_time_s is None
    assert back.frame_times_source == "BIDS sidecar VolumeTiming"


def test_even_and_late_frames_read_back_the_same(tmp_path):
    late = small_series(14, small_geometry(SHAPE)).from_frame(2)
    write_series(late, tmp_path / "out.nii")
    back = read_series(tmp_path / "out.nii")
    assert back.frame_times_s[0] == 2 * late.repetition_time_s
    np.testing.assert_array_equal(back.frame_times_s, late.frame_times_s)


def test_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    def full(image, name, *_):
        Path(name).write_bytes(b"half a map")
        raise RuntimeError("no space left")

    monkeypatch.setattr(sitk, "WriteImage", full)
    target = tmp_path / "CBF.nii.gz"
    target.write_bytes(b"older map")
    with pytest.raises(OSError, match="could not be written"):
        write_image(np.ones(SHAPE), small_geometry(SHAPE), target)
    assert target.read_bytes() == b"older map"
    assert os.listdir(tmp_path) == ["CBF.nii.gz"]


@pytest.mark.parametrize("name", ["DSC.NII", "DSC.NII.GZ"])
@pytest.mark.parametrize("sidecar", ["DSC.json", "DSC.JSON"])
def test_name_in_upper_case_finds_its_sidecar(tmp_path, name, sidecar):
    stored = write(tmp_path / f"lower{name[3:].lower()}", units=("mm", "unknown"), tr=0)
    stored.rename(tmp_path / name)
    (tmp_path / sidecar).write_text(json.dumps({"EchoTime": 0.03, "RepetitionTime": 1.7}))
    series = read_series(tmp_path / name)
    assert (series.echo_time_s, series.repetition_time_s) == pytest.approx((0.03, 1.7))
    assert series.name == "DSC"


@pytest.mark.parametrize("name", ["OUT.NII", "OUT.NII.GZ"])
def test_name_in_upper_case_is_written_and_read_back(tmp_path, name):
    series = small_series(12, small_geometry(SHAPE))
    write_series(series, tmp_path / name)
    np.testing.assert_array_equal(read_series(tmp_path / name).signal, series.signal)
    assert sorted(os.listdir(tmp_path)) == sorted([name, "OUT.json"])


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="no file or folder"):
        read_series(tmp_path / "none.nii.gz")


def test_unknown_suffix(tmp_path):
    (tmp_path / "dsc.mat").write_bytes(b"1234")
    with pytest.raises(InputError, match="of no known kind; expected a 4D NIfTI"):
        read_series(tmp_path / "dsc.mat")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("share", [0.3, 0.97])
def test_truncated_file(tmp_path, suffix, share):
    path = write(tmp_path / f"dsc{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"dsc\.nii(\.gz)? is truncated or damaged"):
        read_series(path)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_truncated_mask(tmp_path, suffix):
    path = tmp_path / f"mask{suffix}"
    noise = np.random.default_rng(0).integers(0, 9, (8, 32, 32)).astype(np.uint8)
    write_image(noise, small_geometry(noise.shape), path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match="is truncated"):
        read_mask(path, small_geometry(noise.shape))


def edited(path, offset, values, dtype="<f4"):
    """The NIfTI at `path` with other numbers from that byte of its header on."""
    packed = path.suffix == ".gz"
    content = bytearray(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    patch = np.asarray(values, dtype).tobytes()
    content[offset : offset + len(patch)] = patch
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


BOTH_WAYS_IN = pytest.mark.parametrize(
    "read",
    [read_series, lambda path: read_mask(path, small_geometry(SHAPE))],
    ids=["series", "mask"],
)


@BOTH_WAYS_IN
@pytest.mark.parametrize("offset", [np.nan, np.inf, -np.inf, -5.0])
def test_data_that_begin_nowhere(tmp_path, read, offset):
    path = edited(write(tmp_path / "dsc.nii"), 108, [offset])
    with pytest.raises(InputError, match=r"header of dsc\.nii is damaged: its data begin at byte"):
        read(path)


@BOTH_WAYS_IN
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_data_that_begin_behind_the_end(tmp_path, read, suffix):
    path = edited(write(tmp_path / f"dsc{suffix}"), 108, [1e30])
    with pytest.raises(InputError, match="is truncated or damaged"):
        read(path)


@BOTH_WAYS_IN
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_short_file_that_announces_more_than_memory_holds(tmp_path, read, suffix):
    path = edited(write(tmp_path / f"dsc{suffix}"), 42, [30000, 30000, 30000, 12], "<i2")
    with pytest.raises(InputError, match=r"is truncated or damaged: 3232 of the 648000000000352 b"):
        read(path)


def test_length_that_is_right_but_for_four_gigabytes(tmp_path):
    """The trailer of gzip holds the length modulo 2^32, and 2^33 is as good as 0."""
    path = edited(write(tmp_path / "dsc.nii.gz"), 42, [1024, 1024, 256, 16], "<i2")
    content = gzip.decompress(path.read_bytes())[:352]
    path.write_bytes(gzip.compress(content))
    with pytest.raises(InputError, match=r"is truncated or damaged: 352 of the 8589934944 bytes"):
        read_series(path)


@BOTH_WAYS_IN
@pytest.mark.parametrize("axes", [0, 8, -3])
def test_impossible_number_of_axes(tmp_path, read, axes):
    path = edited(write(tmp_path / "dsc.nii"), 40, [axes], "<i2")
    with pytest.raises(InputError, match="cannot be read as an image"):
        read(path)


@BOTH_WAYS_IN
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("step", [0.0, np.nan, np.inf, -2.0])
def test_voxels_without_a_size(tmp_path, read, axis, step):
    path = edited(write(tmp_path / "dsc.nii"), 80 + 4 * axis, [step])
    with pytest.raises(InputError, match=rf"voxels of dsc\.nii have a size of .*{step:g}.* mm"):
        read(path)


@BOTH_WAYS_IN
def test_position_that_is_no_number(tmp_path, read):
    path = edited(write(tmp_path / "dsc.nii"), 280, [np.nan])
    with pytest.raises(InputError, match=r"position of dsc\.nii \(sform\) holds values that are"):
        read(path)


def test_gzip_of_several_members_is_not_taken_for_truncated(tmp_path):
    path = write(tmp_path / "dsc.nii")
    content = path.read_bytes()
    packed = tmp_path / "packed.nii.gz"
    packed.write_bytes(gzip.compress(content[:1000]) + gzip.compress(content[1000:]))
    np.testing.assert_array_equal(read_series(packed).signal, signal())


def test_file_that_is_no_image(tmp_path):
    (tmp_path / "dsc.nii").write_bytes(b"not an image" * 100)
    with pytest.raises(InputError, match="cannot be read as an image"):
        read_series(tmp_path / "dsc.nii")


def test_nifti_2(tmp_path):
    nib.Nifti2Image(signal().T, affine()).to_filename(tmp_path / "dsc.nii")
    with pytest.raises(InputError, match="save it as NIfTI-1"):
        read_series(tmp_path / "dsc.nii")


def test_three_dimensional_input(tmp_path):
    path = write(tmp_path / "t1.nii", signal()[0])
    with pytest.raises(InputError, match="single 3D image; expected a 4D series"):
        read_series(path)


def test_five_dimensional_input(tmp_path):
    nib.Nifti1Image(np.ones((5, 4, 3, 2, 12), np.float32), np.eye(4)).to_filename(
        tmp_path / "dsc.nii"
    )
    with pytest.raises(InputError, match=r"has 5 axes \(5 x 4 x 3 x 2 x 12\); expected four"):
        read_series(tmp_path / "dsc.nii")


def test_single_frame(tmp_path):
    image = nib.Nifti1Image(signal()[:1].T, affine())
    image.header["dim"][:5] = [4, *SHAPE[::-1], 1]
    image.to_filename(tmp_path / "dsc.nii")
    with pytest.raises(InputError, match="holds a single frame"):
        read_series(tmp_path / "dsc.nii")


def test_too_few_frames(tmp_path):
    path = write(tmp_path / "dsc.nii", signal(9))
    with pytest.raises(InputError, match="holds 9 frames; a bolus passage needs at least 10"):
        read_series(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_number(tmp_path, value):
    array = signal().astype(np.float32)
    array[4, 1, 2, 3] = value
    with pytest.raises(
        InputError, match=r"1 values .* or infinite, in frame 4 \(counted from 0\);"
    ):
        read_series(write_floats(tmp_path / "dsc.nii", array))


def test_all_zero(tmp_path):
    with pytest.raises(InputError, match="no signal: every value is zero"):
        read_series(write_floats(tmp_path / "dsc.nii", np.zeros((FRAMES, *SHAPE))))


def test_empty_frame(tmp_path):
    array = signal()
    array[10] = 0
    with pytest.raises(InputError, match=r"Frame 10 \(counted from 0\) of the 12 in dsc is empty"):
        read_series(write_floats(tmp_path / "dsc.nii", array))


def test_constant_series(tmp_path):
    array = np.repeat(signal()[:1], FRAMES, axis=0)
    with pytest.raises(InputError, match="All 12 frames of dsc are the same"):
        read_series(write_floats(tmp_path / "dsc.nii", array))


def test_negative_signal_is_refused(tmp_path):
    phase = signal().astype(np.float32) - 500
    with pytest.raises(InputError, match=r"negative signal .* magnitude"):
        read_series(write_floats(tmp_path / "dsc.nii", phase))


def test_stray_negative_values_become_zero_and_are_reported(tmp_path):
    array = signal().astype(np.float32)
    array[2, 0, 0, :3] = -2.5
    series = read_series(write_floats(tmp_path / "dsc.nii", array))
    assert series.signal.min() == 0
    np.testing.assert_array_equal(series.signal, np.maximum(array, 0))
    assert series.warnings[0].startswith("3 stray negative values")


def test_complex_values(tmp_path):
    nib.Nifti1Image(signal().T.astype(np.complex64), affine()).to_filename(tmp_path / "dsc.nii")
    with pytest.raises(InputError, match="export the magnitude"):
        read_series(tmp_path / "dsc.nii")


def test_mask_on_the_series(tmp_path):
    geometry = small_geometry(SHAPE, left_handed=True)
    mask = np.zeros(SHAPE, bool)
    mask[1, 2:4, 3] = True
    write_image(mask, geometry, tmp_path / "mask.nii.gz")
    found = read_mask(tmp_path / "mask.nii.gz", geometry)
    assert found.dtype == bool
    np.testing.assert_array_equal(found, mask)


def test_mask_on_another_grid(tmp_path):
    write_image(np.ones(SHAPE, bool), small_geometry(SHAPE), tmp_path / "mask.nii")
    elsewhere = small_geometry(SHAPE, (4.0, 4.5, 6.1))
    with pytest.raises(InputError, match=r"lies on another grid .* than the series"):
        read_mask(tmp_path / "mask.nii", elsewhere)


def test_empty_mask(tmp_path):
    write_image(np.zeros(SHAPE, bool), small_geometry(SHAPE), tmp_path / "mask.nii")
    with pytest.raises(InputError, match="is empty: none of its voxels is set"):
        read_mask(tmp_path / "mask.nii", small_geometry(SHAPE))


def test_four_dimensional_mask(tmp_path):
    path = write(tmp_path / "mask.nii")
    with pytest.raises(InputError, match="no single 3D volume"):
        read_mask(path, small_geometry(SHAPE))


def test_series_is_read_without_a_double_copy(tmp_path):
    """Peak of what numpy allocates: the float32 series and one frame beside it."""
    import tracemalloc

    array = np.random.default_rng(0).integers(1, 999, (40, 8, 64, 64)).astype(np.int16)
    path = write(tmp_path / "dsc.nii", array)
    read_series(path)
    tracemalloc.start()
    try:
        series = read_series(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.2 * series.signal.nbytes
