"""What becomes of each value of a config."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from configs import EVERY_CHANGED, TABLE
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic.config import read_config
from napari_zecoverage.zemosaic.config_check import KeyFinding, check_config
from napari_zecoverage.zemosaic.config_keys import CONFIG_KEYS, ConfigKey
from napari_zecoverage.zemosaic.config_values import MISSING
from napari_zecoverage.zemosaic.config_writing import write_config

ENTRIES = {entry.key: entry for entry in CONFIG_KEYS}


def found(config: dict[str, Any], key: str) -> KeyFinding:
    (finding,) = (each for each in check_config(config) if each.key == key)
    return finding


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


def test_the_dead_key_does_not_stand_in_for_the_absent_one() -> None:
    alone = found({"altaz_alpha_soft_threshold": 0.25}, "altaz_nanize_threshold")
    assert (alone.given, alone.taken, alone.level) == (MISSING, 0.001, "fine")
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
    path = tmp_path / "c.json"
    write_config(path, EVERY_CHANGED, create=True)
    by_key = {each.key: each for each in check_config(read_config(path))}
    for key, value in EVERY_CHANGED.to_config().items():
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
            assert finding.taken == entry.default


def check_taken(entry: ConfigKey, taken: Any) -> None:
    kinds = {"switch": bool, "choice": str, "whole number": int, "number": (int, float)}
    assert isinstance(taken, kinds[entry.kind])  # type: ignore[arg-type]
    if entry.kind == "choice":
        assert taken in entry.choices
    elif entry.kind != "switch":
        assert math.isfinite(taken)
        assert entry.minimum <= taken <= entry.maximum
