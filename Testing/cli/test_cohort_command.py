"""`synthetic-perfusion cohort` as a process: it stops at any moment, goes on, and leaves nobody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from SyntheticPerfusionLib.cli import main
from SyntheticPerfusionLib.phantom import cohort_writing
from SyntheticPerfusionLib.phantom.cohort import members
from SyntheticPerfusionLib.phantom.cohort_writing import Failure, Written

from .command import command, environment, run

PLAN = (
    *("--patients", 3, "--seed", 1, "--mix", "stroke=1,glioma-low=2"),
    *("--protocol", "standard", "--small", "--workers", 2),
)
ROWS = 3


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Folder of a cohort made in one go, and what the command said."""
    folder = tmp_path_factory.mktemp("cohort") / "made" / "here"
    return folder, run("cohort", folder, *PLAN, "--json-progress")


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def started(folder, *options, **more):
    return subprocess.Popen(
        command("cohort", folder, *PLAN, *options),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def until(true, seconds=120.0):
    """Wait for what other processes do."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def children(pid):
    """Every process below `pid`."""
    own = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in own] + [far for child in own for far in children(int(child))]


def running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_writes_everybody_and_says_so(cohort):
    folder, said = cohort
    assert said.returncode == 0, said.stderr
    assert said.stderr == ""
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    fractions = [line["progress"] for line in lines if "progress" in line]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert lines[-1]["result"] == {
        "output": str(folder),
        "participants": str(folder / "participants.tsv"),
        "patients": 3,
        "new": 3,
        "failed": [],
    }
    rows = (folder / "participants.tsv").read_text().splitlines()
    assert [row.split("\t")[0] for row in rows[1:]] == ["sub-001", "sub-002", "sub-003"]
    assert sorted(row.split("\t")[1] for row in rows[1:]) == ["glioma-low", "glioma-low", "stroke"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_killed_in_the_middle_and_run_again_it_is_the_same(cohort, tmp_path):
    folder = tmp_path / "cohort"
    job = started(folder)
    listed = folder / "participants.tsv"
    until(lambda: listed.is_file() and len(listed.read_text().splitlines()) >= 2)
    below = children(job.pid)
    assert len(below) >= 2
    job.kill()
    job.communicate()
    until(lambda: not any(map(running, below)))
    assert len(list(folder.rglob("*_patient.json"))) < ROWS
    # By another number of processes, for that must change nothing.
    assert main(["cohort", str(folder), *map(str, PLAN), "--workers", "1"]) == 0
    assert contents(folder) == contents(cohort[0])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_says_so_and_leaves_no_process(tmp_path, number):
    folder = tmp_path / "cohort"
    job = started(folder, start_new_session=True)
    if number == signal.SIGINT:
        until(lambda: len(children(job.pid)) >= 2)
    else:
        until(lambda: any(folder.glob("sub-*")))
    below = children(job.pid)
    if number == signal.SIGINT:
        # A terminal sends it to everybody, here while they are starting.
        os.killpg(job.pid, number)
    else:
        job.send_signal(number)
    _, said = job.communicate(timeout=60)
    assert job.returncode == 130, said
    assert said.strip().splitlines() == [
        "synthetic-perfusion: stopped; files already written are whole."
    ]
    assert len(below) >= 2
    until(lambda: not any(map(running, below)))
    assert not list(folder.rglob(".*-sub-*"))


def test_a_log_gets_a_line_for_each_step(cohort, capsys):
    assert main(["cohort", str(cohort[0]), *map(str, PLAN)]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0] == "Patients to make: 0"
    assert "Patients: 3, of them new 0" in said
    assert "research" in said


@pytest.mark.parametrize(("unusable", "code"), [(True, 2), (False, 1)])
def test_one_who_fails_is_named_and_the_code_says_whose_fault_it_is(
    tmp_path, capsys, monkeypatch, unusable, code
):
    def written(plan, root, workers, progress):
        member = members(plan)[1]
        return Written({"sub-001": {}}, 1, [Failure(member, "no such luck", unusable)])

    monkeypatch.setattr(cohort_writing, "write_cohort", written)
    assert main(["cohort", str(tmp_path), *map(str, PLAN)]) == code
    said = capsys.readouterr()
    assert "sub-002" in said.err
    assert "no such luck" in said.err
    assert "Patients: 1, of them new 1" in said.out


def test_a_process_ended_from_outside_is_said(tmp_path, capsys, monkeypatch):
    def broken(plan, root, workers, progress):
        raise BrokenProcessPool

    monkeypatch.setattr(cohort_writing, "write_cohort", broken)
    assert main(["cohort", str(tmp_path), *map(str, PLAN)]) == 1
    assert "--workers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (("--mix", "migraine=1"), "migraine"),
        (("--workers", "0"), "--workers"),
        (("--seed", "2"), "another plan"),
    ],
)
def test_what_it_cannot_use_is_one_line(cohort, capsys, wrong, words):
    assert main(["cohort", str(cohort[0]), *map(str, PLAN), *wrong]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert words in line


def test_asking_for_help_loads_no_torch():
    program = (
        "import sys\n"
        "from SyntheticPerfusionLib.cli import build_parser\n"
        "build_parser().parse_args(['cohort', 'x', '--patients', '3'])\n"
        "print('torch' in sys.modules)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "False"
