"""A report of one or more series as one HTML file: pictures, tables, settings, warnings.

The file holds its pictures itself, so that it can be mailed or archived as it is.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from ..series.atomic import replacing

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem;
       color: #1b1f24; background: #fff; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccd; }
h3 { margin-bottom: .3rem; }
img { max-width: 100%; height: auto; display: block; }
figure { margin: 1rem 0; } figcaption { color: #555; font-size: .9rem; }
table { border-collapse: collapse; margin: .5rem 0 1rem; }
th, td { padding: .2rem .8rem; border-bottom: 1px solid #dde; text-align: right; }
th:first-child, td:first-child { text-align: left; }
.notice { background: #fff3cd; border-left: 4px solid #d39e00; padding: .5rem 1rem; }
.overview { overflow-x: auto; }
"""


@dataclass(frozen=True)
class Picture:
    """A PNG file and what it shows."""

    path: Path
    caption: str


@dataclass(frozen=True)
class Table:
    """Rows of text under a header; the first column is the name of the row."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Case:
    """One series in the report."""

    title: str
    summary: str
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    warnings: Sequence[str] = ()
    settings: Sequence[tuple[str, str]] = ()


def write_report(
    path: Path, title: str, introduction: str, cases: Sequence[Case], use: str
) -> Path:
    """Write the report to `path`; `use` is the sentence on what it may be used for."""
    body = [f"<h1>{_text(title)}</h1>", f'<p class="notice"><strong>{_text(use)}</strong></p>']
    body.append(f"<p>{_text(introduction)}</p>")
    body.extend(_case(case) for case in cases)
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _case(case: Case) -> str:
    parts = [f"<h2>{_text(case.title)}</h2>", f"<p>{_text(case.summary)}</p>"]
    if case.warnings:
        items = "".join(f"<li>{_text(warning)}</li>" for warning in case.warnings)
        parts.append(f'<div class="notice">Please note<ul>{items}</ul></div>')
    parts.extend(_table(table) for table in case.tables)
    parts.extend(_picture(picture) for picture in case.pictures)
    if case.settings:
        parts.append(_table(Table("Settings", ("", ""), case.settings)))
    return "\n".join(parts)


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in table.header)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    note = f"<p><small>{_text(table.note)}</small></p>" if table.note else ""
    headed = f"<thead><tr>{head}</tr></thead>" if any(table.header) else ""
    return (
        f'<h3>{_text(table.title)}</h3><div class="overview"><table>{headed}'
        f"<tbody>{rows}</tbody></table></div>{note}"
    )


def _picture(picture: Picture) -> str:
    content = base64.b64encode(_compact(picture.path)).decode("ascii")
    caption = _text(picture.caption)
    return (
        f'<figure><img alt="{caption}" src="data:image/jpeg;base64,{content}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _compact(path: Path) -> bytes:
    """The picture as JPEG: a quarter of the PNG, for a file that can be mailed."""
    from PIL import Image

    packed = BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(packed, format="JPEG", quality=90, subsampling=0)
    return packed.getvalue()


def _text(value: str) -> str:
    return html.escape(str(value), quote=True)
