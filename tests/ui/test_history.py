"""Undo and redo, without a window."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.ui.history import MOST_STEPS, History


def test_begins_with_nothing_to_undo() -> None:
    history = History("a")
    assert history.present == "a"
    assert not history.can_undo
    assert not history.can_redo
    assert history.undo() == "a"
    assert history.redo() == "a"


def test_there_and_back() -> None:
    history = History("a")
    history.record("b")
    history.record("c")
    assert (history.undo(), history.undo(), history.undo()) == ("b", "a", "a")
    assert (history.redo(), history.redo(), history.redo()) == ("b", "c", "c")


def test_a_new_state_forgets_what_was_undone() -> None:
    history = History("a")
    history.record("b")
    history.undo()
    history.record("c")
    assert not history.can_redo
    assert history.undo() == "a"


def test_the_same_state_is_no_step() -> None:
    history = History("a")
    history.record("a")
    assert not history.can_undo
    history.record("b")
    history.undo()
    history.record("a")
    assert history.redo() == "b"


def test_a_gesture_is_one_step() -> None:
    history = History(0)
    for value in (1, 2, 3):
        history.record(value, gesture=1)
    for value in (4, 5):
        history.record(value, gesture=2)
    assert (history.undo(), history.undo()) == (3, 0)


def test_a_gesture_that_ends_where_it_began_is_no_step() -> None:
    history = History(0)
    for value in (1, 2, 0):
        history.record(value, gesture=1)
    assert not history.can_undo
    history.record(1, gesture=1)
    assert history.undo() == 0


def test_a_gesture_does_not_go_on_after_an_undo() -> None:
    history = History(0)
    history.record(1, gesture=1)
    history.record(5)
    history.undo()
    history.record(2, gesture=1)
    assert history.undo() == 1


def test_old_steps_are_forgotten() -> None:
    history = History(0)
    for value in range(1, MOST_STEPS + 100):
        history.record(value)
    steps = 0
    while history.can_undo:
        history.undo()
        steps += 1
    assert steps == MOST_STEPS


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([None, 1, 2])), max_size=30))
def test_undoing_all_comes_to_the_beginning_and_redoing_all_to_the_end(steps) -> None:
    history = History(0)
    for state, gesture in steps:
        history.record(state, gesture)
    last = history.present
    seen = [last]
    while history.can_undo:
        seen.append(history.undo())
    assert seen[-1] == 0
    # No step is one that nobody would see.
    assert all(one != other for one, other in pairwise(seen))
    while history.can_redo:
        history.redo()
    assert history.present == last
