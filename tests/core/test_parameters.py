"""Settings: what is refused, what ZeMosaic's config may say, and the way back."""

from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.core.errors import ParameterError, ZecoverageError
from napari_zecoverage.core.parameters import (
    AdviceOptions,
    AlphaParameters,
    MaskParameters,
    StudyOptions,
    limits_of,
)

# ZEMOSAIC.md §6, written down a second time on purpose.
ZEMOSAIC_DEFAULTS = {
    "altaz_margin_percent": 5.0,
    "altaz_decay": 0.15,
    "altaz_nanize": True,
    "altaz_nanize_threshold": 0.001,
    "altaz_min_coverage_abs": 3.0,
    "altaz_min_coverage_frac": 0.5,
    "altaz_morph_open_px": 3,
    "altaz_strict_overlap_crop_enabled": True,
    "altaz_strict_overlap_crop_alpha_threshold": 0.02,
    "altaz_strict_overlap_crop_min_nonzero_frac": 0.08,
    "altaz_strict_overlap_crop_bbox_pad_px": 6,
    "altaz_strict_overlap_crop_min_size_px": 256,
}
NUMBERS = [f.name for f in fields(MaskParameters) if "limits" in f.metadata]
FLAGS = ["nanize", "strict_overlap_crop_enabled"]
WHOLE = [
    "morph_open_px",
    "strict_overlap_crop_bbox_pad_px",
    "strict_overlap_crop_min_size_px",
]
SHARES = [
    "min_coverage_frac",
    "nanize_threshold",
    "strict_overlap_crop_alpha_threshold",
    "strict_overlap_crop_min_nonzero_frac",
]


def test_every_setting_is_looked_at_here() -> None:
    names = {f.name for f in fields(MaskParameters)} - {"notes"}
    assert set(NUMBERS) | set(FLAGS) == names
    assert set(WHOLE) | set(SHARES) <= set(NUMBERS)


def test_defaults_are_zemosaics() -> None:
    written = MaskParameters().to_config()
    assert written == ZEMOSAIC_DEFAULTS
    assert {k: type(v) for k, v in written.items()} == {
        k: type(v) for k, v in ZEMOSAIC_DEFAULTS.items()
    }


# --- refused, by name ------------------------------------------------------------------


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        np.float32("nan"),
        True,
        np.True_,
        "3",
        b"3",
        None,
        [3],
        np.array([3.0]),
        3 + 0j,
        10**400,
        pytest.param(10**5000, id="5000-digits"),
        -1,
        -1e-9,
    ],
)
def test_no_finite_number_is_refused_with_the_name(name: str, value: object) -> None:
    with pytest.raises(ParameterError) as refused:
        MaskParameters(**{name: value})
    assert refused.value.field == name
    assert str(refused.value).startswith(f"{name}: must be ")
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("name", SHARES)
def test_a_share_over_one_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match=f"{name}: must be at least 0 and at most 1, not 1.01"):
        MaskParameters(**{name: 1.01})
    assert getattr(MaskParameters(**{name: 1}), name) == 1.0


@pytest.mark.parametrize("name", WHOLE)
def test_a_broken_number_of_pixels_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match=f"{name}: must be a whole number, not 300.5"):
        MaskParameters(**{name: 300.5})
    assert type(getattr(MaskParameters(**{name: 300.0}), name)) is int


def test_the_smallest_strict_crop_is_16_px() -> None:
    with pytest.raises(
        ParameterError, match="strict_overlap_crop_min_size_px: must be at least 16"
    ):
        MaskParameters(strict_overlap_crop_min_size_px=15)
    assert MaskParameters(strict_overlap_crop_min_size_px=16)


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("value", [1, 0, "true", None, np.True_])
def test_a_flag_is_true_or_false(name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=f"{name}: must be True or False"):
        MaskParameters(**{name: value})


@pytest.mark.parametrize(
    "value",
    [np.float64(0.25), np.float32(0.25), np.float16(0.25), np.longdouble(0.25), np.array(0.25)],
    ids=lambda value: str(getattr(value, "dtype", "")) + type(value).__name__,
)
def test_numpy_numbers_are_numbers(value: object) -> None:
    parameters = MaskParameters(min_coverage_frac=value)  # type: ignore[arg-type]
    assert parameters.min_coverage_frac == 0.25
    assert type(parameters.min_coverage_frac) is float
    json.dumps(parameters.to_config())


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64, np.float32])
def test_numpy_whole_numbers_are_whole_numbers(dtype: type[np.generic]) -> None:
    parameters = MaskParameters(morph_open_px=dtype(2), min_coverage_abs=dtype(7))
    assert (parameters.morph_open_px, parameters.min_coverage_abs) == (2, 7.0)
    assert (type(parameters.morph_open_px), type(parameters.min_coverage_abs)) == (int, float)


def test_a_refusal_is_a_value_error_and_ours() -> None:
    assert issubclass(ParameterError, ValueError)
    assert issubclass(ParameterError, ZecoverageError)


def test_settings_are_frozen_and_hashable() -> None:
    parameters = MaskParameters()
    with pytest.raises(FrozenInstanceError):
        parameters.decay = 1.0  # type: ignore[misc]
    assert len({parameters, MaskParameters(), replace(parameters, decay=1.0)}) == 2


def test_replacing_checks_again() -> None:
    with pytest.raises(ParameterError, match="min_coverage_frac"):
        replace(MaskParameters(), min_coverage_frac=2.0)


def test_lecropper_has_no_upper_limit_on_the_share_but_the_config_has() -> None:
    assert AlphaParameters(min_coverage_frac=1.5).min_coverage_frac == 1.5
    with pytest.raises(ParameterError, match="min_coverage_frac"):
        MaskParameters(min_coverage_frac=1.5)


@given(
    st.dictionaries(
        st.sampled_from(NUMBERS + FLAGS),
        st.one_of(
            st.floats(), st.integers(), st.booleans(), st.none(), st.text(max_size=5), st.binary()
        ),
    )
)
@settings(max_examples=200, deadline=None)
def test_whatever_comes_in_the_settings_are_sound_or_refused(
    given_values: dict[str, object],
) -> None:
    try:
        parameters = MaskParameters(**given_values)  # type: ignore[arg-type]
    except ParameterError as refused:
        assert refused.field in given_values
        return
    for name in NUMBERS:
        limits = limits_of(MaskParameters, name)
        assert limits is not None
        assert limits.minimum <= getattr(parameters, name) <= limits.maximum
        assert math.isfinite(getattr(parameters, name))


# --- limits ----------------------------------------------------------------------------


@pytest.mark.parametrize("group", [AdviceOptions, AlphaParameters, MaskParameters, StudyOptions])
def test_limits_are_fit_for_a_slider(group: type) -> None:
    for each in fields(group):
        limits = limits_of(group, each.name)
        if limits is None:
            continue
        assert limits.minimum <= each.default <= limits.slider_maximum <= limits.maximum, each.name
        assert limits.minimum < limits.slider_maximum
        assert limits.step > 0
        assert round(limits.step, limits.decimals) == limits.step, "a tick that is not shown"
        assert limits.meaning.endswith(".")


def test_limits_of_a_flag_and_of_a_stranger() -> None:
    assert limits_of(MaskParameters, "nanize") is None
    with pytest.raises(ParameterError, match="altitude: MaskParameters has no such setting"):
        limits_of(MaskParameters, "altitude")


# --- from ZeMosaic's config, as leniently as ZeMosaic ----------------------------------


def read(**values: object) -> MaskParameters:
    return MaskParameters.from_config({f"altaz_{name}": value for name, value in values.items()})


def test_an_empty_config_gives_the_defaults_in_silence() -> None:
    parameters = MaskParameters.from_config({"unknown": object(), "min_coverage_abs": 9})
    assert parameters == MaskParameters()
    assert parameters.notes == ()


def test_good_values_are_taken_in_silence() -> None:
    parameters = read(min_coverage_abs=7, min_coverage_frac="0.8", morph_open_px=1.0, nanize=False)
    assert parameters == MaskParameters(
        min_coverage_abs=7.0, min_coverage_frac=0.8, morph_open_px=1, nanize=False
    )
    assert parameters.notes == ()


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value",
    [
        "many",
        "",
        None,
        [],
        {},
        math.nan,
        math.inf,
        10**400,
        pytest.param(10**5000, id="5000-digits"),
    ],
)
def test_what_is_no_number_takes_the_default_and_is_noted(name: str, value: object) -> None:
    parameters = read(**{name: value})
    assert parameters == MaskParameters()
    (note,) = parameters.notes
    assert note.startswith(f"altaz_{name}: ")
    assert "default" in note


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("min_coverage_abs", -4, 0.0),
        ("min_coverage_frac", 1.7, 1.0),
        ("min_coverage_frac", "-1", 0.0),
        ("morph_open_px", 2.9, 2),
        ("morph_open_px", -1, 0),
        ("morph_open_px", 1234567.5, 1234567),
        ("nanize_threshold", 5, 1.0),
        ("strict_overlap_crop_alpha_threshold", 2, 1.0),
        ("strict_overlap_crop_min_nonzero_frac", -2, 0.0),
        ("strict_overlap_crop_bbox_pad_px", -2, 0),
        ("strict_overlap_crop_min_size_px", 3, 16),
    ],
)
def test_what_is_out_of_range_is_clipped_and_noted(name: str, value: object, taken: float) -> None:
    parameters = read(**{name: value})
    assert getattr(parameters, name) == taken
    assert parameters == replace(MaskParameters(), **{name: taken})
    (note,) = parameters.notes
    assert note.startswith(f"altaz_{name}: {value!r} is read as {taken:.0f}")


@pytest.mark.parametrize(("value", "taken"), [(1, True), (0, False), ("", False), ("no", True)])
@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_is_read_as_python_does_and_noted(name: str, value: object, taken: bool) -> None:
    parameters = read(**{name: value})
    assert getattr(parameters, name) is taken
    assert parameters.notes == (f"altaz_{name}: {value!r} is not true or false; read as {taken}.",)


def test_the_soft_threshold_stands_in_for_a_nanize_threshold_that_is_no_number() -> None:
    # ZeMosaic fills in a key that is missing before it looks at this one.
    assert read(alpha_soft_threshold=0.3).nanize_threshold == 0.001
    assert read(alpha_soft_threshold=0.3, nanize_threshold=float("nan")).nanize_threshold == 0.3
    assert read(alpha_soft_threshold=0.3, nanize_threshold=0.2).nanize_threshold == 0.2
    both = read(alpha_soft_threshold=0.3, nanize_threshold="much")
    assert both.nanize_threshold == 0.3
    assert both.notes == (
        "altaz_nanize_threshold: 'much' is not a number; the default 0.3 is used.",
    )


def test_a_soft_threshold_that_is_out_of_range_or_no_number_is_noted() -> None:
    large = read(alpha_soft_threshold=3, nanize_threshold="much")
    assert large.nanize_threshold == 1.0
    assert large.notes[0] == "altaz_alpha_soft_threshold: 3 is read as 1."
    neither = read(alpha_soft_threshold="x", nanize_threshold="much")
    assert neither.nanize_threshold == 0.001
    assert neither.notes[0] == (
        "altaz_alpha_soft_threshold: 'x' is not a number; the default 0.001 is used."
    )
    assert read(alpha_soft_threshold="x").notes == ()


@pytest.mark.parametrize(
    ("given", "taken"), [("5.7", 3), ("1e2", 3), ("7", 7), (5.7, 5), (" 4 ", 4)]
)
def test_whole_numbers_in_quotes_are_whole_or_not_read(given: object, taken: int) -> None:
    assert read(morph_open_px=given).morph_open_px == taken


def test_the_soft_threshold_is_never_written() -> None:
    assert "altaz_alpha_soft_threshold" not in read(alpha_soft_threshold=0.3).to_config()


def test_a_note_never_swallows_the_screen() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    for value in (deep, "x" * 10**6, [1] * 10**6, {str(i): i for i in range(1000)}):
        (note,) = read(min_coverage_abs=value).notes
        assert len(note) < 200


def test_each_value_that_was_changed_has_its_note() -> None:
    parameters = read(min_coverage_abs="x", min_coverage_frac=2, nanize=1, decay=0.5)
    assert {note.split(":")[0] for note in parameters.notes} == {
        "altaz_min_coverage_abs",
        "altaz_min_coverage_frac",
        "altaz_nanize",
    }


def test_notes_are_no_setting() -> None:
    noted = read(min_coverage_abs="x")
    assert noted.notes
    assert noted == MaskParameters()
    assert hash(noted) == hash(MaskParameters())
    assert noted.to_config() == MaskParameters().to_config()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
config_keys = st.sampled_from([*ZEMOSAIC_DEFAULTS, "altaz_alpha_soft_threshold", "other"])


@given(st.dictionaries(config_keys, json_values))
@settings(max_examples=200, deadline=None)
def test_any_config_is_read_and_what_is_written_reads_back_the_same(
    config: dict[str, object],
) -> None:
    parameters = MaskParameters.from_config(config)
    again = MaskParameters.from_config(json.loads(json.dumps(parameters.to_config())))
    assert again == parameters
    assert again.notes == ()


@given(
    st.builds(
        MaskParameters,
        margin_percent=st.floats(0, 1e6),
        decay=st.floats(0, 1e6),
        min_coverage_abs=st.floats(0, 1e6),
        min_coverage_frac=st.floats(0, 1),
        morph_open_px=st.integers(0, 10**6),
        nanize=st.booleans(),
        nanize_threshold=st.floats(0, 1),
        strict_overlap_crop_enabled=st.booleans(),
        strict_overlap_crop_alpha_threshold=st.floats(0, 1),
        strict_overlap_crop_min_nonzero_frac=st.floats(0, 1),
        strict_overlap_crop_bbox_pad_px=st.integers(0, 10**6),
        strict_overlap_crop_min_size_px=st.integers(16, 10**6),
    )
)
@settings(max_examples=100, deadline=None)
def test_to_config_and_back(parameters: MaskParameters) -> None:
    back = MaskParameters.from_config(parameters.to_config())
    assert back == parameters
    assert back.notes == ()


# --- how a cluster is studied ----------------------------------------------------------


@pytest.mark.parametrize("name", ["stack", "canvas", "background"])
@pytest.mark.parametrize("value", ["best", "", None, 1, ["median"]])
def test_an_unknown_choice_is_refused_with_the_choices(name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=f"{name}: must be one of ") as refused:
        StudyOptions(**{name: value})  # type: ignore[arg-type]
    assert refused.value.field == name


@pytest.mark.parametrize(("name", "value"), [("kappa", 0.4), ("kappa", "3"), ("workers", 1.5)])
def test_study_numbers_are_checked_too(name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=f"{name}: must be "):
        StudyOptions(**{name: value})  # type: ignore[arg-type]
