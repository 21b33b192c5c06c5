"""`synthetic-perfusion ratio`: a map in a tumour over a map in a reference region."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..analysis.roi_ratio import RoiRatio


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "ratio",
        help="ratio of a map between a tumor and a reference region",
        description="Mean of a map in a tumor over that in a reference region (usually "
        "contralateral white matter), with the voxels and volumes it rests on.",
    )
    parser.add_argument("map", metavar="MAP", type=Path, help="a map, e.g. maps/CBV.nii.gz")
    parser.add_argument(
        "--tumor", type=Path, required=True, metavar="FILE", help="mask on the grid of the map"
    )
    parser.add_argument(
        "--reference", type=Path, required=True, metavar="FILE", help="mask on the grid of the map"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the ratio. Raises InputError where a file cannot be used."""
    from ..analysis.roi_ratio import roi_ratio
    from ..series.images import read_image, read_mask

    values, geometry = read_image(args.map)
    tumor = read_mask(args.tumor, geometry)
    reference = read_mask(args.reference, geometry)
    found = roi_ratio(values, tumor, reference, geometry)
    name, unit = _quantity_of(args.map)
    if args.json:
        print(json.dumps(_as_json(args.map, name, unit, found), indent=2))
    else:
        print(as_table(name, unit, found))
        for warning in found.warnings:
            print(f"Note: {warning}")
    return 0


def as_table(name: str, unit: str, found: RoiRatio) -> str:
    """The ratio with what it rests on, as lines for a person."""
    label = f"{name} [{unit}]" if unit else name
    lines = [f"{label:<24}{'mean':>10}{'SD':>10}{'median':>10}{'voxels':>10}{'ml':>10}"]
    for title, part in (("tumor", found.tumor), ("reference", found.reference)):
        lines.append(
            f"{title:<24}{part.mean:>10.3f}{part.standard_deviation:>10.3f}{part.median:>10.3f}"
            f"{part.voxels:>10.1f}{part.volume_ml:>10.2f}"
        )
    lines.append(f"{'tumor / reference':<24}{found.ratio:>10.3f}")
    return "\n".join(lines)


def _as_json(path: Path, name: str, unit: str, found: RoiRatio) -> dict[str, Any]:
    return {
        "map": str(path),
        "quantity": name,
        "unit": unit,
        "tumor": asdict(found.tumor),
        "reference": asdict(found.reference),
        "ratio": found.ratio,
        "warnings": list(found.warnings),
    }


def _quantity_of(path: Path) -> tuple[str, str]:
    from ..maps.quantity import QUANTITIES

    name = path.name.split(".")[0]
    known = QUANTITIES.get(name)
    return name, known.unit if known else ""
