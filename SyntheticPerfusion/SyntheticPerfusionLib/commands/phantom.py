"""`synthetic-perfusion phantom`: write a digital patient with known truth."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

KINDS = ("healthy", "stroke", "steno-occlusive", "moyamoya", "glioma-high", "glioma-low")
_VESSELS = ("mca", "sss")
RESIDUES = ("exponential", "gamma", "lorentzian", "linear", "box")
PROTOCOLS = (
    "standard",
    "heidelberg",
    "pegasus",
    "bern",
    "glioma-consensus",
    "glioma-low-flip",
    "random",
)


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "phantom",
        help="write a digital patient with known truth",
        description="Write a simulated DSC series of a digital patient (dsc.nii.gz with its BIDS "
        "sidecar), the true maps, labels and regions. The same seed gives the same patient.",
    )
    parser.add_argument("directory", metavar="DIR", type=Path, help="folder to write to")
    parser.add_argument("--patient", choices=KINDS, required=True, help="what ails the patient")
    parser.add_argument("--seed", type=_count, default=0, help="which patient (default 0)")
    parser.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        help="draw the scan, with its noise, motion and faults, from this protocol by seed, as "
        "`cohort` does (default: one fixed scan)",
    )
    parser.add_argument(
        "--snr", type=_positive, help="baseline signal over noise (default 50, or by protocol)"
    )
    parser.add_argument(
        "--motion", type=_not_negative, metavar="MM", help="head motion (default 0, or by protocol)"
    )
    parser.add_argument(
        "--residue",
        choices=RESIDUES,
        help="tissue residue function (default exponential, or by protocol)",
    )
    parser.add_argument("--small", action="store_true", help="64x64x9 voxels over the whole head")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make and write the patient. Raises InputError where the folder cannot be written to."""
    from dataclasses import replace

    from ..maps.write import usable_folder
    from ..phantom.acquisition import Acquisition
    from ..phantom.cohort import SMALL_GRID, scan_of, simulate_scanned
    from ..phantom.patient import as_arrays
    from ..phantom.write import write_patient

    usable_folder(args.directory)
    given = {"snr": args.snr, "motion_mm": args.motion, "residue": args.residue}
    chosen = {name: value for name, value in given.items() if value is not None}
    if args.protocol is None:
        scan = Acquisition.small(**chosen) if args.small else Acquisition(**chosen)
    else:
        drawn = scan_of(args.protocol, args.seed, SMALL_GRID if args.small else None)
        scan = replace(drawn, **chosen)
    patient = as_arrays(simulate_scanned(args.patient, args.seed, scan))
    write_patient(patient, args.directory)
    print(f"{patient.series.name}: {args.directory / 'dsc.nii.gz'}")
    print(f"True maps: {args.directory / 'truth'}")
    for name in patient.rois:
        shown = name.upper() if name in _VESSELS else name.capitalize()
        print(f"{shown}: {args.directory / (name + '.nii.gz')}")
    return 0


def _count(text: str) -> int:
    try:
        value = int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is no whole number; give 0 or more") from error
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative; give 0 or more")
    return value


def _positive(text: str) -> float:
    value = _number(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _not_negative(text: str) -> float:
    value = _number(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"{text} is not 0 or more")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is no number") from error
