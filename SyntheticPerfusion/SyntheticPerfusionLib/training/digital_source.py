"""Digital patients for training, drawn in memory from the plan of a cohort.

The same plan gives the same patients as `synthetic-perfusion cohort` writes to a folder, without
the detour over packed files. Their true mask is used unless asked otherwise, so that what is
learned does not hang on the mask; voxels in which a large artery or vein is seen are brain, but
their targets do not count: what flows through them feeds other tissue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..phantom.cohort import CohortPlan, Member, draw_member, members, scan_of
from ..phantom.truth import TissueLabel
from ..progress import CancelCheck
from .patient_cache import cached_bytes
from .patient_content import PatientContent, prepare_patient, relative_flow
from .problem import Problem

VESSELS = (TissueLabel.ARTERY, TissueLabel.VEIN)
_VOLUMES = 16


@dataclass(frozen=True)
class DigitalSource:
    """A member of a cohort, to be drawn.

    automatic_mask  find the brain in the series, as a method would, in place of the true one.
    """

    member: Member
    automatic_mask: bool = False

    @property
    def identifier(self) -> str:
        """What the patient is called."""
        return self.member.identifier

    @property
    def split(self) -> str:
        """Its part of the cohort."""
        return self.member.split

    @property
    def kind(self) -> str:
        """What ails it."""
        return self.member.kind

    @property
    def file(self) -> Path | None:
        """No file holds it."""
        return None

    def made_of(self) -> Mapping[str, Any]:
        """What decides how it looks, in plain JSON values."""
        drawn = asdict(self.member)
        # Its name and its part may differ from cohort to cohort; the patient does not.
        del drawn["identifier"], drawn["split"]
        return {"member": drawn, "automatic_mask": self.automatic_mask}

    def problems(self) -> list[Problem]:
        """What is wrong before it is drawn: nothing."""
        return []

    def needed_bytes(self) -> int:
        """About what it takes in the cache."""
        scan = scan_of(self.member.protocol, self.member.seed, self.member.grid)
        return cached_bytes((scan.frames, *scan.shape), _VOLUMES)

    def make(self, cancelled: CancelCheck) -> PatientContent:
        """Draw the patient. Raises InputError where there is none, Cancelled where asked to."""
        patient = draw_member(self.member, cancelled=cancelled)
        ready = prepare_patient(
            patient.series,
            None if self.automatic_mask else patient.mask,
            "truth of the digital patient",
        )
        mask = ready.prepared.mask
        counted = mask & patient.mask & ~np.isin(patient.labels, VESSELS)
        targets = {name: patient.truth[name] for name in patient.truth.names}
        targets["RBF"] = relative_flow(targets["CBF"], counted)
        return PatientContent(
            signal=ready.scaled_signal(),
            mask=mask,
            counted=counted,
            targets={name: target.astype(np.float32) for name, target in targets.items()},
            frame_times_s=ready.prepared.series.frame_times_s,
            echo_time_s=patient.acquisition.echo_time_s,
            spacing_mm=patient.series.geometry.spacing,
            aif=ready.aif,
            true_aif=patient.aif.concentration[ready.steady].astype(np.float32),
            labels=patient.labels,
            rois=patient.rois,
            about={
                **ready.about,
                "protocol": self.member.protocol,
                "seed": self.member.seed,
                "grade": self.member.grade,
                "acquisition": patient.acquisition.as_json(),
                "drawn": dict(patient.settings),
            },
        )


def digital_sources(cohort: Mapping[str, Any], automatic_mask: bool = False) -> list[DigitalSource]:
    """Everybody in the cohort of CohortPlan.from_json; InputError where it is no plan."""
    plan = CohortPlan.from_json(cohort, "data.cohort", "mend it in the configuration")
    return [DigitalSource(member, automatic_mask) for member in members(plan)]
