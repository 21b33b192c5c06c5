"""Which part of the data a patient belongs to: by its person, never by slice or session."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ..phantom.cohort import SPLITS


def split_by_seed(
    people: Sequence[str], shares: tuple[float, float, float], seed: int
) -> dict[str, str]:
    """Part of SPLITS for each of `people`, by name.

    The parts come as close to `shares` as whole people allow; each with a share above 0 gets
    somebody where there are enough for that. The order in which they are dealt follows from seed
    and name alone, not from the order of a listing.
    """
    ordered = sorted(
        set(people), key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest()
    )
    count = _counts(len(ordered), shares)
    parts = [part for part, number in zip(SPLITS, count, strict=True) for _ in range(number)]
    return dict(zip(ordered, parts, strict=True))


def _counts(people: int, shares: tuple[float, float, float]) -> list[int]:
    """How many of so many people go to each part."""
    wanted = [share > 0 for share in shares]
    count = [0, 0, 0]
    for _ in range(people):
        empty = [n for n in range(len(count)) if wanted[n] and count[n] == 0]
        # Training, then validation, then test come first to their first; then who is furthest
        # behind its share.
        behind = [
            share * (sum(count) + 1) - dealt for share, dealt in zip(shares, count, strict=True)
        ]
        next_part = empty[0] if empty else max(range(len(count)), key=lambda n: behind[n])
        count[next_part] += 1
    return count
