"""model.json, the card of a model folder: read, and held to its schema.

Where something is wrong, the sentence says which file, which key and what was expected, as the
card may come from anybody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from ..errors import InputError
from ..maps.quantity import QUANTITIES
from ..resources import resource
from .families import FAMILIES

CARD_FILE = "model.json"
SCHEMA_FILE = "Models/model.schema.json"
SCHEMA_VERSION = 1
_LONGEST_COMPLAINT = 200


def read_card(path: Path, shipped: bool = False) -> dict[str, Any]:
    """The card in the file `path`, checked.

    shipped  whether it came with this installation: its tests hold it to the schema, so that it
             can be listed where jsonschema is not installed yet.
    Raises InputError where it cannot be read or is not as the schema says.
    """
    try:
        card = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except FileNotFoundError:
        raise InputError(_no_card(path)) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}).") from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not JSON ({error}); correct it or take its folder away."
        ) from error
    check_card(card, str(path), shipped)
    return dict(card)


def check_card(card: Any, where: str, shipped: bool = False) -> None:
    """Raise InputError, with `where` the card stands, for the first thing that is wrong with it."""
    if not isinstance(card, dict):
        _refuse(where, "there is no object of keys and values in it")
    version = card.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise InputError(
            f"{where} was written for a newer program (schema_version {version}, this one knows "
            f"{SCHEMA_VERSION}); update SyntheticPerfusion."
        )
    family = card.get("family")
    if isinstance(family, str) and family not in FAMILIES:
        raise InputError(
            f"{where} is of the family {family!r}, which is not known here (known: "
            f"{', '.join(FAMILIES)}); it belongs to another program or a newer SyntheticPerfusion."
        )
    _check_schema(card, where, shipped)
    unknown = [name for name in card["quantities"] if name not in QUANTITIES]
    if unknown:
        _refuse(where, f"quantities names {', '.join(unknown)}, which no map shows")
    for name, (low, high) in card["valid_range"].items():
        if low > high:
            _refuse(where, f"valid_range.{name} begins at {low:g} above its end, {high:g}")


def _check_schema(card: Mapping[str, Any], where: str, shipped: bool) -> None:
    try:
        from jsonschema.exceptions import best_match
    except ModuleNotFoundError:
        if shipped:
            return
        raise InputError(
            f"{where} cannot be checked, as the Python package jsonschema is not installed; "
            "install it (pip install jsonschema)."
        ) from None
    error = best_match(_validator().iter_errors(card))
    if error is not None:
        keys = ".".join(str(key) for key in error.absolute_path)
        complaint = f"at {keys}: {error.message}" if keys else error.message
        if len(complaint) > _LONGEST_COMPLAINT:
            complaint = f"{complaint[:_LONGEST_COMPLAINT]} ..."
        _refuse(where, complaint)


@lru_cache(maxsize=1)
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(resource(SCHEMA_FILE).read_text(encoding="utf-8")))


def _refuse(where: str, complaint: str) -> NoReturn:
    raise InputError(
        f"{where} is not the card of a model ({complaint}); correct it or take its folder away."
    )


def _no_card(path: Path) -> str:
    folder = path.parent
    below = sorted(folder.glob(f"*/{CARD_FILE}"))
    if below:
        return (
            f"{folder} has no {CARD_FILE}, but {below[0].parent.name} in it has; "
            "move that folder out of the other."
        )
    return f"{folder} is not a model folder: it has no {CARD_FILE}."


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
