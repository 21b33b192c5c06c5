"""`synthetic-perfusion methods`: what can be computed."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..maps.write import RESEARCH_USE
from ..methods.registry import describe_methods


def add_parser(subparsers: Any) -> None:
    """Add the parser of this command."""
    parser = subparsers.add_parser("methods", help="list the methods and what they give")
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; 0 where it went well."""
    methods = describe_methods()
    if arguments.json:
        print(json.dumps(methods, indent=2))
        return 0
    for method in methods:
        gives = ", ".join(item["name"] for item in method["quantities"])
        needs = [name for name, wanted in method["needs"].items() if wanted is True]
        print(f"{method['name']:10s} {method['title']}\n{'':10s} gives {gives}")
        print(f"{'':10s} needs {', '.join(needs).replace('_', ' ') or 'the series alone'}")
        print(f"{'':10s} {method['description']}\n")
    print(RESEARCH_USE)
    return 0
