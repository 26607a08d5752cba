"""ZeMosaic's Alt-Az and quality-crop keys: who reads each, and what becomes of its value.

The facts are ZEMOSAIC.md §6, with what §4, §5 and §10 say about the effect.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from napari_zecoverage.core.outcome import OPAQUE_ALPHA
from napari_zecoverage.core.parameters import CONFIG_PREFIX, MaskParameters, limits_of
from napari_zecoverage.zemosaic.config import MISSING, spelled

Reader = Literal["A", "T", "R", "lecropper"]
Kind = Literal["switch", "number", "whole number", "choice"]
Level = Literal["fine", "note", "warning"]

OUR_PREFIXES: Final = (CONFIG_PREFIX, "quality_crop_")
"""How the keys of this table begin."""

READ_BY: Final[dict[Reader, str]] = {
    "A": "ZeMosaic takes it from its window (or from the command line's --config), not from the "
    "file; the window loads the file when it is started",
    "T": "ZeMosaic reads it from the file again for every master tile; --config cannot set it",
    "R": "ZeMosaic reads it from the file when a run starts; --config cannot set it",
    "lecropper": "only lecropper reads it, when it is run by itself",
}
"""Who reads a key, in words."""

_BLACK_PIXELS: Final = (
    f"From {OPAQUE_ALPHA:g} on the saved tile gets opaque black pixels; below, the value has no "
    "visible effect."
)
_CROPPED_BEFORE: Final = (
    "ZeMosaic crops the tile and its coverage before the mask is made; what is computed here is "
    "without that crop."
)


class WindowRange(NamedTuple):
    """What a number field of ZeMosaic's window can hold."""

    minimum: float
    maximum: float
    step: float
    decimals: int


@dataclass(frozen=True)
class ConfigKey:
    """One key of ZeMosaic's config.

    Attributes
    ----------
    key : str
    kind : {"switch", "number", "whole number", "choice"}
    default : bool, int, float or str
        What ZeMosaic takes without the key, or for what is no number.
    reader : {"A", "T", "R", "lecropper"}
        A: argument of the worker (the window's value, or the command line's
        ``--config``). T: the file, for each master tile. R: the file, when a run
        starts. `READ_BY` says it in words.
    effect : str
        One sentence: what it does, or that it does nothing.
    acts : bool
        False when it decides nothing in a classic run.
    minimum, maximum : float
        Where ZeMosaic clips a number in use, both allowed; infinite where it
        does not.
    choices : tuple of str
        Of a choice.
    in_window : bool
        Whether ZeMosaic's window has a control for it; else it stands in the
        file only.
    window_range : WindowRange or None
        Of a number that the window has.
    """

    key: str
    kind: Kind
    default: bool | int | float | str
    reader: Reader
    effect: str
    acts: bool = True
    minimum: float = -math.inf
    maximum: float = math.inf
    choices: tuple[str, ...] = ()
    in_window: bool = False
    window_range: WindowRange | None = None

    @property
    def read_by(self) -> str:
        """Who reads it, in words."""
        return READ_BY[self.reader]


@dataclass(frozen=True)
class Finding:
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
        if self.entry is not None and not _same(self.given, self.taken):
            value += f", taken as {spelled(self.taken)}"
        reader = () if self.entry is None else (f"{_sentence(self.entry.read_by)}",)
        return " ".join((f"{value}.", *reader, *self.notes))


def check_config(config: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Check every Alt-Az and quality-crop key of ZeMosaic's config (ZEMOSAIC.md §6).

    Parameters
    ----------
    config : mapping
        As `read_config` gives it; may hold anything.

    Returns
    -------
    tuple of Finding
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
        findings.append(_finding(entry, given, taken, changed, config))
    known = {entry.key for entry in CONFIG_KEYS}
    strangers = [key for key in config if key.startswith(OUR_PREFIXES) and key not in known]
    return (*findings, *(_stranger(key, config[key], known) for key in strangers))


# --- what becomes of a value -----------------------------------------------------------


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
    try:
        number = float(given)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        return entry.default, [f"{spelled(given)} is not a number; the default is used."]
    clipped = min(max(number, entry.minimum), entry.maximum)
    taken = int(clipped) if entry.kind == "whole number" else clipped
    return taken, [] if taken == number else [f"{spelled(given)} is read as {spelled(taken)}."]


def _finding(
    entry: ConfigKey, given: Any, taken: Any, changed: list[str], config: Mapping[str, Any]
) -> Finding:
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
    soft = "altaz_alpha_soft_threshold"
    if entry.key == "altaz_nanize_threshold" and given is MISSING and soft in config:
        notes.append(f"It is not in the file, so {soft} stands in for it.")
    level: Level = "warning" if warnings else "note" if notes else "fine"
    return Finding(entry.key, entry, given, taken, in_window, (*warnings, *notes), level)


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


def _stranger(key: str, given: Any, known: set[str]) -> Finding:
    close = difflib.get_close_matches(key[:200], sorted(known), n=1, cutoff=0.8)
    note = "ZeMosaic 4.5 has no such key: it is kept in the file and does nothing."
    if close:
        note += f" Is {close[0]} meant?"
    return Finding(key, None, given, None, None, (note,), "warning")


def _same(given: Any, taken: Any) -> bool:
    # For Python, True is 1 as well.
    return bool(given == taken) and isinstance(given, bool) == isinstance(taken, bool)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


# --- the table -------------------------------------------------------------------------


def _of_mask(
    name: str, reader: Reader, *, effect: str = "", window: WindowRange | None = None
) -> ConfigKey:
    """Return the entry of a field of `MaskParameters`: default, limits and meaning are there."""
    limits = limits_of(MaskParameters, name)
    default = getattr(MaskParameters(), name)
    if limits is None:
        return ConfigKey(CONFIG_PREFIX + name, "switch", default, reader, effect)
    return ConfigKey(
        CONFIG_PREFIX + name,
        "whole number" if limits.decimals == 0 else "number",
        default,
        reader,
        effect or limits.meaning,
        minimum=limits.minimum,
        maximum=limits.maximum,
        in_window=window is not None,
        window_range=window,
    )


CONFIG_KEYS: Final[tuple[ConfigKey, ...]] = (
    ConfigKey(
        "altaz_cleanup_enabled",
        "switch",
        False,
        "A",
        "It decides nothing in a classic run: whether the cleanup runs follows from the mounts "
        "that ZeMosaic found and from altaz_unknown_policy.",
        acts=False,
        in_window=True,
    ),
    _of_mask("margin_percent", "A", window=WindowRange(0, 50, 0.5, 1)),
    _of_mask("decay", "A", window=WindowRange(0, 2, 0.05, 2)),
    ConfigKey(
        "altaz_nanize",
        "switch",
        MaskParameters().nanize,
        "A",
        "On: masked pixels become NaN before the tile is saved; off: 0. The saved tile is the "
        "same.",
        in_window=True,
    ),
    _of_mask("nanize_threshold", "T", window=WindowRange(0, 1, 0.01, 3)),
    ConfigKey(
        "altaz_alpha_soft_threshold",
        "number",
        MaskParameters().nanize_threshold,
        "T",
        "It is dead: ZeMosaic uses it only as the default of altaz_nanize_threshold.",
        acts=False,
        minimum=0,
        maximum=1,
    ),
    ConfigKey(
        "altaz_unknown_policy",
        "choice",
        "auto",
        "R",
        "Whether clusters of unknown mount (in practice all) count as Alt-Az: on, off, or auto, "
        "by Seestar names and by the mounts of the run.",
        choices=("auto", "on", "off"),
    ),
    _of_mask("min_coverage_abs", "T"),
    _of_mask("min_coverage_frac", "T"),
    _of_mask("morph_open_px", "T"),
    _of_mask(
        "strict_overlap_crop_enabled",
        "T",
        effect="Whether the tile is cropped to the rectangle round its well-covered core.",
    ),
    _of_mask("strict_overlap_crop_alpha_threshold", "T"),
    _of_mask("strict_overlap_crop_min_nonzero_frac", "T"),
    _of_mask("strict_overlap_crop_bbox_pad_px", "T"),
    _of_mask("strict_overlap_crop_min_size_px", "T"),
    ConfigKey(
        "altaz_export_alpha_fits",
        "switch",
        True,
        "lecropper",
        "Whether lecropper writes alpha into the FITS files that it crops by itself.",
        acts=False,
    ),
    ConfigKey(
        "altaz_export_alpha_sidecar",
        "switch",
        False,
        "lecropper",
        "Whether lecropper, run by itself, writes alpha as a picture beside each file.",
        acts=False,
    ),
    ConfigKey(
        "altaz_alpha_sidecar_format",
        "choice",
        "png",
        "lecropper",
        "The format of that picture.",
        acts=False,
        choices=("png", "tiff"),
    ),
    ConfigKey(
        "quality_crop_enabled",
        "switch",
        False,
        "A",
        "Whether each tile is cropped to where its picture is good, before the mask is made.",
        in_window=True,
    ),
    ConfigKey(
        "quality_crop_band_px",
        "whole number",
        32,
        "A",
        "Side of the blocks that the quality crop judges, in pixels.",
        minimum=4,
        in_window=True,
        window_range=WindowRange(4, 256, 4, 0),
    ),
    ConfigKey(
        "quality_crop_k_sigma",
        "number",
        2.0,
        "A",
        "How far below the tile's median a block may be, in standard deviations.",
        minimum=0.1,
        maximum=10,
        in_window=True,
        window_range=WindowRange(0.5, 5, 0.1, 1),
    ),
    ConfigKey(
        "quality_crop_margin_px",
        "whole number",
        8,
        "A",
        "Taken off on each side inside the quality crop's rectangle, in pixels.",
        minimum=0,
        in_window=True,
        window_range=WindowRange(0, 64, 1, 0),
    ),
    ConfigKey(
        "quality_crop_min_run",
        "whole number",
        2,
        "A",
        "It decides nothing: the quality crop does not use it.",
        acts=False,
        in_window=True,
        window_range=WindowRange(1, 32, 1, 0),
    ),
)
"""Every ``altaz_`` and ``quality_crop_`` key of ZeMosaic 4.5, in the order of ZEMOSAIC.md §6."""
