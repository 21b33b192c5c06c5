"""Whether a model was trained on the very patients that it is judged by.

Digital patients follow from the plan of their cohort, and a model's card holds the plan it was
trained with: so it can be told, patient by patient, and need not be believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import InputError
from ..methods.method import Method
from ..phantom.cohort import CohortPlan, members


def seen_before(methods: Iterable[Method], patients: Iterable[tuple[str, int]]) -> list[str]:
    """A sentence for each method that was trained on, or chosen by, some of these patients.

    patients  (kind, seed) of each digital patient.
    """
    wanted = set(patients)
    sentences = []
    for method in methods:
        plans = [plan for card in cards_of(method) if (plan := training_plan(card)) is not None]
        known = {
            (one.kind, one.seed)
            for plan in dict.fromkeys(plans)
            for one in members(plan)
            if one.split != "test"
        }
        both = wanted & known
        if both:
            sentences.append(
                f"{len(both)} of the {len(wanted)} patients were in the training of {method.name}: "
                "its figures here are too good; choose another --seed."
            )
    return sentences


def cards_of(method: Method) -> list[Mapping[str, Any]]:
    """The cards of the models behind a method: of its own, of each of a group, none of others."""
    described = method.describe()
    own = [described["card"]] if "card" in described else []
    return list(described.get("cards", own))


def training_plan(card: Mapping[str, Any]) -> CohortPlan | None:
    """The cohort that a card says its model was trained on; None where it names none."""
    data = card.get("training", {}).get("configuration", {}).get("data", {})
    if data.get("source") != "digital":
        return None
    try:
        return CohortPlan.from_json(data["cohort"])
    except (InputError, KeyError):
        return None
