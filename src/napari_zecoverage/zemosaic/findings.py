"""One thing that was found about a ZeMosaic, in a word for programs and in words for people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    check : str
        What was looked at: "version", "config", "keys", "interpreter", "bounds",
        "lecropper", "alignment", "canvas" or "folder".
    result : str
        What was found, in a word that programs can compare.
    good : bool or None
        Whether that lets thresholds act as shown; None: not known.
    text : str
        The same for people. Printable; what ZeMosaic said itself is shortened.
    """

    check: str
    result: str
    good: bool | None
    text: str
