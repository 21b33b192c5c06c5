"""The card of a model as a page for the panel: what a person asks before trusting a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from slicer.i18n import tr as _

_MOST_ROWS = 40


def card_page(card: Mapping[str, Any], folder: str, cards: Sequence[Mapping[str, Any]] = ()) -> str:
    """HTML of a model card, which has passed the schema.

    folder  where the model lies; of a group, the first of its models.
    cards   those of a group, whose common card `card` is then.
    """
    training = card["training"]
    where = _("{folder}, version {version}").format(folder=folder, version=card["version"])
    parts = [
        f"<p><b>{escape(card['title'])}</b><br>{escape(card['intended_use'])}</p>",
        _lines(_("Trained on"), _trained_on(training)),
        _lines(_("Valid for"), range_in_words(card["valid_range"])),
        _lines(_("Limitations"), [f"\u2022 {sentence}" for sentence in card["limitations"]]),
        f"<p><b>{escape(_('Figures'))}</b></p>{_figures(card['metrics'])}",
        f"<p><b>{escape(_('Paper'))}</b><br>{_linked(card['paper'])}</p>",
        f"<p><b>{escape(_('Licence of the weights'))}</b><br>{_linked(card['licence'])}</p>",
        _lines(_("Where it lies"), [where]),
    ]
    if len(cards) > 1:
        parts.insert(1, _lines(_("A model for each map"), [_member(one) for one in cards]))
    return "".join(parts)


def _member(card: Mapping[str, Any]) -> str:
    return _("{quantities}: {name}, version {version}").format(
        quantities=", ".join(card["quantities"]), name=card["name"], version=card["version"]
    )


def range_in_words(valid: Mapping[str, Sequence[float]]) -> list[str]:
    """A line for each quantity of the acquisition that has a range: ``echo time 20 to 40 ms``."""
    return [_range(key, *limits) for key, limits in valid.items()]


def _range(key: str, low: float, high: float) -> str:
    title, factor, unit = {
        "repetition_time_s": (_("frame interval"), 1.0, " s"),
        "echo_time_s": (_("echo time"), 1000.0, " ms"),
        "frames": (_("frames"), 1.0, ""),
        "slices": (_("slices"), 1.0, ""),
        "spacing_mm": (_("voxel width in the slice"), 1.0, " mm"),
        "slice_spacing_mm": (_("distance between slices"), 1.0, " mm"),
        "duration_s": (_("duration"), 1.0, " s"),
    }.get(key, (key.replace("_", " "), 1.0, ""))
    if low == high:
        return _("{title} {value:.3g}{unit}").format(title=title, value=low * factor, unit=unit)
    return _("{title} {low:.3g} to {high:.3g}{unit}").format(
        title=title, low=low * factor, high=high * factor, unit=unit
    )


def _trained_on(training: Mapping[str, Any]) -> list[str]:
    epochs = _("{epochs:g} epochs").format(epochs=training["epochs"])
    if training["patients"]:
        epochs = _("{patients} patients, {epochs}").format(
            patients=training["patients"], epochs=epochs
        )
    said = [str(training["data"]), epochs]
    if training["started_from"]:
        said.append(_("Fine-tuned from {model}").format(model=training["started_from"]))
    return said


def _lines(heading: str, lines: Sequence[str]) -> str:
    body = "<br>".join(escape(line) for line in lines or [_("not stated")])
    return f"<p><b>{escape(heading)}</b><br>{body}</p>"


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _linked(text: str) -> str:
    """Text in which web addresses and DOIs can be clicked."""
    words = []
    for word in text.split(" "):
        bare = word.rstrip(".,;)")
        target = bare.removeprefix("(").removeprefix("doi:")
        if target.startswith("10.") and "/" in target:
            target = f"https://doi.org/{target}"
        if target.startswith(("https://", "http://")):
            link = f'<a href="{escape(target)}">{escape(bare)}</a>'
            words.append(link + escape(word[len(bare) :]))
        else:
            words.append(escape(word))
    return " ".join(words)


def _figures(metrics: Mapping[str, Any]) -> str:
    """Single figures as one table, tables each under its name, and how they are made again."""
    single = {name: value for name, value in metrics.items() if not _is_table(value)}
    command = single.pop("command", "")
    parts = [_table([], [[name, value] for name, value in single.items()])] if single else []
    for name, value in metrics.items():
        if _is_table(value):
            parts += [_paragraph(name), _table(*_rows(value))]
    if command:
        parts.append(f"<p>{escape(_('Made by'))} <code>{escape(str(command))}</code></p>")
    return "".join(parts) or _paragraph(_("none stated"))


def _is_table(value: Any) -> bool:
    return isinstance(value, (Mapping, list))


def _rows(value: Any) -> tuple[list[str], list[list[Any]]]:
    """Head and rows of a table given as rows by name, as a list of rows, or as one row."""
    if isinstance(value, Mapping):
        if all(isinstance(row, Mapping) for row in value.values()):
            head = list(dict.fromkeys(key for row in value.values() for key in row))
            rows = [[name, *(row.get(key, "") for key in head)] for name, row in value.items()]
            return ["", *head], rows
        return [], [[name, item] for name, item in value.items()]
    if value and all(isinstance(row, Mapping) for row in value):
        head = list(dict.fromkeys(key for row in value for key in row))
        return head, [[row.get(key, "") for key in head] for row in value]
    return [], [row if isinstance(row, list) else [row] for row in value]


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    top = "".join(f"<th align='left'>{escape(str(cell))}</th>" for cell in head)
    lines = [f"<tr>{top}</tr>"] if top else []
    for row in rows[:_MOST_ROWS]:
        cells = "".join(f"<td>{escape(_cell(cell))}</td>" for cell in row)
        lines.append(f"<tr>{cells}</tr>")
    if len(rows) > _MOST_ROWS:
        lines.append(f"<tr><td>{escape(_('and more in model.json'))}</td></tr>")
    return f"<table cellspacing='0' cellpadding='3'>{''.join(lines)}</table>"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list):
        return ", ".join(_cell(item) for item in value)
    return str(value)
