"""Files that travel with the library are found, notices among them."""

import pytest
from SyntheticPerfusionLib.resources import RESOURCE_FOLDERS, resource


def test_template_and_its_notice_travel_together():
    template = resource("mni152_2mm.npz")
    notice = resource("mni152_NOTICE.txt")
    assert template.parent == notice.parent
    assert "McConnell Brain Imaging Centre" in notice.read_text()
    assert template.stat().st_size < 1_500_000


def test_first_folder_that_has_it_wins(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_text(name)
    folders = (tmp_path / "missing", tmp_path / "one", tmp_path / "two")
    assert resource("model.json", folders).read_text() == "one"


def test_missing_resource_says_where_it_looked(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.bin"):
        resource("nothing.bin", (tmp_path,))


def test_library_folder_comes_first():
    assert RESOURCE_FOLDERS[0].parts[-2:] == ("SyntheticPerfusionLib", "data")
