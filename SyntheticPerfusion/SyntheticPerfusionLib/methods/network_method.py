"""What all networks share as methods: all that the model folder says, and its weights.

A family adds how its network is built and how it is run (see families); nothing about a single
model stands in code.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..maps.perfusion_maps import PerfusionMaps
from ..maps.quantity import QUANTITIES
from ..series.dsc_series import DscSeries
from .method import Method, Needs
from .model_folder import ModelFolder
from .valid_range import range_warnings

if TYPE_CHECKING:
    from torch import nn


class NetworkMethod(Method):
    """A method that runs the network of a model folder.

    folder  the model; name, title, needs and quantities come from its card.
    """

    has_weights = True

    def __init__(self, folder: ModelFolder) -> None:
        self.folder = folder
        card = folder.card
        self.name = card["name"]
        self.title = card["title"]
        self.description = card["description"]
        self.reference = card["paper"]
        self.needs = Needs(**card["needs"])
        self.quantities = tuple(QUANTITIES[name] for name in card["quantities"])
        self._networks: dict[str, nn.Module] = {}

    @property
    def architecture(self) -> Mapping[str, Any]:
        """What the network is built from, as the card has it."""
        architecture: Mapping[str, Any] = self.folder.card["architecture"]
        return architecture

    @property
    def preprocessing(self) -> Mapping[str, Any]:
        """What is done to the series before the network, as the card has it."""
        preprocessing: Mapping[str, Any] = self.folder.card["preprocessing"]
        return preprocessing

    @abstractmethod
    def _build(self) -> nn.Module:
        """The network by `architecture`, on the CPU, its weights still to be loaded."""

    def network(self, device: str) -> nn.Module:
        """The network with its weights on `device`, in evaluation mode, without gradients.

        Loaded once for each device. Raises InputError where the weights are missing or altered,
        do not belong to the architecture of the card, or the family cannot build that.
        """
        if device not in self._networks:
            network = self._built()
            try:
                network.load_state_dict(self.folder.weights())
            except RuntimeError as error:
                reason = " ".join(str(error).split())[:300]
                raise InputError(
                    f"The weights of {self.folder.path} do not fit the architecture in its "
                    f"model.json: {reason}"
                ) from error
            self._networks[device] = network.eval().requires_grad_(False).to(device)
        return self._networks[device]

    def _built(self) -> nn.Module:
        try:
            return self._build()
        except InputError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"The family {self.folder.family} cannot build the architecture in the model.json "
                f"of {self.folder.path} ({type(error).__name__}: {error})."
            ) from error

    def load(self, device: str) -> None:
        """See `Method.load`: the weights."""
        self.network(device)

    def range_warnings(self, series: DscSeries) -> tuple[str, ...]:
        """See `Method.range_warnings`."""
        return range_warnings(series, self.folder.card["valid_range"], self.name)

    def maps(
        self,
        values: Mapping[str, np.ndarray],
        series: DscSeries,
        mask: np.ndarray,
        flags: np.ndarray | None = None,
        settings: Mapping[str, Any] | None = None,
        warnings: tuple[str, ...] = (),
        definitions: Mapping[str, str] | None = None,
    ) -> PerfusionMaps:
        """The set of this method's maps, with the model that made them among its settings.

        values    (K, J, I) by name for each of `quantities`; what lies outside `mask` is set to 0.
        settings  what the family was run with besides, in plain JSON values.
        flags, warnings, definitions  see PerfusionMaps; voxels of `mask` without a finite value
                  hold 0, and their number is said.
        """
        arrays = {item: np.where(mask, values[item.name], 0) for item in self.quantities}
        lost = ~np.all([np.isfinite(array) for array in arrays.values()], axis=0)
        if lost.any():
            warnings = (
                *warnings,
                f"{self.name} gave no finite value in {int(lost.sum())} voxels, which hold 0.",
            )
        return PerfusionMaps(
            arrays={
                item: np.where(lost, 0, array).astype(np.float32) for item, array in arrays.items()
            },
            geometry=series.geometry,
            mask=mask,
            method=self.name,
            flags=flags,
            definitions=definitions or {},
            settings={"model": self._model(), **(settings or {})},
            warnings=warnings,
        )

    def _model(self) -> dict[str, Any]:
        """Which model it is, to the byte, for the provenance of its maps."""
        card = self.folder.card
        which = {key: card[key] for key in ("name", "version", "family")}
        return {**which, "weights_sha256": card["weights"]["sha256"]}

    def describe(self) -> dict[str, Any]:
        """See `Method.describe`; with the card."""
        return describe_model(self.folder)


def describe_model(folder: ModelFolder) -> dict[str, Any]:
    """What `Method.describe` says of a model, from its card alone: its code is not loaded.

    Besides, `card` is the card and `folder` the path of its folder.
    """
    card = dict(folder.card)
    return {
        "name": card["name"],
        "title": card["title"],
        "description": card["description"],
        "reference": card["paper"],
        "needs": Needs(**card["needs"]).in_short(),
        "quantities": [QUANTITIES[name].in_short() for name in card["quantities"]],
        "card": card,
        "folder": str(folder.path),
    }
