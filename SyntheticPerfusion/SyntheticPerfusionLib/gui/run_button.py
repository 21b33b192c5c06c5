"""A button that runs the command line in the background and becomes Cancel meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import qt
from slicer.i18n import tr as _

from .child import ChildProcess, PopenChild
from .cli_command import cli_command, cli_environment
from .cli_job import CliJob, Listener

_POLL_MS = 100
_STEPS = 1000


@dataclass(frozen=True)
class Words:
    """What stands on the button, and its tooltip while the child runs."""

    start: str
    cancel: str
    cancel_tip: str


class RunButton:
    """A wide button with a progress bar. The panel stays alive throughout.

    button, bar  the widgets; the bar is seen while the child runs.
    on_start     called when the person wants to start.
    make_child   gives the child of the next run; tests give their own.
    """

    def __init__(
        self,
        button: Any,
        bar: Any,
        words: Words,
        on_start: Callable[[], None],
        make_child: Callable[[], ChildProcess] = PopenChild,
    ) -> None:
        self._button, self._bar = button, bar
        self.words = words
        self._on_start = on_start
        self.make_child = make_child
        self._job: CliJob | None = None
        self._finished: Callable[[], None] = lambda: None
        self._can_start, self._tool_tip = False, ""
        # The button's child: it goes with the panel, and lets go of this object then.
        self._timer = qt.QTimer(button)
        self._timer.setInterval(_POLL_MS)
        self._timer.connect("timeout()", self._on_poll)
        button.connect("clicked()", self._on_clicked)
        bar.setVisible(False)

    @property
    def running(self) -> bool:
        """Whether a child is at work."""
        return self._job is not None

    def update(self, missing: str, ready: str) -> None:
        """Offer to start with the tooltip `ready`, or say what is `missing`."""
        self._can_start, self._tool_tip = not missing, missing or ready
        self._show_button()

    def run(
        self, arguments: Sequence[str], listener: Listener, finished: Callable[[], None]
    ) -> None:
        """Start `synthetic-perfusion ARGUMENTS`; `finished` is called after the listener's last."""
        progress = listener.progress

        def show(fraction: float, message: str) -> None:
            self._show_progress(fraction, message)
            progress(fraction, message)

        listener.progress = show
        job = CliJob(self.make_child(), listener)
        job.start(cli_command(arguments), cli_environment())
        self._job, self._finished = job, finished
        self._show_progress(0.0, _("Starting"))
        self._timer.start()
        self._show_button()

    def cancel(self) -> None:
        """Kill the child, if there is one, and say so to its listener."""
        if self._job is not None:
            self._job.cancel()
            self._on_poll()

    def stop(self) -> None:
        """End everything without a word: the panel or the scene is going away."""
        if self._job is not None:
            self._job.child.kill()
            self._end()

    def _on_clicked(self) -> None:
        if self.running:
            self.cancel()
        else:
            self._on_start()

    def _on_poll(self) -> None:
        job = self._job
        if job is None:
            return
        # A listener may open a message box, whose event loop must not call in here again.
        self._timer.stop()
        over = True
        try:
            over = job.poll()
        finally:
            if self._job is job:
                if over:
                    self._end()
                else:
                    self._timer.start()

    def _end(self) -> None:
        self._timer.stop()
        self._job = None
        self._finished()
        self._show_button()

    def _show_progress(self, fraction: float, message: str) -> None:
        self._bar.setValue(round(_STEPS * fraction))
        self._bar.setFormat(f"{message} %p%")

    def _show_button(self) -> None:
        running, words = self.running, self.words
        self._button.setText(words.cancel if running else words.start)
        self._button.setEnabled(running or self._can_start)
        self._button.setToolTip(words.cancel_tip if running else self._tool_tip)
        self._bar.setVisible(running)
