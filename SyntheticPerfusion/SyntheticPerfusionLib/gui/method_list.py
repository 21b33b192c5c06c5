"""The methods to choose from, in groups and with a search: networks will be many."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import qt


@dataclass(frozen=True)
class Entry:
    """A method as it stands in the list.

    name      as stored in scenes.
    text      the line.
    tip       its tooltip.
    searched  text in which a search looks.
    """

    name: str
    text: str
    tip: str
    searched: str


class MethodList:
    """A tree with one level of headings, none of which can be chosen.

    chosen(name)  called when the person chooses a method.
    """

    def __init__(self, tree: Any, search: Any, chosen: Callable[[str], None]) -> None:
        self._tree, self._search, self._chosen = tree, search, chosen
        self._searched: dict[str, str] = {}
        tree.connect("itemSelectionChanged()", self._on_selection)
        search.connect("textChanged(QString)", self._on_search)

    def fill(self, groups: Mapping[str, Sequence[Entry]]) -> None:
        """List these entries under these headings; empty groups are left out."""
        was_blocked = self._tree.blockSignals(True)
        self._tree.clear()
        self._searched = {}
        for heading, entries in groups.items():
            if not entries:
                continue
            group = qt.QTreeWidgetItem([heading])
            group.setFlags(qt.Qt.ItemIsEnabled)
            self._tree.addTopLevelItem(group)
            for entry in entries:
                item = qt.QTreeWidgetItem([entry.text])
                item.setData(0, qt.Qt.UserRole, entry.name)
                item.setToolTip(0, entry.tip)
                group.addChild(item)
                self._searched[entry.name] = entry.searched.lower()
        self._tree.expandAll()
        self._tree.blockSignals(was_blocked)
        self._on_search(self._search.text)

    def show(self, name: str) -> None:
        """Mark this method as chosen; none where it is not listed."""
        if name == self._selected():
            return
        was_blocked = self._tree.blockSignals(True)
        self._tree.clearSelection()
        for item in self._items():
            if item.data(0, qt.Qt.UserRole) == name:
                self._tree.setCurrentItem(item)
                self._tree.scrollToItem(item)
        self._tree.blockSignals(was_blocked)

    def names(self) -> list[str]:
        """Names of the methods that the search leaves."""
        return [item.data(0, qt.Qt.UserRole) for item in self._items() if not item.isHidden()]

    def _groups(self) -> list[Any]:
        return [self._tree.topLevelItem(row) for row in range(self._tree.topLevelItemCount)]

    def _items(self) -> list[Any]:
        return [group.child(row) for group in self._groups() for row in range(group.childCount())]

    def _selected(self) -> str:
        chosen = self._tree.selectedItems()
        return chosen[0].data(0, qt.Qt.UserRole) if chosen else ""

    def _on_selection(self) -> None:
        name = self._selected()
        if name:
            self._chosen(name)

    def _on_search(self, text: str) -> None:
        words = text.lower().split()
        for group in self._groups():
            found = False
            for row in range(group.childCount()):
                item = group.child(row)
                searched = self._searched[item.data(0, qt.Qt.UserRole)]
                fits = all(word in searched for word in words)
                item.setHidden(not fits)
                found = found or fits
            group.setHidden(not found)
