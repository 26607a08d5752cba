"""Work that must not hold up the window: one slow job, or many quick ones of which the last wins.

A job gets plain data and gives back a result or an error. It never raises, and
never touches a widget or a layer: what it found is applied by a slot in the
main thread.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final, NamedTuple

from qtpy.QtCore import QObject, QTimer, Signal

logger = logging.getLogger(__name__)

LAST_WAIT_S: Final = 3.0
"""When the program ends, what is at work may take so long to stop."""

TURN_MS: Final = 5
"""Pause between two steps: without one, nothing that waits is heard between them."""

REST_MS: Final = 60
"""After so long without another request the exact result is computed where a quick one came first.

Longer than the pause between two steps of a slider that is dragged or held.
"""


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
        # A daemon, so that closing the program waits for it no longer than `_end_all` does.
        thread = threading.Thread(target=_run, args=(function, job), name="zecoverage", daemon=True)
        _at_work[thread] = job
        thread.start()

    def stop(self) -> None:
        """Ask the function at work to stop; `finished` comes when it has."""
        if self._job is not None:
            self._job.stop()

    def _on_finished(self, result: object) -> None:
        self._job = None
        self.finished.emit(result)


_at_work: dict[threading.Thread, Job] = {}


def _run(function: Callable[[Job], Any], job: Job) -> None:
    try:
        result = function(job)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is shown in the main thread
        result = error
    _at_work.pop(threading.current_thread(), None)
    job.finish(result)


@atexit.register
def _end_all() -> None:
    """Let what is at work come to an end before Python does.

    A thread that is cut off within OpenCV takes the whole program down with it.
    """
    for job in list(_at_work.values()):
        job.stop()
    for thread in list(_at_work):
        thread.join(LAST_WAIT_S)


class Turns(QObject):
    """Does the steps of something long in the main thread, each in a turn of the event loop.

    Between two of them the window is drawn, and clicks and keys are heard.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._steps: Iterator[object] | None = None
        self._next = QTimer(self)
        self._next.setInterval(TURN_MS)
        self._next.timeout.connect(self._step)

    @property
    def busy(self) -> bool:
        """Whether steps are left to do."""
        return self._steps is not None

    def start(self, steps: Iterator[object]) -> None:
        """Do all of `steps` in turn, instead of what was left to do."""
        self._steps = steps
        self._next.start()

    def finish(self) -> None:
        """Do all that is left now."""
        while self._steps is not None:
            self._step()

    def forget(self) -> None:
        """Leave the rest undone."""
        self._steps = None
        self._next.stop()

    def _step(self) -> None:
        steps = self._steps
        if steps is None:
            return
        over = True
        try:
            next(steps)
            over = False
        except StopIteration:
            pass
        finally:
            # A step may have begun something else.
            if over and self._steps is steps:
                self.forget()


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


class QuickThenExact(QObject):
    """Computes each request twice where that pays: quickly at once, exactly when no other comes.

    The quick result is made in the main thread, before `submit` returns: so it is drawn
    in one go with the slider that moved. Nothing older is given out after something
    newer, and the last request is always computed exactly.

    Parameters
    ----------
    exact : callable
        Called as ``exact(request)`` in a thread.
    quick : callable
        Called as ``quick(request)`` in the main thread, of which it may take a few
        milliseconds. None where it is the same as the one before: then the exact
        result is not waited for.
    wants_quick : callable
        Called as ``wants_quick(request)``: whether the exact result takes so long
        that a quick one is wanted first.

    Signals
    -------
    computed(object, object)
        A request, and its exact result or the exception that ended it.
    quickly_computed(object, object)
        A request, and its quick result; there is none where it failed.
    """

    computed = Signal(object, object)
    quickly_computed = Signal(object, object)

    def __init__(
        self,
        exact: Callable[[Any], Any],
        quick: Callable[[Any], Any],
        wants_quick: Callable[[Any], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._quick = quick
        self._wants_quick = wants_quick
        self._exact = LatestWins(lambda request: exact(request.arguments), self)
        self._exact.computed.connect(self._on_exact)
        self._number = 0
        self._oldest_wanted = 0
        # Exact ones are begun when no other request comes for a moment.
        self._waiting: _Request | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(REST_MS)
        self._soon.timeout.connect(self._begin_exact)

    @property
    def idle(self) -> bool:
        """Whether everything that was asked for has been computed exactly."""
        return self._waiting is None and self._exact.idle

    def submit(self, request: object) -> None:
        """Ask for `request`; what was asked for before and not begun is dropped."""
        self._number += 1
        self._waiting = _Request(self._number, request)
        quick = self._quickly(request) if self._wants_quick(request) else None
        if quick is not None:
            # What is exact, but of a request before, is not wanted any more.
            self._oldest_wanted = self._number
            self._soon.start()
            self.quickly_computed.emit(request, quick)
        elif self._soon.isActive():
            self._soon.start()
        else:
            self._begin_exact()

    def forget(self) -> None:
        """Drop everything that was asked for; a result on its way is not given out."""
        self._soon.stop()
        self._waiting = None
        self._exact.forget()

    def _quickly(self, request: object) -> Any:
        try:
            return self._quick(request)
        except Exception as error:
            logger.debug("no quick preview", exc_info=error)
            return None

    def _begin_exact(self) -> None:
        self._soon.stop()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._exact.submit(waiting)

    def _on_exact(self, request: _Request, result: object) -> None:
        if request.generation >= self._oldest_wanted:
            self.computed.emit(request.arguments, result)
