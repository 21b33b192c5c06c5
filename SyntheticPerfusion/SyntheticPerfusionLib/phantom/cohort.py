"""A cohort of digital patients: who is in it follows from its plan alone.

Member n follows from the seed of the cohort, its mix, protocols, split and n: a larger cohort
begins with the smaller one, and a patient is the same whether written to a folder or drawn in
memory during training.

Kinds, protocols and parts are dealt out, not thrown: member n gets the one that is furthest behind
its share so far, give or take half a patient by seed (see `_Dealer`). So the first N members come
as close to the shares as whole patients allow, every kind is split alike, and protocols go with
neither kinds nor parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from numbers import Integral
from typing import Any

import numpy as np

from ..errors import InputError
from ..progress import CancelCheck, Progress, never, silent
from .acquisition import Acquisition
from .disease import KINDS
from .patient import DigitalPatient, as_arrays
from .protocols import PROTOCOLS, draw_acquisition
from .simulation import Simulation, simulate_patient

SPLITS = ("train", "validation", "test")

SMALL_GRID = Acquisition.small().shape

_SCAN_STREAM = 1000
"""Spawn key of the protocol's draws, apart from those of the patient."""


@dataclass(frozen=True)
class CohortPlan:
    """Everything that decides who is in a cohort. Equal plans give equal patients.

    patients   how many.
    seed       0 or more.
    mix        (kind, share) of each kind, any positive numbers; a mapping is taken too. Empty: all
               of disease.KINDS alike. Kept in the order of KINDS, adding up to 1.
    protocols  names of protocols.PROTOCOLS, each as often as the others. Empty: all of them.
    split      shares of the parts SPLITS, by patient, alike in every kind; they add up to 1.
    grid       (K, J, I) matrix over the field of view of each protocol, in the place of its own;
               None for the protocol's.

    Raises InputError for a plan that cannot be carried out.
    """

    patients: int
    seed: int = 0
    mix: tuple[tuple[str, float], ...] = ()
    protocols: tuple[str, ...] = ()
    split: tuple[float, float, float] = (0.7, 0.15, 0.15)
    grid: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        for name, number in (("number of patients", self.patients), ("seed", self.seed)):
            if not isinstance(number, Integral) or isinstance(number, bool):
                raise InputError(f"The {name} of the cohort is {number!r}; give a whole number.")
        if self.patients < 1:
            raise InputError(f"A cohort of {self.patients} patients was asked for; give 1 or more.")
        if self.seed < 0:
            raise InputError(f"The seed of the cohort is {self.seed}; give 0 or more.")
        object.__setattr__(self, "mix", _checked_mix(dict(self.mix)))
        object.__setattr__(self, "protocols", _checked_protocols(tuple(self.protocols)))
        object.__setattr__(self, "split", _checked_split(tuple(self.split)))
        if self.grid is not None:
            object.__setattr__(self, "grid", _checked_grid(tuple(self.grid)))

    def like(self, other: CohortPlan) -> bool:
        """Whether the two differ in the number of patients at most: one begins with the other."""
        return self == replace(other, patients=self.patients)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values, from which `from_json` makes the plan again."""
        return {
            **asdict(self),
            "mix": dict(self.mix),
            "protocols": list(self.protocols),
            "split": list(self.split),
            "grid": None if self.grid is None else list(self.grid),
        }

    @classmethod
    def from_json(
        cls,
        content: Mapping[str, Any],
        where: str = "What is stored as the plan of the cohort",
        advice: str = "write the cohort to another folder",
    ) -> CohortPlan:
        """The plan of `as_json`; InputError where it is none.

        where, advice  for the sentence: what is read, and what to do.
        """
        known = [item.name for item in fields(cls)]
        unknown = [str(key) for key in content if key not in known]
        if unknown:
            raise InputError(
                f"{where} has the unknown key {', '.join(unknown)}; known are {', '.join(known)}: "
                f"{advice}."
            )
        if "patients" not in content:
            raise InputError(f"{where} lacks patients, their number; {advice}.")
        try:
            return cls(**content)
        except (TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{where} is none that can be made ({error}); {advice}.") from error


@dataclass(frozen=True)
class Member:
    """One patient of a cohort, before it is made.

    identifier  "sub-001", counted from 1.
    kind        of disease.KINDS; `grade` is "high" or "low" for gliomas, else empty.
    seed        of make_patient and of the protocol's draws.
    split       of SPLITS.
    protocol    of protocols.PROTOCOLS.
    grid        as in CohortPlan.
    """

    identifier: str
    kind: str
    seed: int
    split: str
    protocol: str
    grade: str = ""
    grid: tuple[int, int, int] | None = None


def identifier(n: int) -> str:
    """What the n-th member is called, counted from 1."""
    return f"sub-{n:03d}"


def members(plan: CohortPlan) -> list[Member]:
    """Everybody in the cohort, in order."""
    kinds = _Dealer(dict(plan.mix))
    parts = _Dealer(dict(zip(SPLITS, plan.split, strict=True)))
    protocols = _Dealer(dict.fromkeys(plan.protocols, 1 / len(plan.protocols)))
    everybody = []
    for n in range(1, plan.patients + 1):
        own, dealt = np.random.SeedSequence(plan.seed, spawn_key=(n,)).spawn(2)
        rng = np.random.default_rng(dealt)
        kind = kinds.deal(rng)
        part = parts.deal(rng, kind)
        everybody.append(
            Member(
                identifier=identifier(n),
                kind=kind,
                # 53 bits stay whole even where JSON's numbers are read as floating-point ones.
                seed=int(own.generate_state(1, np.uint64)[0] >> np.uint64(11)),
                split=part,
                protocol=protocols.deal(rng, kind, part),
                grade=kind.removeprefix("glioma-") if kind.startswith("glioma-") else "",
                grid=plan.grid,
            )
        )
    return everybody


def simulate_member(
    member: Member,
    device: str = "cpu",
    progress: Progress = silent,
    cancelled: CancelCheck = never,
) -> Simulation:
    """The patient of a member as tensors on `device`, for training.

    Raises Cancelled where asked to stop.
    """
    scan = scan_of(member.protocol, member.seed, member.grid)
    return simulate_scanned(member.kind, member.seed, scan, device, progress, cancelled)


def draw_member(
    member: Member,
    device: str = "cpu",
    progress: Progress = silent,
    cancelled: CancelCheck = never,
) -> DigitalPatient:
    """The same patient as arrays, as it is written. Raises as `simulate_member`."""
    return as_arrays(simulate_member(member, device, progress, cancelled))


def simulate_scanned(
    kind: str,
    seed: int,
    scan: Acquisition,
    device: str = "cpu",
    progress: Progress = silent,
    cancelled: CancelCheck = never,
) -> Simulation:
    """A patient with its signal in whole numbers, as scanners store it.

    Files a third of the size hold the same then; half a unit of about 2000 is far below the noise
    of any protocol.
    """
    simulation = simulate_patient(kind, seed, scan, device, progress, cancelled)
    simulation.series.round_()
    return simulation


def scan_of(protocol: str, seed: int, grid: tuple[int, int, int] | None = None) -> Acquisition:
    """How the patient of a seed is scanned by a protocol; InputError for an unknown protocol.

    grid  (K, J, I) matrix over the same field of view, in the place of the protocol's.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_SCAN_STREAM,)))
    drawn = draw_acquisition(protocol, rng)
    if grid is None:
        return drawn
    spacing = [
        step * own / wanted
        for step, own, wanted in zip(drawn.spacing_mm, drawn.shape[::-1], grid[::-1], strict=True)
    ]
    return replace(drawn, shape=grid, spacing_mm=(spacing[0], spacing[1], spacing[2]))


class _Dealer:
    """Deals out the `choices` (name -> share, adding up to 1) as evenly as whole patients allow.

    With n_g members of a group g dealt to so far, c_g(x) of them x, the next one gets the x of the
    largest sum over its groups of share(x) (n_g + 1) - c_g(x), plus a uniform number below a half.
    Everybody is one of its groups.
    """

    def __init__(self, choices: Mapping[str, float]) -> None:
        self._shares = {name: share for name, share in choices.items() if share > 0}
        self._dealt: dict[str, dict[str, int]] = {}

    def deal(self, rng: np.random.Generator, *groups: str) -> str:
        """The choice for the next member, who belongs to `groups`."""
        counts = [
            self._dealt.setdefault(group, dict.fromkeys(self._shares, 0))
            for group in ("everybody", *groups)
        ]
        behind = {
            name: sum(share * (sum(count.values()) + 1) - count[name] for count in counts)
            + rng.uniform(0.0, 0.5)
            for name, share in self._shares.items()
        }
        chosen = max(behind, key=lambda name: behind[name])
        for count in counts:
            count[chosen] += 1
        return chosen


def _checked_mix(mix: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    if not mix:
        mix = dict.fromkeys(KINDS, 1.0)
    for kind, share in mix.items():
        if kind not in KINDS:
            raise InputError(
                f"There is no digital patient called '{kind}' to put into the mix; "
                f"choose from {', '.join(KINDS)}."
            )
        if not (np.isfinite(share) and share >= 0):
            raise InputError(f"The share of {kind} in the mix is {share:g}; give 0 or more.")
    total = sum(mix.values())
    if total == 0:
        raise InputError("Every share in the mix is 0; give at least one kind more than that.")
    return tuple((kind, round(mix[kind] / total, 12)) for kind in KINDS if mix.get(kind, 0) > 0)


def _checked_protocols(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in PROTOCOLS:
            raise InputError(
                f"There is no protocol called '{name}'; choose from {', '.join(PROTOCOLS)}."
            )
    if len(set(names)) < len(names):
        raise InputError(f"A protocol is named twice in {', '.join(names)}; name each once.")
    return names or PROTOCOLS


def _checked_grid(grid: tuple[Any, ...]) -> tuple[int, int, int]:
    if len(grid) != 3 or not all(type(size) is int and size > 0 for size in grid):
        raise InputError(
            f"The grid of the cohort is {list(grid)}; give slices, rows and columns, three whole "
            "numbers above 0, as in [9, 64, 64]."
        )
    slices, rows, columns = grid
    return slices, rows, columns


def _checked_split(split: tuple[float, ...]) -> tuple[float, ...]:
    fits = len(split) == len(SPLITS) and all(share >= 0 for share in split)
    if not fits or not np.isclose(sum(split), 1.0, atol=1e-6):
        raise InputError(
            f"The split is {', '.join(f'{share:g}' for share in split)}; give the shares of "
            f"{', '.join(SPLITS)}, three numbers of 0 or more that add up to 1."
        )
    return tuple(float(share) for share in split)
