"""What others wrote, shown to people: on one line, without control characters, never long."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def printable(text: Any, longest: int = 200) -> str:
    """Return a text of at most `longest` letters; "?" for what is no text."""
    shown = text if isinstance(text, str) else "?"
    if not shown.isprintable():
        shown = "".join(
            each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in shown
        )
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def shortened(value: object, longest: int = 200) -> str:
    """Return a value of a JSON file: of a long text the first `longest` letters."""
    return printable(value if isinstance(value, str) else _dumped(value), longest + 1)


def some_of(names: Sequence[str], most: int) -> str:
    """Return the first names, and how many there are besides: ``a, b, c and 4 more``."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _dumped(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else json.dumps(value)
