"""What a training began with: the same configuration over other files is another training.

A run that goes on takes its patients and the model it started from by path or name. Where what lies
there has changed, its weights would follow from both, and from neither alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..errors import InputError
from ..series.atomic import replacing
from .run_folder import RunFolder

if TYPE_CHECKING:
    from ..methods.model_folder import ModelFolder

_CHANGED = {
    "patients": "the patients are no longer the same (files changed, came or went, or another "
    "version of this program prepares them)",
    "start_from": "the model that it started from has other weights now",
}


def check_beginning(
    folder: RunFolder, keys: Iterable[str], start: ModelFolder | None, leading: bool
) -> None:
    """Keep what a training begins with, or compare it with what is kept where one goes on.

    keys     of the patients, as in patients.Gathered.
    leading  whether this process writes.
    A run that began without keeping it goes on unasked. Raises InputError where it differs.
    """
    digest = hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()
    found = {"patients": digest, "start_from": start.card["weights"]["sha256"] if start else None}
    if not folder.checkpoint.exists():
        if leading:
            with replacing(folder.beginning) as temporary:
                temporary.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        return
    if not folder.beginning.is_file():
        return
    try:
        kept = dict(json.loads(folder.beginning.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{folder.beginning} cannot be read ({error}); remove it to go on unasked, or choose "
            "another output folder."
        ) from error
    changed = [words for name, words in _CHANGED.items() if kept.get(name) != found[name]]
    if changed:
        raise InputError(
            f"The training in {folder.path} cannot go on: {' and '.join(changed)}; bring back what "
            "there was, or choose another output folder."
        )
