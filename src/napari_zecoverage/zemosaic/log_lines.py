"""What one line of ZeMosaic's log says (ZEMOSAIC.md §7).

Lines about coverage, masks and crops are known by their heads; of the same names are
the lines that this package logs. A line may be cut off or damaged: it is read as a
whole, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from napari_zecoverage.core.crop import Rect


@dataclass(frozen=True)
class LogEntry:
    """One line of a log that was understood.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    line : int
        Its number in the file, from 1.
    tile : int or None
        The master tile's id.
    named : bool
        Whether the line itself names the tile; else the tile is taken from the
        lines round it.
    level : str
        "DEBUG", "INFO", ...; empty when the line does not say.
    when : datetime or None
        Local time of that machine.
    values : mapping
        The numbers and words of the line. Shapes are (H, W), rectangles `Rect`.
    text : str
        The message as logged, without prefix and wrapping.
    """

    kind: str
    line: int
    tile: int | None
    named: bool
    level: str
    when: datetime | None
    values: Mapping[str, Any]
    text: str


# Bounded digits: a damaged line must not make a number of thousands of them.
_NUMBER: Final = r"-?(?:\d{1,24}(?:\.\d{0,24})?(?:[eE][+-]?\d{1,4})?|nan|inf)"
_FLAG: Final = r"True|False"


def _group(name: str, pattern: str) -> str:
    return f"(?P<{name}>{pattern})"


def _pair(name: str, pattern: str = _NUMBER) -> str:
    return f"{name}={_group(name, pattern)}"


def _flags(*names: str) -> str:
    return r",?\s+".join(_pair(name, _FLAG) for name in names)


_WHOLE: Final = r"-?\d{1,12}"
_TILE: Final = _pair("tile", r"\d{1,12}")
_SHAPE: Final = _pair("shape", rf"\({_WHOLE}, {_WHOLE}\)")
_RECT: Final = _pair("rect", rf"\({_WHOLE}:{_WHOLE},\s?{_WHOLE}:{_WHOLE}\)")
_SIDES: Final = _pair("edge_valid", rf"\(L={_NUMBER},R={_NUMBER},T={_NUMBER},B={_NUMBER}\)")
_REASON: Final = _pair("reason", r".*\S")


class _LineKind(NamedTuple):
    kind: str
    pattern: re.Pattern[str]


def _kind(kind: str, *parts: str) -> _LineKind:
    # Nothing may follow a number directly: a damaged one must not be read in part.
    return _LineKind(kind, re.compile(" ".join(parts) + r"(?![\w.])", re.ASCII))


_LINE_KINDS: Final = (
    _kind("propagate_mask", "MT_COVERAGE:", _pair("propagate_mask", _FLAG)),
    _kind(
        "coverage_stats",
        "MT_COVERAGE_STATS:",
        *(
            _TILE,
            _SHAPE,
            _pair("min"),
            _pair("max"),
            _pair("nonzero_frac"),
            _pair("n_used", _WHOLE),
        ),
    ),
    _kind("coverage_ignored", "MT_COVERAGE_IGNORED:", _TILE, _REASON),
    _kind(
        "coverage_thresholds",
        "MT_COVERAGE_THRESH:",
        *(_TILE, _pair("cov_max"), _pair("min_abs"), _pair("min_frac")),
        _pair("morph_open_px", _WHOLE),
    ),
    _kind(
        "guard_abs",
        "ALTaz coverage guard: min_coverage_abs",
        f"{_group('before', _NUMBER)}->{_group('after', _NUMBER)}",
        rf"\({_pair('cov_max')}, {_pair('min_frac')}\)",
    ),
    _kind(
        "guard_morph",
        "ALTaz coverage guard: morph_open_px",
        f"{_group('before', _WHOLE)}->{_group('after', _WHOLE)}",
        rf"\({_pair('cov_max')}\)",
    ),
    _kind(
        "alpha_stats",
        "ALPHA_STATS:",
        *(_pair("level", r"\w+"), _pair("nonzero_frac"), _pair("min"), _pair("max"), _SHAPE),
    ),
    _kind(
        "cleanup_applied",
        "MT_PIPELINE: altaz_cleanup applied:",
        _flags("masked_used", "mask2d_used", "mask2d_applied"),
        _pair("threshold"),
    ),
    _kind(
        "mask_dropped",
        "ALTaz guard: skipping nanize/zeroize",
        rf"\({_pair('nonzero_frac')} < {_group('limit', _NUMBER)}\)",
    ),
    _kind(
        "pipeline",
        "MT_PIPELINE:",
        _flags(
            "lecropper_applied", "quality_crop", "altaz_cleanup", "quality_gate", "salvage_mode"
        ),
    ),
    _kind(
        "pipeline_flags",
        "MT_PIPELINE_FLAGS:",
        _flags(
            "lecropper_enabled",
            "quality_crop_enabled",
            "altaz_cleanup_enabled",
            "lecropper_available",
        ),
    ),
    _kind(
        "gating",
        "P3_ALTaz_GATING:",
        f"tile_id={_group('tile', r'[0-9]{1,12}')}",
        *(_pair("eqmode", r"\w+"), _pair("global_enabled", _FLAG), _pair("unknown_policy", r"\w+")),
        _flags("seestar_hint", "unknown_as_altaz"),
        f"=> {_pair('tile_enabled', _FLAG)}",
    ),
    _kind("strict_crop", "MT_ALTAZ_STRICT_CROP_APPLIED:", _TILE, _pair("reason", r"\S+"), _RECT),
    _kind("strict_crop_skipped", "MT_ALTAZ_STRICT_CROP_SKIPPED:", _TILE, _REASON),
    _kind("edge_trim", "MT_EDGE_TRIM:", _TILE, _RECT, _SIDES, _pair("thr")),
    _kind("edge_trim_skipped", "MT_EDGE_TRIM:", _TILE, rf"skipped \({_group('reason', '.*')}\)"),
    _kind(
        "edge_trim_analysed",
        "MT_EDGE_TRIM:",
        *(_TILE, r"analysis complete\.", _pair("did_trim", _FLAG), _SIDES),
    ),
    _kind("edge_trim_state", "MT_EDGE_TRIM", _group("moment", "PRE|POST"), r"\|"),
    _kind("pad", "MT_WCS_PAD: applied", f"{_pair('dx', _WHOLE)}, {_pair('dy', _WHOLE)}"),
)

KINDS: Final = tuple(each.kind for each in _LINE_KINDS)
"""The kinds of lines that are read."""

_HEADS: Final = (
    "MT_COVERAGE",
    "MT_PIPELINE",
    "MT_ALTAZ_STRICT_CROP_",
    "MT_EDGE_TRIM",
    "MT_WCS_PAD",
    "ALTaz coverage guard",
    "ALTaz guard",
    "ALPHA_STATS",
    "P3_ALTaz_GATING",
)
_HEAD: Final = re.compile("|".join(_HEADS))
HEAD_BYTES: Final = re.compile("|".join(_HEADS).encode("ascii"))
_WHEN: Final = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?", re.ASCII)
_LEVEL: Final = re.compile(r"\b(?:DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL)\b")
_WRAPPED: Final = "_POUR_GUI: "
_ARGUMENTS: Final = "] (Args: "
TEXT_KEPT: Final = 500


def _number(text: str) -> float:
    return float(text)


def _shape(text: str) -> tuple[int, int]:
    height, width = text.strip("()").split(", ")
    return int(height), int(width)


def _rect(text: str) -> Rect:
    """Return ``(x0:x1,y0:y1)`` as our rectangle."""
    x0, x1, y0, y1 = (int(each) for each in re.findall(_WHOLE, text, re.ASCII))
    return Rect(y0, x0, y1, x1)


def _sides(text: str) -> tuple[float, ...]:
    """Return left, right, top, bottom."""
    return tuple(float(each.split("=")[1]) for each in text.strip("()").split(","))


def _word(text: str) -> str | bool:
    return {"True": True, "False": False}.get(text, text)


_CONVERSIONS: Final[dict[str, Callable[[str], Any]]] = {
    "tile": int,
    "shape": _shape,
    "rect": _rect,
    "edge_valid": _sides,
    "n_used": int,
    "morph_open_px": int,
    "dx": int,
    "dy": int,
    **dict.fromkeys(
        ("min", "max", "nonzero_frac", "cov_max", "min_abs", "min_frac", "before", "after"),
        _number,
    ),
    **dict.fromkeys(("threshold", "limit", "thr"), _number),
}


def read_line(line: int, text: str) -> LogEntry | None:
    """Read one line that has one of our heads in it.

    Parameters
    ----------
    line : int
        Its number, which goes into the result.
    text : str
        The whole line, of any content.

    Returns
    -------
    LogEntry or None
        None when it has no such head, or the rest cannot be read.
    """
    head = _HEAD.search(text)
    if head is None:
        return None
    prefix = text[: head.start()]
    message = _unwrapped(text[head.start() :], wrapped=_WRAPPED in prefix)
    for kind, pattern in _LINE_KINDS:
        found = pattern.match(message)
        if found is not None:
            values = {
                name: _CONVERSIONS.get(name, _word)(value)
                for name, value in found.groupdict().items()
            }
            tile = values.pop("tile", None)
            level = _LEVEL.search(prefix)
            return LogEntry(
                kind,
                line,
                tile,
                tile is not None,
                "" if level is None else level[0],
                _when(prefix),
                values,
                message[:TEXT_KEPT],
            )
    return None


def _unwrapped(text: str, *, wrapped: bool) -> str:
    """Take the end of ``[CLÉ_POUR_GUI: …] (Args: {…})`` off; the beginning is the prefix."""
    text = text.rstrip()
    if not wrapped:
        return text
    if _ARGUMENTS in text:
        return text[: text.index(_ARGUMENTS)]
    return text.removesuffix("]")


def _when(prefix: str) -> datetime | None:
    found = _WHEN.search(prefix)
    if found is not None:
        with suppress(ValueError):
            return datetime.fromisoformat(found[0].replace(",", "."))
    return None
