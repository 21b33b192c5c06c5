"""Blood volume of digital gliomas by grade, beside what clinics have published.

Usage: python grading.py [--tumours N] [--measured N]. The truth of N tumours per grade is drawn on
a coarse grid without a series; some are scanned as well (128x128x14, SNR 50), and the ratio that
oSVD measures is held against the true one, with and without leakage correction.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from SyntheticPerfusionLib.analysis.group_separation import separation
from SyntheticPerfusionLib.analysis.roi_ratio import roi_ratio
from SyntheticPerfusionLib.methods.registry import get_method
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.dispersion import kernel
from SyntheticPerfusionLib.phantom.glioma_population import KINDS
from SyntheticPerfusionLib.phantom.patient import make_patient
from SyntheticPerfusionLib.phantom.simulation import draw_condition
from SyntheticPerfusionLib.phantom.truth import true_values
from SyntheticPerfusionLib.series.aif_search import find_aif
from SyntheticPerfusionLib.series.prepare import prepare

COARSE = Acquisition(shape=(12, 56, 56), spacing_mm=(4.0, 4.0, 8.0))
SCAN = Acquisition(shape=(14, 128, 128))
PUBLISHED = """published, low / high: Law 2.14 / 5.18 (maximum, SD 1.67 / 3.29), Lev 1.5 / 2.9,
Hakyemez 1.69 / 6.5, Aprile 2.3 / 5.0; II / III / IV 1.52 / 2.84 / 3.96; AUC 0.85 to 0.87 by eleven
programs (Kudo 2017); cut-offs 1.5 (Lev), 1.75 (Law)"""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tumours", type=int, default=100, help="per grade, truth only")
    parser.add_argument("--measured", type=int, default=6, help="per grade, scanned")
    arguments = parser.parse_args()
    found = {kind: [true_ratio(kind, seed) for seed in range(arguments.tumours)] for kind in KINDS}
    print(PUBLISHED)
    for who in (2, 3, 4):
        values = [ratio for kind in KINDS for grade, ratio in found[kind] if grade == who]
        describe(f"WHO {who}", np.array(values))
    low, high = (
        np.array([ratio for _, ratio in found[kind]]) for kind in ("glioma-low", "glioma-high")
    )
    describe("low", low)
    describe("high", high)
    print(separation(low, high, np.random.default_rng(0)))
    if arguments.measured:
        print("kind, seed: CBV ratio true, oSVD, corrected (Boxerman), corrected with transit")
        for kind in KINDS:
            for seed in range(arguments.measured):
                measured(kind, seed)


def true_ratio(kind: str, seed: int) -> tuple[int, float]:
    """WHO grade, and true CBV of the tumour over that of the opposite white matter."""
    anatomy, condition = draw_condition(kind, seed, COARSE)
    spread = kernel(COARSE.dispersion_kernel)
    volume = true_values(anatomy, condition, COARSE, spread, torch.zeros_like(anatomy.grey))["CBV"]
    tumour, reference = (volume[condition.rois[name]].mean() for name in ("tumor", "reference"))
    return int(condition.settings["who_grade"]), float(tumour / reference)


def describe(name: str, values: np.ndarray) -> None:
    """One line on a group."""
    print(
        f"{name:6s} n {values.size:4d}  mean {values.mean():.2f}  SD {values.std(ddof=1):.2f}  "
        f"range {values.min():.2f} to {values.max():.2f}"
    )


def measured(kind: str, seed: int) -> None:
    """One line for a scanned patient."""
    patient = make_patient(kind, seed, SCAN)
    prepared = prepare(patient.series)
    aif = find_aif(prepared.series, prepared.mask, prepared.bolus)
    volumes = [patient.truth["CBV"]]
    for allow_for_transit in (False, True):
        method = get_method("oSVD", leakage=True, allow_for_transit=allow_for_transit)
        maps = method.estimate(prepared.series, prepared.mask, aif)
        volumes += (
            [maps["CBV_corrected"]] if allow_for_transit else [maps["CBV"], maps["CBV_corrected"]]
        )
    regions = [patient.rois[name] for name in ("tumor", "reference")]
    ratios = [roi_ratio(one, *regions, patient.series.geometry).ratio for one in volumes]
    drawn = patient.settings["disease"]
    print(
        f"{kind} {seed}: "
        + ", ".join(f"{ratio:.2f}" for ratio in ratios)
        + f"  (WHO {drawn['who_grade']}, leakage {drawn['leakage']}, "
        f"Ktrans {drawn['ktrans_per_min']})"
    )


if __name__ == "__main__":
    main()
