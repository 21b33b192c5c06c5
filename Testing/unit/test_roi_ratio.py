"""Region values and ratios, with numbers worked by hand."""

import numpy as np
import pytest
from SyntheticPerfusionLib.analysis.roi_ratio import roi_ratio, roi_statistics
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.series.geometry import Geometry

GRID = Geometry(shape=(1, 2, 4), spacing=(2.0, 2.0, 5.0))
VALUES = np.array([[[2.0, 4.0, 6.0, 8.0], [1.0, 1.0, 3.0, 0.0]]])


def region(*shares: float) -> np.ndarray:
    return np.array(shares, np.float32).reshape(GRID.shape)


def test_whole_voxels():
    found = roi_statistics(VALUES, region(1, 1, 1, 0, 0, 0, 0, 0), GRID)
    assert found.mean == pytest.approx(4.0)
    assert found.standard_deviation == pytest.approx(np.sqrt(8 / 3))
    assert found.median == 4.0
    assert found.voxels == 3.0
    assert found.volume_ml == pytest.approx(3 * 0.020)
    assert found.without_value == 0.0


def test_shares_of_voxels_weigh_the_mean_and_the_volume():
    # 0.5 x 2 + 1 x 4 + 0.25 x 8 = 7 over 1.75 voxels of 20 mm^3
    found = roi_statistics(VALUES, region(0.5, 1, 0, 0.25, 0, 0, 0, 0), GRID)
    assert found.mean == pytest.approx(4.0)
    assert found.voxels == pytest.approx(1.75)
    assert found.volume_ml == pytest.approx(0.035)
    # (0.5 x 4 + 0 + 0.25 x 16) / 1.75
    assert found.standard_deviation == pytest.approx(np.sqrt(6 / 1.75))
    assert found.median == 4.0


def test_truth_values_are_whole_voxels():
    mask = region(1, 0, 0, 1, 0, 0, 0, 0) > 0
    assert roi_statistics(VALUES, mask, GRID).mean == pytest.approx(5.0)


def test_ratio_of_means():
    found = roi_ratio(
        VALUES, region(0, 0, 1, 1, 0, 0, 0, 0), region(0, 0, 0, 0, 1, 1, 0.5, 0), GRID
    )
    # 7 over (1 + 1 + 1.5) / 2.5
    assert found.ratio == pytest.approx(7 / 1.4)
    assert found.tumor.mean == pytest.approx(7.0)
    assert found.reference.voxels == pytest.approx(2.5)
    assert found.warnings == ()


def test_voxels_without_value_are_counted_and_said():
    found = roi_ratio(VALUES, region(0, 0, 1, 1, 0, 0, 0, 0), region(0, 0, 0, 0, 1, 0, 0, 1), GRID)
    assert found.reference.without_value == 1.0
    assert found.reference.mean == pytest.approx(0.5)
    assert len(found.warnings) == 1
    assert "50% of the reference region" in found.warnings[0]


def test_empty_region():
    with pytest.raises(InputError, match="tumor region is empty"):
        roi_ratio(VALUES, region(*[0] * 8), region(1, 0, 0, 0, 0, 0, 0, 0), GRID)


def test_region_on_another_grid_names_both():
    with pytest.raises(InputError, match=r"3x2x1 .* 4x2x1"):
        roi_statistics(VALUES, np.ones((1, 2, 3)), GRID)


def test_shares_above_1_are_no_shares():
    with pytest.raises(InputError, match="up to 255"):
        roi_statistics(VALUES, region(255, 0, 0, 0, 0, 0, 0, 0), GRID)


def test_shares_that_are_no_numbers():
    with pytest.raises(InputError):
        roi_statistics(VALUES, region(np.inf, 0, 0, 0, 0, 0, 0, 0), GRID)


def test_map_that_is_not_a_number_inside_the_region():
    values = VALUES.copy()
    values[0, 0, 1] = np.nan
    with pytest.raises(InputError, match="1 voxels"):
        roi_statistics(values, region(1, 1, 0, 0, 0, 0, 0, 0), GRID)
    assert roi_statistics(values, region(1, 0, 0, 0, 0, 0, 0, 0), GRID).mean == 2.0


def test_reference_of_mean_0_gives_no_ratio():
    with pytest.raises(InputError, match="is 0"):
        roi_ratio(VALUES, region(1, 0, 0, 0, 0, 0, 0, 0), region(0, 0, 0, 0, 0, 0, 0, 1), GRID)


def test_overlapping_regions_are_refused():
    with pytest.raises(InputError, match="share 1 voxels"):
        roi_ratio(VALUES, region(1, 1, 0, 0, 0, 0, 0, 0), region(0, 1, 1, 0, 0, 0, 0, 0), GRID)
