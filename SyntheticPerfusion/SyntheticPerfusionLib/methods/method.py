"""What every method looks like from outside: deconvolution and networks alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..maps.perfusion_maps import PerfusionMaps
from ..maps.quantity import Quantity
from ..progress import CancelCheck, Progress, never, silent
from ..series.aif import Aif
from ..series.dsc_series import DscSeries


@dataclass(frozen=True)
class Needs:
    """What a method must be given.

    aif             an arterial input function.
    echo_time       the echo time (for absolute concentration).
    minimum_frames  the fewest frames it can work with.
    regions         names of the regions that a person draws for it, as on the command line.
    """

    aif: bool = False
    echo_time: bool = False
    minimum_frames: int = 10
    regions: tuple[str, ...] = ()

    def in_short(self) -> dict[str, Any]:
        """The needs as plain JSON values."""
        return {**asdict(self), "regions": list(self.regions)}


class Method(ABC):
    """One way from a series to maps.

    name         as typed on the command line and stored in scenes: never renamed.
    title        name in words.
    description  two sentences for the panel: what it does, what it is valid for.
    reference    the paper.
    needs        what it must be given.
    quantities   what it gives.
    has_weights  whether `load` reads any.
    """

    name: str
    title: str
    description: str
    reference: str
    needs: Needs
    quantities: tuple[Quantity, ...]
    has_weights: bool = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @abstractmethod
    def estimate(
        self,
        series: DscSeries,
        mask: np.ndarray,
        aif: Aif | None = None,
        device: str = "cpu",
        progress: Progress = silent,
        cancelled: CancelCheck = never,
    ) -> PerfusionMaps:
        """Maps of `quantities` inside `mask`.

        series  at steady state from its first frame (see series.prepare).
        mask    (K, J, I) bool.
        aif     on the series' frame times; None for methods that need none.
        device  a torch device string.
        Raises InputError where the series cannot be used and Cancelled where asked to stop.
        """

    def only(self, quantities: Iterable[str]) -> Method:
        """The method that gives these of its maps and, where that saves work, no others."""
        return self

    def load(self, device: str) -> None:
        """Have on `device` what is read from files before `estimate`, which else does so itself."""
        return

    def require_aif(self, aif: Aif | None) -> Aif:
        """`aif`; InputError where a method that needs one was given none."""
        if aif is None:
            raise InputError(
                f"{self.name} needs an arterial input function; let it be found automatically, or "
                "give one with --aif or a segment."
            )
        return aif

    def range_warnings(self, series: DscSeries) -> tuple[str, ...]:
        """Sentences on what of `series`, as acquired, this method is not known to be valid for."""
        return ()

    def reconstruct(self, maps: PerfusionMaps, series: DscSeries, aif: Aif) -> DscSeries | None:
        """The series that `maps` of `estimate` stand for; None without a model of the curve."""
        return None

    def describe(self) -> dict[str, Any]:
        """The method as plain JSON values, for `methods --json` and the panel."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "reference": self.reference,
            "needs": self.needs.in_short(),
            "quantities": [item.in_short() for item in self.quantities],
        }
