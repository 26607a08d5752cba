"""Groups of settings: the one home of every default, unit and range.

Each group is a frozen dataclass whose fields carry a `Limits`: the core checks
against it, the window builds its controls from it, the command line its help.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from typing import Any, Final, Literal, Self, get_args

from napari_zecoverage.core.errors import ParameterError

CONFIG_PREFIX: Final = "altaz_"
"""What ZeMosaic writes before each of our field names in its config."""

StackMethod = Literal["none", "mean", "median", "kappa_sigma", "winsorized"]
CanvasMode = Literal["auto", "reference", "padded"]
BackgroundMode = Literal["off", "median", "linear"]


@dataclass(frozen=True)
class Limits:
    """What a number may be, and how it is told to people.

    Attributes
    ----------
    minimum, maximum : float
        Both allowed. ``math.inf`` for no upper limit.
    slider_maximum : float
        Where the window's slider ends.
    step : float
        One tick of the slider.
    decimals : int
        Digits shown after the point; 0 for whole numbers.
    unit : str
        Of the number, for people; empty when it has none.
    meaning : str
        One sentence: what the number does.
    """

    minimum: float
    maximum: float
    slider_maximum: float
    step: float
    decimals: int
    unit: str
    meaning: str


def _number(default: float, limits: Limits) -> Any:
    return field(default=default, metadata={"limits": limits})


def limits_of(group: type[Any], name: str) -> Limits | None:
    """Return the `Limits` of the field `name` of a settings group, None for one without."""
    for each in fields(group):
        if each.name == name:
            return each.metadata.get("limits")
    raise ParameterError(name, f"{group.__name__} has no such setting")


def _check(group: Any) -> None:
    """Refuse what is not a finite number inside its limits; store whole numbers as int."""
    for each in fields(group):
        limits: Limits | None = each.metadata.get("limits")
        value = getattr(group, each.name)
        if limits is not None:
            object.__setattr__(group, each.name, _checked_number(each.name, value, limits))
        elif isinstance(each.default, bool) and not isinstance(value, bool):
            raise ParameterError(each.name, f"must be True or False, not {_shown(value)}")


def _checked_number(name: str, value: Any, limits: Limits) -> float | int:
    if isinstance(value, bool) or (
        not isinstance(value, (int, float)) and not _is_numpy_number(value)
    ):
        raise ParameterError(name, f"must be a number, not {_shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ParameterError(name, f"must be a finite number, not {_shown(value)}")
    if limits.decimals == 0 and number != int(number):
        raise ParameterError(name, f"must be a whole number, not {_shown(value)}")
    if not limits.minimum <= number <= limits.maximum:
        upper = "" if math.isinf(limits.maximum) else f" and at most {limits.maximum:g}"
        raise ParameterError(
            name, f"must be at least {limits.minimum:g}{upper}, not {_shown(value)}"
        )
    return int(number) if limits.decimals == 0 else number


def _shown(value: Any) -> str:
    """Return `value` for a message: never long, and never an error of its own."""
    try:
        return reprlib.repr(value)
    except ValueError:
        # A whole number of thousands of digits, which Python refuses to spell.
        return f"a huge {type(value).__name__}"


def _is_numpy_number(value: Any) -> bool:
    # NumPy scalars come out of arrays and sliders; they are numbers to the user.
    return (
        type(value).__module__ == "numpy"
        and getattr(value, "shape", None) == ()
        and (getattr(value.dtype, "kind", "") in "iuf")
    )


@dataclass(frozen=True)
class AlphaParameters:
    """The five numbers that turn a coverage map into an alpha mask (ZEMOSAIC.md §11).

    As lecropper takes them: no upper limit on `min_coverage_frac`. ZeMosaic's
    config has the narrower ranges of `MaskParameters`.
    """

    margin_percent: float = _number(
        5.0,
        Limits(
            0,
            math.inf,
            50,
            0.5,
            1,
            "%",
            "Width of alpha's ramp, in percent of the canvas's shorter side.",
        ),
    )
    decay: float = _number(
        0.15,
        Limits(
            0,
            math.inf,
            2,
            0.05,
            2,
            "",
            "Shape of alpha's ramp: 1 is straight, less is steeper towards the inside.",
        ),
    )
    min_coverage_abs: float = _number(
        3.0,
        Limits(
            0,
            math.inf,
            50,
            1.0,
            1,
            "frames",
            "A pixel is kept only where at least so many frames cover it.",
        ),
    )
    min_coverage_frac: float = _number(
        0.5,
        Limits(
            0,
            math.inf,
            1,
            0.01,
            2,
            "of the maximum",
            "A pixel is kept only where at least this share of the best-covered pixel's frames "
            "cover it.",
        ),
    )
    morph_open_px: int = _number(
        3,
        Limits(
            0,
            math.inf,
            3,
            1,
            0,
            "px",
            "Removes specks and thin bridges of the kept area. 0 none, 1 a cross, 2 and more all "
            "the same 3×3 square.",
        ),
    )

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True)
class MaskParameters(AlphaParameters):
    """Everything that decides what ZeMosaic hides of a master tile (ZEMOSAIC.md §5, §6).

    The field names are ZeMosaic's config keys without ``altaz_``, the defaults
    are ZeMosaic's. A value that is not a number, or out of range, is refused
    with a `ParameterError` that names the field.

    Attributes
    ----------
    notes : tuple of str
        What `from_config` had to change, in words. Not a setting: ignored in
        comparisons and by `to_config`.
    """

    min_coverage_frac: float = _number(
        0.5,
        Limits(
            0,
            1,
            1,
            0.01,
            2,
            "of the maximum",
            "A pixel is kept only where at least this share of the best-covered pixel's frames "
            "cover it.",
        ),
    )
    nanize: bool = True
    nanize_threshold: float = _number(
        0.001,
        Limits(
            0,
            1,
            1,
            0.01,
            3,
            "alpha",
            "Pixels whose alpha is at or below this are emptied. Nothing changes below 0.5; above "
            "it opaque black pixels appear.",
        ),
    )
    strict_overlap_crop_enabled: bool = True
    strict_overlap_crop_alpha_threshold: float = _number(
        0.02,
        Limits(
            0,
            1,
            1,
            0.01,
            2,
            "alpha",
            "The strict crop keeps the rectangle round every pixel of at least this alpha.",
        ),
    )
    strict_overlap_crop_min_nonzero_frac: float = _number(
        0.08,
        Limits(
            0,
            1,
            1,
            0.01,
            2,
            "of the tile",
            "The strict crop is skipped when less than this share would be its core.",
        ),
    )
    strict_overlap_crop_bbox_pad_px: int = _number(
        6, Limits(0, math.inf, 64, 1, 0, "px", "Added on each side of the strict crop's rectangle.")
    )
    strict_overlap_crop_min_size_px: int = _number(
        256,
        Limits(
            16,
            math.inf,
            2048,
            16,
            0,
            "px",
            "The strict crop is skipped when a side would be shorter.",
        ),
    )
    notes: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Read the thresholds from ZeMosaic's config as leniently as ZeMosaic does.

        Parameters
        ----------
        config : mapping
            ZeMosaic's config: keys with ``altaz_`` before them. Missing keys
            take the default, what is not a number takes the default, and what
            is out of range is clipped (ZEMOSAIC.md §6). ``altaz_alpha_soft_threshold``
            stands in for an ``altaz_nanize_threshold`` that is no number; for one that is
            missing it does not, because ZeMosaic first fills in all that is missing.

        Returns
        -------
        MaskParameters
            Its `notes` say, in words, each value that was changed.
        """
        notes: list[str] = []
        defaults = cls()
        values: dict[str, Any] = {}
        for each in fields(cls):
            if each.name == "notes":
                continue
            default = getattr(defaults, each.name)
            if each.name == "nanize_threshold" and not _is_number(config, each):
                default = _lenient(each, "alpha_soft_threshold", config, default, notes)
            values[each.name] = _lenient(each, each.name, config, default, notes)
        return cls(**values, notes=tuple(notes))

    def to_config(self) -> dict[str, Any]:
        """Return ZeMosaic's config keys (``altaz_`` and the field's name) and our values."""
        return {
            CONFIG_PREFIX + name: value for name, value in asdict(self).items() if name != "notes"
        }

    @property
    def thresholds(self) -> tuple[float, float, int]:
        """What an advice is about: min_coverage_abs, min_coverage_frac, morph_open_px."""
        return self.min_coverage_abs, self.min_coverage_frac, self.morph_open_px

    def with_thresholds_of(self, other: MaskParameters) -> Self:
        """Return these settings with the three thresholds of others."""
        return replace(
            self,
            min_coverage_abs=other.min_coverage_abs,
            min_coverage_frac=other.min_coverage_frac,
            morph_open_px=other.morph_open_px,
        )


def _is_number(config: Mapping[str, Any], setting: Field[Any]) -> bool:
    """Tell whether a key is missing, which is filled in, or holds a finite number."""
    try:
        return math.isfinite(float(config.get(CONFIG_PREFIX + setting.name, 0.0)))
    except (TypeError, ValueError, OverflowError):
        return False


def _lenient(
    setting: Field[Any], name: str, config: Mapping[str, Any], default: Any, notes: list[str]
) -> Any:
    """Read one config value as ZeMosaic would, and note what was not taken as it stands."""
    key = CONFIG_PREFIX + name
    if key not in config:
        return default
    given = config[key]
    limits: Limits | None = setting.metadata.get("limits")
    if limits is None:
        if isinstance(given, bool):
            return given
        notes.append(f"{key}: {_shown(given)} is not true or false; read as {bool(given)}.")
        return bool(given)
    try:
        # ZeMosaic reads "5.7" and "1e2" as no whole numbers, though it cuts 5.7 short.
        number = float(int(given) if limits.decimals == 0 and isinstance(given, str) else given)
    except (TypeError, ValueError, OverflowError):
        notes.append(f"{key}: {_shown(given)} is not a number; the default {default:g} is used.")
        return default
    if not math.isfinite(number):
        notes.append(
            f"{key}: {_shown(given)} is not a finite number; the default {default:g} is used."
        )
        return default
    clipped = min(max(number, limits.minimum), limits.maximum)
    if limits.decimals == 0:
        clipped = int(clipped)
    if clipped != number:
        notes.append(f"{key}: {_shown(given)} is read as {_shown(clipped)}.")
    return clipped


@dataclass(frozen=True)
class StudyOptions:
    """How a cluster is studied.

    Attributes
    ----------
    stack : {"winsorized", "kappa_sigma", "median", "mean", "none"}
        How the tile is stacked; "none" makes the coverage only.
    canvas : {"auto", "reference", "padded"}
        The coverage's canvas (ZEMOSAIC.md §12). "auto" keeps the reference
        frame's unless another frame covers less than 95 % of it.
    background : {"median", "linear", "off"}
        How each frame's background is matched to the reference, a channel at a time.
    kappa : float
        Rejection limit of "kappa_sigma" and "winsorized", in standard deviations.
    workers : int
        Frames read and registered at the same time; 0 takes one a processor, at most 4.
        Does not change the result.
    """

    stack: StackMethod = "winsorized"
    canvas: CanvasMode = "auto"
    background: BackgroundMode = "median"
    kappa: float = _number(
        3.0,
        Limits(0.5, 20, 10, 0.1, 1, "σ", "Values further than this from the middle are rejected."),
    )
    workers: int = _number(
        0,
        Limits(
            0,
            256,
            16,
            1,
            0,
            "frames",
            "Frames worked on at the same time; 0 for one a processor, at most 4.",
        ),
    )

    def __post_init__(self) -> None:
        _check(self)
        for name, choices in (
            ("stack", get_args(StackMethod)),
            ("canvas", get_args(CanvasMode)),
            ("background", get_args(BackgroundMode)),
        ):
            if getattr(self, name) not in choices:
                raise ParameterError(
                    name, f"must be one of {', '.join(choices)}, not {getattr(self, name)!r}"
                )


@dataclass(frozen=True)
class AdviceOptions:
    """What the advice may leave, and what it goes by.

    Attributes
    ----------
    tolerance : float
        Largest colour step that may stay visible, in units of the core's colour
        noise of one pixel. The usual automatic stretch (background at 0.25,
        shadows cut 2.8 σ below it) makes 17 of 255 grey levels out of 1 σ of one
        channel. A quarter of the colour noise is so a step of 4 to 6 levels, 3 in
        CIELAB, between two areas: just above what the eye notices (2.3). The
        noise of a pixel does not hide it, because the eye takes the mean.
    certainty : float
        A step is a reason to cut only where it exceeds the tolerance by so many
        standard deviations of its own uncertainty; more than those that the
        measure of the fringe takes off already.
    least_gain : float
        Masks whose fields differ by less than this share of the covered area are
        taken as equally large; the one nearest to ZeMosaic's defaults is advised.
    """

    tolerance: float = _number(
        0.25,
        Limits(
            0.01,
            100,
            2,
            0.05,
            2,
            "× the noise of a pixel",
            "The largest colour step that may stay visible.",
        ),
    )
    certainty: float = _number(
        0.0,
        Limits(
            0, 10, 5, 0.5, 1, "σ", "How surely a step must exceed the tolerance to be cut away."
        ),
    )
    least_gain: float = _number(
        0.001,
        Limits(
            0,
            1,
            0.05,
            0.001,
            3,
            "of the covered area",
            "Differences in field below this count for nothing.",
        ),
    )

    def __post_init__(self) -> None:
        _check(self)
