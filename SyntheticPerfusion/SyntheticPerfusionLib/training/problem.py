"""What is wrong with the patients of a training, all of it in one error.

Somebody who has a hundred patients to mend wants the whole list, not the first entry of it a
hundred times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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


class UnusableData(InputError):  # noqa: N818
    """Patients that cannot be used, with every problem in `problems`."""

    def __init__(self, message: str, problems: Sequence[Problem]) -> None:
        super().__init__(message)
        self.problems = list(problems)


def refuse(problems: Sequence[Problem]) -> UnusableData:
    """The error that names every one of the problems."""
    broken = {problem.identifier for problem in problems if problem.identifier}
    if not broken:
        return UnusableData(" ".join(map(str, problems)), problems)
    listed = "\n".join(f"  {problem}" for problem in problems)
    return UnusableData(
        f"Patients that cannot be used: {len(broken)}; mend them, or set data.skip_broken to true "
        f"to train without them:\n{listed}",
        problems,
    )


@contextmanager
def noting(problems: list[Problem], identifier: str, file: Path | None) -> Iterator[None]:
    """Put what is wrong in the block among `problems` instead of raising it."""
    try:
        yield
    except UnusableData as error:
        problems += error.problems
    except InputError as error:
        problems.append(Problem(identifier, str(error), file))
