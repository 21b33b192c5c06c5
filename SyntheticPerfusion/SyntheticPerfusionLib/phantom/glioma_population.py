"""Gliomas as a clinic sees them: grade, blood volume, leakage, lobe and size of one tumour.

Mean CBV over that of contralateral white matter, low / high grade: Law 2.14 / 5.18 (maximum),
Lev 1.5 / 2.9, Hakyemez 1.69 / 6.5, Aprile 2.3 / 5.0; WHO II / III / IV 1.52 / 2.84 / 3.96
(PMC4757138). The grades overlap: their standard deviations are of the size of the low-grade mean
(Law et al., AJNR 2003;24:1989), oligodendrogliomas are rich in vessels at a low grade (Lev et al.,
AJNR 2004;25:214: at a cut-off of 1.5 sensitivity 0.96, specificity 0.60), and eleven programs reach
an area under the ROC curve of 0.85 to 0.87 on 35 patients (Kudo et al., Magn Reson Med Sci
2017;16:129). Log-normal, since a ratio cannot fall below 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..series.geometry import Geometry
from .mass import Mass
from .template import load_template

KINDS = ("glioma-high", "glioma-low")

GRADES = {"glioma-low": "low", "glioma-high": "high"}

_WHO_ODDS = {"glioma-low": {2: 1.0}, "glioma-high": {3: 0.3, 4: 0.7}}


@dataclass(frozen=True)
class Vascularity:
    """Blood volume of the tumours of a grade over white matter's: log-normal within bounds."""

    mean: float
    log_sd: float
    lowest: float
    highest: float

    def draw(self, rng: np.random.Generator) -> float:
        """One tumour's; drawn again where it lies out of bounds."""
        centre = np.log(self.mean) - self.log_sd**2 / 2
        while True:
            value = float(np.exp(rng.normal(centre, self.log_sd)))
            if self.lowest <= value <= self.highest:
                return value


VASCULARITY = {
    2: Vascularity(1.75, 0.34, 0.85, 3.6),
    3: Vascularity(2.95, 0.38, 1.3, 7.0),
    4: Vascularity(4.50, 0.38, 1.6, 10.0),
}
OLIGODENDROGLIOMA = Vascularity(2.20, 0.32, 1.1, 4.0)
_OLIGODENDROGLIOMA_SHARE = 0.3
"""Of WHO grade 2."""

LEAKAGE = {
    "T1-dominant": (0.6, (4.0, 18.0)),
    "mixed": (0.3, (18.0, 55.0)),
    "T2*-dominant": (0.1, (55.0, 110.0)),
}
"""How often (Bjornerud et al., JCBFM 2011;31:2041: about 60, 30 and 10 % of leaky tumours) and what
a mM of leaked tracer adds to R2*, in 1/s: from the 4 to 5 of water between cells to what packed
cells make of it. The names hold at TR 1.5 s, TE 30 ms and flip angles of 60 to 90 degrees."""

_LEAKY_LOW_GRADE = 0.15

_LOBES = {
    "frontal": (0.40, (10, 8, -10), (55, 60, 55)),
    "temporal": (0.29, (28, -50, -28), (62, 8, -2)),
    "parietal": (0.14, (12, -64, 22), (55, -24, 55)),
    "deep": (0.12, (12, -24, 0), (40, 20, 20)),
    "occipital": (0.05, (10, -92, -6), (42, -64, 28)),
}
"""How often (Larjavaara et al., Neuro-Oncol 2007;9:319, with more in insula and deep nuclei as
low-grade series have it) and the box it lies in, MNI mm, right side."""

_STACK_CENTRE_Z_MM, _HEAD_SCALE = 14.0, 0.91
_TRIES = 200


@dataclass(frozen=True)
class Tumour:
    """What is drawn of a tumour before its head is built.

    centre_mni_mm   RAS; side -1 left, 1 right.
    radius_mm       mean radius of the living tumour; elongation the three radii over it.
    rcbv            mean CBV of living tumour over that of contralateral white matter.
    mtt_s, late_s, dispersion_s   mean transit time, and what its vessels add to arrival.
    ktrans_per_min  mean; 0 for a tight barrier. leaked_r2star 1/(s mM), see LEAKAGE.
    necrosis        radius of the dead centre over that of the tumour; 0 for none.
    oedema          reach of the oedema over the radius; 1 for none.
    push_mm         how far the rim has moved outwards.
    """

    kind: str
    who_grade: int
    oligodendroglioma: bool
    lobe: str
    side: int
    centre_mni_mm: tuple[float, float, float]
    radius_mm: float
    elongation: tuple[float, float, float]
    rcbv: float
    mtt_s: float
    late_s: float
    dispersion_s: float
    leakage: str
    ktrans_per_min: float
    leaked_r2star: float
    necrosis: float
    oedema: float
    push_mm: float

    @property
    def grade(self) -> str:
        """`low` or `high`."""
        return GRADES[self.kind]

    @property
    def mass(self) -> Mass:
        """Its push on the tissue around it."""
        return Mass(self.centre_mni_mm, self.radius_mm, self.push_mm)


def draw_tumour(kind: str, geometry: Geometry, rng: np.random.Generator) -> Tumour:
    """A tumour of a kind (KINDS), its centre within the slices where they hold brain."""
    grade_rng, site_rng, leak_rng = rng.spawn(3)
    high = kind == "glioma-high"
    odds = _WHO_ODDS[kind]
    who = int(grade_rng.choice(list(odds), p=list(odds.values())))
    oligo = who == 2 and grade_rng.random() < _OLIGODENDROGLIOMA_SHARE
    rcbv = (OLIGODENDROGLIOMA if oligo else VASCULARITY[who]).draw(grade_rng)
    radius = float(grade_rng.uniform(13.0, 24.0))
    stretch = grade_rng.uniform(0.8, 1.25, 3)
    stretch /= stretch.prod() ** (1 / 3)
    lobe, side, centre = _site(geometry, radius, site_rng)
    leakage, ktrans, r2star = _leakage(high, leak_rng)
    dead = who == 4 or (who == 3 and grade_rng.random() < 0.15)
    push = radius * float(grade_rng.uniform(0.15, 0.4) if high else grade_rng.uniform(0.05, 0.25))
    return Tumour(
        kind=kind,
        who_grade=who,
        oligodendroglioma=bool(oligo),
        lobe=lobe,
        side=side,
        centre_mni_mm=centre,
        radius_mm=round(radius, 2),
        elongation=(float(stretch[0]), float(stretch[1]), float(stretch[2])),
        rcbv=rcbv,
        mtt_s=(4.6 + 0.2 * (who - 2)) * float(np.exp(grade_rng.normal(0, 0.08))),
        late_s=float(grade_rng.uniform(0.1, 0.7) if high else grade_rng.uniform(0.0, 0.3)),
        dispersion_s=float(grade_rng.uniform(0.2, 0.9) if high else grade_rng.uniform(0.0, 0.3)),
        leakage=leakage,
        ktrans_per_min=ktrans,
        leaked_r2star=r2star,
        necrosis=float(grade_rng.uniform(0.38, 0.66)) if dead else 0.0,
        oedema=float(grade_rng.uniform(1.35, 1.9) if high else grade_rng.uniform(1.0, 1.25)),
        push_mm=round(min(push, 0.45 * radius, 9.0), 2),
    )


def _leakage(high: bool, rng: np.random.Generator) -> tuple[str, float, float]:
    """Name, Ktrans in 1/min (log-normal around 0.05 in high grade) and r2* of one tumour."""
    names = list(LEAKAGE)
    name = names[int(rng.choice(len(names), p=[odds for odds, _ in LEAKAGE.values()]))]
    r2star = float(rng.uniform(*LEAKAGE[name][1]))
    if high:
        ktrans = float(np.exp(np.clip(rng.normal(np.log(0.05), 0.5), np.log(0.02), np.log(0.2))))
        return name, ktrans, r2star
    if rng.random() < _LEAKY_LOW_GRADE:
        return name, float(rng.uniform(0.005, 0.02)), r2star
    return "none", 0.0, r2star


def _site(
    geometry: Geometry, radius_mm: float, rng: np.random.Generator
) -> tuple[str, int, tuple[float, float, float]]:
    """Lobe, side and centre: within white matter of the lobe, or within the deep nuclei.

    Drawn again while the centre lies outside the slices; the last is kept where none lies within.
    """
    names = list(_LOBES)
    half = (geometry.shape[0] - 1) / 2 * geometry.spacing[2]
    middle = geometry.origin[2] + half
    for _ in range(_TRIES):
        lobe = names[int(rng.choice(len(names), p=[odds for odds, _, _ in _LOBES.values()]))]
        side = -1 if rng.random() < 0.5 else 1
        places = _places(lobe, radius_mm)
        x, y, z = places[int(rng.integers(len(places)))] + rng.uniform(-1, 1, 3)
        if abs((z - _STACK_CENTRE_Z_MM) * _HEAD_SCALE - middle) <= half:
            break
    return lobe, side, (round(side * float(x), 2), round(float(y), 2), round(float(z), 2))


def _places(lobe: str, radius_mm: float) -> np.ndarray:
    """(N, 3) MNI mm on the right where a tumour of a radius can have its centre.

    White matter (any tissue in the deep box) at a depth under the surface that keeps most of the
    tumour within the brain.
    """
    template = load_template()
    _, low, high = _LOBES[lobe]
    start = np.round((np.array(low) - template.first_mm) / template.step_mm).astype(int)
    stop = np.round((np.array(high) - template.first_mm) / template.step_mm).astype(int) + 1
    box = tuple(slice(start[axis], stop[axis]) for axis in (2, 1, 0))
    solid = template.white[box] > 0.6
    if lobe == "deep":
        solid = template.white[box] + template.grey[box] > 0.8
    for depth_mm in (0.6 * radius_mm, 0.35 * radius_mm, 2.0):
        found = np.argwhere(solid & (template.brain_mm[box] < -depth_mm))
        if len(found):
            break
    return template.first_mm + template.step_mm * (found[:, ::-1] + start)
