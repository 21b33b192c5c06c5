"""Models that together are one method, each giving maps of its own from the same series.

Kossen 2022 trains one network for each quantity; who wants maps chooses them all by one name. Which
folders belong together their cards say (`group`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..maps.perfusion_maps import PerfusionMaps
from ..maps.quantity import QUANTITIES
from ..progress import CancelCheck, Progress, never, part, silent
from ..series.aif import Aif
from ..series.dsc_series import DscSeries
from .method import Method, Needs
from .model_folder import ModelFolder
from .network_method import NetworkMethod
from .valid_range import range_warnings


class GroupMember(NetworkMethod):
    """A network whose input may be that of others, too, and is then prepared once for all.

    input_key  equal for models that read the same input.
    """

    @property
    @abstractmethod
    def input_key(self) -> Hashable:
        """See above."""

    @abstractmethod
    def examine(self, series: DscSeries, mask: np.ndarray) -> Any:
        """What the network reads of a series and its mask."""

    @abstractmethod
    def estimate_examined(
        self,
        examined: Any,
        series: DscSeries,
        mask: np.ndarray,
        device: str,
        progress: Progress,
        cancelled: CancelCheck,
    ) -> PerfusionMaps:
        """As `estimate`, of what `examine` made of that series and mask."""

    def estimate(
        self,
        series: DscSeries,
        mask: np.ndarray,
        aif: Aif | None = None,
        device: str = "cpu",
        progress: Progress = silent,
        cancelled: CancelCheck = never,
    ) -> PerfusionMaps:
        """See `Method.estimate`."""
        examined = self.examine(series, mask)
        return self.estimate_examined(examined, series, mask, device, progress, cancelled)


class GroupMethod(Method):
    """The models of a group as one method.

    members  of which no two give the same map.
    """

    has_weights = True

    def __init__(self, name: str, members: Sequence[NetworkMethod]) -> None:
        self._members = tuple(members)
        described = describe_group(name, [one.folder for one in members])
        self.name = name
        self.title = described["title"]
        self.description = described["description"]
        self.reference = described["reference"]
        self.needs = Needs(**described["card"]["needs"])
        self.quantities = tuple(QUANTITIES[item["name"]] for item in described["quantities"])
        self._described = described

    def only(self, quantities: Iterable[str]) -> Method:
        """See `Method.only`."""
        wanted = set(quantities)
        kept = [one for one in self._members if wanted & {item.name for item in one.quantities}]
        return GroupMethod(self.name, kept) if len(kept) < len(self._members) else self

    def load(self, device: str) -> None:
        """See `Method.load`."""
        for member in self._members:
            member.load(device)

    def range_warnings(self, series: DscSeries) -> tuple[str, ...]:
        """See `Method.range_warnings`: what several members say, once."""
        return tuple(
            dict.fromkeys(
                sentence
                for one in self._members
                for sentence in range_warnings(series, one.folder.card["valid_range"], self.name)
            )
        )

    def estimate(
        self,
        series: DscSeries,
        mask: np.ndarray,
        aif: Aif | None = None,
        device: str = "cpu",
        progress: Progress = silent,
        cancelled: CancelCheck = never,
    ) -> PerfusionMaps:
        """See `Method.estimate`. A voxel is flagged where any member flags it."""
        examined: dict[Hashable, Any] = {}
        found: list[PerfusionMaps] = []
        for n, member in enumerate(self._members):
            own = part(progress, n / len(self._members), (n + 1) / len(self._members))
            if not isinstance(member, GroupMember):
                found.append(member.estimate(series, mask, aif, device, own, cancelled))
                continue
            key = (type(member), member.input_key)
            if key not in examined:
                examined[key] = member.examine(series, mask)
            found.append(
                member.estimate_examined(examined[key], series, mask, device, own, cancelled)
            )
        arrays = {item: array for maps in found for item, array in maps.arrays.items()}
        flags = [maps.flags for maps in found if maps.flags is not None]
        return PerfusionMaps(
            arrays={item: arrays[item] for item in self.quantities},
            geometry=series.geometry,
            mask=mask,
            method=self.name,
            flags=np.maximum.reduce(flags) if flags else None,
            settings=_settings(self._members, found),
            definitions={name: text for maps in found for name, text in maps.definitions.items()},
            warnings=tuple(dict.fromkeys(said for maps in found for said in maps.warnings)),
        )

    def describe(self) -> dict[str, Any]:
        """See `Method.describe`; with a card of the group and those of its members."""
        return self._described


def _settings(members: Sequence[NetworkMethod], found: Sequence[PerfusionMaps]) -> dict[str, Any]:
    """Which model made which map, and the other settings: for each map where they differ."""
    by_map = {
        item.name: maps.settings
        for one, maps in zip(members, found, strict=True)
        for item in one.quantities
    }
    settings: dict[str, Any] = {"models": {name: own["model"] for name, own in by_map.items()}}
    for key in dict.fromkeys(key for own in by_map.values() for key in own if key != "model"):
        values = {name: own[key] for name, own in by_map.items() if key in own}
        first = next(iter(values.values()))
        if len(values) == len(by_map) and all(value == first for value in values.values()):
            settings[key] = first
        else:
            settings.setdefault("by_map", {})[key] = values
    return settings


def describe_group(name: str, folders: Sequence[ModelFolder]) -> dict[str, Any]:
    """What `Method.describe` says of a group, from the cards alone.

    Besides, `card` is one card for all, `cards` are those of the members, and `folder` is the path
    of the first one's.
    """
    cards = [dict(folder.card) for folder in folders]
    card = _joined(name, cards)
    return {
        "name": name,
        "title": card["title"],
        "description": card["description"],
        "reference": card["paper"],
        "needs": Needs(**card["needs"]).in_short(),
        "quantities": [QUANTITIES[item].in_short() for item in card["quantities"]],
        "card": card,
        "cards": cards,
        "folder": str(folders[0].path),
    }


def _joined(name: str, cards: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One card of several: what they have in common, and beside it what each has for itself."""
    given = [item for card in cards for item in card["quantities"]]
    quantities = [item for item in QUANTITIES if item in given]
    needs = [card["needs"] for card in cards]
    limitations = dict.fromkeys(said for card in cards for said in card["limitations"])
    return {
        **cards[0],
        "name": name,
        "title": _in_common(cards, "title", "perfusion maps") or name,
        "description": _in_common(cards, "description", " and ".join(_commas(quantities)))
        or cards[0]["description"],
        "quantities": quantities,
        "needs": {
            "aif": any(need["aif"] for need in needs),
            "echo_time": any(need["echo_time"] for need in needs),
            "minimum_frames": max(need["minimum_frames"] for need in needs),
        },
        "valid_range": _narrowest([card["valid_range"] for card in cards]),
        "metrics": {
            **{
                f"{', '.join(card['quantities'])}: {key}": value
                for card in cards
                for key, value in card["metrics"].items()
                if key != "command"
            },
            "command": cards[0]["metrics"]["command"],
        },
        "limitations": list(limitations),
    }


def _in_common(cards: Sequence[Mapping[str, Any]], key: str, instead: str) -> str:
    """The text that all cards share but for the name of their first map; empty where none."""
    texts = {card[key].replace(card["quantities"][0], instead) for card in cards}
    return texts.pop() if len(texts) == 1 else ""


def _commas(names: Sequence[str]) -> list[str]:
    """All but the last with commas between, and the last."""
    return [", ".join(names[:-1]), names[-1]] if len(names) > 1 else list(names)


def _narrowest(ranges: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, list[float]]:
    """For each property what every model that names it is valid for."""
    found: dict[str, list[float]] = {}
    for valid in ranges:
        for key, (low, high) in valid.items():
            lowest, highest = found.get(key, (low, high))
            found[key] = [max(low, lowest), min(high, highest)]
    return found
