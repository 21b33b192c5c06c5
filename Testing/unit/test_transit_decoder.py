"""The decoder without sampling against convolution in steps of 0.05 s, and what is read off it."""

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.methods.bolus_window import LEAD, BolusWindow, usable_times
from SyntheticPerfusionLib.methods.neighbour_match import Neighbourhood, shared
from SyntheticPerfusionLib.methods.networks.phae_delay import (
    PhaeDelayArchitecture,
    PhaeDelayNetwork,
)
from SyntheticPerfusionLib.methods.residue_choice import choose_residue
from SyntheticPerfusionLib.methods.transit_decoder import TransitDecoder
from SyntheticPerfusionLib.methods.transit_fit import fit
from SyntheticPerfusionLib.methods.transit_match import (
    MEANS,
    WARM_DELAY,
    WARM_TRANSIT,
    TransitDictionary,
    TransitGrid,
    features,
)
from SyntheticPerfusionLib.phantom.aif import ArterialShape
from SyntheticPerfusionLib.phantom.residue import residue
from SyntheticPerfusionLib.phantom.tissue_curves import TissueCurves

TRANSIT_S = torch.tensor([1.5, 3.7, 4.6, 11.3])
DELAY_S = torch.tensor([3.3, -1.0, 0.0, 6.4])
FAMILIES = {"exponential": ("exponential", 1.0), "lorentzian": ("lorentzian", 1.0),
            "gamma-4": ("gamma", 4.0), "box": ("box", 1.0)}  # fmt: skip


def artery(step_s: float, frames: int) -> np.ndarray:
    times = torch.arange(frames, dtype=torch.float64) * step_s
    return ArterialShape(onset_s=16.0, peak_per_s=1.0).at(times).numpy()


def tissue(family: str, step_s: float, frames: int, transit_s=TRANSIT_S, delay_s=DELAY_S):
    """(V, T) float32 curves per unit of CBV from an independent convolution."""
    name, shape = FAMILIES[family]
    table = TissueCurves.tabulate(
        ArterialShape(onset_s=16.0, peak_per_s=1.0).at, frames, step_s, residue(name, shape)
    )
    return table.frames(transit_s, torch.zeros_like(transit_s), -delay_s, frames)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("step_s", "within"), [(1.0, 0.004), (1.5, 0.004), (2.5, 0.02)])
def test_curves_are_those_of_a_fine_convolution(family, step_s, within):
    frames = int(96 / step_s)
    arterial = torch.from_numpy(artery(step_s, frames)).float()
    found = TransitDecoder(arterial).curves(family, TRANSIT_S / step_s, DELAY_S / step_s)
    true = tissue(family, step_s, frames)
    # The heavy tail of the Lorentzian comes round from twice the series' length.
    allowed = within + (0.01 if family == "lorentzian" else 0.0)
    assert float(((found - true).abs().amax(1) / true.amax(1)).max()) < allowed


def test_curves_can_be_learned_from():
    arterial = torch.from_numpy(artery(1.5, 64)).float()
    transit = torch.tensor([2.5], dtype=torch.float32, requires_grad=True)
    delay = torch.tensor([1.0], dtype=torch.float32, requires_grad=True)
    decoder = TransitDecoder(arterial)
    decoder.curves("lorentzian", transit, delay).square().sum().backward()
    for one, other in ((transit, (0.01, 0.0)), (delay, (0.0, 0.01))):
        with torch.no_grad():
            up, down = (
                decoder.curves("lorentzian", transit + sign * other[0], delay + sign * other[1])
                .square()
                .sum()
                for sign in (1, -1)
            )
        assert float(one.grad) == pytest.approx(float(up - down) / 0.02, rel=0.02)


def test_window_is_laid_to_the_arterial_peak_and_marks_what_is_not_measured():
    arterial = np.zeros(30)
    arterial[3:8] = [1, 3, 4, 2, 1]
    window = BolusWindow.around(arterial, 1.5)
    assert window.height == 4.0
    assert float(window.arterial[LEAD]) == 1.0
    assert window.first == 5 - LEAD
    assert float(window.arterial[40]) == float(arterial[-1] / 4)
    assert window.measured.tolist() == [0.0] * 5 + [1.0] * 30 + [0.0] * 29
    assert window.before == 0.0
    curves = np.arange(60.0).reshape(2, 30).astype(np.float32)
    assert torch.equal(window.cut(curves)[:, 5:35], torch.from_numpy(curves))

    late = BolusWindow.around(np.concatenate([np.zeros(20), arterial]), 1.5, baseline_start=3)
    assert late.first == 15
    assert late.before == 12.0
    assert float(late.measured.sum()) == 35.0


@pytest.mark.parametrize(
    ("step_s", "brought_to"), [(0.5, 1.0), (0.7, 1.4), (0.95, 0.95), (1.7, 1.7), (3.0, 3.0)]
)
def test_fast_series_are_brought_to_the_time_between_frames_of_training(step_s, brought_to):
    times = np.arange(80) * step_s
    weights = usable_times(times)
    assert np.allclose(weights.sum(1), 1)
    assert np.median(np.diff(weights @ times)) == pytest.approx(brought_to)


def window_of() -> BolusWindow:
    """Nothing is known of the level but what the window shows."""
    arterial = artery(1.5, 64)
    return BolusWindow.around(arterial, 1.5, int(arterial.argmax()) - LEAD)


def test_the_pair_that_made_a_curve_explains_it_best_whatever_its_height_and_level():
    window, grid = window_of(), TransitGrid(6, 8, (2.0, 12.0), (-1.0, 6.0))
    dictionary = TransitDictionary(window, "exponential", grid)
    transit, delay = grid.pairs()
    curves = window.cut(tissue("exponential", 1.5, 64, transit, delay).numpy())
    match = dictionary.match(curves)
    assert torch.equal(match.left.argmin(1), torch.arange(grid.size))
    again = dictionary.match(curves * 7.0 + 0.4 * window.measured)
    assert torch.equal(again.left.argmin(1), torch.arange(grid.size))
    read = features(match, dictionary)
    assert read.shape == (grid.size, grid.size + MEANS)
    assert torch.isfinite(read).all()


def test_features_do_not_depend_on_the_scale_of_a_curve():
    window, grid = window_of(), TransitGrid(6, 8)
    dictionary = TransitDictionary(window, "gamma-2", grid)
    rng = np.random.default_rng(3)
    curves = tissue("exponential", 1.5, 64).numpy()
    curves = window.cut((curves + 0.02 * rng.standard_normal(curves.shape)).astype(np.float32))
    one, two = (features(dictionary.match(curves * f), dictionary) for f in (1.0, 0.3))
    assert torch.allclose(one, two, atol=2e-3)


def test_the_warm_mean_lies_between_the_pairs_of_the_grid():
    """However sharp the likelihood, the mean that an estimate starts from does not snap to them."""
    window, grid = window_of(), TransitGrid()
    dictionary = TransitDictionary(window, "exponential", grid)
    transit = torch.full((24,), 5.0)
    delay = torch.linspace(2.0, 4.0, 24)
    curves = window.cut(tissue("exponential", 1.5, 64, transit, delay).numpy())
    rng = np.random.default_rng(2)
    noise = curves.amax(1, keepdim=True).numpy() / 100 * rng.standard_normal(curves.shape)
    read = features(
        dictionary.match(curves + torch.from_numpy(noise).float() * window.measured), dictionary
    )
    warm = (read[:, grid.size + WARM_DELAY] - delay).abs()
    spacing = float(dictionary.delay_s[1] - dictionary.delay_s[0])
    assert spacing > 0.8
    assert float(warm.mean()) < 0.2
    assert float((read[:, grid.size + WARM_TRANSIT].exp() - 5.0).abs().mean()) < 0.6


def slice_of(rng: np.random.Generator, snr: float, transit_s: torch.Tensor) -> torch.Tensor:
    """Curves of 12 x 12 voxels whose volume differs and whose transit times are given."""
    curves = tissue("exponential", 1.5, 64, transit_s, torch.full_like(transit_s, 2.0))
    curves = curves / curves.amax(1, keepdim=True)
    curves = curves * torch.from_numpy(rng.uniform(0.5, 1.5, (144, 1))).float()
    curves = curves + torch.from_numpy(rng.standard_normal(curves.shape)).float() / snr
    return window_of().cut(curves.numpy())


def read_of(curves: torch.Tensor, by: Neighbourhood) -> torch.Tensor:
    dictionary = TransitDictionary(window_of(), "exponential", TransitGrid())
    match = shared(dictionary.match(curves), np.ones((12, 12), bool), (1.8, 1.8, 5.0), by)
    return features(match, dictionary)[:, -MEANS + WARM_TRANSIT].exp()


def test_noisy_neighbours_together_tell_what_each_of_them_hides():
    transit = torch.full((144,), 6.0)
    curves = slice_of(np.random.default_rng(4), 2.0, transit)
    alone, together = (read_of(curves, by) for by in (Neighbourhood(0.0), Neighbourhood()))
    assert float((together - 6).abs().mean()) < 0.7 * float((alone - 6).abs().mean())


def test_where_noise_is_low_a_border_between_transit_times_stays_sharp():
    transit = torch.where(torch.arange(144) % 12 < 6, 4.0, 12.0)
    curves = slice_of(np.random.default_rng(4), 40.0, transit)
    found = read_of(curves, Neighbourhood()).reshape(12, 12).mean(0)
    assert float((found[:6] - 4).abs().max()) < 0.6
    assert float((found[6:] - 12).abs().max()) < 1.2


def test_an_artery_does_not_speak_for_those_around_it():
    transit = torch.full((144,), 10.0)
    transit[66] = 1.0
    curves = slice_of(np.random.default_rng(4), 4.0, transit)
    curves[66] = slice_of(np.random.default_rng(5), 1000.0, transit)[66] * 20
    beside = read_of(curves, Neighbourhood())[[65, 67, 54, 78]]
    deaf = read_of(curves, Neighbourhood(most=1e9))[[65, 67, 54, 78]]
    assert float((beside - 10).abs().max()) < 3.0
    assert float((deaf - 10).abs().max()) > 6.0


@pytest.mark.parametrize("family", FAMILIES)
def test_many_noisy_curves_tell_their_residue_function(family):
    window = window_of()
    rng = np.random.default_rng(5)
    transit = torch.from_numpy(rng.uniform(2, 12, 1500)).float()
    delay = torch.from_numpy(rng.uniform(-1, 6, 1500)).float()
    curves = tissue(family, 1.5, 64, transit, delay).numpy()
    noise = curves.max(1, keepdims=True) / 20 * rng.standard_normal(curves.shape)
    names = ["lorentzian", "exponential", "gamma-4", "box"]
    untrained = PhaeDelayNetwork(PhaeDelayArchitecture())
    with torch.inference_mode():
        choice = choose_residue(
            window.cut((curves + noise).astype(np.float32)),
            window,
            names,
            TransitGrid(),
            untrained,
        )
    assert choice.family == family
    assert set(choice.evidence) == set(names)


def test_with_nothing_to_choose_by_the_first_family_is_taken():
    untrained = PhaeDelayNetwork(PhaeDelayArchitecture(TransitGrid(3, 3)))
    with torch.inference_mode():
        choice = choose_residue(
            torch.zeros(0, 64), window_of(), ["gamma-4", "box"], TransitGrid(3, 3), untrained
        )
    assert choice.family == "gamma-4"


def test_volume_and_level_are_read_exactly_off_a_curve_without_noise():
    window = window_of()
    g = window.cut(tissue("exponential", 1.5, 64).numpy())
    volume = torch.tensor([0.2, 0.5, 1.0, 2.0])
    level = torch.tensor([0.03, -0.02, 0.0, 0.05])
    found = fit(volume[:, None] * g + level[:, None] * window.measured, g, window)
    assert torch.allclose(found.amplitude, volume, rtol=1e-3)
    assert torch.allclose(found.level, level, atol=1e-3)
    # Not measured counts nothing; a dark frame counts less than a bright one.
    assert float(found.weights[:, window.measured == 0].abs().max()) == 0.0
    darkest = found.weights[:, window.measured > 0].amin(1)
    assert float(darkest[3]) < 0.8 * float(darkest[0])


def test_frames_before_the_window_hold_the_level_at_zero():
    window = window_of()
    held = BolusWindow(
        window.arterial, window.height, window.measured, window.first, 1e6, window.step_s
    )
    g = window.cut(tissue("exponential", 1.5, 64).numpy())
    raised = g + 0.05 * window.measured
    assert float(fit(raised, g, window).level.min()) == pytest.approx(0.05, abs=1e-3)
    assert float(fit(raised, g, held).level.abs().max()) < 1e-4
