"""Level 5: the cases inside the Slicer application, where one is found.

Set SLICER_EXECUTABLE to the path of Slicer to run them. Without it the scene's cases still run on
slicer-core (level 2), but nothing proves the panel.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SLICER = os.environ.get("SLICER_EXECUTABLE", "")

pytestmark = [
    pytest.mark.slicer,
    pytest.mark.skipif(
        not SLICER,
        reason="the panel is not tested: set SLICER_EXECUTABLE to a 3D Slicer 5.12 or later",
    ),
]


@pytest.mark.parametrize("cases", ["scene_cases", "panel_cases"])
def test_cases_pass_inside_slicer(cases):
    program = (
        "import slicer.testing; "
        f"slicer.testing.runUnitTest([{str(ROOT / 'Testing')!r}], 'in_slicer.{cases}')"
    )
    command = [SLICER, "--testing", "--no-splash", "--disable-settings"]
    command += ["--additional-module-paths", str(ROOT / "SyntheticPerfusion")]
    run = subprocess.run(
        [*command, "--python-code", program], capture_output=True, text=True, timeout=1800
    )
    said = run.stdout + run.stderr
    found = re.search(r"Ran (\d+) tests", said)
    assert found, said[-4000:]
    assert int(found.group(1)) > 10
    assert run.returncode == 0, said[-4000:]
    assert not re.search(r"^FAILED", said, re.MULTILINE), said[-4000:]
