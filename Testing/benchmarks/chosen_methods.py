"""The methods that a benchmark is given by name or path; those that are not there are said."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.methods.group import GroupMethod
from SyntheticPerfusionLib.methods.method import Method
from SyntheticPerfusionLib.methods.network_method import NetworkMethod
from SyntheticPerfusionLib.methods.phae_delay import PhaeDelayMethod
from SyntheticPerfusionLib.methods.registry import get_method


def available(names: Sequence[str]) -> list[Method]:
    """The methods of these names, or in the model folders of these paths; a line for the others."""
    found = []
    for name in dict.fromkeys(names):
        try:
            found.append(get_method(name))
        except (InputError, ImportError) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return found


def labelled(arguments: Sequence[str]) -> list[Method]:
    """As `available`, of arguments that may be LABEL=PATH[,PATH...] too: models under a label.

    So a model stands beside another training of the same, whose card has the same name. Raises
    InputError where two give the same map under one name, which no table could tell apart.
    """
    found: list[Method] = []
    for argument in dict.fromkeys(arguments):
        label, equals, paths = argument.rpartition("=")
        methods = available(paths.split(",") if equals else [argument])
        networks = [one for one in methods if isinstance(one, NetworkMethod)]
        if equals and len(networks) > 1:
            methods = [GroupMethod(label, networks)]
        elif equals:
            for method in methods:
                method.name = label
        found += methods
    given: set[tuple[str, str]] = set()
    for method in found:
        own = {(method.name, item.name) for item in method.quantities}
        if own & given:
            raise InputError(
                f"Two of the methods are called {method.name} and give {min(own & given)[1]}; tell "
                "them apart by LABEL=PATH."
            )
        given |= own
    return found


def each_alone(methods: Sequence[Method]) -> list[Method]:
    """Those whose voxels listen to their neighbours, kept from doing so.

    Simulated slices hold one tissue throughout, where listening can only help.
    """
    found: list[Method] = []
    for method in methods:
        if isinstance(method, PhaeDelayMethod):
            card = method.folder.card
            listening = card["architecture"].get("neighbourhood", {})
            architecture = {
                **card["architecture"],
                "neighbourhood": {**listening, "sigma_mm": 0.0},
            }
            changed = {**card, "name": f"{card['name']}, voxels alone"}
            folder = replace(method.folder, card={**changed, "architecture": architecture})
            found.append(PhaeDelayMethod(folder))
    return found


def osipy_methods(folder: Path | None) -> list[Method]:
    """osipy's, in an environment in `folder`; none where that is None or cannot be made."""
    from peer_method import PEERS, OsipyMethod
    from peers import peer_python

    python = peer_python(folder)
    return [] if python is None else [OsipyMethod(peer, python) for peer in PEERS]


def ends_well(main: Callable[[], None]) -> None:
    """Run `main`; where input cannot be used, one line and exit code 2."""
    try:
        main()
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
