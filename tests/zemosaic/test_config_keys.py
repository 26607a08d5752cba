"""ZeMosaic's keys: the table of ZEMOSAIC.md §6, and what becomes of each value."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic.config import MISSING, read_config, write_config
from napari_zecoverage.zemosaic.config_keys import (
    CONFIG_KEYS,
    READ_BY,
    ConfigKey,
    Finding,
    check_config,
)

# ZEMOSAIC.md §6: key, default, reader, the window's range/step/decimals (True: a checkbox).
TABLE: list[tuple[str, Any, str, Any]] = [
    ("altaz_cleanup_enabled", False, "A", True),
    ("altaz_margin_percent", 5.0, "A", (0, 50, 0.5, 1)),
    ("altaz_decay", 0.15, "A", (0, 2, 0.05, 2)),
    ("altaz_nanize", True, "A", True),
    ("altaz_nanize_threshold", 0.001, "T", (0, 1, 0.01, 3)),
    ("altaz_alpha_soft_threshold", 0.001, "T", None),
    ("altaz_unknown_policy", "auto", "R", None),
    ("altaz_min_coverage_abs", 3.0, "T", None),
    ("altaz_min_coverage_frac", 0.5, "T", None),
    ("altaz_morph_open_px", 3, "T", None),
    ("altaz_strict_overlap_crop_enabled", True, "T", None),
    ("altaz_strict_overlap_crop_alpha_threshold", 0.02, "T", None),
    ("altaz_strict_overlap_crop_min_nonzero_frac", 0.08, "T", None),
    ("altaz_strict_overlap_crop_bbox_pad_px", 6, "T", None),
    ("altaz_strict_overlap_crop_min_size_px", 256, "T", None),
    ("altaz_export_alpha_fits", True, "lecropper", None),
    ("altaz_export_alpha_sidecar", False, "lecropper", None),
    ("altaz_alpha_sidecar_format", "png", "lecropper", None),
    ("quality_crop_enabled", False, "A", True),
    ("quality_crop_band_px", 32, "A", (4, 256, 4, 0)),
    ("quality_crop_k_sigma", 2.0, "A", (0.5, 5, 0.1, 1)),
    ("quality_crop_margin_px", 8, "A", (0, 64, 1, 0)),
    ("quality_crop_min_run", 2, "A", (1, 32, 1, 0)),
]
ENTRIES = {entry.key: entry for entry in CONFIG_KEYS}


def found(config: dict[str, Any], key: str) -> Finding:
    (finding,) = (each for each in check_config(config) if each.key == key)
    return finding


def test_the_table_is_zemosaics() -> None:
    assert [
        (
            entry.key,
            entry.default,
            entry.reader,
            tuple(entry.window_range) if entry.window_range else (entry.in_window or None),
        )
        for entry in CONFIG_KEYS
    ] == TABLE
    for entry, row in zip(CONFIG_KEYS, TABLE, strict=True):
        assert type(entry.default) is type(row[1])
        assert entry.effect.endswith(".")
        assert entry.read_by == READ_BY[entry.reader]
        assert (entry.kind == "switch") == isinstance(entry.default, bool)
        assert bool(entry.choices) == (entry.kind == "choice")


def test_every_threshold_is_in_the_table_with_the_same_default() -> None:
    ours = MaskParameters().to_config()
    assert ours.keys() <= ENTRIES.keys()
    assert {key: ENTRIES[key].default for key in ours} == ours


def test_what_does_nothing_is_said_to_do_nothing() -> None:
    idle = {entry.key for entry in CONFIG_KEYS if not entry.acts}
    assert idle == {
        "altaz_cleanup_enabled",
        "altaz_alpha_soft_threshold",
        "quality_crop_min_run",
        "altaz_export_alpha_fits",
        "altaz_export_alpha_sidecar",
        "altaz_alpha_sidecar_format",
    }
    assert (
        "decides nothing" in found({"altaz_cleanup_enabled": True}, "altaz_cleanup_enabled").line()
    )
    assert (
        "is dead" in found({"altaz_alpha_soft_threshold": 0.1}, "altaz_alpha_soft_threshold").line()
    )


def test_an_empty_config_is_all_defaults() -> None:
    findings = check_config({})
    assert [(each.key, each.taken) for each in findings] == [row[:2] for row in TABLE]
    assert {each.given for each in findings} == {MISSING}
    assert {each.level for each in findings} == {"fine"}
    assert findings[7].line() == (
        "altaz_min_coverage_abs: not in the file, taken as 3.0. ZeMosaic reads it from the file "
        "again for every master tile; --config cannot set it."
    )


def test_zemosaics_own_defaults_are_fine() -> None:
    findings = check_config({key: default for key, default, _, _ in TABLE})
    noted = {each.key for each in findings if each.level != "fine"}
    assert noted == {entry.key for entry in CONFIG_KEYS if not entry.acts}
    assert all(each.level == "note" for each in findings if each.key in noted)
    assert all(each.taken == each.given for each in findings)
    assert all(each.in_window in (None, each.given) for each in findings)


@pytest.mark.parametrize(
    ("key", "given", "taken", "said"),
    [
        ("altaz_min_coverage_frac", 7, 1, "7 is read as 1"),
        ("altaz_min_coverage_abs", -1, 0, "-1 is read as 0"),
        ("altaz_morph_open_px", "x", 3, "is not a number"),
        ("altaz_nanize_threshold", 2, 1, "2 is read as 1"),
        ("altaz_nanize", "false", True, "not true or false"),
        ("altaz_cleanup_enabled", 0, False, "0 is not true or false; read as false"),
        ("altaz_unknown_policy", "maybe", "auto", "none of auto, on, off"),
        ("altaz_unknown_policy", None, "auto", "none of auto, on, off"),
        ("altaz_alpha_soft_threshold", -3, 0, "-3 is read as 0"),
        ("quality_crop_band_px", 1, 4, "1 is read as 4"),
        ("quality_crop_band_px", 33.7, 33, "33.7 is read as 33"),
        ("quality_crop_k_sigma", 99, 10, "99 is read as 10"),
        ("quality_crop_k_sigma", [], 2.0, "a list is not a number"),
        ("quality_crop_margin_px", math.inf, 8, "is not a number"),
        ("quality_crop_margin_px", -5, 0, "-5 is read as 0"),
    ],
)
def test_what_is_not_taken_as_it_stands_is_a_warning(
    key: str, given: Any, taken: Any, said: str
) -> None:
    finding = found({key: given}, key)
    assert finding.level == "warning"
    assert finding.given is given
    assert finding.taken == taken
    assert type(finding.taken) is not str or finding.taken in ENTRIES[key].choices
    assert said in finding.notes[0]
    assert "taken as" in finding.line()


def test_a_number_as_text_is_taken() -> None:
    finding = found({"quality_crop_k_sigma": " 1.5 "}, "quality_crop_k_sigma")
    assert (finding.taken, finding.notes) == (1.5, ())
    assert found({"altaz_unknown_policy": " ON "}, "altaz_unknown_policy").taken == "on"


@pytest.mark.parametrize(
    ("key", "given", "shown"),
    [
        # The two that were seen, and what the ranges say.
        ("altaz_margin_percent", 3.257, 3.3),
        ("altaz_decay", 0.1234, 0.12),
        ("altaz_margin_percent", 80, 50.0),
        ("altaz_nanize_threshold", 0.0004, 0.0),
        ("quality_crop_k_sigma", 7, 5.0),
        ("quality_crop_band_px", 1000, 256),
        ("quality_crop_min_run", 0, 1),
    ],
)
def test_what_the_window_makes_of_a_value_is_told(key: str, given: Any, shown: Any) -> None:
    finding = found({key: given}, key)
    assert finding.taken == given
    assert finding.in_window == shown
    assert type(finding.in_window) is type(shown)
    assert f"window makes it {json.dumps(shown)}" in finding.line()
    assert finding.level == "note"


def test_a_key_that_is_not_in_the_window_is_not_said_to_be() -> None:
    assert found({"altaz_min_coverage_abs": 3.257}, "altaz_min_coverage_abs").in_window is None
    assert found({"altaz_nanize": False}, "altaz_nanize").in_window is False


def test_harm_is_a_warning() -> None:
    black = found({"altaz_nanize_threshold": 0.5}, "altaz_nanize_threshold")
    assert (black.level, black.taken) == ("warning", 0.5)
    assert "opaque black pixels" in black.line()
    assert found({"altaz_nanize_threshold": 0.499}, "altaz_nanize_threshold").level == "fine"
    cropped = found({"quality_crop_enabled": True}, "quality_crop_enabled")
    assert cropped.level == "warning"
    assert "before the mask is made" in cropped.line()


def test_the_dead_key_stands_in_for_the_absent_one() -> None:
    stand_in = found({"altaz_alpha_soft_threshold": 0.25}, "altaz_nanize_threshold")
    assert (stand_in.given, stand_in.taken, stand_in.level) == (MISSING, 0.25, "note")
    both = {"altaz_alpha_soft_threshold": 0.25, "altaz_nanize_threshold": 0.1}
    assert found(both, "altaz_nanize_threshold").taken == 0.1
    assert found(both, "altaz_nanize_threshold").notes == ()


def test_a_key_that_zemosaic_does_not_know_is_pointed_at() -> None:
    findings = check_config({"altaz_min_coverage": 4, "quality_crop_": 1, "other": 2, "altaz": 3})
    close, far = findings[len(CONFIG_KEYS) :]
    assert (close.key, close.entry, close.given, close.taken) == (
        "altaz_min_coverage",
        None,
        4,
        None,
    )
    assert "Is altaz_min_coverage_" in close.line()
    assert far.key == "quality_crop_"
    assert {close.level, far.level} == {"warning"}
    long = "altaz_" + "x" * 100_000
    assert check_config({long: 1})[-1].key == long


def test_what_we_wrote_is_taken_key_by_key_as_meant(tmp_path: Path) -> None:
    parameters = MaskParameters(
        margin_percent=7.5,
        decay=0.4,
        min_coverage_abs=4,
        min_coverage_frac=0.62,
        morph_open_px=1,
        nanize=False,
        nanize_threshold=0.2,
        strict_overlap_crop_enabled=False,
        strict_overlap_crop_alpha_threshold=0.1,
        strict_overlap_crop_min_nonzero_frac=0.2,
        strict_overlap_crop_bbox_pad_px=9,
        strict_overlap_crop_min_size_px=300,
    )
    path = tmp_path / "c.json"
    write_config(path, parameters, create=True)
    by_key = {each.key: each for each in check_config(read_config(path))}
    for key, value in parameters.to_config().items():
        assert by_key[key].given == by_key[key].taken == value
        assert by_key[key].in_window in (None, value)
        assert by_key[key].level == "fine"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*ENTRIES, "altaz_", "quality_crop_x"]) | st.text(max_size=5),
        json_values | st.sampled_from(["auto", "1e3", "nan", "-0", "٣", 10**400]),
    )
)
def test_any_config_is_checked_and_taken_in_range(config: dict[str, Any]) -> None:
    mask = MaskParameters.from_config(config).to_config()
    for finding in check_config(config):
        assert finding.line().startswith(f"{finding.key}: ")
        entry = finding.entry
        if entry is None:
            continue
        assert finding.taken == mask.get(entry.key, finding.taken)
        check_taken(entry, finding.taken)
        if finding.given is MISSING:
            assert finding.taken == entry.default or "altaz_alpha_soft_threshold" in config


def check_taken(entry: ConfigKey, taken: Any) -> None:
    kinds = {"switch": bool, "choice": str, "whole number": int, "number": (int, float)}
    assert isinstance(taken, kinds[entry.kind])  # type: ignore[arg-type]
    if entry.kind == "choice":
        assert taken in entry.choices
    elif entry.kind != "switch":
        assert math.isfinite(taken)
        assert entry.minimum <= taken <= entry.maximum
