"""oSVD: the threshold raised, voxel by voxel, until the residue no longer oscillates (Wu 2003)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from .matrices import Spectrum
from .peak import residue_peak

THRESHOLDS = np.arange(1, 39) * 0.025
"""Shares of the largest singular value that are tried, in this order."""

_ROWS = 2048
_WORTH_COMPACTING = 0.75


class OscillationSolver:
    """Deconvolution with the first threshold at which OI falls under the limit.

    OI = sum_k |f(k) - 2 f(k-1) + f(k-2)| / (L max f), L = 2T (Wu 2003, equation 6). Where no
    threshold meets the limit, the last one is used.

    Raising the threshold only takes away a few frequencies: they are subtracted from the residue
    at the threshold before, and voxels leave as they are done.
    """

    wraps = True

    def __init__(self, aif: np.ndarray, frame_step_s: float, limit: float, device: str) -> None:
        spectrum = Spectrum.of(aif, frame_step_s)
        ranks = {spectrum.rank_at(threshold) for threshold in THRESHOLDS}
        kept = [2 * rank for rank in sorted(ranks, reverse=True)]

        def tensor(array: np.ndarray) -> torch.Tensor:
            return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float32, device=device)

        self.limit = limit
        self.length = spectrum.synthesis.shape[1]
        self._first = tensor(spectrum.inverse_at(THRESHOLDS[0]))
        self._analysis = tensor(spectrum.analysis[:, kept[-1] : kept[0]])
        self._removed = [
            (slice(less - kept[-1], more - kept[-1]), tensor(spectrum.synthesis[less:more]))
            for more, less in pairwise(kept)
        ]

    def residue(self, curves: torch.Tensor) -> torch.Tensor:
        """See `Solver.residue`."""
        found = curves.new_empty((len(curves), self.length))
        block = min(_ROWS, len(curves)) if curves.device.type == "cpu" else len(curves)
        if block:
            workspace = _Workspace(curves, block, self.length)
            for part, result in zip(curves.split(block), found.split(block), strict=True):
                self._search(part, result, workspace)
        return found

    def peak(self, curves: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See `Solver.peak`."""
        return residue_peak(self.residue(curves), self.wraps)

    def _search(self, curves: torch.Tensor, found: torch.Tensor, workspace: _Workspace) -> None:
        """Write into `found` the residue of each curve at the first threshold within the limit."""
        count = len(curves)
        rows = torch.arange(count, device=curves.device)
        waiting = torch.ones(count, dtype=torch.bool, device=curves.device)
        coefficients = curves @ self._analysis
        residue = torch.mm(curves, self._first, out=workspace.residue[:count])
        for step in range(len(self._removed) + 1):
            if step:
                columns, less = self._removed[step - 1]
                taken = coefficients[:, columns]
                if len(rows) < count:
                    taken = taken.index_select(0, rows)
                residue.addmm_(taken, less, alpha=-1.0)
            done = waiting
            if step < len(self._removed):
                limit = (self.limit * self.length) * residue.amax(dim=1)
                done = (workspace.roughness(residue) < limit) & waiting
            finished = done.nonzero()[:, 0]
            if len(finished) == 0:
                continue
            found[rows[finished]] = residue[finished]
            waiting = waiting & ~done
            left = waiting.nonzero()[:, 0]
            if len(left) == 0:
                return
            if len(left) < _WORTH_COMPACTING * len(rows):
                rows, waiting = rows[left], waiting[left]
                residue = workspace.compacted(residue, left)


class _Workspace:
    """Buffers that every block of rows uses again: fresh ones would cost more than the sums."""

    def __init__(self, like: torch.Tensor, rows: int, length: int) -> None:
        self.residue = like.new_empty((rows, length))
        self._spare = torch.empty_like(self.residue)
        self._first = like.new_empty((rows, length - 1))
        self._second = like.new_empty((rows, length - 2))

    def roughness(self, residue: torch.Tensor) -> torch.Tensor:
        """(N,) sum of the absolute second differences of (N, L)."""
        first, second = self._first[: len(residue)], self._second[: len(residue)]
        torch.sub(residue[:, 1:], residue[:, :-1], out=first)
        torch.sub(first[:, 1:], first[:, :-1], out=second)
        return second.abs_().sum(dim=1)

    def compacted(self, residue: torch.Tensor, left: torch.Tensor) -> torch.Tensor:
        """The rows `left`, in the buffer that does not hold `residue` now."""
        self.residue, self._spare = self._spare, self.residue
        return torch.index_select(residue, 0, left, out=self.residue[: len(left)])
