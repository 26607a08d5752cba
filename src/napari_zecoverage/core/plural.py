"""Numbers of things in words."""

from __future__ import annotations


def counted(number: float, noun: str) -> str:
    """Return a number of things: ``1 frame``, ``3 frames``, ``2.5 frames``.

    Parameters
    ----------
    number : float
        Not negative.
    noun : str
        In the singular; it takes an s.
    """
    return f"{number:g} {noun}{'' if number == 1 else 's'}"
