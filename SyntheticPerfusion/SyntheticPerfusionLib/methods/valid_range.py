"""Whether a series is of the kind that a model was trained and judged on.

A network gives a map of any series. Outside what it has seen the map may be wrong without looking
so; the person is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..series.dsc_series import DscSeries

_TOLERANCE = 1e-3
"""As a share of a limit: a repetition time read as 1.4999 s is one of 1.5 s."""


@dataclass(frozen=True)
class _Property:
    title: str
    unit: str = ""


_PROPERTIES = {
    "repetition_time_s": _Property("repetition time", " s"),
    "echo_time_s": _Property("echo time", " s"),
    "frames": _Property("number of frames"),
    "duration_s": _Property("duration", " s"),
    "slices": _Property("number of slices"),
    "spacing_mm": _Property("in-plane voxel size", " mm"),
    "slice_spacing_mm": _Property("distance between slices", " mm"),
}
"""Keys of `valid_range` in a card, each with its words."""


def range_warnings(
    series: DscSeries, valid_range: Mapping[str, Sequence[float]], name: str
) -> tuple[str, ...]:
    """A sentence for each property of `series` that lies outside `valid_range`.

    series       as acquired.
    valid_range  property -> (lowest, highest), as in a card.
    name         of the model, for the sentence.
    """
    found = _values(series)
    sentences = []
    for key, (low, high) in valid_range.items():
        known = _PROPERTIES[key]
        span = f"{low:g} to {high:g}{known.unit}" if low != high else f"{low:g}{known.unit}"
        values = found[key]
        if not values:
            sentences.append(f"The {known.title} is not known; {name} is valid for {span} only.")
        outside = [
            value
            for value in values
            if value < low - _TOLERANCE * abs(low) or value > high + _TOLERANCE * abs(high)
        ]
        if outside:
            sentences.append(
                f"The {known.title} is {outside[0]:.4g}{known.unit}; {name} was trained on {span} "
                "and may be wrong here without looking so."
            )
    return tuple(sentences)


def _values(series: DscSeries) -> dict[str, tuple[float, ...]]:
    times, spacing = series.frame_times_s, series.geometry.spacing
    return {
        "repetition_time_s": (series.repetition_time_s,),
        "echo_time_s": () if series.echo_time_s is None else (series.echo_time_s,),
        "frames": (series.frame_count,),
        "duration_s": (float(times[-1] - times[0]) + series.repetition_time_s,),
        "slices": (series.geometry.shape[0],),
        "spacing_mm": spacing[:2],
        "slice_spacing_mm": (spacing[2],),
    }
