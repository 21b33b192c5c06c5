"""oSVD: the threshold raised, voxel by voxel, until the residue no longer oscillates (Wu 2003)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from .matrices import Spectrum
from .peak import residue_peak

THRESHOLDS = np.arange(1, 97) * 0.01
"""Shares of the largest singular value that are tried."""

STRIDE = 3
"""Every third threshold is tried first, then the two below the first that meets the limit."""

_ROWS = 2048
_WORTH_COMPACTING = 0.75


class OscillationSolver:
    """Deconvolution with the first threshold at which OI falls under the limit.

    OI = sum_k |f(k) - 2 f(k-1) + f(k-2)| / (L max f), L = 2T (Wu 2003, equation 6), with indices
    modulo L: the residue lies on a circle, and leaving out the two differences across its seam
    would make the threshold depend on the delay. Where no threshold meets the limit, the last one
    is used.

    Raising the threshold only takes away a few frequencies: they are subtracted from the residue
    at the threshold before, and voxels leave as they are done.
    """

    wraps = True

    def __init__(self, aif: np.ndarray, frame_step_s: float, limit: float, device: str) -> None:
        spectrum = Spectrum.of(aif, frame_step_s)
        kept = [2 * spectrum.rank_at(threshold) for threshold in THRESHOLDS]
        coarse = kept[STRIDE - 1 :: STRIDE]
        least = kept[-1]

        def tensor(array: np.ndarray) -> torch.Tensor:
            return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float32, device=device)

        def between(more: int, less: int) -> _Frequencies:
            return _Frequencies(
                slice(less - least, more - least), tensor(spectrum.synthesis[less:more])
            )

        self.length = spectrum.synthesis.shape[1]
        self._limit = limit * self.length
        self._kept = threading.local()
        self._first = tensor(spectrum.analysis[:, : coarse[0]] @ spectrum.synthesis[: coarse[0]])
        self._analysis = tensor(spectrum.analysis[:, least : kept[0]])
        self._steps = [_Step(None, _below(kept, 0, between))]
        for number in range(1, len(coarse)):
            removed = between(coarse[number - 1], coarse[number])
            self._steps.append(_Step(removed, _below(kept, number, between)))

    def residue(self, curves: torch.Tensor) -> torch.Tensor:
        """See `Solver.residue`."""
        found = curves.new_empty((len(curves), self.length))
        for rows, residue in self._blocks(curves):
            found[rows] = residue
        return found

    def peak(self, curves: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See `Solver.peak`."""
        height = curves.new_empty(len(curves))
        position = torch.empty_like(height)
        for rows, residue in self._blocks(curves):
            height[rows], position[rows] = residue_peak(residue, self.wraps)
        return height, position

    def _blocks(self, curves: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
        """Blocks of rows with their residues, which hold until the next block."""
        block = min(_ROWS, len(curves)) if curves.device.type == "cpu" else len(curves)
        if block == 0:
            return
        workspace = self._workspace(curves, block)
        for start in range(0, len(curves), block):
            part = curves[start : start + block]
            yield slice(start, start + len(part)), self._search(part, workspace)

    def _workspace(self, curves: torch.Tensor, rows: int) -> _Workspace:
        """This thread's buffers, kept from call to call."""
        kept: _Workspace | None = getattr(self._kept, "workspace", None)
        if kept is None or len(kept.found) < rows:
            kept = _Workspace(curves, rows, self._analysis.shape[1], self.length)
            self._kept.workspace = kept
        return kept

    def _search(self, curves: torch.Tensor, workspace: _Workspace) -> torch.Tensor:
        """(N, L) residue of each curve at the first threshold within the limit."""
        count = len(curves)
        found = workspace.found[:count]
        rows = torch.arange(count, device=curves.device)
        waiting = torch.ones(count, dtype=torch.bool, device=curves.device)
        coefficients = torch.mm(curves, self._analysis, out=workspace.coefficients[:count])
        residue = torch.mm(curves, self._first, out=workspace.residue[:count])
        for step in self._steps:
            if step.removed is not None:
                step.removed.add_to(residue, coefficients, rows, sign=-1.0)
            done = waiting
            if step is not self._steps[-1]:
                done = workspace.calm(residue, self._limit) & waiting
            finished = done.nonzero()[:, 0]
            if len(finished) == 0:
                continue
            self._finish(found, residue, finished, rows[finished], coefficients, step, workspace)
            waiting = waiting & ~done
            left = waiting.nonzero()[:, 0]
            if len(left) == 0:
                break
            if len(left) < _WORTH_COMPACTING * len(rows):
                rows, waiting = rows[left], waiting[left]
                residue = workspace.compacted(residue, left)
        return found

    def _finish(
        self,
        found: torch.Tensor,
        residue: torch.Tensor,
        finished: torch.Tensor,
        places: torch.Tensor,
        coefficients: torch.Tensor,
        step: _Step,
        workspace: _Workspace,
    ) -> None:
        """Write the residues at the lowest threshold within the limit, down to the step before.

        `finished` are the rows of `residue` that meet the limit at `step`, `places` those of
        `found` and `coefficients`.
        """
        fine = torch.index_select(residue, 0, finished, out=workspace.fine[: len(finished)])
        found.index_copy_(0, places, fine)
        for given_back in step.below:
            given_back.add_to(fine, coefficients, places)
            lower = workspace.calm(fine, self._limit).nonzero()[:, 0]
            if len(lower):
                found[places[lower]] = fine[lower]


@dataclass(frozen=True, eq=False)
class _Frequencies:
    """Neighbouring frequencies: their columns of the coefficients and their share of a residue."""

    columns: slice
    synthesis: torch.Tensor

    def add_to(
        self,
        residue: torch.Tensor,
        coefficients: torch.Tensor,
        rows: torch.Tensor,
        sign: float = 1.0,
    ) -> None:
        """Add these frequencies to the residues of `rows`, in place, or with -1 take them away."""
        residue.addmm_(self._of(coefficients, rows), self.synthesis, alpha=sign)

    def _of(self, coefficients: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        columns = coefficients[:, self.columns]
        return columns if len(rows) == len(columns) else columns.index_select(0, rows)


@dataclass(frozen=True, eq=False)
class _Step:
    """One of the coarse thresholds.

    removed  the frequencies that go when the threshold is raised to it; None at the first.
    below    those that come back at each of the finer thresholds under it, in falling order.
    """

    removed: _Frequencies | None
    below: list[_Frequencies]


def _below(kept: list[int], number: int, between) -> list[_Frequencies]:  # type: ignore[no-untyped-def]
    """The finer steps under coarse threshold `number`, leaving out those that change nothing."""
    at = (number + 1) * STRIDE - 1
    fine = kept[at - STRIDE + 1 : at + 1]
    return [
        between(more, less)
        for more, less in zip(fine[-2::-1], fine[:0:-1], strict=True)
        if more > less
    ]


class _Workspace:
    """Buffers that every block of rows uses again: fresh memory would cost more than the sums."""

    def __init__(self, like: torch.Tensor, rows: int, coefficients: int, length: int) -> None:
        self.coefficients = like.new_empty((rows, coefficients))
        self.residue = like.new_empty((rows, length))
        self.found = torch.empty_like(self.residue)
        self.fine = torch.empty_like(self.residue)
        self._spare = torch.empty_like(self.residue)
        self._first = like.new_empty((rows, length + 1))
        self._second = like.new_empty((rows, length))

    def calm(self, residue: torch.Tensor, limit: float) -> torch.Tensor:
        """(N,) whether the absolute second differences around the circle sum to under the limit.

        `limit` is in units of the maximum of each residue.
        """
        first, second = self._first[: len(residue)], self._second[: len(residue)]
        torch.sub(residue[:, 1:], residue[:, :-1], out=first[:, 1:-1])
        torch.sub(residue[:, 0], residue[:, -1], out=first[:, 0])
        first[:, -1] = first[:, 0]
        torch.sub(first[:, 1:], first[:, :-1], out=second)
        return second.abs_().sum(dim=1) < limit * residue.amax(dim=1)

    def compacted(self, residue: torch.Tensor, left: torch.Tensor) -> torch.Tensor:
        """The rows `left`, in the buffer that does not hold `residue` now."""
        self.residue, self._spare = self._spare, self.residue
        return torch.index_select(residue, 0, left, out=self.residue[: len(left)])
