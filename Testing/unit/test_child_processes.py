"""Ctrl-C while processes are started: their parent takes it afterwards, they never do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest
from SyntheticPerfusionLib.child_processes import later_interrupt

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


@pytest.fixture
def other_thread():
    """A thread that hears signals, as those of numerical libraries do."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    yield
    end.set()
    thread.join()


def interrupted(done):
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000):
        done.append(len(done))


def kept(done):
    with later_interrupt():
        interrupted(done)


def test_an_interrupt_is_kept_until_the_end_whatever_thread_takes_it(other_thread):
    done = []
    with pytest.raises(KeyboardInterrupt):
        kept(done)
    assert len(done) == 1000
    with pytest.raises(KeyboardInterrupt):
        interrupted(done)
    assert len(done) < 2000


def test_a_handler_of_the_programs_own_gets_it(other_thread):
    heard = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        with later_interrupt():
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(0.1)
            assert heard == []
        assert heard == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_process_started_meanwhile_is_deaf_to_it():
    program = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
    with later_interrupt():
        found = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
    assert found.stdout.strip() == "True"


def test_another_thread_may_start_some_too():
    done = []

    def run():
        with later_interrupt():
            done.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done == [True]
