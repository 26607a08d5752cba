"""The JSON text of a judged cluster, read with distrust: it may come from any file."""

from __future__ import annotations

import dataclasses
import json
import math
from itertools import pairwise
from typing import Any, Final, get_args

from napari_zecoverage.core.errors import JudgedClusterError
from napari_zecoverage.core.fringe import ResidualFringe
from napari_zecoverage.core.levels import OPENINGS, Branch, Guard, LevelField
from napari_zecoverage.core.outcome import AlphaStats
from napari_zecoverage.core.parameters import MaskParameters

SCHEMA_VERSION: Final = 1
"""One of another version is refused."""


def read_judged(text: str | bytes) -> dict[str, Any]:
    """Read the JSON text of a judged cluster.

    Parameters
    ----------
    text : str or bytes

    Returns
    -------
    dict
        What `JudgedCluster` is made of.

    Raises
    ------
    JudgedClusterError
        The text is not JSON, of another version, or says what cannot be.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise JudgedClusterError(f"judged cluster: not JSON ({error}); judge it again") from None
    if not isinstance(content, dict):
        raise JudgedClusterError("judged cluster: expected a JSON object; judge it again")
    if content.get("schema") != SCHEMA_VERSION:
        raise JudgedClusterError(
            f"judged cluster: expected the schema {SCHEMA_VERSION}, "
            f"got {content.get('schema')!r}; judge it again"
        )
    try:
        return _checked(content)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise JudgedClusterError(
            f"judged cluster: {_what_is_wrong(error)}; judge it again"
        ) from None


def _what_is_wrong(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _checked(content: dict[str, Any]) -> dict[str, Any]:
    names = {each.name for each in dataclasses.fields(MaskParameters)} - {"notes"}
    given = content["parameters"]
    if not isinstance(given, dict) or set(given) != names:
        raise ValueError("parameters: expected each setting once")
    masks = tuple(_mask(each) for each in _list(content["masks"], "masks"))
    levels = tuple(_number(each, "levels") for each in _list(content["levels"], "levels"))
    if len(levels) < 2 or levels[0] != 0 or any(b <= a for a, b in pairwise(levels)):
        raise ValueError("levels: expected rising numbers from 0")
    chosen = tuple(
        tuple(_whole(each, "chosen", len(masks) - 1) for each in _list(row, "chosen"))
        for row in _list(content["chosen"], "chosen")
    )
    if len(chosen) != len(OPENINGS) or any(len(row) != len(levels) for row in chosen):
        raise ValueError("chosen: expected three rows of one index a level")
    maximum = _number(content["maximum"], "maximum")
    if maximum != levels[-1]:
        raise ValueError("maximum: expected the last level")
    doubts = _list(content["doubts"], "doubts")
    if not isinstance(content["name"], str) or not all(isinstance(each, str) for each in doubts):
        raise ValueError("name, doubts: expected text")
    return {
        "name": content["name"],
        "frames": _whole(content["frames"], "frames"),
        "maximum": maximum,
        "covered_px": _whole(content["covered_px"], "covered_px"),
        "core_noise": _number(content["core_noise"], "core_noise", nan=True),
        "parameters": MaskParameters(**given),
        "levels": levels,
        "masks": masks,
        "chosen": chosen,
        "doubts": tuple(doubts),
    }


def _mask(content: Any) -> LevelField:
    if not isinstance(content, dict) or set(content) != set(LevelField._fields):
        raise ValueError("masks: expected objects with " + ", ".join(LevelField._fields))
    if content["source"] not in get_args(Branch):
        raise ValueError(f"source: expected one of {', '.join(get_args(Branch))}")
    guards = _list(content["guards"], "guards")
    if any(each not in get_args(Guard) for each in guards):
        raise ValueError(f"guards: expected only {', '.join(get_args(Guard))}")
    return LevelField(
        content["source"],
        _number(content["hard"], "hard", nan=True),
        _number(content["soft"], "soft", nan=True),
        _tuple_of_numbers(ResidualFringe, content["fringe"]),
        _tuple_of_numbers(AlphaStats, content["alpha_stats"]),
        tuple(guards),
    )


def _tuple_of_numbers(kind: Any, content: Any) -> Any:
    if content is None:
        return None
    if not isinstance(content, dict) or set(content) != set(kind._fields):
        raise ValueError(f"{kind.__name__}: expected {', '.join(kind._fields)}")
    values = {name: _number(value, name, nan=True) for name, value in content.items()}
    if "area_px" in values:
        values["area_px"] = _whole(content["area_px"], "area_px")
    return kind(**values)


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{name}: expected a list")
    return value


def _number(value: Any, name: str, *, nan: bool = False) -> float:
    if value is None and nan:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name}: expected a number, got {value!r}")
    return float(value)


def _whole(value: Any, name: str, most: int | None = None) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name}: expected a whole number from 0, got {value!r}")
    if most is not None and value > most:
        raise ValueError(f"{name}: expected at most {most}, got {value}")
    return value
