"""Pictures and the report: orientation, windows, and that what was asked for is in them."""

import re
import struct

import numpy as np
import pytest
from SyntheticPerfusionLib.analysis.agreement import agreement, area_under_roc
from SyntheticPerfusionLib.analysis.contact_sheet import Panel, Row, contact_sheet
from SyntheticPerfusionLib.analysis.curve_pictures import (
    aif_picture,
    bolus_picture,
    curves_picture,
)
from SyntheticPerfusionLib.analysis.pictures import (
    label_colours,
    label_picture,
    overlay_picture,
    volume_picture,
    window_of,
)
from SyntheticPerfusionLib.analysis.report import Case, Picture, Table, write_report
from SyntheticPerfusionLib.analysis.tiles import Tiles, radiological
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.maps.quantity import quantity
from SyntheticPerfusionLib.series.aif import Aif, AifQuality
from SyntheticPerfusionLib.series.geometry import Geometry

GRID = Geometry(shape=(3, 20, 24), spacing=(2.0, 2.0, 6.0))
HEAD = np.zeros(GRID.shape, np.float32)
HEAD[:, 3:17, 4:20] = 100.0
BRAIN = HEAD > 0


def marked(direction: tuple[float, ...]) -> tuple[np.ndarray, Geometry]:
    """A volume on a grid of that direction, brighter to the patient's right, front and feet."""
    geometry = Geometry((4, 5, 6), (1.0, 2.0, 3.0), direction=direction)
    k, j, i = np.indices(geometry.shape)
    points = np.stack([i, j, k, np.ones_like(i)], -1) @ geometry.voxel_to_lps.T
    return 100 - points[..., 0] - 1000 * points[..., 1] - 1e6 * points[..., 2], geometry


@pytest.mark.parametrize(
    "direction",
    [
        (1, 0, 0, 0, 1, 0, 0, 0, 1),
        (-1, 0, 0, 0, -1, 0, 0, 0, 1),
        (1, 0, 0, 0, 1, 0, 0, 0, -1),
        (0, 0, 1, 1, 0, 0, 0, -1, 0),
        (0, 0, -1, 1, 0, 0, 0, -1, 0),
        (0.96, -0.28, 0, 0.28, 0.96, 0, 0, 0, 1),
    ],
)
def test_right_is_left_and_front_is_up_however_it_was_acquired(direction):
    volume, geometry = marked(tuple(float(value) for value in direction))
    turned, spacing = radiological(volume, geometry)
    for axis in range(3):
        assert np.all(np.diff(turned, axis=axis) < 0)
    assert sorted(spacing) == [1.0, 2.0, 3.0]
    extent = [(count - 1) * step for count, step in zip(turned.shape, spacing, strict=True)]
    own = [(count - 1) * step for count, step in zip((6, 5, 4), (1.0, 2.0, 3.0), strict=True)]
    assert sorted(extent) == sorted(own)


def test_usual_window_holds_unless_it_hides_the_map():
    cbv, ttp = quantity("CBV"), quantity("TTP")
    usual = np.full(GRID.shape, 5.0)
    assert window_of(cbv, usual, BRAIN) == cbv.display_range
    assert window_of(cbv, usual * 5, BRAIN) == (0.0, 25.0)
    assert window_of(cbv, usual / 10, BRAIN) == (0.0, 0.5)
    assert window_of(cbv, usual * 0, BRAIN) == cbv.display_range
    assert window_of(ttp, usual * 6, BRAIN) == ttp.display_range
    low, high = window_of(ttp, usual * 20, BRAIN)
    assert low <= 100 <= high


@pytest.mark.parametrize("name", ["MTT", "Tmax", "delay", "TTP_arrival"])
def test_times_keep_one_window_in_every_map(name):
    known = quantity(name)
    for seconds in (0.5, 5.0, 100.0):
        assert window_of(known, np.full(GRID.shape, seconds), BRAIN) == known.display_range


def size_of(path) -> tuple[int, int]:
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", content[16:24])


def test_overlay_shows_the_map_in_the_mask_and_grey_around_it(tmp_path):
    from matplotlib.image import imread

    lower = BRAIN.copy()
    lower[:, :, 12:] = False
    values = np.where(lower, 100.0, 0.0)
    path = overlay_picture(
        tmp_path / "CBF.png", values, quantity("CBF"), HEAD, lower, GRID, "CBF", {"roi": lower}
    )
    width, height = size_of(path)
    assert width > height
    picture = imread(path)[..., :3]
    tile = picture[60:-60, : int(picture.shape[1] * 0.25)]
    coloured = tile.max(-1) - tile.min(-1) > 0.4
    grey = (tile.max(-1) - tile.min(-1) < 0.02) & (tile.max(-1) > 0.4)
    assert np.argwhere(coloured)[:, 1].mean() < np.argwhere(grey)[:, 1].mean()
    red = tile[coloured].mean(0)
    assert red[0] > 0.6
    assert red[2] < 0.2


def test_few_voxels_are_ringed_on_the_slices_that_hold_them():
    tall = Geometry((30, 20, 24), (2.0, 2.0, 2.0))
    head = np.zeros(tall.shape, np.float32)
    head[:, 3:17, 4:20] = 100.0
    few = np.zeros(tall.shape, bool)
    few[7, 8, 9] = few[22, 9, 9] = True
    tiles = Tiles(head, head > 0, tall, {"arteries": few})
    assert len(tiles.slices) == 12
    assert {7, 22} <= set(tiles.slices)
    assert np.nansum(tiles.of(few)) == 2


def test_curves_are_drawn(tmp_path):
    times = np.arange(40) * 1.5
    signal = 700 - 200 * np.exp(-(((times - 25) / 4) ** 2))
    assert size_of(
        bolus_picture(tmp_path / "bolus.png", times, signal, (4.5, 15.0), 18.0, 25.5)
    ) == (720, 300)
    quality = AifQuality(22.0, 55.0, float("nan"), True, 0.05)
    aif = Aif(times, np.exp(-(((times - 22) / 3) ** 2)) * 55, "automatic", quality)
    assert size_of(aif_picture(tmp_path / "aif.png", aif, aif))[0] == 720
    assert size_of(volume_picture(tmp_path / "head.png", HEAD, GRID, "Head"))[0] > 300


def test_every_named_label_has_a_colour_of_its_own(tmp_path):
    from matplotlib.image import imread

    labels = np.where(BRAIN, 3, 0).astype(np.uint8)
    labels[:, :, 12:][BRAIN[:, :, 12:]] = 5
    labels[1, 8:12, 8:12] = 9
    names = {3: "grey", 5: "white", 7: "not held"}
    path = label_picture(tmp_path / "labels.png", labels, names, GRID, "Labels")
    # The patient's right, label 3, is on the left of the first of three tiles; 9 has no name.
    first = imread(path)[:, :175, :3]
    right, left = (
        np.argwhere(np.abs(first - colour).max(-1) < 0.01)[:, 1] for colour in label_colours(2)
    )
    assert 0 < right.max() < left.min() < 175
    assert right.size == pytest.approx(left.size, rel=0.1)
    assert len({tuple(np.round(colour, 3)) for colour in label_colours(16)}) == 16


def test_sheet_shows_the_chosen_slice_of_every_row(tmp_path):
    from matplotlib.image import imread

    bright = HEAD.copy()
    bright[1] = 0
    dark_first = [
        Row(f"slice {k}", GRID, k, [Panel("before", bright, (0.0, 100.0))]) for k in (0, 1)
    ]
    picture = imread(contact_sheet(tmp_path / "sheet.png", dark_first))[..., :3].mean(-1)
    middle = picture.shape[1] * 3 // 4
    column = picture[:, middle]
    half = len(column) // 2
    assert column[:half].max() > 0.9
    assert column[half:].max() < 0.1


def test_many_curves_have_their_names_beside_them(tmp_path):
    from matplotlib.image import imread

    times = np.arange(30.0)
    curves = {f"region {n}": np.full(30, float(n)) for n in range(9)}
    path = curves_picture(tmp_path / "curves.png", times, curves, "Curves", "Signal")
    picture = imread(path)[..., :3]
    drawn = (picture.max(-1) - picture.min(-1) > 0.2)[:, : int(0.8 * picture.shape[1])]
    assert (drawn.mean(axis=1) > 0.5).sum() >= 9
    beside = picture[:, int(0.83 * picture.shape[1]) :]
    assert (beside.min(-1) < 0.5).sum() > 200


def test_missing_matplotlib_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="matplotlib"):
        volume_picture(tmp_path / "head.png", HEAD, GRID, "Head")
    assert list(tmp_path.iterdir()) == []


def test_report_holds_its_pictures_and_escapes_text(tmp_path):
    drawn = volume_picture(tmp_path / "head.png", HEAD, GRID, "Head")
    case = Case(
        title="A <b>case</b>",
        summary="Summary & more",
        tables=[Table("Ratio", ("Map", "Ratio"), [("CBV", "3.94")], note="Rests on 12 voxels")],
        pictures=[Picture(drawn, "The head")],
        warnings=["Saturated"],
        settings=[("regularisation", "0.035")],
    )
    path = write_report(tmp_path / "report.html", "Report", "Introduction", [case], "Research only")
    drawn.unlink()
    page = path.read_text(encoding="utf-8")
    for expected in ("A &lt;b&gt;case", "Summary &amp; more", "3.94", "12 voxels", "Saturated"):
        assert expected in page
    assert page.index("Research only") < page.index("Summary")
    assert re.search(r'src="data:image/jpeg;base64,/9j/', page)
    assert "http" not in page
    assert "head.png" not in page


def test_agreement_worked_by_hand():
    truth = np.array([[[1.0, 2.0, 4.0, 0.0]]])
    estimate = np.array([[[2.0, 4.0, 8.0, 1.0]]])
    inside = np.ones(truth.shape, bool)
    found = agreement(estimate, truth, inside)
    assert found.voxels == 4
    assert found.median_ratio == 2.0
    assert found.median_difference == 1.5
    assert found.mean_absolute == 2.0
    assert found.correlation == pytest.approx(np.corrcoef([2, 4, 8, 1], [1, 2, 4, 0])[0, 1])
    assert np.isnan(agreement(estimate * 0, truth, inside).correlation)
    with pytest.raises(ValueError, match="empty"):
        agreement(estimate, truth, ~inside)


def test_area_under_roc_worked_by_hand():
    values = np.array([1.0, 2.0, 3.0, 4.0, 3.0])
    inside = np.array([False, False, True, True, False])
    # Of 6 pairs (3 and 4 against 1, 2, 3), 5 are in order and one is a tie.
    assert area_under_roc(values, inside, ~inside) == pytest.approx(5.5 / 6)
    assert area_under_roc(-values, inside, ~inside) == pytest.approx(0.5 / 6)
