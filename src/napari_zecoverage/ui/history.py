"""Undo and redo over values that never change."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

MOST_STEPS: Final = 500
"""Older steps are forgotten."""

State = TypeVar("State")


class History(Generic[State]):
    """The states that something went through, and where in them it stands.

    Parameters
    ----------
    first : object
        The state to begin with. States are compared with ``==`` and never altered.
    """

    def __init__(self, first: State) -> None:
        self._states = [first]
        self._at = 0
        self._gesture: object = None

    @property
    def present(self) -> State:
        """The state that it stands at."""
        return self._states[self._at]

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier state."""
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a state that was undone."""
        return self._at < len(self._states) - 1

    def record(self, state: State, gesture: object = None) -> None:
        """Take a new state; what was undone is forgotten.

        Parameters
        ----------
        state : object
            The same as the present one is no step.
        gesture : object, optional
            States of one gesture (a slider's drag, a key held down) are one step: those that
            are recorded one after the other with what is equal.
        """
        if state == self.present:
            return
        del self._states[self._at + 1 :]
        if gesture is None or gesture != self._gesture:
            self._states.append(state)
            del self._states[: -MOST_STEPS - 1]
        elif self._at and state == self._states[-2]:
            # Dragged back to where it began: nothing happened.
            del self._states[-1]
            gesture = None
        else:
            self._states[-1] = state
        self._at = len(self._states) - 1
        self._gesture = gesture

    def undo(self) -> State:
        """Go a step back, where there is one, and return the state there."""
        self._at = max(0, self._at - 1)
        self._gesture = None
        return self.present

    def redo(self) -> State:
        """Go a step forward again, where there is one, and return the state there."""
        self._at = min(len(self._states) - 1, self._at + 1)
        self._gesture = None
        return self.present
