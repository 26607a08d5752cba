"""Work that must not hold up the window: one slow job, or many quick ones of which the last wins.

A job gets plain data and gives back a result or an error. It never raises, and
never touches a widget or a layer: what it found is applied by a slot in the
main thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from qtpy.QtCore import QObject, Signal


class _Messenger(QObject):
    """Carries what a job says to the main thread; the job's own, so it outlives any widget."""

    progressed = Signal(object)
    finished = Signal(object)


class Job:
    """What a function at work may use: say how far it is, ask whether to stop."""

    def __init__(self, gone: threading.Event) -> None:
        self.messenger = _Messenger()
        self._stop = threading.Event()
        self._gone = gone

    def stop(self) -> None:
        """Ask the function to stop."""
        self._stop.set()

    def should_stop(self) -> bool:
        """Return whether the function has been asked to stop, or nobody listens any more."""
        return self._stop.is_set() or self._gone.is_set()

    def report(self, progress: object) -> None:
        """Say how far the function is."""
        # Qt takes its objects apart when the program ends: then nobody is left to tell.
        with suppress(RuntimeError):
            self.messenger.progressed.emit(progress)

    def finish(self, result: object) -> None:
        """Hand over what the function gave."""
        with suppress(RuntimeError):
            self.messenger.finished.emit(result)


class Background(QObject):
    """Runs one function at a time in a thread of its own.

    The signals arrive in the main thread. When this object goes, the function is
    asked to stop, and nothing that it still says is heard.

    Signals
    -------
    progressed(object)
        What the function reported.
    finished(object)
        The function's result, or the exception that ended it.
    """

    progressed = Signal(object)
    finished = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._job: Job | None = None
        # A docked widget is never told that it closes, but its children always
        # end with it: this is how a job learns that the window has gone.
        self._gone = threading.Event()
        self.destroyed.connect(self._gone.set)

    @property
    def running(self) -> bool:
        """Whether a function is at work."""
        return self._job is not None

    def start(self, function: Callable[[Job], Any]) -> None:
        """Run `function(job)` in a thread.

        Raises
        ------
        RuntimeError
            A function is already at work.
        """
        if self._job is not None:
            raise RuntimeError("a function is already at work")
        self._job = job = Job(self._gone)
        job.messenger.progressed.connect(self.progressed)
        job.messenger.finished.connect(self._on_finished)
        # A daemon, so that closing the program never waits for a frame to be aligned.
        threading.Thread(target=_run, args=(function, job), name="zecoverage", daemon=True).start()

    def stop(self) -> None:
        """Ask the function at work to stop; `finished` comes when it has."""
        if self._job is not None:
            self._job.stop()

    def _on_finished(self, result: object) -> None:
        self._job = None
        self.finished.emit(result)


def _run(function: Callable[[Job], Any], job: Job) -> None:
    try:
        result = function(job)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is shown in the main thread
        result = error
    job.finish(result)


class _Request(NamedTuple):
    generation: int
    arguments: Any


class LatestWins(QObject):
    """Computes one request at a time; of those that come meanwhile only the newest is kept.

    Results are given out in the order of their requests, and the last request
    is always computed.

    Parameters
    ----------
    function : callable
        Called as ``function(request)`` in a thread.

    Signals
    -------
    computed(object, object)
        A request, and its result or the exception that ended it.
    """

    computed = Signal(object, object)

    def __init__(self, function: Callable[[Any], Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._function = function
        self._background = Background(self)
        self._background.finished.connect(self._on_finished)
        self._running: _Request | None = None
        self._pending: _Request | None = None
        self._generation = 0
        self._oldest_wanted = 0

    @property
    def idle(self) -> bool:
        """Whether nothing is being computed, and nothing waits."""
        return self._running is None

    def submit(self, request: object) -> None:
        """Ask for `request`; whatever was still waiting is dropped."""
        self._generation += 1
        self._pending = _Request(self._generation, request)
        if self._running is None:
            self._start_pending()

    def forget(self) -> None:
        """Drop everything that was asked for; a result on its way is not given out."""
        self._pending = None
        self._oldest_wanted = self._generation + 1

    def _start_pending(self) -> None:
        self._running, self._pending = self._pending, None
        if self._running is not None:
            function, arguments = self._function, self._running.arguments
            self._background.start(lambda _job: function(arguments))

    def _on_finished(self, result: object) -> None:
        done = self._running
        # The next one computes while the layers are being set.
        self._start_pending()
        if done is not None and done.generation >= self._oldest_wanted:
            self.computed.emit(done.arguments, result)
