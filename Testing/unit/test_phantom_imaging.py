"""From signal to series: what each setting of the scanner adds, and in which order."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.anatomy import Anatomy, make_anatomy
from SyntheticPerfusionLib.phantom.imaging import Scanned, scan
from SyntheticPerfusionLib.phantom.point_spread import blur

SCAN = Acquisition.small(shape=(3, 48, 48), spacing_mm=(4.8, 4.8, 12.0), frames=60)
CLEAN = SCAN.undisturbed()


@pytest.fixture(scope="module")
def anatomy() -> Anatomy:
    return make_anatomy(SCAN.geometry, np.random.default_rng(2))


def scanned(anatomy: Anatomy, acquisition: Acquisition) -> tuple[Scanned, torch.Tensor]:
    baseline = 0.3 * (1 - anatomy.skull) + 0.01
    clean = baseline.repeat(acquisition.frames, 1)
    return scan(clean, baseline, anatomy, acquisition, np.random.default_rng(7)), clean


def test_undisturbed_is_the_signal_under_the_gain_of_the_coils(anatomy):
    found, clean = scanned(anatomy, CLEAN)
    assert torch.equal(found.series, anatomy.volume(clean))
    assert found.events == []


def test_each_disturbance_leaves_the_others_as_they_are(anatomy):
    sharp, _ = scanned(anatomy, CLEAN)
    blurred, _ = scanned(anatomy, replace(CLEAN, psf_voxels=0.6))
    np.testing.assert_allclose(blurred.series[3], blur(sharp.series[3], 0.6), rtol=1e-5)
    masked, _ = scanned(anatomy, replace(SCAN, air_masked=True))
    open_air, _ = scanned(anatomy, SCAN)
    kept = masked.series > 0
    assert torch.equal(masked.series[kept], open_air.series[kept])
    air = ~kept.all(0)
    assert 0.1 < float(air.float().mean()) < 0.9
    assert torch.all(masked.series[:, air] == 0)
    assert torch.all(anatomy.volume(torch.ones_like(anatomy.grey))[air] == 0)


def test_noise_has_the_size_of_the_brains_signal_over_snr(anatomy):
    quiet, _ = scanned(anatomy, CLEAN)
    noisy, _ = scanned(anatomy, replace(CLEAN, snr=25.0))
    brain = anatomy.volume(anatomy.brain)
    expected = float(quiet.series[:, brain].mean()) / 25
    assert float((noisy.series - quiet.series)[:, brain].std()) == pytest.approx(expected, rel=0.05)


def test_what_the_brain_shares_is_seen_in_its_mean(anatomy):
    found, _ = scanned(anatomy, replace(SCAN, snr=50.0, physiological_noise=0.003))
    brain = anatomy.volume(anatomy.brain)
    mean = found.series[:, brain].mean(1).double()
    assert 0.0015 < float((mean[1:] - mean[:-1]).std() / np.sqrt(2) / mean.mean()) < 0.008


def test_waves_of_a_spike_meet_the_signal_before_the_noise(anatomy):
    spiky = replace(CLEAN, snr=20.0, spikes=20)
    found, _ = scanned(anatomy, spiky)
    quiet, _ = scanned(anatomy, replace(spiky, spikes=0))
    touched = [event["frame"] for event in found.events if event["kind"] == "jump"]
    assert touched
    air = anatomy.volume(torch.ones_like(anatomy.grey)) == 0
    # A jump of the transmitter's does not change the noise of the receiver.
    for frame in touched:
        assert torch.equal(found.series[frame][air], quiet.series[frame][air])
