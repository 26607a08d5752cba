"""What becomes of each Alt-Az and quality-crop value of a config (ZEMOSAIC.md §6)."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from napari_zecoverage.core.outcome import OPAQUE_ALPHA
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic.config_keys import CONFIG_KEYS, OUR_PREFIXES, ConfigKey
from napari_zecoverage.zemosaic.config_values import MISSING, same_value, spelled

Level = Literal["fine", "note", "warning"]

_BLACK_PIXELS: Final = (
    f"From {OPAQUE_ALPHA:g} on the saved tile gets opaque black pixels; below, the value has no "
    "visible effect."
)
_CROPPED_BEFORE: Final = (
    "ZeMosaic crops the tile and its coverage before the mask is made; what is computed here is "
    "without that crop."
)


@dataclass(frozen=True)
class KeyFinding:
    """One key of a config, and what ZeMosaic makes of its value.

    Attributes
    ----------
    key : str
    entry : ConfigKey or None
        None for a key that ZeMosaic 4.5 does not know.
    given : object
        The value in the file, or `MISSING`.
    taken : object
        What ZeMosaic works with, when it gets this value; None for an unknown key.
    in_window : object
        What ZeMosaic's window makes of it when it is started (it clips and
        rounds), and writes back; None for a key that the window does not have.
    notes : tuple of str
        What the user should know of this value, in words.
    level : {"fine", "note", "warning"}
        "warning" when the value is not taken as it stands, or does harm.
    """

    key: str
    entry: ConfigKey | None
    given: Any
    taken: Any
    in_window: Any
    notes: tuple[str, ...]
    level: Level

    def line(self) -> str:
        """Return the key, its value and what is to be said of it, on one line."""
        value = f"{self.key}: {spelled(self.given)}"
        if self.entry is not None and not same_value(self.given, self.taken):
            value += f", taken as {spelled(self.taken)}"
        reader = () if self.entry is None else (f"{_sentence(self.entry.read_by)}",)
        return " ".join((f"{value}.", *reader, *self.notes))


def check_config(config: Mapping[str, Any]) -> tuple[KeyFinding, ...]:
    """Check every Alt-Az and quality-crop key of ZeMosaic's config (ZEMOSAIC.md §6).

    Parameters
    ----------
    config : mapping
        As `read_config` gives it; may hold anything.

    Returns
    -------
    tuple of KeyFinding
        One for each key of `CONFIG_KEYS`, in its order, present or not; then one
        for each key of the config that begins like these and is none of them.
    """
    parameters = MaskParameters.from_config(config)
    taken_by_mask = parameters.to_config()
    findings = []
    for entry in CONFIG_KEYS:
        given = config.get(entry.key, MISSING)
        if entry.key in taken_by_mask:
            taken = taken_by_mask[entry.key]
            changed = [
                _sentence(note.removeprefix(f"{entry.key}: "))
                for note in parameters.notes
                if note.startswith(f"{entry.key}: ")
            ]
        else:
            taken, changed = _taken(entry, given)
        findings.append(_finding(entry, given, taken, changed))
    known = {entry.key for entry in CONFIG_KEYS}
    strangers = [key for key in config if key.startswith(OUR_PREFIXES) and key not in known]
    return (*findings, *(_stranger(key, config[key], known) for key in strangers))


def _taken(entry: ConfigKey, given: Any) -> tuple[Any, list[str]]:
    """Return what ZeMosaic takes for a key outside the mask, and what it changed, in words."""
    if given is MISSING:
        return entry.default, []
    if entry.kind == "switch":
        if isinstance(given, bool):
            return given, []
        return bool(given), [
            f"{spelled(given)} is not true or false; read as {spelled(bool(given))}."
        ]
    if entry.kind == "choice":
        word = given.strip().lower() if isinstance(given, str) else None
        if word in entry.choices:
            return word, []
        note = (
            f"{spelled(given)} is none of {', '.join(entry.choices)}; write one of these, what "
            "ZeMosaic makes of another is not certain."
        )
        return entry.default, [note]
    return _taken_number(entry, given)


def _taken_number(entry: ConfigKey, given: Any) -> tuple[Any, list[str]]:
    whole = entry.kind == "whole number"
    try:
        number = float(int(given) if whole and isinstance(given, str) else given)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        return entry.default, [f"{spelled(given)} is not a number; the default is used."]
    clipped = min(max(number, entry.minimum), entry.maximum)
    taken = int(clipped) if whole else clipped
    return taken, [] if taken == number else [f"{spelled(given)} is read as {spelled(taken)}."]


def _finding(entry: ConfigKey, given: Any, taken: Any, changed: list[str]) -> KeyFinding:
    in_window = _in_window(entry, taken)
    warnings = [*changed, *_harm(entry, taken)]
    notes = []
    if in_window is not None and in_window != taken:
        notes.append(
            f"ZeMosaic's window makes it {spelled(in_window)} when it is started, and writes that "
            "back."
        )
    if not entry.acts and given is not MISSING:
        notes.append(entry.effect)
    level: Level = "warning" if warnings else "note" if notes else "fine"
    return KeyFinding(entry.key, entry, given, taken, in_window, (*warnings, *notes), level)


def _in_window(entry: ConfigKey, taken: Any) -> Any:
    if not entry.in_window:
        return None
    if entry.window_range is None:
        return taken
    lowest, highest, _, decimals = entry.window_range
    shown = float(f"{min(max(float(taken), lowest), highest):.{decimals}f}")
    return int(shown) if decimals == 0 else shown


def _harm(entry: ConfigKey, taken: Any) -> list[str]:
    """Say where a value that ZeMosaic takes as it stands does what nobody wants (§10)."""
    if entry.key == "altaz_nanize_threshold" and taken >= OPAQUE_ALPHA:
        return [_BLACK_PIXELS]
    if entry.key == "quality_crop_enabled" and taken:
        return [_CROPPED_BEFORE]
    return []


def _stranger(key: str, given: Any, known: set[str]) -> KeyFinding:
    close = difflib.get_close_matches(key[:200], sorted(known), n=1, cutoff=0.8)
    note = "ZeMosaic 4.5 has no such key: it is kept in the file and does nothing."
    if close:
        note += f" Is {close[0]} meant?"
    return KeyFinding(key, None, given, None, None, (note,), "warning")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
