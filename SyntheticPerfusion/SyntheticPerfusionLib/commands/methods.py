"""`synthetic-perfusion methods`: what can be computed."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Mapping
from typing import Any

from ..maps.write import RESEARCH_USE
from ..methods.model_registry import broken_folders, user_model_folder
from ..methods.registry import describe_methods

_WIDTH = 100
_INDENT = " " * 11


def add_parser(subparsers: Any) -> None:
    """Add the parser of this command."""
    parser = subparsers.add_parser("methods", help="list the methods and what they give")
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; 0 where it went well, model folders that cannot be used named or not."""
    methods = describe_methods()
    for _, sentence in broken_folders():
        print(f"Warning: {sentence}", file=sys.stderr)
    if arguments.json:
        print(json.dumps(methods, indent=2))
        return 0
    for method in methods:
        print("\n".join(_lines(method)), end="\n\n")
    print(f"Your own model folders are looked for in {user_model_folder()}.")
    print(RESEARCH_USE)
    return 0


def _lines(method: Mapping[str, Any]) -> list[str]:
    gives = ", ".join(item["name"] for item in method["quantities"])
    needs = [name for name, wanted in method["needs"].items() if wanted is True]
    regions = [name.upper() for name in method["needs"]["regions"]]
    if regions:
        needs.append(f"regions {' and '.join(regions)}")
    facts = [
        f"gives {gives}",
        f"needs {', '.join(needs).replace('_', ' ') or 'the series alone'}",
        method["description"],
    ]
    if "card" in method:
        facts += _of_card(method["card"], method["folder"])
    wrapped = (
        textwrap.fill(fact, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
        for fact in facts
    )
    return [f"{method['name']:10s} {method['title']}", *wrapped]


def _of_card(card: Mapping[str, Any], folder: str) -> list[str]:
    ranges = ", ".join(
        f"{name} {low:g} to {high:g}" for name, (low, high) in card["valid_range"].items()
    )
    return [
        f"model {card['version']}, trained on {card['training']['data']}",
        f"valid for {ranges or 'no stated range'}",
        f"{card['licence']}; {card['paper']}; {folder}",
    ]
