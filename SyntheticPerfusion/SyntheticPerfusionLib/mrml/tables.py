"""Table nodes from columns, made anew or renewed in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slicer import vtkMRMLScene, vtkMRMLTableNode


ROLE = "SyntheticPerfusion.Role"


def named_node(  # type: ignore[no-untyped-def]
    scene: vtkMRMLScene, class_name: str, name: str, hidden: bool = False
):
    """The module's own node of this class and name; made where the scene has none.

    It is known by an attribute, so that a node of the person's that happens to be called alike
    is left alone. `hidden` keeps a new node out of the lists in which a person looks for data.
    """
    for number in range(scene.GetNumberOfNodesByClass(class_name)):
        node = scene.GetNthNodeByClass(number, class_name)
        if node.GetAttribute(ROLE) == name:
            return node
    node = scene.CreateNodeByClass(class_name)
    node.UnRegister(None)
    node.SetName(name)
    node.SetAttribute(ROLE, name)
    node.SetHideFromEditors(hidden)
    return scene.AddNode(node)


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
