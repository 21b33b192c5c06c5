"""What is left of flow and volume when nothing but the sampling stands between."""

import pytest
from benchmarks.discretisation import SAMPLING_ONLY, TISSUES, recovered


@pytest.mark.parametrize("tissue", TISSUES)
@pytest.mark.parametrize("repetition_time_s", [0.5, 2.0])
@pytest.mark.parametrize("delay_s", [0.0, 2.0])
def test_area_over_area_gives_the_blood_volume(tissue, repetition_time_s, delay_s):
    found = recovered(TISSUES[tissue], delay_s, repetition_time_s, chosen=())
    assert found["CBV"] == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("tissue", TISSUES)
def test_circular_deconvolution_gives_the_flow_as_frames_grow_dense(tissue):
    dense, clinical = (
        recovered(TISSUES[tissue], 2.0, step_s, chosen=(SAMPLING_ONLY,))[SAMPLING_ONLY]
        for step_s in (0.1, 1.5)
    )
    assert dense == pytest.approx(1.0, abs=0.05)
    assert clinical < dense - 0.05


@pytest.mark.parametrize("tissue", TISSUES)
def test_the_usual_threshold_hides_a_third_of_the_flow_at_any_sampling(tissue):
    for step_s in (0.25, 1.5):
        found = recovered(TISSUES[tissue], 0.0, step_s, chosen=("cSVD, 7 %",))
        assert 0.4 < found["cSVD, 7 %"] < 0.7
