"""Table nodes from columns, made anew or renewed in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slicer import vtkMRMLScene, vtkMRMLTableNode


ROLE = "SyntheticPerfusion.Role"


def named_node(scene: vtkMRMLScene, class_name: str, name: str):  # type: ignore[no-untyped-def]
    """The module's own node of this class and name; made where the scene has none.

    It is known by an attribute, so that a node of the person's that happens to be called alike
    is left alone.
    """
    for number in range(scene.GetNumberOfNodesByClass(class_name)):
        node = scene.GetNthNodeByClass(number, class_name)
        if node.GetAttribute(ROLE) == name:
            return node
    node = scene.AddNewNodeByClass(class_name, name)
    node.SetAttribute(ROLE, name)
    return node


def fill_table(
    table: vtkMRMLTableNode, columns: Mapping[str, Sequence[str] | Sequence[float]]
) -> None:
    """Give a table node these columns, texts or numbers, in place of what it holds."""
    import vtk

    was_modifying = table.StartModify()
    table.RemoveAllColumns()
    for title, values in columns.items():
        if len(values) and isinstance(values[0], str):
            array = vtk.vtkStringArray()
        else:
            array = vtk.vtkDoubleArray()
        array.SetName(title)
        for value in values:
            array.InsertNextValue(value)
        table.AddColumn(array)
    table.EndModify(was_modifying)
    table.Modified()
