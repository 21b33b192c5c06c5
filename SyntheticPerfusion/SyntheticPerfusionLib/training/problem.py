"""What is wrong with the patients of a training, all of it in one sentence after the other.

Somebody who has a hundred patients to mend wants the whole list, not the first entry of it a
hundred times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError


@dataclass(frozen=True)
class Problem:
    """Something that keeps a patient from training.

    identifier  the patient; empty where the data as a whole are meant.
    reason      one sentence: what was found, what was expected, what to do.
    file        where it was found, None where no file is to blame.
    """

    identifier: str
    reason: str
    file: Path | None = None

    def __str__(self) -> str:
        where = [self.identifier] if self.identifier else []
        if self.file is not None:
            where.append(str(self.file))
        return f"{', '.join(where)}: {self.reason}" if where else self.reason


def refuse(problems: Sequence[Problem], count: int) -> InputError:
    """The error that names every problem found among `count` patients."""
    broken = len({problem.identifier for problem in problems if problem.identifier})
    if not broken:
        return InputError(" ".join(map(str, problems)))
    listed = "\n".join(f"  {problem}" for problem in problems)
    return InputError(
        f"{broken} of {count} patients cannot be used; mend them, or set skip_broken: true to "
        f"train without them:\n{listed}"
    )
