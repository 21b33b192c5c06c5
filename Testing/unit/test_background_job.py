"""The panel's background process: what it passes on, how it ends, and that nothing outlives it."""

import json
import os
import sys
import time

import pytest
from SyntheticPerfusionLib.gui.child import ERRORS, OUTPUT, PopenChild
from SyntheticPerfusionLib.gui.cli_command import cli_command, cli_environment
from SyntheticPerfusionLib.gui.cli_job import CliJob, Listener

RESULT = {"output": "DIR", "maps": {"CBF": "DIR/CBF.nii.gz"}}


class ScriptedChild:
    """A child whose lines and end are laid down beforehand."""

    def __init__(self, batches, code):
        self.batches, self.code, self.killed = list(batches), code, False

    def start(self, command, environment):
        self.command = command

    def read_lines(self):
        return self.batches.pop(0) if self.batches else []

    def exit_code(self):
        if self.killed:
            return -9
        return self.code if len(self.batches) <= 1 else None

    def kill(self):
        self.killed = True


class Heard(Listener):
    """Writes down what it is told."""

    def __init__(self):
        self.said = []
        super().__init__(
            progress=lambda fraction, message: self.said.append(("progress", fraction, message)),
            warning=lambda text: self.said.append(("warning", text)),
            log=lambda text: self.said.append(("log", text)),
            done=lambda result: self.said.append(("done", result)),
            failed=lambda text: self.said.append(("failed", text)),
            cancelled=lambda: self.said.append(("cancelled",)),
        )


def out(**value):
    return (OUTPUT, json.dumps(value))


def finish(child, **options):
    heard = Heard()
    job = CliJob(child, heard, **options)
    job.start(["command"], {})
    while not job.poll():
        pass
    return heard.said


def test_progress_warnings_and_result_are_passed_on_in_order():
    child = ScriptedChild(
        [
            [out(progress=0.25, message="Brain mask")],
            [out(warning="The first frame was dropped."), out(progress=1.0, message="Done")],
            [out(result=RESULT)],
        ],
        0,
    )
    assert finish(child) == [
        ("progress", 0.25, "Brain mask"),
        ("warning", "The first frame was dropped."),
        ("progress", 1.0, "Done"),
        ("done", RESULT),
    ]


def test_unusable_input_is_said_in_the_programs_own_sentence():
    child = ScriptedChild([[(ERRORS, "some library: a note"), (ERRORS, "There is no bolus.")]], 2)
    assert finish(child)[-1] == ("failed", "There is no bolus.")


def test_a_list_of_what_is_wrong_is_said_whole():
    said = ["a note", "synthetic-perfusion: Patients that cannot be used: 2:", "  a: x", "  b: y"]
    child = ScriptedChild([[(ERRORS, line) for line in said]], 2)
    expected = "Patients that cannot be used: 2:\n  a: x\n  b: y"
    assert finish(child)[-1] == ("failed", expected)


def test_a_fault_shows_its_last_words():
    said = finish(ScriptedChild([[(ERRORS, "Traceback"), (ERRORS, "KeyError: 1")]], 1))
    assert said[-1][0] == "failed"
    assert "code 1" in said[-1][1]
    assert "KeyError: 1" in said[-1][1]


def test_ending_well_without_a_result_is_a_failure():
    assert finish(ScriptedChild([[]], 0))[-1][0] == "failed"
    assert finish(ScriptedChild([[]], 0), has_result=False)[-1] == ("done", {})


@pytest.mark.parametrize("line", ["not json", "[1, 2]", '"text"', '{"other": 1}', "null"])
def test_lines_that_are_no_message_go_to_the_log(line):
    assert ("log", line) in finish(ScriptedChild([[(OUTPUT, line)], [out(result=RESULT)]], 0))


def test_cancelling_is_no_failure():
    child = ScriptedChild([[], [], []], 0)
    heard = Heard()
    job = CliJob(child, heard)
    job.start(["command"], {})
    assert not job.poll()
    job.cancel()
    assert job.poll()
    assert heard.said == [("cancelled",)]


def test_a_program_that_says_it_was_cancelled():
    assert finish(ScriptedChild([[]], 130)) == [("cancelled",)]


def run_python(code):
    child = PopenChild()
    child.start([sys.executable, "-c", code], dict(os.environ))
    return child


def wait(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_all_lines_of_both_streams_come_before_the_end():
    child = run_python(
        "import sys\nfor n in range(2000): print(n); print(-n, file=sys.stderr)\nsys.exit(3)"
    )
    lines = []
    while child.exit_code() is None:
        lines += child.read_lines()
    assert [text for name, text in lines if name == OUTPUT] == [str(n) for n in range(2000)]
    assert [text for name, text in lines if name == ERRORS] == [str(-n) for n in range(2000)]
    assert child.exit_code() == 3


def test_killing_ends_what_the_child_started_too():
    child = run_python(
        "import subprocess, sys, time\n"
        "grandchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(grandchild.pid, flush=True)\n"
        "time.sleep(600)"
    )
    lines = []
    wait(lambda: lines.extend(child.read_lines()) or lines)
    grandchild = int(lines[0][1])
    os.kill(grandchild, 0)
    child.kill()
    wait(lambda: child.exit_code() is not None)

    def gone():
        try:
            with open(f"/proc/{grandchild}/stat") as stat:
                return stat.read().split()[2] == "Z"
        except FileNotFoundError:
            return True

    wait(gone)


def test_killing_after_the_end_is_harmless():
    child = run_python("pass")
    wait(lambda: child.read_lines() is not None and child.exit_code() is not None)
    child.kill()
    assert child.exit_code() == 0


def test_the_library_is_found_by_the_child_wherever_it_runs(tmp_path):
    child = PopenChild()
    command = cli_command(["methods", "--json"])
    assert command[1:] == ["-m", "SyntheticPerfusionLib.cli", "methods", "--json"]
    program = "import SyntheticPerfusionLib; print(SyntheticPerfusionLib.__version__)"
    child.start([command[0], "-c", program], {**cli_environment(), "PWD": str(tmp_path)})
    lines = []
    while child.exit_code() is None:
        lines += child.read_lines()
    from SyntheticPerfusionLib import __version__

    assert lines == [(OUTPUT, __version__)]
