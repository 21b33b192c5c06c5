"""Plain values of a card or a configuration into a frozen dataclass with defaults.

No value is hard-coded beside a model: the defaults are those of a new configuration, a trained
model carries its own in `architecture` and `preprocessing` of model.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from ..errors import InputError

Settings = TypeVar("Settings")


def read_settings(kind: type[Settings], content: Mapping[str, Any], where: str) -> Settings:
    """The dataclass `kind`, every field of which has a default, of plain values.

    where  of the values, for the sentence.
    Raises InputError for an unknown key, and for a value of another type or length than the
    default's.
    """
    defaults = {one.name: getattr(kind(), one.name) for one in fields(kind)}  # type: ignore[arg-type]
    values = {}
    for key, value in content.items():
        if key not in defaults:
            raise InputError(f"{where} has the key {key}, which is none of {', '.join(defaults)}.")
        values[key] = _like(defaults[key], value, f"{where}.{key}")
    return kind(**values)


def plain_settings(settings: Any) -> dict[str, Any]:
    """Plain values of such a dataclass, from which `read_settings` makes it again."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(settings).items()
    }


def check_choice(where: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise InputError where `value` is none of `choices`."""
    if value not in choices:
        raise InputError(f"{where} is {value!r}; choose one of {', '.join(choices)}.")


def _like(default: Any, value: Any, where: str) -> Any:
    """`value` as the type of the default; InputError where it is of another."""
    if isinstance(default, tuple):
        if not isinstance(value, list | tuple) or len(value) != len(default):
            raise InputError(f"{where} is {value!r}; expected {len(default)} numbers.")
        return tuple(_like(one, given, where) for one, given in zip(default, value, strict=True))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(default, float) and number:
        return float(value)
    if type(value) is not type(default):
        raise InputError(f"{where} is {value!r}; expected something like {default!r}.")
    return value
