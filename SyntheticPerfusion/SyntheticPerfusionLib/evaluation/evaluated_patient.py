"""A patient with known truth, drawn in memory or read from a cohort's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import InputError
from ..maps.quantity import COLLATERALS
from ..phantom.cohort import Member, draw_member
from ..phantom.cohort_reading import CohortEntry
from ..phantom.patient import DigitalPatient
from ..series.dsc_series import DscSeries
from ..series.images import read_image, read_mask
from ..series.read import read_series

COLLATERAL_NAMES = tuple(item.name for item in COLLATERALS)
TRUTH = ("CBF", "CBV", "MTT", "Tmax", "TTP", "delay", *COLLATERAL_NAMES)
"""True maps that are looked at, where a patient has them: a scan that ends early, or misses the
artery or the sinus, has no collateral phases."""


@dataclass(frozen=True, eq=False)
class EvaluatedPatient:
    """A series as acquired and what is true of it; arrays (K, J, I) on its grid.

    truth            by name of the quantity, in its unit.
    labels           uint8 of phantom.truth.TissueLabel.
    brain            bool, the brain within the meninges.
    rois             bool by name of the region.
    arterial_share   what an artery of the series shows of the arterial curve that is on the scale
                     of tissue: flow and volume by an arterial curve come out larger by its
                     inverse. None where it is not known.
    about            plain JSON values for the report: kind, protocol, seed and the like.
    """

    identifier: str
    series: DscSeries
    truth: Mapping[str, np.ndarray]
    labels: np.ndarray
    brain: np.ndarray
    rois: Mapping[str, np.ndarray] = field(default_factory=dict)
    arterial_share: float | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


def drawn_patient(member: Member, device: str = "cpu") -> EvaluatedPatient:
    """A member of a cohort, drawn now."""
    patient = draw_member(member, device)
    return of_digital(patient, member.identifier, {"protocol": member.protocol})


def of_digital(
    patient: DigitalPatient, identifier: str, about: Mapping[str, Any] | None = None
) -> EvaluatedPatient:
    """A digital patient with what is to be said about it in the report."""
    return EvaluatedPatient(
        identifier=identifier,
        series=patient.series,
        truth={name: patient.truth[name] for name in TRUTH if name in patient.truth.names},
        labels=patient.labels,
        brain=patient.mask,
        rois=dict(patient.rois),
        arterial_share=patient.acquisition.arterial_relaxivity,
        about={
            "kind": patient.kind,
            "seed": patient.seed,
            "snr": patient.acquisition.as_json()["snr"],
            **(about or {}),
        },
    )


def stored_patient(entry: CohortEntry) -> EvaluatedPatient:
    """A patient of a cohort's folder. Raises InputError where a file of it cannot be used."""
    series = read_series(entry.series)
    truth = {}
    for name in TRUTH:
        if name in entry.targets:
            values, geometry = read_image(entry.targets[name])
            if not geometry.matches(series.geometry):
                raise InputError(
                    f"The true {name} of {entry.identifier} lies on another grid than its series; "
                    "make the cohort anew."
                )
            truth[name] = values
    return EvaluatedPatient(
        identifier=entry.identifier,
        series=series,
        truth=truth,
        labels=read_image(entry.labels)[0].astype(np.uint8),
        brain=read_mask(entry.mask, series.geometry),
        rois={name: read_mask(path, series.geometry) for name, path in entry.rois.items()},
        arterial_share=_arterial_share(entry),
        about={"kind": entry.kind, "seed": entry.seed, "protocol": entry.protocol},
    )


def _arterial_share(entry: CohortEntry) -> float | None:
    try:
        content = json.loads(entry.drawn.read_text(encoding="utf-8"))
        share = content.get("acquisition", {}).get("arterial_relaxivity")
        return None if share is None else float(share)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{entry.drawn} does not say what was drawn of {entry.identifier} ({error}); remove it "
            "and run `synthetic-perfusion cohort` again."
        ) from error
