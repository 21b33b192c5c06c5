"""4D NRRD: the time axis in any place, Slicer's own files, and what cannot be read."""

import numpy as np
import pytest
import SimpleITK as sitk
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.series.read import read_series

from unit.small_series import small_geometry

SHAPE = (3, 5, 4)
FRAMES = 11
GEOMETRY = small_geometry(SHAPE, (2.0, 2.5, 5.0), left_handed=True)
LABELS = ",".join(str(41000 + 1500 * k) for k in range(FRAMES))
MULTIVOLUME = {
    "MultiVolume.FrameLabels": LABELS,
    "MultiVolume.FrameIdentifyingDICOMTagName": "AcquisitionTime",
    "MultiVolume.FrameIdentifyingDICOMTagUnits": "ms",
    "MultiVolume.DICOM.EchoTime": "32",
    "MultiVolume.DICOM.RepetitionTime": "1400",
}


def signal(frames: int = FRAMES) -> np.ndarray:
    return np.random.default_rng(3).integers(100, 999, (frames, *SHAPE)).astype("<i2")


def write(path, axis, kind, attributes=None, *, space="left-posterior-superior", unit=""):
    """A NRRD by hand, after its format definition, with time as the axis of that number."""
    stored = signal()
    matrix = GEOMETRY.voxel_to_lps
    if space.startswith("right-anterior"):
        matrix = np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix
    sizes = [str(n) for n in reversed(SHAPE)]
    directions = [f"({','.join(f'{v:.9g}' for v in matrix[:3, c])})" for c in range(3)]
    kinds, units, order = ["domain"] * 3, ['""'] * 3, [3, 2, 1]
    for row, value in ((sizes, str(FRAMES)), (directions, "none"), (kinds, kind), (order, 0)):
        row.insert(axis, value)
    units.insert(axis, f'"{unit}"')
    header = [
        "NRRD0005",
        "type: short",
        "dimension: 4",
        f"space: {space}",
        f"sizes: {' '.join(sizes)}",
        f"space directions: {' '.join(directions)}",
        f"kinds: {' '.join(kinds)}",
        *([f"units: {' '.join(units)}"] if unit else []),
        "endian: little",
        "encoding: raw",
        f"space origin: ({','.join(f'{v:.9g}' for v in matrix[:3, 3])})",
        *(f"{key}:={value}" for key, value in (attributes or {}).items()),
    ]
    pixels = np.transpose(stored, order[::-1]).tobytes()
    path.write_bytes("\n".join(header).encode() + b"\n\n" + pixels)
    return path


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
@pytest.mark.parametrize("kind", ["list", "vector"])
def test_time_axis_in_any_place(tmp_path, axis, kind):
    series = read_series(write(tmp_path / "dsc.seq.nrrd", axis, kind, MULTIVOLUME))
    np.testing.assert_array_equal(series.signal, signal())
    assert series.geometry.matches(GEOMETRY)
    np.testing.assert_allclose(series.frame_times_s, np.arange(FRAMES) * 1.5)
    assert series.frame_times_source == "MultiVolume.FrameLabels, in ms"
    assert series.echo_time_s == pytest.approx(0.032)
    assert series.echo_time_source == "MultiVolume.DICOM.EchoTime"
    assert series.name == "dsc"


def test_name_in_upper_case(tmp_path):
    assert read_series(write(tmp_path / "DSC.SEQ.NRRD", 3, "list", MULTIVOLUME)).name == "DSC"


def test_position_in_ras(tmp_path):
    path = write(tmp_path / "dsc.nrrd", 3, "list", MULTIVOLUME, space="right-anterior-superior")
    assert read_series(path).geometry.matches(GEOMETRY)


@pytest.mark.parametrize("number", [0, 3])
def test_index_with_a_time_unit(tmp_path, number):
    index = " ".join(f"{1.25 * k}" for k in range(FRAMES))
    attributes = {f"axis {number} index type": "numeric", f"axis {number} index values": index}
    path = write(tmp_path / "dsc.seq.nrrd", number, "list", attributes, unit="s")
    series = read_series(path)
    np.testing.assert_allclose(series.frame_times_s, np.arange(FRAMES) * 1.25)
    assert series.frame_times_source == "sequence index, in s"


def test_frame_label_that_counts_is_no_time(tmp_path):
    counted = {
        **MULTIVOLUME,
        "MultiVolume.FrameLabels": ",".join(str(k) for k in range(FRAMES)),
        "MultiVolume.FrameIdentifyingDICOMTagName": "TemporalPositionIdentifier",
        "MultiVolume.FrameIdentifyingDICOMTagUnits": "count",
    }
    series = read_series(write(tmp_path / "dsc.nrrd", 0, "list", counted))
    assert series.repetition_time_s == pytest.approx(1.4)
    assert series.frame_times_source == "MultiVolume.DICOM.RepetitionTime"


def test_no_time_at_all(tmp_path):
    path = write(tmp_path / "dsc.nrrd", 0, "list")
    with pytest.raises(InputError, match=r"--repetition-time \(in seconds\)"):
        read_series(path)
    given = read_series(path, echo_time_s=0.03, repetition_time_s=2.0)
    assert given.repetition_time_s == 2.0
    assert given.frame_times_source == given.echo_time_source == "given by the user"


def test_plain_four_axes_keep_time_last(tmp_path):
    image = sitk.GetImageFromArray(signal(), isVector=False)
    image.SetSpacing((2.0, 2.0, 5.0, 1.5))
    sitk.WriteImage(image, str(tmp_path / "dsc.nrrd"))
    series = read_series(tmp_path / "dsc.nrrd")
    np.testing.assert_array_equal(series.signal, signal())
    assert series.repetition_time_s == 1.5
    assert series.frame_times_source.endswith("unit not stated, taken as seconds")


def test_axes_that_are_not_told_apart(tmp_path):
    path = write(tmp_path / "dsc.nrrd", 0, "time", MULTIVOLUME)
    with pytest.raises(InputError, match='mark the time axis with the kind "list"'):
        read_series(path)


def test_values_that_are_no_number(tmp_path):
    array = signal().astype(np.float32)
    array[2:4, 0, 0, 0] = np.nan
    image = sitk.GetImageFromArray(np.moveaxis(array, 0, -1), isVector=True)
    sitk.WriteImage(image, str(tmp_path / "dsc.nrrd"))
    with pytest.raises(
        InputError, match=r"2 values .*, in 2 frames from frame 2 \(counted from 0\) on"
    ):
        read_series(tmp_path / "dsc.nrrd", repetition_time_s=1.5)


def test_truncated_file(tmp_path):
    path = write(tmp_path / "dsc.seq.nrrd", 0, "list", MULTIVOLUME)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"dsc\.seq\.nrrd is truncated"):
        read_series(path)


def test_three_dimensional_input(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(signal()[0]), str(tmp_path / "t1.nrrd"))
    with pytest.raises(InputError, match="single 3D image"):
        read_series(tmp_path / "t1.nrrd")


def test_file_that_slicer_wrote(tmp_path):
    slicer = pytest.importorskip("slicer")
    vtk = pytest.importorskip("vtk")
    from vtk.util.numpy_support import vtk_to_numpy

    scene = slicer.vtkMRMLScene()
    sequence = slicer.vtkMRMLSequenceNode()
    scene.AddNode(sequence)
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("s")
    sequence.SetAttribute("MultiVolume.DICOM.EchoTime", "32")
    ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ GEOMETRY.voxel_to_lps
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(ras.ravel().tolist())
    for k, frame in enumerate(signal()):
        image = vtk.vtkImageData()
        image.SetDimensions(*reversed(SHAPE))
        image.AllocateScalars(vtk.VTK_SHORT, 1)
        vtk_to_numpy(image.GetPointData().GetScalars())[:] = frame.ravel()
        volume = slicer.vtkMRMLScalarVolumeNode()
        volume.SetAndObserveImageData(image)
        volume.SetIJKToRASMatrix(matrix)
        sequence.SetDataNodeAtValue(volume, str(1.75 * k))
    storage = slicer.vtkMRMLVolumeSequenceStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(tmp_path / "dsc.seq.nrrd"))
    assert storage.WriteData(sequence)

    series = read_series(tmp_path / "dsc.seq.nrrd")
    np.testing.assert_array_equal(series.signal, signal())
    np.testing.assert_allclose(series.frame_times_s, np.arange(FRAMES) * 1.75)
    assert series.frame_times_source == "sequence index, in s"
    assert series.echo_time_s == pytest.approx(0.032)
    assert series.geometry.matches(GEOMETRY)
