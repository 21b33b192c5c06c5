"""Units and quantities of maps as DICOM codes, so that they survive a DICOM export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..maps.quantity import Quantity

if TYPE_CHECKING:
    from slicer import vtkCodedEntry, vtkMRMLScalarVolumeNode

# UCUM has no 'ml/100g'; the annotation-free form is 'mL/(100.g)'.
UCUM: dict[str, tuple[str, str]] = {
    "ml/100g/min": ("mL/(100.g)/min", "milliliter per 100 gram per minute"),
    "ml/100g": ("mL/(100.g)", "milliliter per 100 gram"),
    "s": ("s", "second"),
    "s^2": ("s2", "square second"),
    "1/s": ("/s", "per second"),
    "%": ("%", "percent"),
    "": ("1", "no units"),
}


def set_codes(volume: vtkMRMLScalarVolumeNode, quantity: Quantity) -> None:
    """Say on the volume what its voxels are (DICOM code, where there is one) and in which unit."""
    if quantity.dicom_code is not None:
        volume.SetVoxelValueQuantity(_entry(*quantity.dicom_code))
    if quantity.unit in UCUM:
        value, meaning = UCUM[quantity.unit]
        volume.SetVoxelValueUnits(_entry(value, "UCUM", meaning))


def _entry(value: str, scheme: str, meaning: str) -> vtkCodedEntry:
    from slicer import vtkCodedEntry

    entry = vtkCodedEntry()
    entry.SetValueSchemeMeaning(value, scheme, meaning)
    return entry
