"""Training slices of a cohort, drawn in memory or read from its folder, patient by patient.

A pass goes over the patients in a seeded order and keeps a few of them at hand, so that a batch
mixes slices of several without holding a cohort in memory. Every slice comes once per pass. A plain
iterator: whoever wants a data loader wraps it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from ..errors import InputError
from ..progress import CancelCheck, never, silent
from ..series.images import read_image, read_mask
from ..series.read import read_series
from .cohort import CohortPlan, Member, members, simulate_member
from .cohort_reading import CohortEntry

QUANTITIES = ("CBF", "CBV", "MTT", "Tmax", "TTP")


@dataclass(frozen=True, eq=False)
class SliceBatch:
    """B slices of one matrix and number of frames, on the device that was asked for.

    signal         (B, T, J, I) float32, arbitrary units.
    targets        true map (B, J, I) float32 by name of the quantity, in its unit.
    mask           (B, J, I) bool, the brain.
    frame_times_s  (B, T) float32; `echo_time_s` (B,) float32.
    patients       of each slice; `slices` its index k in the patient's stack.
    """

    signal: torch.Tensor
    targets: Mapping[str, torch.Tensor]
    mask: torch.Tensor
    frame_times_s: torch.Tensor
    echo_time_s: torch.Tensor
    patients: tuple[Member | CohortEntry, ...]
    slices: tuple[int, ...]


def slice_batches(
    cohort: CohortPlan | Sequence[Member] | Sequence[CohortEntry],
    device: str = "cpu",
    *,
    batch_size: int = 4,
    quantities: Sequence[str] = QUANTITIES,
    split: str | None = "train",
    pool: int = 4,
    least_brain: int = 0,
    skip_lacking: bool = False,
    seed: int = 0,
    epoch: int = 0,
    cancelled: CancelCheck = never,
) -> Iterator[SliceBatch]:
    """One pass over the slices of a cohort, in batches.

    cohort       a plan or its members, drawn in memory, or entries of read_cohort, read from disk.
    split        only patients of this part; None for all.
    pool         patients at hand at a time, each about 4 T K J I bytes; up to twice as many
                 where those have no full batch left.
    least_brain  voxels of brain below which a slice is left out.
    skip_lacking leave out patients whose truth lacks one of the quantities, as the collateral
                 phases of a series that ends early; else they raise InputError.
    seed, epoch  of the order; each pass has its own.
    cancelled    asked while a patient is drawn; then raises Cancelled. To stop without an error,
                 stop iterating.

    A batch holds fewer than `batch_size` slices where no more of the same (T, J, I) are at hand.
    Raises InputError where nobody is in the part or a quantity is not among the truth.
    """
    if batch_size < 1 or pool < 1:
        raise InputError(
            f"Batches of {batch_size} slices from {pool} patients were asked for; "
            "give 1 or more of each."
        )
    everybody: Sequence[Member | CohortEntry] = (
        members(cohort) if isinstance(cohort, CohortPlan) else cohort
    )
    chosen = [one for one in everybody if split is None or one.split == split]
    if not chosen:
        raise InputError(
            f"None of the {len(everybody)} patients is in the part '{split}'; "
            "ask for another part or more patients."
        )

    def load(source: Member | CohortEntry) -> _Patient | None:
        try:
            return _load(source, device, quantities, least_brain, cancelled)
        except InputError as error:
            refused = isinstance(error, _LackingError) or isinstance(source, Member)
            if skip_lacking and refused:
                return None
            raise

    rng = np.random.default_rng(np.random.SeedSequence((seed, epoch)))
    return _batches(chosen, load, batch_size, pool, rng)


def _batches(
    chosen: Sequence[Member | CohortEntry],
    load: Callable[[Member | CohortEntry], _Patient | None],
    batch_size: int,
    pool: int,
    rng: np.random.Generator,
) -> Iterator[SliceBatch]:
    coming = [chosen[n] for n in rng.permutation(len(chosen))][::-1]
    at_hand: list[_Patient] = []
    while True:
        while coming and (
            len(at_hand) < pool
            or (len(at_hand) < 2 * pool and not any(_waiting(at_hand) >= batch_size))
        ):
            patient = load(coming.pop())
            if patient is not None and patient.waiting:
                rng.shuffle(patient.waiting)
                at_hand.append(patient)
        if not at_hand:
            return
        yield _batch(_choose(at_hand, batch_size, rng))
        at_hand = [patient for patient in at_hand if patient.waiting]


class _LackingError(InputError):
    """A patient's truth has no map of a quantity that is asked for."""


@dataclass(eq=False)
class _Patient:
    """A patient at hand; `waiting` are the slices that are still to come."""

    source: Member | CohortEntry
    signal: torch.Tensor
    targets: dict[str, torch.Tensor]
    mask: torch.Tensor
    frame_times_s: torch.Tensor
    echo_time_s: float
    waiting: list[int] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, ...]:
        frames, _, rows, columns = self.signal.shape
        return frames, rows, columns


def _load(
    source: Member | CohortEntry,
    device: str,
    quantities: Sequence[str],
    least_brain: int,
    cancelled: CancelCheck,
) -> _Patient:
    patient = _loaded(source, device, quantities, cancelled)
    brain = patient.mask.sum((1, 2)).tolist()
    patient.waiting = [k for k, voxels in enumerate(brain) if voxels >= least_brain]
    return patient


def _loaded(
    source: Member | CohortEntry, device: str, quantities: Sequence[str], cancelled: CancelCheck
) -> _Patient:
    if isinstance(source, Member):
        drawn = simulate_member(source, device, silent, cancelled)
        _check(source, quantities, tuple(drawn.truth))
        volume = drawn.anatomy.volume
        return _Patient(
            source=source,
            signal=drawn.series,
            targets={name: volume(drawn.truth[name]) for name in quantities},
            mask=volume(drawn.anatomy.brain),
            frame_times_s=_on(device, drawn.acquisition.frame_times_s),
            echo_time_s=drawn.acquisition.echo_time_s,
        )
    _check(source, quantities, tuple(source.targets))
    series = read_series(source.series)
    return _Patient(
        source=source,
        signal=_on(device, series.signal),
        targets={name: _on(device, read_image(source.targets[name])[0]) for name in quantities},
        mask=_on(device, read_mask(source.mask, series.geometry)).bool(),
        frame_times_s=_on(device, series.frame_times_s),
        echo_time_s=series.require_echo_time(),
    )


def _on(device: str, array: np.ndarray) -> torch.Tensor:
    return torch.tensor(array, dtype=torch.float32, device=device)


def _check(source: Member | CohortEntry, quantities: Sequence[str], known: Sequence[str]) -> None:
    missing = [name for name in quantities if name not in known]
    if missing:
        raise _LackingError(
            f"{source.identifier} has no true {', '.join(missing)}; choose from {', '.join(known)}."
        )


def _groups(at_hand: Sequence[_Patient]) -> list[list[_Patient]]:
    """Patients whose slices fit into one batch."""
    by_shape: dict[tuple[int, ...], list[_Patient]] = {}
    for patient in at_hand:
        by_shape.setdefault(patient.shape, []).append(patient)
    return list(by_shape.values())


def _waiting(at_hand: Sequence[_Patient]) -> np.ndarray:
    """Slices that are still to come in each of `_groups`."""
    return np.array(
        [sum(len(patient.waiting) for patient in group) for group in _groups(at_hand)], float
    )


def _choose(
    at_hand: Sequence[_Patient], batch_size: int, rng: np.random.Generator
) -> list[tuple[_Patient, int]]:
    """Slices for a batch, taken from what is waiting: of one shape, full where one can be."""
    groups, counts = _groups(at_hand), _waiting(at_hand)
    weights = np.where(counts >= batch_size, counts, 0)
    if not weights.any():
        weights = np.where(counts == counts.max(), counts, 0)
    group = groups[int(rng.choice(len(groups), p=weights / weights.sum()))]
    chosen: list[tuple[_Patient, int]] = []
    while len(chosen) < batch_size:
        left = np.array([len(patient.waiting) for patient in group], float)
        if not left.any():
            break
        patient = group[int(rng.choice(len(group), p=left / left.sum()))]
        chosen.append((patient, patient.waiting.pop()))
    return chosen


def _batch(chosen: Sequence[tuple[_Patient, int]]) -> SliceBatch:
    first = chosen[0][0]
    return SliceBatch(
        signal=torch.stack([patient.signal[:, k] for patient, k in chosen]),
        targets={
            name: torch.stack([patient.targets[name][k] for patient, k in chosen])
            for name in first.targets
        },
        mask=torch.stack([patient.mask[k] for patient, k in chosen]),
        frame_times_s=torch.stack([patient.frame_times_s for patient, _ in chosen]),
        echo_time_s=torch.tensor(
            [patient.echo_time_s for patient, _ in chosen], device=first.signal.device
        ),
        patients=tuple(patient.source for patient, _ in chosen),
        slices=tuple(k for _, k in chosen),
    )
