"""Tissue curves for any transit time, dispersion and delay, read from a table.

    g(t; MTT, beta) = 1/MTT * (Ca * K_beta * R(. / MTT))(t)

is the curve per unit of blood volume of tissue that the bolus reaches spread by the kernel K_beta
of the vessels on the way (dispersion.py) and leaves by the residue function R (residue.py). The
table holds g over MTT and beta on a time step of at most 0.05 s; a voxel's curve is read between
its entries, so that a whole head costs no convolution.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from .residue import Residue

FINEST_STEP_S = 0.05
"""The convolution's time step is TR over a whole number, and at most this."""

LONGEST_DELAY_S = 40.0
"""Curves set in this long after the artery at most."""

_MARGIN_S = 8.0
"""The table goes on after the last frame: slices are acquired later than the first, and tissue may
be reached before the reference artery."""

_SUBSTEPS = 16
"""Points per time step over which R and K are averaged: the box and the linear family have
corners."""

_DISPERSIONS_S = (0.0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.5, 3.0, 3.6, 4.2, 5.0, 6.0, 7.0, 8.0)

Kernel = Callable[[torch.Tensor, float], torch.Tensor]
"""Density in 1/s of the time (tensor, s) that vessels add, for a mean (s) above 0."""


@dataclass(frozen=True, eq=False)
class TissueCurves:
    """g(t; MTT, beta) on a grid of transit times and dispersions.

    transit_s      (M,) rising, the first 0: there g is the arterial curve itself, dispersed.
    dispersion_s   (D,) rising, the first 0.
    table          (D * M, N) values every `step_s`, from LONGEST_DELAY_S before time 0.
    by_frame       the same values as (D * M, steps_per_frame + 1, F), one row per phase within a
                   frame, so that the samples of a curve lie side by side.
    step_s         time step of the table; TR over `steps_per_frame`.
    lead           steps before time 0.
    """

    transit_s: torch.Tensor
    dispersion_s: torch.Tensor
    table: torch.Tensor
    by_frame: torch.Tensor
    step_s: float
    steps_per_frame: int
    lead: int

    @classmethod
    def tabulate(
        cls,
        arterial: Callable[[torch.Tensor], torch.Tensor],
        frames: int,
        repetition_time_s: float,
        family: Residue,
        kernel: Kernel | None = None,
        most_dispersed_s: float = 0.0,
        transit_range_s: tuple[float, float] = (0.2, 60.0),
        rows: int = 140,
        device: str = "cpu",
    ) -> TissueCurves:
        """The table for an arterial curve given as a function of time in s (0 before time 0).

        `kernel` is needed where `most_dispersed_s`, the largest dispersion to be read, is above 0.
        """
        steps = math.ceil(repetition_time_s / FINEST_STEP_S - 1e-9)
        step = repetition_time_s / steps
        count = frames * steps + math.ceil(_MARGIN_S / step)
        levels = _DISPERSIONS_S if kernel is not None else (0.0,)
        # One level above the largest that is read, so that it lies between two.
        dispersion = levels[: sum(level < most_dispersed_s for level in levels) + 1]
        low, high = (math.log10(limit) for limit in transit_range_s)
        transit = torch.logspace(low, high, rows, dtype=torch.float64, device=device)
        times = torch.arange(count, dtype=torch.float64, device=device) * step
        curve = arterial(times)
        substeps = torch.arange(count * _SUBSTEPS, dtype=torch.float64, device=device)
        fine = (substeps + 0.5) * (step / _SUBSTEPS)

        def averaged(values: torch.Tensor) -> torch.Tensor:
            return torch.fft.rfft(values.reshape(count, _SUBSTEPS).mean(1), 2 * count)

        # Averages of R over each step, laid in the middle of it: with Ca taken as linear between
        # samples, the sum is the integral to second order, corners of R included.
        middle = _half_a_step_later(2 * count, device)
        spectrum = torch.fft.rfft(curve, 2 * count)
        residues = torch.stack([averaged(family(fine / one)) * (step / one) for one in transit])
        residues = torch.cat([torch.ones_like(residues[:1]), residues * middle])
        blocks = []
        for level in dispersion:
            spread = spectrum
            if level > 0:
                assert kernel is not None
                weights = averaged(kernel(fine, level)) * step
                spread = spectrum * middle * weights / weights[0].real
            found = torch.fft.irfft(spread * residues, 2 * count)[:, :count]
            blocks.append(found.float())
        lead = math.ceil(LONGEST_DELAY_S / repetition_time_s) * steps
        table = torch.nn.functional.pad(torch.cat(blocks), (lead, 0))
        return cls(
            transit_s=torch.cat([transit.new_zeros(1), transit]).float(),
            dispersion_s=torch.tensor(dispersion, dtype=torch.float32, device=device),
            table=table,
            by_frame=_by_frame(table, steps),
            step_s=step,
            steps_per_frame=steps,
            lead=lead,
        )

    def frames(
        self,
        transit_s: torch.Tensor,
        dispersion_s: torch.Tensor,
        since_s: torch.Tensor,
        count: int,
    ) -> torch.Tensor:
        """Values (V, count), one per TR, the first at `since_s` (V,) after the bolus's start.

        A voxel reached `delay` late whose slice is acquired `offset` into each frame has its
        first sample at offset - delay.
        """
        place, right = self._place(since_s)
        frame = place // self.steps_per_frame
        phase = place - frame * self.steps_per_frame
        frame = frame.clamp(max=self.by_frame.shape[2] - count)
        along = phase * self.by_frame.shape[2] + frame
        flat = self.by_frame.reshape(-1)
        windows = flat.as_strided((flat.numel() - count + 1, count), (1, 1))
        row = self.by_frame[0].numel()
        next_step = self.by_frame.shape[2]
        return self._mixed(windows, transit_s, dispersion_s, along, right, row, next_step)

    def samples(
        self,
        transit_s: torch.Tensor,
        dispersion_s: torch.Tensor,
        since_s: torch.Tensor,
        count: int,
        stride: int = 1,
    ) -> torch.Tensor:
        """Values (V, count), one every `stride` steps of the table, the first at `since_s`."""
        place, right = self._place(since_s)
        length = (count - 1) * stride + 1
        along = place.clamp(max=self.table.shape[1] - length - 1)
        flat = self.table.reshape(-1)
        windows = flat.as_strided((flat.numel() - length + 1, count), (1, stride))
        row = self.table.shape[1]
        return self._mixed(windows, transit_s, dispersion_s, along, right, row, next_step=1)

    def _place(self, since_s: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        position = (since_s / self.step_s + self.lead).clamp(min=0)
        place = position.floor()
        return place.long(), (position - place)[:, None]

    def _mixed(
        self,
        windows: torch.Tensor,
        transit_s: torch.Tensor,
        dispersion_s: torch.Tensor,
        along: torch.Tensor,
        right: torch.Tensor,
        per_row: int,
        next_step: int,
    ) -> torch.Tensor:
        """Interpolated in time, then transit time, then dispersion."""
        upper, down = _between(self.transit_s, transit_s)
        level, further = _between(self.dispersion_s, dispersion_s)
        rows = self.transit_s.numel()

        def at(row: torch.Tensor) -> torch.Tensor:
            start = row * per_row + along
            return torch.lerp(windows[start], windows[start + next_step], right)

        def row_pair(level_index: torch.Tensor) -> torch.Tensor:
            first = level_index * rows + upper
            return torch.lerp(at(first), at(first + 1), down[:, None])

        near = row_pair(level)
        if self.dispersion_s.numel() == 1:
            return near
        return torch.lerp(near, row_pair(level + 1), further[:, None])


def _between(axis: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Index below each value on a rising axis, and the way (0 to 1) to the next entry."""
    if axis.numel() == 1:
        return torch.zeros_like(values, dtype=torch.long), torch.zeros_like(values)
    index = torch.bucketize(values, axis).clamp(1, axis.numel() - 1) - 1
    low, high = axis[index], axis[index + 1]
    return index, ((values - low) / (high - low)).clamp(0, 1)


def _half_a_step_later(length: int, device: str) -> torch.Tensor:
    """Transfer function of the mean of a sample and the one before it."""
    turn = torch.arange(length // 2 + 1, dtype=torch.float64, device=device) * (-2j * math.pi)
    return (1 + torch.exp(turn / length)) / 2


def _by_frame(table: torch.Tensor, steps: int) -> torch.Tensor:
    """(R, N) as (R, steps + 1, F): phase p holds the samples p, p + steps, p + 2 steps, ..."""
    whole = (table.shape[1] - 1) // steps
    phases = [table[:, phase : phase + whole * steps : steps] for phase in range(steps + 1)]
    return torch.stack(phases, dim=1).contiguous()
