"""How near the maps of digital patients come to their truth: the figures of README.

Usage: python digital_patients.py. Default patients (128x128x25, 80 frames, TR 1.5 s, TE 30 ms,
SNR 50), automatic mask and AIF; brain without vessels means voxels with under 2 % of vessel.
"""

from __future__ import annotations

import numpy as np
from SyntheticPerfusionLib.analysis.agreement import area_under_roc
from SyntheticPerfusionLib.analysis.roi_ratio import roi_ratio
from SyntheticPerfusionLib.methods.registry import get_method
from SyntheticPerfusionLib.phantom.patient import DigitalPatient, TissueLabel, make_patient
from SyntheticPerfusionLib.series.aif_search import find_aif
from SyntheticPerfusionLib.series.prepare import prepare

METHODS = ("sSVD", "cSVD", "oSVD", "Tikhonov")
TISSUE = [TissueLabel.GREY_MATTER, TissueLabel.WHITE_MATTER, TissueLabel.CORE, TissueLabel.PENUMBRA]
VESSEL_SHARE = 0.02


def main() -> None:
    """Print the tables."""
    print("stroke, seed: AIF peak time error [s], AIF width / true, mask Dice, then by method")
    print("  r CBF, r CBV, r MTT, r Tmax in brain without vessels; AUC of Tmax, penumbra / normal")
    for seed in (0, 1, 2):
        stroke(make_patient("stroke", seed))
    print(
        "\nglioma, seed: CBV ratio tumour / contralateral: true, estimated, corrected (Boxerman), "
        "corrected with the third term"
    )
    for kind in ("glioma-low", "glioma-high"):
        for seed in (0, 1, 2):
            glioma(make_patient(kind, seed))


def stroke(patient: DigitalPatient) -> None:
    """One line for the patient, one for each method."""
    prepared = prepare(patient.series)
    mask = prepared.mask
    aif = find_aif(prepared.series, mask, prepared.bolus)
    late = aif.quality.peak_time_s - patient.aif.quality.peak_time_s
    width = aif.quality.fwhm_s / patient.aif.quality.fwhm_s
    dice = 2 * (mask & patient.mask).sum() / (mask.sum() + patient.mask.sum())
    print(f"{patient.seed}: {late:+.2f} s, {width:.2f}, {dice:.3f}")

    vessels = patient.shares["artery"] + patient.shares["vein"]
    brain = mask & (vessels < VESSEL_SHARE) & np.isin(patient.labels, TISSUE)
    penumbra = mask & (patient.labels == TissueLabel.PENUMBRA)
    normal = mask & np.isin(patient.labels, TISSUE[:2])
    for name in METHODS:
        maps = get_method(name).estimate(prepared.series, mask, aif)
        r = [
            np.corrcoef(maps[item][brain], patient.truth[item][brain])[0, 1]
            for item in ("CBF", "CBV", "MTT", "Tmax")
        ]
        auc = area_under_roc(maps["Tmax"], penumbra, normal)
        print(f"   {name:9s}" + "".join(f" {value:.3f}" for value in r) + f"  {auc:.3f}")


def glioma(patient: DigitalPatient) -> None:
    """One line for the patient."""
    prepared = prepare(patient.series)
    aif = find_aif(prepared.series, prepared.mask, prepared.bolus)
    maps, allowed = (
        get_method("oSVD", leakage=True, allow_for_transit=transit).estimate(
            prepared.series, prepared.mask, aif
        )
        for transit in (False, True)
    )
    tumor, reference = patient.rois["tumor"], patient.rois["reference"]
    ratios = [
        roi_ratio(values, tumor, reference, patient.series.geometry).ratio
        for values in (
            patient.truth["CBV"],
            maps["CBV"],
            maps["CBV_corrected"],
            allowed["CBV_corrected"],
        )
    ]
    print(f"{patient.kind} {patient.seed}: " + ", ".join(f"{ratio:.2f}" for ratio in ratios))


if __name__ == "__main__":
    main()
