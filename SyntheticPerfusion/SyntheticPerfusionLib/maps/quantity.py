"""Every quantity that a map can show, stated once: files, panel, reports and tests read it here.

Names and units follow the OSIPI CAPLEX lexicon where it has them; DICOM codes are those of
DICOM PS3.16 (coding scheme DCM). CAPLEX has no entry for Tmax, for which the
definition is the one given here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Quantity:
    """A physical quantity and how it is shown.

    name           short name; also the file name of its map.
    title          name in words.
    definition     one sentence: what the number means and from where it is counted.
    unit           unit as shown, empty for a ratio.
    display_range  lowest and highest value of the usual window.
    colour_table   name of the Slicer colour table for its overlay.
    dicom_code     (code value, coding scheme, meaning) or None where the standard has none.
    """

    name: str
    title: str
    definition: str
    unit: str
    display_range: tuple[float, float]
    colour_table: str = "Rainbow"
    dicom_code: tuple[str, str, str] | None = None

    @property
    def label(self) -> str:
        """Name with unit, as on legends and axes: ``Tmax [s]``."""
        return f"{self.name} [{self.unit}]" if self.unit else self.name

    def in_short(self) -> dict[str, str]:
        """Name, unit and title as plain JSON values, for lists of what a method gives."""
        return {"name": self.name, "unit": self.unit, "title": self.title}

    def share_of_window(self, values: np.ndarray) -> np.ndarray:
        """Values as float32 from 0 to 1 over the display range, clipped at its ends.

        One fixed scale for every patient: with ``2 * share - 1`` it is the range of a network
        that ends in a hyperbolic tangent, and a map comes back from it in its unit.
        """
        low, high = self.display_range
        return np.clip((values - low) / (high - low), 0, 1).astype(np.float32)


_PERFUSION_TABLE = "PerfusionRainbow"

_COLLATERAL_RANGE = (0.0, 4.0)
"""One window for the five, so that a place can be followed from phase to phase."""

_COLLATERAL_PHASES = {
    "arterial": "arterial arrival to arterial peak",
    "capillary": "arterial peak to halfway to the venous peak",
    "early_venous": "halfway from the arterial to the venous peak, to that peak",
    "late_venous": "venous peak to half its height",
    "delay": "from there on as long again as the four phases before",
}
"""Each phase of series.phases with its interval in words."""

QUANTITIES: dict[str, Quantity] = {
    quantity.name: quantity
    for quantity in (
        Quantity(
            "CBF",
            "Cerebral blood flow",
            "Maximum of the tissue response function, read between the frames, scaled by kH/rho.",
            "ml/100g/min",
            (0.0, 100.0),
            _PERFUSION_TABLE,
            ("113055", "DCM", "Regional Cerebral Blood Flow"),
        ),
        Quantity(
            "CBV",
            "Cerebral blood volume",
            "Area of the tissue curve over the area of the arterial curve, scaled by kH/rho.",
            "ml/100g",
            (0.0, 8.0),
            _PERFUSION_TABLE,
            ("113056", "DCM", "Regional Cerebral Blood Volume"),
        ),
        Quantity(
            "MTT",
            "Mean transit time",
            "CBV over CBF (central volume theorem).",
            "s",
            (0.0, 15.0),
            _PERFUSION_TABLE,
            ("113052", "DCM", "Mean Transit Time"),
        ),
        Quantity(
            "Tmax",
            "Time to maximum of the residue function",
            "Time of the maximum of the deconvolved tissue response function; negative where the "
            "tissue is reached before the artery.",
            "s",
            (0.0, 12.0),
            _PERFUSION_TABLE,
        ),
        Quantity(
            "TTP",
            "Time to peak",
            "Time of the concentration peak, counted from the first acquired frame.",
            "s",
            (10.0, 60.0),
            _PERFUSION_TABLE,
            ("113069", "DCM", "Time To Peak"),
        ),
        Quantity(
            "Tmax_uncertainty",
            "Uncertainty of Tmax",
            "Variance of Tmax that the network expects of itself, 2 b^2 of its Laplace "
            "distribution (Hess et al. 2018).",
            "s^2",
            (0.0, 8.0),
            _PERFUSION_TABLE,
        ),
        Quantity(
            "TTP_arrival",
            "Time from bolus arrival to peak",
            "Time of the concentration peak, counted from the voxel's bolus arrival "
            "(CAPLEX Q.CD1.010).",
            "s",
            (0.0, 20.0),
            _PERFUSION_TABLE,
        ),
        Quantity(
            "BAT",
            "Bolus arrival time",
            "Time at which the concentration begins to rise, counted from the first acquired "
            "frame.",
            "s",
            (5.0, 50.0),
            _PERFUSION_TABLE,
            ("126371", "DCM", "Bolus Arrival Time"),
        ),
        Quantity(
            "PSR",
            "Percentage signal recovery",
            "Recovery of the signal after the bolus as a share of its greatest drop.",
            "%",
            (40.0, 120.0),
            _PERFUSION_TABLE,
        ),
        Quantity(
            "RBF",
            "Relative cerebral blood flow",
            "CBF over its mean in the brain mask.",
            "",
            (0.0, 3.0),
            _PERFUSION_TABLE,
        ),
        Quantity(
            "rCBV",
            "Relative cerebral blood volume",
            "Area of the tissue curve over its mean in the brain mask.",
            "",
            (0.0, 4.0),
            _PERFUSION_TABLE,
        ),
        Quantity(
            "CBV_corrected",
            "Cerebral blood volume, corrected for leakage",
            "CBV after removal of the leakage term (Boxerman, Schmainda and Weisskoff 2006).",
            "ml/100g",
            (0.0, 8.0),
            _PERFUSION_TABLE,
        ),
        Quantity(
            "K2",
            "Leakage term K2",
            "Leakage coefficient of the Boxerman-Schmainda-Weisskoff model; positive where T1 "
            "leakage lowers the apparent CBV.",
            "1/s",
            (-0.02, 0.05),
            _PERFUSION_TABLE,
        ),
        Quantity(
            "delay",
            "Arrival delay",
            "Arrival of the bolus in the tissue, counted from its arrival in the middle cerebral "
            "artery.",
            "s",
            (0.0, 12.0),
            _PERFUSION_TABLE,
        ),
        Quantity(
            "misfit",
            "Misfit of the reconstructed curve",
            "Root mean square of the measured minus the reconstructed curve over the noise of the "
            "measured one: 1 where nothing but noise is left.",
            "",
            (0.0, 4.0),
            _PERFUSION_TABLE,
        ),
        *(
            Quantity(
                f"Collateral_{phase}",
                f"Collateral map, {phase.replace('_', ' ')} phase",
                f"Mean tracer in the voxel during the {phase.replace('_', ' ')} phase "
                f"({interval}), over the median of the brain during all five phases.",
                "",
                _COLLATERAL_RANGE,
                _PERFUSION_TABLE,
            )
            for phase, interval in _COLLATERAL_PHASES.items()
        ),
    )
}

COLLATERALS = tuple(QUANTITIES[f"Collateral_{phase}"] for phase in _COLLATERAL_PHASES)
"""The quantities of the five collateral maps, in the order of their phases."""


def quantity(name: str) -> Quantity:
    """The quantity called `name`; KeyError where there is none."""
    return QUANTITIES[name]
