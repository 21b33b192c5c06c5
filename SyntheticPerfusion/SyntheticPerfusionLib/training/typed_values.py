"""Plain values of a file into frozen dataclasses, with a sentence for every value that is wrong."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from ..errors import InputError

Section = TypeVar("Section")

_IN_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def read_section(kind: type[Section], content: Any, where: str, key: str = "") -> Section:
    """The dataclass `kind` of a mapping; lists become tuples, sections dataclasses of their own.

    where  what is read, for the sentence.
    key    of the section in it; empty at the top.
    Raises InputError for an unknown or missing key or a value of another type.
    """
    if not isinstance(content, Mapping):
        raise InputError(
            f"{where} holds {_shown(content)} {f'as {key}' if key else 'at its top'}; "
            "expected keys with values."
        )
    known = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
    prefix = f"{key}." if key else ""
    for name in content:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}."
            raise InputError(f"{where} has the unknown key {prefix}{name}; {hint}")
    for name, item in known.items():
        required = item.default is MISSING and item.default_factory is MISSING
        if required and name not in content:
            raise InputError(f"{where} lacks {prefix}{name}, which every one needs.")
    types = get_type_hints(kind)
    values = {
        name: _value(types[name], value, where, f"{prefix}{name}")
        for name, value in content.items()
    }
    return kind(**values)


def one_of(key: str, value: str, choices: Collection[str]) -> None:
    """Raise InputError where `value` is none of `choices`."""
    if value not in choices:
        raise InputError(f"{key} is '{value}'; choose one of {', '.join(choices)}.")


def _value(kind: Any, value: Any, where: str, key: str) -> Any:
    if is_dataclass(kind):
        return read_section(kind, {} if value is None else value, where, key)  # type: ignore[arg-type]
    if isinstance(kind, UnionType):
        options = [option for option in get_args(kind) if option is not type(None)]
        return None if value is None else _value(options[0], value, where, key)
    if get_origin(kind) is tuple:
        parts = get_args(kind)
        if not isinstance(value, list | tuple) or len(value) != len(parts):
            raise _wrong(where, key, value, f"a list of {len(parts)} numbers")
        return tuple(_value(part, one, where, key) for part, one in zip(parts, value, strict=True))
    if get_origin(kind) is not None:
        value = {} if value is None else value
        if not isinstance(value, Mapping):
            raise _wrong(where, key, value, "keys with values")
        for name, one in value.items():
            _check_storable(one, where, f"{key}.{name}")
        return dict(value)
    return _plain(kind, value, where, key)


def _check_storable(value: Any, where: str, key: str) -> None:
    """Raise InputError for what JSON, in which a model's card is written, has no word for."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise _wrong(where, key, value, "finite numbers, text, lists, or keys with them") from None


def _plain(kind: type, value: Any, where: str, key: str) -> Any:
    if kind is float and isinstance(value, str):
        # YAML 1.1 takes 5e-4, without a dot, for text.
        try:
            value = float(value)
        except ValueError:
            raise _wrong(where, key, value, _IN_WORDS[kind]) from None
    whole = isinstance(value, int) and not isinstance(value, bool)
    fits = isinstance(value, kind) and (kind is not int or whole)
    if kind is float:
        fits = whole or (isinstance(value, float) and math.isfinite(value))
    if not fits:
        raise _wrong(where, key, value, _IN_WORDS[kind])
    return float(value) if kind is float else value


def _wrong(where: str, key: str, value: Any, expected: str) -> InputError:
    return InputError(f"{where} has {_shown(value)} as {key}; expected {expected}.")


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)
