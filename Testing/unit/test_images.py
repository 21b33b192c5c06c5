"""Written volumes are whole or not there: what a full disk leaves behind, and what it must not."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from SyntheticPerfusionLib.series.images import read_image, write_image
from SyntheticPerfusionLib.series.read import read_series
from SyntheticPerfusionLib.series.write import write_series

from unit.small_series import small_geometry, small_series

SHAPE = (8, 40, 40)
GEOMETRY = small_geometry(SHAPE)

LIMITED = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from SyntheticPerfusionLib.series.images import write_image
from unit.small_series import small_geometry

shape = (8, 40, 40)
array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    write_image(array, small_geometry(shape), Path(sys.argv[1]))
except OSError as error:
    sys.exit(f"errno {error.errno}")
"""


def values() -> np.ndarray:
    return np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)


def truncated_by(count: int):
    """SimpleITK's writer on a disk that takes all but `count` bytes, without a word."""
    write = sitk.WriteImage

    def writer(image, name, *settings):
        write(image, name, *settings)
        os.truncate(name, os.path.getsize(name) - count)

    return writer


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd"])
def test_file_that_may_not_grow_leaves_the_old_map(tmp_path, suffix):
    target = tmp_path / f"CBF{suffix}"
    target.write_bytes(b"older map")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(target), "20000"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert done.stderr.splitlines()[-1] == f"errno {errno.ENOSPC}"
    assert target.read_bytes() == b"older map"
    assert os.listdir(tmp_path) == [target.name]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd"])
@pytest.mark.parametrize("missing", [1, 500])
def test_truncated_map_gets_no_name(tmp_path, monkeypatch, suffix, missing):
    monkeypatch.setattr(sitk, "WriteImage", truncated_by(missing))
    with pytest.raises(OSError, match="disk is full") as caught:
        write_image(values(), GEOMETRY, tmp_path / f"CBF{suffix}")
    assert caught.value.errno == errno.ENOSPC
    assert os.listdir(tmp_path) == []


def test_truncated_series_leaves_the_old_one_with_its_times(tmp_path, monkeypatch):
    old = small_series(12, small_geometry((4, 6, 5)))
    write_series(old, tmp_path / "dsc.nii.gz")
    monkeypatch.setattr(sitk, "WriteImage", truncated_by(30))
    with pytest.raises(OSError, match="disk is full"):
        write_series(small_series(14, old.geometry).from_frame(1), tmp_path / "dsc.nii.gz")
    back = read_series(tmp_path / "dsc.nii.gz")
    np.testing.assert_array_equal(back.signal, old.signal)
    np.testing.assert_array_equal(back.frame_times_s, old.frame_times_s)
    assert sorted(os.listdir(tmp_path)) == ["dsc.json", "dsc.nii.gz"]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd"])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.float32, np.float64])
def test_every_kind_of_value_counts_as_whole(tmp_path, suffix, dtype):
    array = values() > 0 if dtype is bool else (100 * values()).astype(dtype)
    write_image(array, GEOMETRY, tmp_path / f"map{suffix}")
    np.testing.assert_array_equal(read_image(tmp_path / f"map{suffix}")[0], array)


def test_writer_that_says_what_is_wrong(tmp_path):
    with pytest.raises(OSError, match="could not be written") as caught:
        write_image(values(), GEOMETRY, tmp_path / "none" / "CBF.nii.gz")
    assert caught.value.errno is None
