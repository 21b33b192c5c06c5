"""Step 3 of the panel: the method, what it needs and is valid for.

Networks are folders, which may come while the panel is open: a model that was just trained, or
one that a colleague handed over. Those that cannot be used are named with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..methods.model_registry import broken_folders, shipped_model_folder, user_model_folder
from ..methods.registry import describe_methods
from ..methods.valid_range import range_warnings
from ..series.dsc_series import DscSeries
from .errors_shown import errors_shown
from .method_list import Entry, MethodList
from .model_card import card_page
from .requirements import ensure_packages

_READING_MODELS = ("jsonschema",)


class MethodSection:
    """Offers the methods of the registry; the choice is stored by name.

    rescan()  lists the models again, here and wherever else they can be chosen.
    """

    def __init__(self, ui: Any, rescan: Callable[[], None]) -> None:
        self._ui = ui
        self._rescan = rescan
        self._parameters: Any = None
        self._methods: dict[str, dict[str, Any]] = {}
        self._card_shown: tuple[str, ...] | None = None
        self.list = MethodList(ui.methodTree, ui.methodSearchBox, self._on_method)
        icon = slicer.app.style().standardIcon(qt.QStyle.SP_MessageBoxWarning)
        ui.rangeIconLabel.setPixmap(icon.pixmap(24, 24))
        ui.rescanButton.connect("clicked()", self._on_rescan)
        self.scan()

    def scan(self) -> None:
        """List what can be chosen now, and name what cannot."""
        self._methods = {method["name"]: method for method in describe_methods()}
        groups: dict[str, list[Entry]] = {
            _("Deconvolution"): [],
            _("Regions drawn by you"): [],
            _("Networks"): [],
            _("Your own models"): [],
        }
        classical, drawn, shipped, own = groups.values()
        for method in self._methods.values():
            if method["needs"]["regions"]:
                drawn.append(_entry(method))
            elif "card" not in method:
                classical.append(_entry(method))
            elif Path(method["folder"]).parent == shipped_model_folder():
                shipped.append(_entry(method))
            else:
                own.append(_entry(method))
        self.list.fill(groups)
        broken = [sentence for _path, sentence in broken_folders()]
        if broken and not all(find_spec(package) for package in _READING_MODELS):
            broken.append(_("Rescan offers to install what is missing."))
        self._ui.brokenModelsLabel.setText(
            "\n".join((_("Models that cannot be used:"), *broken)) if broken else ""
        )
        self._ui.brokenModelsLabel.setVisible(bool(broken))

    def set_parameters(self, parameters: Any) -> None:
        """Work on this parameter node; None while the scene is being closed."""
        self._parameters = parameters

    def update(self) -> None:
        """Show the stored choice and describe it."""
        if self._parameters is None:
            return
        name = self._parameters.method
        self.list.show(name)
        self._ui.methodLabel.setText(self._in_words(name))
        self._ui.leakageCheckBox.setEnabled(self.can_correct_leakage())
        self._show_card(self._methods.get(name, {}))

    def _show_card(self, method: dict[str, Any]) -> None:
        card = method.get("card")
        self._ui.modelCardSection.setVisible(card is not None)
        cards = method.get("cards", [card])
        shown = (
            (method["folder"], *(one["weights"]["sha256"] for one in cards))
            if card is not None
            else None
        )
        if card is not None and shown != self._card_shown:
            self._ui.modelCardBrowser.setHtml(card_page(card, method["folder"], cards))
        self._card_shown = shown

    def missing(self, series: DscSeries) -> str:
        """What the chosen method lacks with this series; empty where nothing is missing."""
        method = self._methods.get(self._parameters.method)
        if method is None:
            return _("Choose a method.")
        needs = method["needs"]
        if needs["echo_time"] and series.echo_time_s is None:
            return _("The echo time is not stored with the series; type it in step 1.")
        if series.frame_count < needs["minimum_frames"]:
            return _("{method} needs {needed} frames or more; the series has {found}.").format(
                method=method["title"], needed=needs["minimum_frames"], found=series.frame_count
            )
        return ""

    def show_range(self, series: DscSeries | None) -> str:
        """Warn above Apply where `series` is unlike those the model is valid for; returns it."""
        card = self._methods.get(self._parameters.method, {}).get("card")
        warnings = (
            range_warnings(series, card["valid_range"], card["name"])
            if card is not None and series is not None
            else ()
        )
        text = "\n".join(warnings)
        self._ui.rangeLabel.setText(text)
        self._ui.rangeFrame.setVisible(bool(text))
        return text

    def needs_weights(self) -> bool:
        """Whether the chosen method is a network."""
        return "card" in self._methods.get(self._parameters.method, {})

    def can_correct_leakage(self) -> bool:
        """Whether the chosen method gives leakage-corrected maps: deconvolution does."""
        return not self.needs_weights() and not self.needs_regions()

    def is_listed(self, name: str) -> bool:
        """Whether a method is called so; capitals make no difference, as in file systems."""
        return name.lower() in {known.lower() for known in self._methods}

    def title(self) -> str:
        """Title of the chosen method; its name where it is not installed here."""
        name = self._parameters.method
        return self._methods[name]["title"] if name in self._methods else name

    def needs_aif(self) -> bool:
        """Whether the chosen method needs an arterial input function."""
        return self._needs("aif")

    def needs_regions(self) -> bool:
        """Whether the chosen method needs regions that a person draws."""
        return bool(self._needs("regions"))

    def needs_echo_time(self) -> bool:
        """Whether the chosen method needs the echo time."""
        return self._needs("echo_time")

    def _needs(self, what: str) -> Any:
        method = self._methods.get(self._parameters.method)
        return method is not None and method["needs"][what]

    def _in_words(self, name: str) -> str:
        method = self._methods.get(name)
        if method is None:
            return _("{name} is not installed here; choose another method.").format(name=name)
        needs = [_("{frames} frames or more").format(frames=method["needs"]["minimum_frames"])]
        if method["needs"]["aif"]:
            needs.append(_("an arterial input function"))
        if method["needs"]["echo_time"]:
            needs.append(_("the echo time"))
        if method["needs"]["regions"]:
            needs.append(_("two regions, chosen below"))
        return _("{description} Needs {needs}. Gives {quantities}.").format(
            description=method["description"],
            needs=", ".join(needs),
            quantities=", ".join(item["name"] for item in method["quantities"]),
        )

    def _on_method(self, name: str) -> None:
        if self._parameters is not None:
            self._parameters.method = name

    def _on_rescan(self) -> None:
        with errors_shown(_("The models cannot be listed.")):
            # Without its schema a model of unknown origin is not read.
            if user_model_folder().is_dir() and any(user_model_folder().iterdir()):
                ensure_packages(_READING_MODELS)
            self._rescan()


def _entry(method: dict[str, Any]) -> Entry:
    gives = [f"{item['name']} {item['title']}" for item in method["quantities"]]
    title, name = method["title"], method["name"]
    line = title if name in title else f"{title} ({name})"
    searched = " ".join((line, method["description"], method["reference"], *gives))
    return Entry(name, line, f"{line}. {method['description']}", searched)
