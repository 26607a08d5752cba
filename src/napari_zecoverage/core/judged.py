"""What every mask that makes a difference would do to a cluster: figures, no pixels.

The thresholds have few values that make a difference, and the opening has three
states: all their masks can be made and measured. A table, an advice or a
landscape is then read from the figures.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Self, get_args

from napari_zecoverage.core.all_masks import AllMasks
from napari_zecoverage.core.errors import JudgedClusterError, ParameterError
from napari_zecoverage.core.fringe import Fringe, ResidualFringe
from napari_zecoverage.core.levels import (
    OPENINGS,
    Branch,
    Guard,
    LevelField,
    guards_of_settings,
    level_index,
    opening_as_read,
)
from napari_zecoverage.core.outcome import AlphaStats
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.plain_json import plain

if TYPE_CHECKING:
    from napari_zecoverage.core.studied import ClusterStudy

SCHEMA_VERSION: Final = 1
"""Of the JSON; one of another version is refused."""


@dataclass(frozen=True)
class JudgedCluster:
    """The figures of every mask of a cluster, for one margin, decay and strict crop.

    Attributes
    ----------
    name : str
        The cluster's.
    frames : int
        Frames counted in the coverage, repeats included.
    maximum : float
        Frames on the best-covered pixel.
    covered_px : int
        Pixels that any frame covers.
    core_noise : float
        ADU, the colour noise of one pixel of the core; NaN when not measured.
    parameters : MaskParameters
        Those that were used; thresholds, opening and nanize in them mean nothing.
    levels : tuple of float
        Frames, rising: 0, where every pixel is good, then each count that occurs.
    masks : tuple of LevelField
        One a mask that differs from the others.
    chosen : tuple of tuple of int
        For each of the opening's three states, the index into `masks` of each level.
    doubts : tuple of str
        Why an advice should not be trusted, in words.
    """

    name: str
    frames: int
    maximum: float
    covered_px: int
    core_noise: float
    parameters: MaskParameters
    levels: tuple[float, ...]
    masks: tuple[LevelField, ...]
    chosen: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    doubts: tuple[str, ...] = ()

    def serves(self, parameters: MaskParameters) -> bool:
        """Return whether these are the figures for `parameters`, whatever its thresholds."""
        return _what_counts(self.parameters) == _what_counts(parameters)

    def must_serve(self, parameters: MaskParameters) -> None:
        """Raise a `ParameterError` unless these are the figures for `parameters`."""
        for name in _COUNTING:
            judged, asked = getattr(self.parameters, name), getattr(parameters, name)
            if judged != asked:
                raise ParameterError(
                    name, f"{self.name} was judged with {judged}, not {asked}; judge it again"
                )

    def fields(self, morph_open_px: int) -> tuple[LevelField, ...]:
        """Return what the mask of each level does with this opening."""
        opening = opening_as_read(morph_open_px, self.maximum)
        return tuple(self.masks[index] for index in self.chosen[opening])

    def level_index(self, parameters: MaskParameters) -> int:
        """Return which level the thresholds mean."""
        return level_index(self.levels, parameters)

    def at(self, parameters: MaskParameters) -> LevelField | None:
        """Return what ZeMosaic would do with any thresholds and any opening.

        Parameters
        ----------
        parameters : MaskParameters

        Returns
        -------
        LevelField or None
            The same figures as those of `apply_mask`; None when these are for
            another margin, decay or strict crop (`serves`).
        """
        if not self.serves(parameters):
            return None
        opening = opening_as_read(parameters.morph_open_px, self.maximum)
        found = self.masks[self.chosen[opening][self.level_index(parameters)]]
        extra = guards_of_settings(parameters, self.maximum)
        return found._replace(guards=found.guards + extra) if extra else found

    def to_json(self) -> str:
        """Return everything as JSON text for `from_json`; NaN is written as null."""
        content = {
            "schema": SCHEMA_VERSION,
            "name": self.name,
            "frames": self.frames,
            "maximum": self.maximum,
            "covered_px": self.covered_px,
            "core_noise": self.core_noise,
            "parameters": {
                name: value
                for name, value in dataclasses.asdict(self.parameters).items()
                if name != "notes"
            },
            "levels": self.levels,
            "masks": self.masks,
            "chosen": self.chosen,
            "doubts": self.doubts,
        }
        return json.dumps(plain(content), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote.

        Raises
        ------
        JudgedClusterError
            The text is not JSON, of another version, or says what cannot be.
        """
        return cls(**_read(text))


def judge(
    study: ClusterStudy,
    parameters: MaskParameters | None = None,
    *,
    fringe: Fringe | None = None,
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> JudgedCluster:
    """Make every mask that makes a difference and measure what it does.

    Parameters
    ----------
    study : ClusterStudy
        With a coverage.
    parameters : MaskParameters, optional
        Margin, decay and strict crop; ZeMosaic's defaults when left out. The
        thresholds and the opening mean nothing.
    fringe : Fringe, optional
        What `measure_fringe` found in this study; without it no residual fringe.
    progress : callable, optional
        Given the levels looked at and all levels.
    should_stop : callable, optional
        Asked before each mask.

    Returns
    -------
    JudgedCluster

    Raises
    ------
    CoverageError
        The study has no coverage.
    StudyCancelledError
        `should_stop` said so.
    """
    parameters = parameters or MaskParameters()
    masks = AllMasks(study, parameters, fringe)
    found, chosen = masks.look_at_all(progress=progress, should_stop=should_stop)
    return JudgedCluster(
        name=study.cluster.name,
        frames=study.frames_used,
        maximum=masks.levels[-1],
        covered_px=masks.covered_px,
        core_noise=math.nan if fringe is None else fringe.core_noise,
        parameters=parameters,
        levels=masks.levels,
        masks=found,
        chosen=chosen,
        doubts=doubts_of(study, fringe),
    )


FEW_FRAMES: Final = 8
"""With fewer, a colour step cannot be told well from a single frame's flaws."""


def doubts_of(study: ClusterStudy, fringe: Fringe | None) -> tuple[str, ...]:
    """Return why an advice for this study should not be trusted, in words."""
    doubts = []
    if study.frames_used < FEW_FRAMES:
        doubts.append(f"Only {study.frames_used} frames: one bad frame weighs much.")
    if len(study.cluster.nights) == 1:
        doubts.append(
            "All frames are of one night: colour steps come mostly from differences between "
            "nights, what is measured here may be the sky itself."
        )
    if fringe is None:
        doubts.append("The fringe was not measured.")
    else:
        doubts += fringe.notes
    return tuple(doubts)


_COUNTING: Final = (
    "margin_percent",
    "decay",
    "strict_overlap_crop_enabled",
    "strict_overlap_crop_alpha_threshold",
    "strict_overlap_crop_min_nonzero_frac",
    "strict_overlap_crop_bbox_pad_px",
    "strict_overlap_crop_min_size_px",
)
"""Settings that change the figures, besides the thresholds and the opening."""


def _what_counts(parameters: MaskParameters) -> tuple[Any, ...]:
    return tuple(getattr(parameters, name) for name in _COUNTING)


# --- JSON ----------------------------------------------------------------------------------


def _read(text: str | bytes) -> dict[str, Any]:
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
