"""Ctrl-C while processes are started: their parent takes it afterwards, they never do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest
from SyntheticPerfusionLib.child_processes import deferred_stop

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


def interrupted(number, done):
    os.kill(os.getpid(), number)
    threading.Event().wait(0.1)
    done.append(True)


def deferred(number, done, error=None):
    with deferred_stop():
        interrupted(number, done)
        if error:
            raise error


def test_an_interrupt_waits_for_the_end_whatever_thread_takes_it(other_thread):
    done = []
    with pytest.raises(KeyboardInterrupt):
        deferred(signal.SIGINT, done)
    assert done == [True]
    with pytest.raises(KeyboardInterrupt):
        interrupted(signal.SIGINT, done)
    assert done == [True]


def test_it_is_not_lost_where_something_else_went_wrong(other_thread):
    with pytest.raises(KeyboardInterrupt) as raised:
        deferred(signal.SIGINT, [], OSError("no more processes"))
    assert isinstance(raised.value.__context__, OSError)


def test_sigterm_waits_too_where_the_program_takes_it(other_thread):
    def stop(number, frame):
        raise KeyboardInterrupt

    done = []
    before = signal.signal(signal.SIGTERM, stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            deferred(signal.SIGTERM, done)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert done == [True]


def test_the_mask_is_afterwards_as_it_was():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with deferred_stop():
            with deferred_stop():
                pass
            assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def test_a_handler_of_the_programs_own_gets_it(other_thread):
    heard = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        with deferred_stop():
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(0.1)
            assert heard == []
        assert heard == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_process_started_meanwhile_is_deaf_to_it():
    program = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
    with deferred_stop():
        found = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
    assert found.stdout.strip() == "True"


def test_another_thread_may_start_some_too():
    done = []

    def run():
        with deferred_stop():
            done.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done == [True]
