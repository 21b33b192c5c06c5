"""Training slices drawn in memory: every slice once, the same again, from memory or from files."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.errors import Cancelled, InputError
from SyntheticPerfusionLib.phantom import draws
from SyntheticPerfusionLib.phantom.cohort import CohortPlan, members
from SyntheticPerfusionLib.phantom.cohort_reading import read_cohort
from SyntheticPerfusionLib.phantom.cohort_writing import write_cohort
from SyntheticPerfusionLib.phantom.draws import slice_batches
from SyntheticPerfusionLib.phantom.patient import as_arrays

SLICES = 5
PLAN = CohortPlan(3, seed=4, protocols=("standard",), grid=(SLICES, 32, 32))


@pytest.fixture(scope="module", autouse=True)
def drawn_once():
    """Each patient is drawn once for the whole file."""
    real, kept = draws.simulate_member, {}

    def simulate(member, *arguments):
        if member not in kept:
            kept[member] = real(member, *arguments)
        return kept[member]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draws, "simulate_member", simulate)
        yield real


def seen(batches):
    return [
        (patient.identifier, k)
        for batch in batches
        for patient, k in zip(batch.patients, batch.slices, strict=True)
    ]


def test_every_slice_of_every_patient_comes_once_a_pass():
    batches = list(slice_batches(PLAN, split=None, batch_size=4, pool=2))
    everything = [(member.identifier, k) for member in members(PLAN) for k in range(SLICES)]
    assert sorted(seen(batches)) == sorted(everything)
    assert [len(batch.slices) for batch in batches] == [4, 4, 4, 3]
    assert any(len(set(batch.patients)) > 1 for batch in batches)


def test_a_batch_holds_the_slices_it_names():
    for batch in slice_batches(PLAN, split=None, batch_size=5, quantities=("Tmax", "CBV")):
        size = len(batch.slices)
        assert batch.signal.shape == (size, 80, 32, 32)
        assert batch.signal.dtype == torch.float32
        assert set(batch.targets) == {"Tmax", "CBV"}
        assert batch.mask.dtype == torch.bool
        for n, (member, k) in enumerate(zip(batch.patients, batch.slices, strict=True)):
            patient = as_arrays(draws.simulate_member(member))
            np.testing.assert_array_equal(batch.signal[n], patient.series.signal[:, k])
            np.testing.assert_array_equal(batch.targets["Tmax"][n], patient.truth["Tmax"][k])
            np.testing.assert_array_equal(batch.mask[n], patient.mask[k])
            np.testing.assert_allclose(batch.frame_times_s[n], patient.series.frame_times_s)
            assert batch.echo_time_s[n] == pytest.approx(patient.acquisition.echo_time_s)
        break


def test_a_pass_is_the_same_again_and_the_next_one_another():
    first = list(slice_batches(PLAN, split=None, seed=3))
    again = list(slice_batches(PLAN, split=None, seed=3))
    assert seen(first) == seen(again)
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.signal, other.signal)
    assert seen(first) != seen(slice_batches(PLAN, split=None, seed=3, epoch=1))
    assert seen(first) != seen(slice_batches(PLAN, split=None, seed=4))


def test_no_more_patients_are_drawn_than_are_needed(monkeypatch):
    asked = []
    real = draws.simulate_member
    monkeypatch.setattr(
        draws, "simulate_member", lambda member, *rest: asked.append(member) or real(member, *rest)
    )
    batches = slice_batches(PLAN, split=None, batch_size=2, pool=1)
    assert not asked
    next(batches)
    next(batches)
    assert len(asked) == 1
    batches.close()
    assert len(asked) == 1


def test_shapes_are_not_mixed_and_nothing_is_lost():
    mixed = [
        replace(member, grid=(SLICES, 32, 32) if n % 2 else (SLICES, 24, 24))
        for n, member in enumerate(members(PLAN))
    ]
    batches = list(slice_batches(mixed, split=None, batch_size=4, pool=3))
    for batch in batches:
        assert len({patient.grid for patient in batch.patients}) == 1
    assert max(Counter(seen(batches)).values()) == 1
    assert len(seen(batches)) == SLICES * len(mixed)


def test_slices_without_brain_can_be_left_out():
    least = 60
    wanted = {
        (member.identifier, k)
        for member in members(PLAN)
        for k in range(SLICES)
        if as_arrays(draws.simulate_member(member)).mask[k].sum() >= least
    }
    assert 0 < len(wanted) < SLICES * PLAN.patients
    assert set(seen(slice_batches(PLAN, split=None, least_brain=least))) == wanted


def test_only_the_part_that_is_asked_for():
    parts = {member.split for member in members(PLAN)}
    for part in parts:
        own = {member.identifier for member in members(PLAN) if member.split == part}
        assert {name for name, _ in seen(slice_batches(PLAN, split=part))} == own
    with pytest.raises(InputError, match="holiday"):
        slice_batches(PLAN, split="holiday")


def test_from_a_folder_come_the_same_slices(tmp_path):
    one = replace(PLAN, patients=1)
    write_cohort(one, tmp_path / "cohort", workers=1)
    from_files = list(slice_batches(read_cohort(tmp_path / "cohort"), split=None))
    from_memory = list(slice_batches(one, split=None))
    assert seen(from_files) == seen(from_memory)
    for read, made in zip(from_files, from_memory, strict=True):
        assert torch.equal(read.signal, made.signal)
        assert torch.equal(read.mask, made.mask)
        for name, target in made.targets.items():
            assert torch.equal(read.targets[name], target)


def test_those_whose_truth_lacks_a_quantity_can_be_left_out(monkeypatch):
    real, (lacking, *others) = draws.simulate_member, members(PLAN)

    def simulate(member, *rest):
        drawn = real(member, *rest)
        truth = {name: values for name, values in drawn.truth.items() if name != "Tmax"}
        return replace(drawn, truth=truth) if member == lacking else drawn

    monkeypatch.setattr(draws, "simulate_member", simulate)
    with pytest.raises(InputError, match="sub-001 has no true Tmax"):
        list(slice_batches(PLAN, split=None))
    found = {name for name, _ in seen(slice_batches(PLAN, split=None, skip_lacking=True))}
    assert found == {member.identifier for member in others}


def test_wrong_requests_and_stopping(drawn_once, monkeypatch):
    with pytest.raises(InputError, match="no true K2"):
        next(slice_batches(PLAN, split=None, quantities=("CBF", "K2")))
    with pytest.raises(InputError, match="0 slices"):
        slice_batches(PLAN, batch_size=0)
    monkeypatch.setattr(draws, "simulate_member", drawn_once)
    with pytest.raises(Cancelled):
        next(slice_batches(PLAN, split=None, cancelled=lambda: True))
