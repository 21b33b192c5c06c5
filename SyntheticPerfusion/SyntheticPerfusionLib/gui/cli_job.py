"""One run of the command line in the background, from its lines to progress, result or sentence.

The command line writes one JSON object a line on stdout (progress, warning, result) and, where it
ends early, one line on stderr. Exit codes: 0 done, 2 unusable input, 130 cancelled, else a fault.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .child import ERRORS, ChildProcess

UNUSABLE_INPUT, CANCELLED = 2, 130
_TAIL = 12
_SPEAKER = "synthetic-perfusion: "


def _ignore(*_: object) -> None:
    """Nobody listens."""


@dataclass
class Listener:
    """Who is told what.

    progress(fraction, message)  how far it is, 0 to 1.
    warning(text)                a sentence the person should read.
    log(text)                    anything else that the program said.
    done(result)                 the result object; called once, as the last.
    failed(text)                 the sentence for the person; called once, as the last.
    cancelled()                  it was stopped; called once, as the last.
    """

    progress: Callable[[float, str], None] = _ignore
    warning: Callable[[str], None] = _ignore
    log: Callable[[str], None] = _ignore
    done: Callable[[dict[str, Any]], None] = _ignore
    failed: Callable[[str], None] = _ignore
    cancelled: Callable[[], None] = _ignore


@dataclass
class CliJob:
    """A run of the command line. `poll` is to be called now and then until it returns True.

    has_result  whether the command says a result; one that ends well without it has failed then.
    """

    child: ChildProcess
    listener: Listener
    has_result: bool = True
    _result: dict[str, Any] | None = field(default=None, init=False)
    _errors: list[str] = field(default_factory=list, init=False)
    _stopped: bool = field(default=False, init=False)

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the child; raises OSError where that is not possible."""
        self.child.start(command, environment)

    def cancel(self) -> None:
        """Kill the child and all it started; the next `poll` says so."""
        self._stopped = True
        self.child.kill()

    def poll(self) -> bool:
        """Pass on what came; True once the run is over and the listener was told how it ended."""
        # Before the lines: what comes between the two calls is then read by the next poll.
        code = self.child.exit_code()
        for stream, line in self.child.read_lines():
            if stream == ERRORS:
                self._errors.append(line)
                self.listener.log(line)
            else:
                self._take(line)
        if code is None:
            return False
        self._end(code)
        return True

    def _take(self, line: str) -> None:
        try:
            said = json.loads(line)
        except json.JSONDecodeError:
            said = None
        if not isinstance(said, dict):
            self.listener.log(line)
        elif "progress" in said:
            self.listener.progress(float(said["progress"]), str(said.get("message", "")))
        elif "warning" in said:
            self.listener.warning(str(said["warning"]))
        elif "result" in said:
            self._result = said["result"]
        else:
            self.listener.log(line)

    def _end(self, code: int) -> None:
        if self._stopped or code == CANCELLED:
            self.listener.cancelled()
        elif code == 0 and (self._result is not None or not self.has_result):
            self.listener.done(self._result or {})
        elif code == UNUSABLE_INPUT and self._errors:
            self.listener.failed(_refusal(self._errors))
        else:
            last_words = "\n".join(self._errors[-_TAIL:]) or "It said nothing."
            self.listener.failed(f"The computation ended with code {code}.\n{last_words}")


def _refusal(errors: Sequence[str]) -> str:
    """What the program said of the input: from its name on, as a list takes several lines."""
    starts = [row for row, line in enumerate(errors) if line.startswith(_SPEAKER)]
    return "\n".join(errors[starts[-1] :]).removeprefix(_SPEAKER) if starts else errors[-1]
