"""Small synthetic DICOM series in the three ways in which scanners write a dynamic one.

No patient: every pixel is made up. Written with pydicom, only as complete as dcm2niix needs.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CLASSIC = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED = "1.2.840.10008.5.1.4.1.1.4.1"

ORIENTATION = [1.0, 0.0, 0.0, 0.0, 0.96592583, 0.25881905]
"""Rows along x, columns tilted by 15 degrees about it."""
NORMAL = np.cross(ORIENTATION[:3], ORIENTATION[3:])
ORIGIN = np.array([-20.0, -30.0, 40.0])
SPACING = (2.5, 2.0, 5.0)
"""Column, row and slice distance in mm (i, j, k)."""


def write_classic(
    folder: Path,
    signal: np.ndarray,
    *,
    echo_time_ms: float = 30.0,
    repetition_time_ms: float = 1500.0,
    series_number: int = 5,
    description: str = "DSC perfusion",
) -> None:
    """One file per slice and frame of a (T, K, J, I) signal."""
    series_uid, study_uid, frame_uid = generate_uid(), generate_uid(), generate_uid()
    frames, slices = signal.shape[:2]
    for t in range(frames):
        for k in range(slices):
            number = t * slices + k + 1
            dataset = _dataset(folder / f"{series_number}_{number:04d}.dcm", CLASSIC)
            _common(dataset, study_uid, series_uid, frame_uid, series_number, description)
            dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
            dataset.EchoTime = echo_time_ms
            dataset.RepetitionTime = repetition_time_ms
            dataset.InstanceNumber = number
            dataset.AcquisitionNumber = t + 1
            dataset.TemporalPositionIdentifier = t + 1
            dataset.NumberOfTemporalPositions = frames
            dataset.AcquisitionTime = _clock(t * repetition_time_ms / 1000)
            dataset.ContentTime = dataset.AcquisitionTime
            _plane(dataset, k)
            _pixels(dataset, signal[t, k])
            dataset.save_as(folder / f"{series_number}_{number:04d}.dcm", enforce_file_format=True)


def write_mosaic(
    folder: Path,
    signal: np.ndarray,
    *,
    echo_time_ms: float = 30.0,
    repetition_time_ms: float = 1500.0,
) -> None:
    """Siemens mosaics: slices are tiles of one image per frame; the CSA header tells them apart."""
    series_uid, study_uid, frame_uid = generate_uid(), generate_uid(), generate_uid()
    frames, slices, rows, columns = signal.shape
    tiles = int(np.ceil(np.sqrt(slices)))
    for t in range(frames):
        mosaic = np.zeros((tiles * rows, tiles * columns), signal.dtype)
        for k in range(slices):
            row, column = divmod(k, tiles)
            mosaic[row * rows : (row + 1) * rows, column * columns : (column + 1) * columns] = (
                signal[t, k]
            )
        dataset = _dataset(folder / f"{t:04d}.dcm", CLASSIC)
        _common(dataset, study_uid, series_uid, frame_uid, 7, "ep2d_perf")
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
        dataset.EchoTime = echo_time_ms
        dataset.RepetitionTime = repetition_time_ms
        dataset.InstanceNumber = t + 1
        dataset.AcquisitionNumber = t + 1
        dataset.AcquisitionTime = _clock(t * repetition_time_ms / 1000)
        dataset.ContentTime = dataset.AcquisitionTime
        _plane(dataset, 0)
        corner = np.array([(tiles - 1) * columns / 2, (tiles - 1) * rows / 2])
        position = (
            ORIGIN
            - corner[0] * SPACING[0] * np.array(ORIENTATION[:3])
            - corner[1] * SPACING[1] * np.array(ORIENTATION[3:])
        )
        dataset.ImagePositionPatient = _decimals(position)
        dataset.AcquisitionMatrix = [0, columns, rows, 0]
        _pixels(dataset, mosaic)
        block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        block.add_new(0x08, "CS", "IMAGE NUM 4")
        block.add_new(0x10, "OB", _csa_header(slices))
        block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0A, "US", slices)
        dataset.save_as(folder / f"{t:04d}.dcm", enforce_file_format=True)


def write_volumes(folder: Path, signal: np.ndarray) -> None:
    """One enhanced multi-frame file for each frame, all of one series."""
    uids = (generate_uid(), generate_uid(), generate_uid())
    for t in range(len(signal)):
        write_enhanced(folder / f"{t:04d}.dcm", signal[t : t + 1], number=t + 1, uids=uids)


def write_enhanced(
    path: Path,
    signal: np.ndarray,
    *,
    echo_time_ms: float = 30.0,
    repetition_time_ms: float = 1500.0,
    maker: str = "SIEMENS",
    slices_first: bool = True,
    number: int = 1,
    uids: tuple[str, str, str] | None = None,
) -> None:
    """One enhanced multi-frame file that holds every slice and frame.

    slices_first  whether the file runs through the slices of a frame before the next frame.
    """
    frames, slices = signal.shape[:2]
    dataset = _dataset(path, ENHANCED)
    _common(dataset, *(uids or (generate_uid(), generate_uid(), generate_uid())), 9, "DSC enhanced")
    dataset.Manufacturer = maker
    dataset.AcquisitionNumber = number
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "PERFUSION", "NONE"]
    dataset.InstanceNumber = number
    dataset.AcquisitionDateTime = "20200101120000.000000"
    dataset.AcquisitionDuration = frames * repetition_time_ms / 1000
    dataset.NumberOfFrames = frames * slices
    dataset.ComplexImageComponent = "MAGNITUDE"

    timing = Dataset()
    timing.RepetitionTime = repetition_time_ms
    timing.FlipAngle = 90.0
    echo = Dataset()
    echo.EffectiveEchoTime = echo_time_ms
    measures = Dataset()
    measures.PixelSpacing = _decimals((SPACING[1], SPACING[0]))
    measures.SliceThickness = SPACING[2]
    measures.SpacingBetweenSlices = SPACING[2]
    orientation = Dataset()
    orientation.ImageOrientationPatient = _decimals(ORIENTATION)
    shared = Dataset()
    shared.MRTimingAndRelatedParametersSequence = Sequence([timing])
    shared.MREchoSequence = Sequence([echo])
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PlaneOrientationSequence = Sequence([orientation])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])

    groups = []
    places = [(t, k) for t in range(frames) for k in range(slices)]
    if not slices_first:
        places.sort(key=lambda place: place[::-1])
    for t, k in places:
        content = Dataset()
        content.StackID = "1"
        content.InStackPositionNumber = k + 1
        content.TemporalPositionIndex = t + 1
        content.DimensionIndexValues = [1, k + 1, t + 1]
        moment = f"20200101{_clock(t * repetition_time_ms / 1000)}"
        content.FrameAcquisitionDateTime = moment
        content.FrameReferenceDateTime = moment
        content.FrameAcquisitionDuration = repetition_time_ms
        plane = Dataset()
        plane.ImagePositionPatient = _decimals(ORIGIN + k * SPACING[2] * NORMAL)
        group = Dataset()
        group.FrameContentSequence = Sequence([content])
        group.PlanePositionSequence = Sequence([plane])
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(groups)
    organization = generate_uid()
    dataset.DimensionOrganizationSequence = Sequence([Dataset()])
    dataset.DimensionOrganizationSequence[0].DimensionOrganizationUID = organization
    pointers = []
    for pointer in (0x00209056, 0x00209057, 0x00209128):
        item = Dataset()
        item.DimensionOrganizationUID = organization
        item.DimensionIndexPointer = pointer
        item.FunctionalGroupPointer = 0x00209111
        pointers.append(item)
    dataset.DimensionIndexSequence = Sequence(pointers)
    _pixels(dataset, np.stack([signal[place] for place in places]))
    dataset.save_as(path, enforce_file_format=True)


def _dataset(path: Path, sop_class: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    return dataset


def _common(
    dataset: Dataset, study: str, series: str, frame: str, number: int, description: str
) -> None:
    dataset.Modality = "MR"
    dataset.Manufacturer = "SIEMENS"
    dataset.MagneticFieldStrength = 3.0
    dataset.PatientName = "Synthetic"
    dataset.PatientID = "none"
    dataset.PatientPosition = "HFS"
    dataset.StudyInstanceUID = study
    dataset.SeriesInstanceUID = series
    dataset.FrameOfReferenceUID = frame
    dataset.SeriesNumber = number
    dataset.SeriesDescription = description
    dataset.ProtocolName = description
    dataset.StudyDate = "20200101"
    dataset.StudyTime = "120000"
    dataset.SeriesDate = "20200101"
    dataset.SeriesTime = "120000"
    dataset.AcquisitionDate = "20200101"
    dataset.ContentDate = "20200101"
    dataset.ScanningSequence = "EP"
    dataset.MRAcquisitionType = "2D"
    dataset.SequenceName = "epfid2d1_64"
    dataset.FlipAngle = 90.0


def _plane(dataset: Dataset, k: int) -> None:
    dataset.ImageOrientationPatient = _decimals(ORIENTATION)
    dataset.ImagePositionPatient = _decimals(ORIGIN + k * SPACING[2] * NORMAL)
    dataset.PixelSpacing = _decimals((SPACING[1], SPACING[0]))
    dataset.SliceThickness = SPACING[2]
    dataset.SpacingBetweenSlices = SPACING[2]


def _pixels(dataset: Dataset, pixels: np.ndarray) -> None:
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = 16
    dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    dataset.PixelData = pixels.astype("<u2").tobytes()


def _decimals(values: object) -> list[str]:
    return [f"{value:.8g}" for value in np.asarray(values, float)]


def _clock(seconds: float) -> str:
    return f"12{int(seconds) // 60:02d}{seconds % 60:09.6f}"


def _csa_header(slices: int) -> bytes:
    """A Siemens CSA2 header with the few tags that tell a mosaic apart (as read by dcm2niix)."""
    tags = {
        "NumberOfImagesInMosaic": ("US", [str(slices)]),
        "SliceNormalVector": ("FD", [f"{value:.8f}" for value in NORMAL]),
        "PhaseEncodingDirectionPositive": ("IS", ["1"]),
        "BandwidthPerPixelPhaseEncode": ("FD", ["20.0"]),
        "MosaicRefAcqTimes": ("FD", [f"{100.0 * k:.2f}" for k in range(slices)]),
        "ProtocolSliceNumber": ("IS", ["0"]),
    }
    out = b"SV10" + bytes([4, 3, 2, 1]) + struct.pack("<II", len(tags), 77)
    for name, (kind, values) in tags.items():
        items = values + [""] * (6 - len(values)) if len(values) < 6 else values
        out += struct.pack(
            "<64si4siii", name.encode(), len(values), kind.encode(), 0, len(items), 77
        )
        for value in items:
            text = value.encode() + b"\0" if value else b""
            padded = text + b"\0" * (-len(text) % 4)
            out += struct.pack("<iiii", len(text), len(text), 77, len(text)) + padded
    return out
