"""Thresholds merged into a config: what is said, what is not touched, what came back."""

from __future__ import annotations

import codecs
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from configs import AS_ZEMOSAIC_WRITES, EVERY_CHANGED, TUNED, backups, names, put, rewritten

from napari_zecoverage.core.errors import ConfigChangedError
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic.config import CONFIG_NAME, read_config
from napari_zecoverage.zemosaic.config_backups import list_backups
from napari_zecoverage.zemosaic.config_values import MISSING, KeyChange
from napari_zecoverage.zemosaic.config_writing import (
    ALWAYS_WRITTEN,
    ConfigChange,
    Reverted,
    restore_backup,
    reverted_after_export,
    write_config,
)

# --- the merge -------------------------------------------------------------------------


def test_only_the_lines_of_our_keys_change(config: Path) -> None:
    change = write_config(config, TUNED)
    before = AS_ZEMOSAIC_WRITES.split("\n")
    after = config.read_text(encoding="utf-8").split("\n")
    assert len(after) == len(before)
    assert [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]] == [
        ('    "altaz_min_coverage_abs": 3.0,', '    "altaz_min_coverage_abs": 4.0,'),
        ('    "altaz_min_coverage_frac": 0.5,', '    "altaz_min_coverage_frac": 0.65,'),
        ('    "altaz_morph_open_px": 3,', '    "altaz_morph_open_px": 1,'),
    ]
    assert change.changes == (
        KeyChange("altaz_min_coverage_abs", 3.0, 4.0),
        KeyChange("altaz_min_coverage_frac", 0.5, 0.65),
        KeyChange("altaz_morph_open_px", 3, 1),
    )
    assert change.lines() == [
        "altaz_min_coverage_abs: 3.0 → 4.0",
        "altaz_min_coverage_frac: 0.5 → 0.65",
        "altaz_morph_open_px: 3 → 1",
    ]
    assert read_config(config).parameters == TUNED


def test_the_result_is_what_zemosaic_would_have_written(config: Path) -> None:
    write_config(config, TUNED)
    text = config.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=4, ensure_ascii=False)


def test_the_three_are_always_said_the_others_only_where_they_differ(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    assert rewritten(path, '{\n    "a": 1\n}', MaskParameters(decay=0.3)) == (
        b'{\n    "a": 1,\n    "altaz_decay": 0.3,\n    "altaz_min_coverage_abs": 3.0,\n'
        b'    "altaz_min_coverage_frac": 0.5,\n    "altaz_morph_open_px": 3\n}'
    )
    (last, *_) = backups(tmp_path)
    assert last.read_bytes() == b'{\n    "a": 1\n}'


def test_an_absent_key_is_shown_as_absent(tmp_path: Path) -> None:
    change = write_config(put(tmp_path / "c.json", "{}"), MaskParameters(), dry_run=True)
    assert change.changes[0] == KeyChange("altaz_min_coverage_abs", MISSING, 3.0)
    assert change.lines() == [
        "altaz_min_coverage_abs: not in the file → 3.0",
        "altaz_min_coverage_frac: not in the file → 0.5",
        "altaz_morph_open_px: not in the file → 3",
    ]


@pytest.mark.parametrize(
    ("spelled", "parameters"),
    [
        ('"altaz_min_coverage_abs": 3', MaskParameters()),
        ('"altaz_min_coverage_abs": "3"', MaskParameters()),
        ('"altaz_min_coverage_frac": 50e-2', MaskParameters()),
        ('"altaz_min_coverage_frac": 7', MaskParameters(min_coverage_frac=1)),
        ('"altaz_min_coverage_frac": "abc"', MaskParameters()),
        ('"altaz_morph_open_px": 3.0', MaskParameters()),
        ('"altaz_nanize": 1', MaskParameters()),
        ('"altaz_alpha_soft_threshold": 0.2', MaskParameters()),
    ],
)
def test_a_value_that_reads_the_same_is_not_touched(
    tmp_path: Path, spelled: str, parameters: MaskParameters
) -> None:
    path = put(tmp_path / "c.json", f"{{{spelled}}}")
    key = spelled.split('"')[1]
    change = write_config(path, parameters, dry_run=True)
    assert key not in [each.key for each in change.changes]
    assert {each.key for each in change.changes} <= set(ALWAYS_WRITTEN)


def test_the_soft_threshold_does_not_stand_in_for_an_absent_nanize_threshold(
    tmp_path: Path,
) -> None:
    path = put(tmp_path / "c.json", '{"altaz_alpha_soft_threshold": 0.2}')
    wanted = MaskParameters(nanize_threshold=0.2)
    change = write_config(path, wanted)
    assert KeyChange("altaz_nanize_threshold", MISSING, 0.2) in change.changes
    assert read_config(path).parameters == wanted


def test_a_byte_order_mark_is_taken_out_even_where_nothing_else_changes(tmp_path: Path) -> None:
    path = put(tmp_path / "c.json", "{}")
    write_config(path, MaskParameters())
    plain = path.read_bytes()
    path.write_bytes(codecs.BOM_UTF8 + plain)
    assert "ZeMosaic cannot read it" in read_config(path).parameters.notes[0]
    change = write_config(path, MaskParameters())
    assert path.read_bytes() == plain
    assert (change.changes, change.takes_mark_out) == ((), True)
    assert change.backup is not None
    assert change.backup.read_bytes() == codecs.BOM_UTF8 + plain


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_no_infinite_threshold_is_left_standing(tmp_path: Path, token: str) -> None:
    path = put(tmp_path / "c.json", f'{{"altaz_min_coverage_frac": {token}, "x": {token}}}')
    write_config(path, MaskParameters())
    read = read_config(path)
    assert read["altaz_min_coverage_frac"] == 0.5
    assert f'"x": {token},' in path.read_text()


def test_an_odd_old_value_is_shown_short(tmp_path: Path) -> None:
    odd = {
        "altaz_min_coverage_abs": "x" * 5000,
        "altaz_min_coverage_frac": [[1] * 999],
        "altaz_morph_open_px": {"a": 1},
        "altaz_decay": None,
        "altaz_margin_percent": "\ud800",
    }
    path = put(tmp_path / "c.json", json.dumps(odd))
    change = write_config(path, replace(TUNED, decay=1.0, margin_percent=1.0), dry_run=True)
    lines = "\n".join(change.lines())
    lines.encode("utf-8")
    assert max(map(len, change.lines())) < 120
    assert "altaz_min_coverage_frac: a list → 0.65" in lines
    assert "altaz_morph_open_px: an object → 1" in lines
    assert "altaz_decay: null → 1.0" in lines


def test_every_one_of_our_keys_is_written_and_read_back(config: Path) -> None:
    change = write_config(config, EVERY_CHANGED)
    assert {each.key: each.new for each in change.changes} == EVERY_CHANGED.to_config()
    assert read_config(config).parameters == EVERY_CHANGED
    others = {
        k: v
        for k, v in json.loads(AS_ZEMOSAIC_WRITES).items()
        if k not in EVERY_CHANGED.to_config()
    }
    assert {
        k: v for k, v in read_config(config).items() if k not in EVERY_CHANGED.to_config()
    } == others
    assert '"altaz_nanize": false' in config.read_text(encoding="utf-8")


# --- the file: dry run, nothing to do, backups, links, permissions ---------------------


def test_a_dry_run_tells_all_and_writes_nothing(config: Path) -> None:
    dry = write_config(config, TUNED, dry_run=True)
    assert config.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES
    assert names(config.parent) == [CONFIG_NAME]
    assert dry.backup is None
    assert dry.changes == write_config(config, TUNED).changes


def test_nothing_to_change_nothing_written(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("written")

    monkeypatch.setattr(os, "replace", never)
    change = write_config(config, MaskParameters())
    assert change == ConfigChange(config, None, ())
    assert change.lines() == []
    assert names(config.parent) == [CONFIG_NAME]


# --- changed since it was read ---------------------------------------------------------


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_config_that_changed_since_it_was_read_is_not_written(
    config: Path, dry_run: bool
) -> None:
    read = read_config(config)
    put(config, AS_ZEMOSAIC_WRITES + "\n")
    for expected in (read, read.digest):
        with pytest.raises(ConfigChangedError, match="changed on disk since it was read"):
            write_config(config, TUNED, expected=expected, dry_run=dry_run)
    assert config.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES + "\n"
    assert names(config.parent) == [CONFIG_NAME]


def test_a_config_that_was_removed_since_it_was_read_is_not_made_anew(config: Path) -> None:
    read = read_config(config)
    config.unlink()
    for create in (False, True):
        with pytest.raises(ConfigChangedError):
            write_config(config, TUNED, expected=read, create=create)
    assert names(config.parent) == []


def test_the_config_as_expected_is_written(config: Path) -> None:
    assert write_config(config, TUNED, expected=read_config(config)).changes
    again = read_config(config)
    assert write_config(config, MaskParameters(), expected=again.digest).changes


# --- a new file ------------------------------------------------------------------------


def test_a_new_config_is_made_only_when_asked_for(tmp_path: Path) -> None:
    dry = write_config(tmp_path, TUNED, create=True, dry_run=True)
    assert names(tmp_path) == []
    change = write_config(tmp_path, TUNED, create=True)
    assert change == dry
    assert change.backup is None
    assert (tmp_path / CONFIG_NAME).read_bytes() == (
        b'{\n    "altaz_min_coverage_abs": 4.0,\n    "altaz_min_coverage_frac": 0.65,\n'
        b'    "altaz_morph_open_px": 1\n}'
    )
    assert names(tmp_path) == [CONFIG_NAME]


def test_asked_for_a_new_config_an_old_one_is_still_merged(config: Path) -> None:
    write_config(config, TUNED, create=True)
    assert read_config(config)["language"] == "fr"


# --- changed meanwhile -----------------------------------------------------------------


def test_values_written_back_after_an_export_are_told(config: Path) -> None:
    change = write_config(config, TUNED)
    assert reverted_after_export(change, read_config(config)) == ()
    # ZeMosaic's window writes its copy, with its own spelling; one value is another still.
    values = json.loads(AS_ZEMOSAIC_WRITES)
    values |= {"altaz_min_coverage_abs": 3, "altaz_morph_open_px": 2, "language": "en"}
    put(config, json.dumps(values, indent=4))
    reverted = reverted_after_export(change, read_config(config))
    assert reverted == (
        Reverted("altaz_min_coverage_abs", 3.0, 4.0, 3),
        Reverted("altaz_min_coverage_frac", 0.5, 0.65, 0.5),
        Reverted("altaz_morph_open_px", 3, 1, 2),
    )
    assert [each.to_old for each in reverted] == [True, True, False]
    assert reverted[0].line() == "altaz_min_coverage_abs: 4.0 was written, 3 is back"
    assert reverted[2].line() == "altaz_morph_open_px: 1 was written, 2 stands there now"


def test_a_value_that_reads_as_ours_is_not_reverted(config: Path) -> None:
    change = write_config(config, TUNED)
    assert reverted_after_export(change, {**TUNED.to_config(), "altaz_min_coverage_abs": 4}) == ()
    (gone,) = reverted_after_export(
        change, {key: v for key, v in TUNED.to_config().items() if key != "altaz_morph_open_px"}
    )
    assert (gone.now, gone.to_old) == (MISSING, True)
    assert gone.line() == "altaz_morph_open_px: 1 was written, nothing is back"
    restored = restore_backup(config, list_backups(config)[0])
    assert reverted_after_export(restored, read_config(config)) == ()
    assert len(reverted_after_export(restored, TUNED.to_config())) == 3
