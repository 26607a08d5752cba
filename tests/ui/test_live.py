"""Work in the background, and latest-wins."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from functools import partial

import pytest
from qtpy.QtCore import QObject, QThread, QTimer

from napari_zecoverage.ui.live import Background, LatestWins, QuickThenExact, Turns


class Gate:
    """A function that waits until the test lets it go on."""

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.allowed = threading.Semaphore(0)
        self.calls: list[object] = []
        self.threads: list[int] = []

    def __call__(self, request: object) -> str:
        self.calls.append(request)
        self.threads.append(threading.get_ident())
        self.started.release()
        assert self.allowed.acquire(timeout=10)
        if request == "bad":
            raise ValueError("no such thing")
        return f"made of {request}"


def no_worker_left() -> bool:
    return not any(each.name == "zecoverage" for each in threading.enumerate())


@pytest.fixture
def owner(qtbot) -> QObject:
    return QObject()


@pytest.fixture(autouse=True)
def _all_workers_end(qtbot):
    yield
    qtbot.waitUntil(no_worker_left)


def test_result_arrives_in_the_main_thread(qtbot, owner) -> None:
    background = Background(owner)
    threads = []
    background.finished.connect(lambda _: threads.append(QThread.currentThread()))
    with qtbot.waitSignal(background.finished) as done:
        background.start(lambda job: threading.get_ident())
        assert background.running
    assert done.args[0] != threading.get_ident()
    assert threads == [owner.thread()]
    assert not background.running


def test_progress_arrives_in_order_before_the_result(qtbot, owner) -> None:
    background = Background(owner)
    heard: list[object] = []
    background.progressed.connect(heard.append)
    background.finished.connect(heard.append)

    def function(job):
        for step in range(5):
            job.report(step)
        return "end"

    with qtbot.waitSignal(background.finished):
        background.start(function)
    assert heard == [0, 1, 2, 3, 4, "end"]


def test_an_error_is_a_result(qtbot, owner) -> None:
    background = Background(owner)

    def function(job):
        raise OSError("disk full")

    with qtbot.waitSignal(background.finished) as done:
        background.start(function)
    assert isinstance(done.args[0], OSError)
    assert str(done.args[0]) == "disk full"
    assert not background.running


def test_only_one_function_at_a_time(qtbot, owner) -> None:
    background = Background(owner)
    gate = Gate()
    background.start(gate)
    with pytest.raises(RuntimeError, match="already"):
        background.start(gate)
    with qtbot.waitSignal(background.finished):
        gate.allowed.release()
    with qtbot.waitSignal(background.finished) as done:
        background.start(lambda job: "again")
    assert done.args == ["again"]


def test_stop_is_seen_by_the_function(qtbot, owner) -> None:
    background = Background(owner)
    seen = threading.Event()

    def function(job):
        assert not job.should_stop()
        seen.set()
        while not job.should_stop():
            pass
        return "stopped"

    with qtbot.waitSignal(background.finished) as done:
        background.start(function)
        assert seen.wait(10)
        background.stop()
    assert done.args == ["stopped"]
    # The next one is not told to stop.
    with qtbot.waitSignal(background.finished) as done:
        background.start(lambda job: job.should_stop())
    assert done.args == [False]


def test_job_ends_when_its_owner_is_deleted(qtbot) -> None:
    owner = QObject()
    background = Background(owner)
    heard: list[object] = []
    background.finished.connect(heard.append)
    started, ended = threading.Event(), threading.Event()

    def function(job):
        started.set()
        while not job.should_stop():
            pass
        ended.set()
        return "nobody listens"

    background.start(function)
    assert started.wait(10)
    owner.deleteLater()
    qtbot.waitUntil(ended.is_set)
    qtbot.waitUntil(no_worker_left)
    assert heard == []


def test_last_request_wins_and_those_between_are_never_computed(qtbot, owner) -> None:
    gate = Gate()
    live = LatestWins(gate, owner)
    results: list[tuple[object, object]] = []
    live.computed.connect(lambda request, result: results.append((request, result)))
    for request in range(10):
        live.submit(request)
    assert gate.started.acquire(timeout=10)
    assert not live.idle
    gate.allowed.release(2)
    qtbot.waitUntil(lambda: live.idle)
    assert gate.calls == [0, 9]
    assert results == [(0, "made of 0"), (9, "made of 9")]
    assert threading.get_ident() not in gate.threads


def test_results_are_in_the_order_of_the_requests(qtbot, owner) -> None:
    live = LatestWins(lambda number: number * 2, owner)
    results: list[object] = []
    live.computed.connect(lambda _, result: results.append(result))
    for number in range(300):
        live.submit(number)
        if number % 7 == 0:
            qtbot.wait(0)
    qtbot.waitUntil(lambda: live.idle)
    assert results == sorted(results)
    assert results[-1] == 598


def test_an_error_does_not_end_it(qtbot, owner) -> None:
    gate = Gate()
    gate.allowed.release(2)
    live = LatestWins(gate, owner)
    with qtbot.waitSignal(live.computed) as done:
        live.submit("bad")
    assert isinstance(done.args[1], ValueError)
    with qtbot.waitSignal(live.computed) as done:
        live.submit("good")
    assert done.args == ["good", "made of good"]


def test_forgotten_requests_give_no_result(qtbot, owner) -> None:
    gate = Gate()
    live = LatestWins(gate, owner)
    results: list[object] = []
    live.computed.connect(lambda request, _: results.append(request))
    live.submit("old")
    live.submit("waiting")
    assert gate.started.acquire(timeout=10)
    live.forget()
    live.submit("new")
    gate.allowed.release(2)
    qtbot.waitUntil(lambda: live.idle)
    assert gate.calls == ["old", "new"]
    assert results == ["new"]


def test_deleted_while_computing(qtbot) -> None:
    owner = QObject()
    gate = Gate()
    live = LatestWins(gate, owner)
    results: list[object] = []
    live.computed.connect(partial(results.append))
    live.submit(1)
    live.submit(2)
    assert gate.started.acquire(timeout=10)
    with qtbot.waitSignal(live.destroyed):
        owner.deleteLater()
    gate.allowed.release(2)
    qtbot.waitUntil(no_worker_left)
    assert gate.calls == [1]
    assert results == []


# --- rough, then exact ---------------------------------------------------------------------


class Lanes:
    """A `QuickThenExact` whose exact function goes on as the test says, and what it gave out."""

    def __init__(self, owner: QObject) -> None:
        self.exact = Gate()
        self.threads: list[int] = []
        self.live = QuickThenExact(
            self.exact, self.rough, lambda request: request != "small", owner
        )
        self.given: list[tuple[object, str]] = []
        self.live.computed.connect(lambda request, _: self.given.append((request, "exact")))
        self.live.quickly_computed.connect(lambda request, _: self.given.append((request, "rough")))

    def rough(self, request: object) -> str | None:
        self.threads.append(threading.get_ident())
        if request == "bad":
            raise ValueError("no such thing")
        return None if request == "same" else f"about {request}"


@pytest.fixture
def lanes(owner) -> Lanes:
    return Lanes(owner)


def test_rough_at_once_then_exact(qtbot, lanes) -> None:
    lanes.live.submit(1)
    assert lanes.given == [(1, "rough")]
    assert lanes.threads == [threading.get_ident()]
    assert not lanes.live.idle
    lanes.exact.allowed.release()
    qtbot.waitUntil(lambda: lanes.live.idle)
    assert lanes.given == [(1, "rough"), (1, "exact")]
    assert threading.get_ident() not in lanes.exact.threads


def test_what_is_quick_is_computed_exactly_at_once(qtbot, lanes) -> None:
    lanes.exact.allowed.release()
    lanes.live.submit("small")
    assert lanes.exact.started.acquire(timeout=10)
    qtbot.waitUntil(lambda: lanes.live.idle)
    assert lanes.given == [("small", "exact")]
    assert lanes.threads == []


def test_what_shows_the_same_is_computed_exactly_at_once(qtbot, lanes) -> None:
    lanes.exact.allowed.release()
    lanes.live.submit("same")
    # Nothing of the event loop was needed to begin.
    assert lanes.exact.started.acquire(timeout=10)
    qtbot.waitUntil(lambda: lanes.live.idle)
    assert lanes.given == [("same", "exact")]


def test_what_shows_the_same_as_a_rough_one_takes_its_place(qtbot, lanes) -> None:
    lanes.exact.allowed.release(2)
    lanes.live.submit(1)
    lanes.live.submit("same")
    qtbot.waitUntil(lambda: lanes.live.idle)
    assert lanes.given == [(1, "rough"), ("same", "exact")]


def test_an_exact_result_never_replaces_a_newer_rough_one(qtbot, lanes) -> None:
    lanes.live.submit(1)
    qtbot.waitUntil(lambda: lanes.exact.calls == [1])
    lanes.live.submit(2)
    lanes.exact.allowed.release(2)
    qtbot.waitUntil(lambda: lanes.live.idle)
    assert lanes.given == [(1, "rough"), (2, "rough"), (2, "exact")]


def test_of_many_requests_only_the_last_is_computed_exactly(qtbot, lanes) -> None:
    lanes.exact.allowed.release()
    for request in range(10):
        lanes.live.submit(request)
    assert lanes.given == [(request, "rough") for request in range(10)]
    qtbot.waitUntil(lambda: lanes.live.idle)
    assert lanes.exact.calls == [9]
    assert lanes.given[-1] == (9, "exact")


def test_a_rough_one_that_fails_leaves_it_to_the_exact_one(qtbot, lanes) -> None:
    lanes.exact.allowed.release()
    with qtbot.waitSignal(lanes.live.computed) as done:
        lanes.live.submit("bad")
    assert isinstance(done.args[1], ValueError)
    qtbot.waitUntil(lambda: lanes.live.idle)
    assert lanes.given == [("bad", "exact")]


def test_forgotten_requests_give_nothing_more(qtbot, lanes) -> None:
    lanes.live.submit(1)
    lanes.live.forget()
    assert lanes.live.idle
    assert lanes.exact.calls == []
    lanes.exact.allowed.release()
    lanes.live.submit(2)
    qtbot.waitUntil(lambda: lanes.live.idle)
    assert lanes.exact.calls == [2]
    assert lanes.given == [(1, "rough"), (2, "rough"), (2, "exact")]


# --- the end of the program ----------------------------------------------------------------

ENDS_AT_WORK = """
import os
import subprocess
import sys
import threading
import cv2, numpy as np
from qtpy.QtCore import QCoreApplication
from napari_zecoverage.ui.live import Background

app = QCoreApplication([])
picture = np.zeros((2000, 2000), np.uint8)
started = threading.Event()

def function(job):
    while not job.should_stop():
        started.set()
        cv2.distanceTransform(picture, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    print("stopped", flush=True)

background = Background()
background.start(function)
started.wait()
"""


def test_the_program_ends_well_while_something_is_at_work() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDS_AT_WORK],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert (done.returncode, done.stdout) == (0, "stopped\n"), done.stderr


# --- in turns ------------------------------------------------------------------------------


def test_steps_come_in_turns_of_the_event_loop(qtbot, owner) -> None:
    done: list[object] = []

    def steps():
        for number in range(3):
            done.append(number)
            yield

    turns = Turns(owner)
    # Whatever waits for the event loop comes between two steps.
    between = QTimer(owner)
    between.timeout.connect(lambda: done.append("between"))
    between.start(0)
    turns.start(steps())
    assert done == []
    assert turns.busy
    qtbot.waitUntil(lambda: not turns.busy)
    between.stop()
    assert [each for each in done if each != "between"] == [0, 1, 2]
    assert "between" in done[done.index(0) : done.index(1)]
    assert "between" in done[done.index(1) : done.index(2)]


def test_what_is_left_is_done_at_once(owner) -> None:
    done: list[int] = []
    turns = Turns(owner)
    turns.start(done.append(number) for number in range(4))
    turns.finish()
    assert done == [0, 1, 2, 3]
    assert not turns.busy


def test_forgotten_steps_are_not_done(qtbot, owner) -> None:
    done: list[int] = []

    def steps():
        done.append(0)
        yield
        turns.forget()
        yield
        done.append(1)

    turns = Turns(owner)
    turns.start(steps())
    qtbot.waitUntil(lambda: not turns.busy)
    qtbot.wait(20)
    assert done == [0]


def test_a_step_may_begin_something_else(owner) -> None:
    done: list[str] = []
    turns = Turns(owner)

    def first():
        done.append("first")
        yield
        turns.start(second())
        done.append("no more of the first")

    def second():
        done.append("second")
        yield
        done.append("end")

    turns.start(first())
    turns.finish()
    assert done == ["first", "no more of the first", "second", "end"]
    assert not turns.busy


def test_a_step_that_fails_is_the_last(owner) -> None:
    def steps():
        yield
        raise ValueError("no such thing")

    turns = Turns(owner)
    turns.start(steps())
    with pytest.raises(ValueError, match="no such thing"):
        turns.finish()
    assert not turns.busy
