"""ZeMosaic's config: read, merged, swapped in, and whole whatever happens."""

from __future__ import annotations

import codecs
import errno
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.core.errors import (
    ConfigChangedError,
    ConfigError,
    ConfigFormatError,
    ConfigNotFoundError,
    ConfigWriteError,
)
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic import config as config_module
from napari_zecoverage.zemosaic.config import (
    ALWAYS_WRITTEN,
    BACKUPS_KEPT,
    CLOSE_ZEMOSAIC_FIRST,
    CONFIG_NAME,
    MAX_BYTES,
    MISSING,
    STALE_AFTER_S,
    Backup,
    ConfigChange,
    ConfigFile,
    KeyChange,
    Reverted,
    changed_since,
    list_backups,
    read_config,
    restore_backup,
    reverted_after_export,
    write_config,
)

# As ZeMosaic writes it: indent 4, non-ASCII kept, no newline at the end.
AS_ZEMOSAIC_WRITES = json.dumps(
    {
        "language": "fr",
        "last_folder": "/données/M 31",
        "altaz_margin_percent": 5.0,
        "altaz_min_coverage_abs": 3.0,
        "altaz_min_coverage_frac": 0.5,
        "altaz_morph_open_px": 3,
        "altaz_nanize": True,
        "workers": None,
        "list": [1, 2.50, {"altaz_decay": 9}],
        "quality_crop_k_sigma": 2.0,
    },
    indent=4,
    ensure_ascii=False,
)
TUNED = MaskParameters(min_coverage_abs=4.0, min_coverage_frac=0.65, morph_open_px=1)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return put(tmp_path / CONFIG_NAME, AS_ZEMOSAIC_WRITES)


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rewritten(path: Path, content: str | bytes, parameters: MaskParameters) -> bytes:
    put(path, content)
    write_config(path, parameters)
    return path.read_bytes()


def backups(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.bak"))


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


# --- reading ---------------------------------------------------------------------------


def test_a_config_is_a_mapping_of_its_top_level(config: Path) -> None:
    read = read_config(config)
    assert dict(read) == json.loads(AS_ZEMOSAIC_WRITES)
    assert list(read) == list(json.loads(AS_ZEMOSAIC_WRITES))
    assert len(read) == 10
    assert read["last_folder"] == "/données/M 31"
    assert read.get("absent") is None
    assert read.path == config
    assert read.digest == hashlib.sha256(AS_ZEMOSAIC_WRITES.encode()).hexdigest()
    assert read.parameters == MaskParameters.from_config(read) == MaskParameters()
    with pytest.raises(FrozenInstanceError):
        read.path = Path()  # type: ignore[misc]


def test_reading_is_lenient_and_says_so(tmp_path: Path) -> None:
    path = put(tmp_path / "c.json", '{"altaz_min_coverage_frac": 7, "altaz_decay": "x"}')
    read = read_config(path)
    assert read["altaz_min_coverage_frac"] == 7
    assert read.parameters == MaskParameters(min_coverage_frac=1)
    assert len(read.parameters.notes) == 2


def test_a_folder_means_the_config_in_it(config: Path) -> None:
    assert read_config(config.parent).path == config
    assert read_config(str(config.parent)) == read_config(config)
    assert write_config(config.parent, TUNED).path == config


def test_a_relative_path_and_a_home_path_are_made_absolute(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(config.parent)
    assert read_config(CONFIG_NAME).path == config
    monkeypatch.setenv("HOME", str(config.parent))
    monkeypatch.setenv("USERPROFILE", str(config.parent))
    assert read_config("~").path == config


def test_of_a_key_given_twice_the_last_counts(tmp_path: Path) -> None:
    text = '{"altaz_morph_open_px": 1, "a": 0, "altaz_morph_open_px": 2}'
    assert read_config(put(tmp_path / "c.json", text)).parameters.morph_open_px == 2


def test_json_as_python_reads_it_is_taken(tmp_path: Path) -> None:
    text = '{"a": NaN, "b": -Infinity, "altaz_min_coverage_abs": 1e400}'
    read = read_config(put(tmp_path / "c.json", text))
    assert read["b"] == -float("inf")
    assert read.parameters == MaskParameters()
    assert len(read.parameters.notes) == 1


BAD = {
    "empty": (b"", "is empty"),
    "blank": (b" \r\n\t", "is empty"),
    "bom only": (codecs.BOM_UTF8, "is empty"),
    "prose": (b"not json", r"is not JSON: .* \(line 1, column 1\)"),
    "cut short": (AS_ZEMOSAIC_WRITES.encode()[:-30], "is not JSON"),
    "two objects": (b"{}{}", "is not JSON"),
    "a comma too many": (b'{\n  "a": 1,\n}', r"is not JSON: .* \(line 3|\(line 2"),
    "single quotes": (b"{'a': 1}", "is not JSON"),
    "zeros": (b"\0" * 100, "is not JSON"),
    "a list": (b"[1, 2]", "must hold a JSON object .* not a list"),
    "a text": (b'"text"', 'must hold a JSON object .* not "text"'),
    "a long text": (b'"' + b"x" * 10_000 + b'"', r"must hold a JSON object .* not .*\.\.\.\.$"),
    "null": (b"null", "must hold a JSON object .* not null"),
    "latin 1": ('{"é": 1}'.encode("latin-1"), r"is not UTF-8 text \(byte 2\)"),
    "utf 16": ('{"a": 1}'.encode("utf-16"), "is not UTF-8 text"),
    "deep lists": (b'{"a": ' + b"[" * 200_000, "beyond all bounds"),
    "deep and closed": (b'{"a": ' + b"[" * 99_999 + b"]" * 99_999 + b"}", "beyond all bounds"),
    "deep objects": (b'{"a": ' * 100_000, "beyond all bounds"),
    "a huge number": (b'{"a": ' + b"9" * 10_000 + b"}", "beyond all bounds"),
    "too large": (b" " * (MAX_BYTES + 1), "more than 8 MB"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD.keys())
def test_what_is_no_config_is_refused_and_left_alone(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = put(tmp_path / CONFIG_NAME, content)
    for act in (lambda: read_config(path), lambda: write_config(path, TUNED)):
        with pytest.raises(ConfigFormatError, match=message) as refused:
            act()
        assert refused.value.path == str(path)
        assert len(str(refused.value)) < 500
    assert path.read_bytes() == content
    assert names(tmp_path) == [CONFIG_NAME]


def test_nesting_just_below_the_bound_is_read_or_refused_never_more(tmp_path: Path) -> None:
    for depth in range(900, 1000, 3):
        nested = "[" * depth + "]" * depth
        path = put(tmp_path / "c.json", f'{{"altaz_decay": {nested}}}')
        try:
            read = read_config(path)
        except ConfigFormatError:
            continue
        assert read.parameters == MaskParameters()
        assert write_config(path, TUNED, dry_run=True).lines()


def test_an_absent_config_is_said_to_be_absent(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no.json", tmp_path / "no" / "no.json"):
        for act in (lambda p=path: read_config(p), lambda p=path: write_config(p, TUNED)):
            with pytest.raises(ConfigNotFoundError, match="Name ZeMosaic's own"):
                act()
    assert names(tmp_path) == []


def test_a_path_through_a_file_is_absent(config: Path) -> None:
    with pytest.raises(ConfigNotFoundError):
        read_config(config / "deeper.json")


def test_a_folder_called_like_the_config_is_refused(tmp_path: Path) -> None:
    (tmp_path / CONFIG_NAME).mkdir()
    with pytest.raises(ConfigFormatError, match="is not a file"):
        read_config(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigFormatError, match="is not a file"):
        read_config(tmp_path / "pipe")


def test_a_path_that_no_system_takes_is_an_error_of_ours(tmp_path: Path) -> None:
    for path in ("nul\0l", tmp_path / ("x" * 5000)):
        with pytest.raises(ConfigError):
            read_config(path)


def test_an_unreadable_config_says_why(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(config))

    monkeypatch.setattr(config_module, "open", refuse, raising=False)
    with pytest.raises(ConfigError, match=r": cannot be read: Permission denied\.$"):
        read_config(config)


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


STYLES = {
    "compact": ('{"a":1,"b":2}', '{"a":1,"b":2,"K":3}'),
    "one line": ('{"a": 1, "b": 2}', '{"a": 1, "b": 2, "K": 3}'),
    "two spaces": ('{\n  "a": 1\n}\n', '{\n  "a": 1,\n  "K": 3\n}\n'),
    "tabs": ('{\n\t"a" : 1\n}', '{\n\t"a" : 1,\n\t"K" : 3\n}'),
    "crlf": ('{\r\n    "a": [\r\n1]\r\n}\r\n', '{\r\n    "a": [\r\n1],\r\n    "K": 3\r\n}\r\n'),
    "empty": ("{}", '{\n    "K": 3\n}'),
    "empty, crlf": ("{\r\n}\r\n", '{\r\n    "K": 3\r\n}\r\n'),
    "comma first": ('{ "a": 1\n, "b": 2\n}', '{ "a": 1\n, "b": 2, "K": 3\n}'),
    "space round all": (' \n{ "a": 1 }\n ', ' \n{ "a": 1, "K": 3 }\n '),
    "bom": ('\ufeff{"a": "é", "b": 2}', '\ufeff{"a": "é", "b": 2, "K": 3}'),
    "braces in texts": ('{"}": "{\\"}", "b": {}}', '{"}": "{\\"}", "b": {}, "K": 3}'),
}


@pytest.mark.parametrize(("before", "after"), STYLES.values(), ids=STYLES.keys())
def test_new_keys_are_written_in_the_style_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    monkeypatch.setattr(config_module, "ALWAYS_WRITTEN", ("altaz_morph_open_px",))
    written = rewritten(tmp_path / "c.json", before, MaskParameters())
    assert written == after.replace("K", "altaz_morph_open_px").encode()


def test_spelling_of_every_other_value_is_kept(tmp_path: Path) -> None:
    before = (
        '{"a": 1.0, "b": 1e5, "c": 1E+05, "d": -0.0, "e": 12345678901234567890123, '
        '"f": 0.1000000000000000055, "g": NaN, "h": "\\u00e9\\/\\ud800", "a": 2, '
        '"altaz_min_coverage_abs": 9, "altaz_min_coverage_frac":5e-1 ,"altaz_morph_open_px":3}'
    )
    after = before.replace('_abs": 9', '_abs": 3.0')
    assert rewritten(tmp_path / "c.json", before, MaskParameters()) == after.encode()


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
        ('"altaz_alpha_soft_threshold": 0.2', MaskParameters(nanize_threshold=0.2)),
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


def test_the_soft_threshold_decides_what_an_absent_nanize_threshold_is(tmp_path: Path) -> None:
    path = put(tmp_path / "c.json", '{"altaz_alpha_soft_threshold": 0.2}')
    change = write_config(path, MaskParameters())
    assert KeyChange("altaz_nanize_threshold", MISSING, 0.001) in change.changes
    assert read_config(path).parameters == MaskParameters()


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_no_infinite_threshold_is_left_standing(tmp_path: Path, token: str) -> None:
    path = put(tmp_path / "c.json", f'{{"altaz_min_coverage_frac": {token}, "x": {token}}}')
    write_config(path, MaskParameters())
    read = read_config(path)
    assert read["altaz_min_coverage_frac"] == 0.5
    assert f'"x": {token},' in path.read_text()


def test_of_a_key_given_twice_the_last_is_changed(tmp_path: Path) -> None:
    before = '{"altaz_morph_open_px": 1, "altaz_morph_open_px": 2, "z": 0}'
    after = rewritten(tmp_path / "c.json", before, MaskParameters())
    assert after.startswith(b'{"altaz_morph_open_px": 1, "altaz_morph_open_px": 3, "z": 0, ')
    assert read_config(tmp_path / "c.json").parameters == MaskParameters()


def test_a_key_spelled_with_escapes_and_a_nested_one_are_told_apart(tmp_path: Path) -> None:
    before = '{"n": {"altaz_decay": 1}, "altaz\\u005fdecay": 0.5, "x altaz_decay": 2}'
    after = rewritten(tmp_path / "c.json", before, MaskParameters()).decode()
    assert after.startswith(
        '{"n": {"altaz_decay": 1}, "altaz\\u005fdecay": 0.15, "x altaz_decay": 2'
    )


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
    every = MaskParameters(
        margin_percent=7.5,
        decay=0.4,
        min_coverage_abs=6,
        min_coverage_frac=0.7,
        morph_open_px=2,
        nanize=False,
        nanize_threshold=0.25,
        strict_overlap_crop_enabled=False,
        strict_overlap_crop_alpha_threshold=0.1,
        strict_overlap_crop_min_nonzero_frac=0.2,
        strict_overlap_crop_bbox_pad_px=1,
        strict_overlap_crop_min_size_px=32,
    )
    change = write_config(config, every)
    assert {each.key: each.new for each in change.changes} == every.to_config()
    assert read_config(config).parameters == every
    others = {k: v for k, v in json.loads(AS_ZEMOSAIC_WRITES).items() if k not in every.to_config()}
    assert {k: v for k, v in read_config(config).items() if k not in every.to_config()} == others
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


def test_the_previous_file_is_kept_beside(config: Path) -> None:
    change = write_config(config, TUNED)
    assert change.backup is not None
    assert change.backup.parent == config.parent
    assert change.backup.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES
    assert names(config.parent) == sorted([CONFIG_NAME, change.backup.name])


def test_the_last_five_backups_stay_and_no_other_file_goes(tmp_path: Path, config: Path) -> None:
    strangers = [
        f"{CONFIG_NAME}.bak",
        f"{CONFIG_NAME}.2020-01-01.bak",
        f"{CONFIG_NAME}.2020-01-01T00-00-00.000000Z.bak.mine",
        "other.json.2020-01-01T00-00-00.000000Z.bak",
    ]
    for name in strangers:
        put(tmp_path / name, "mine")
    made = []
    for step in range(8):
        change = write_config(config, MaskParameters(min_coverage_abs=10 + step))
        assert change.backup is not None
        made.append(change.backup.name)
    assert len(set(made)) == 8
    assert names(tmp_path) == sorted([CONFIG_NAME, *strangers, *made[-BACKUPS_KEPT:]])
    assert json.loads((tmp_path / made[-1]).read_bytes())["altaz_min_coverage_abs"] == 16


def test_a_clock_set_back_costs_no_fresh_backup(tmp_path: Path, config: Path) -> None:
    for hour in range(7):
        put(tmp_path / f"{CONFIG_NAME}.2999-01-01T0{hour}-00-00.000000Z.bak", f"{hour}")
    change = write_config(config, TUNED)
    assert change.backup is not None
    assert change.backup.exists()
    assert [path.read_text() for path in backups(tmp_path)[1:]] == ["3", "4", "5", "6"]


def test_a_backup_of_the_same_moment_is_not_overwritten(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = config_module.datetime

    class Stopped(real):  # type: ignore[misc, valid-type]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real(2026, 1, 1, tzinfo=tz)

    monkeypatch.setattr(config_module, "datetime", Stopped)
    first = write_config(config, TUNED).backup
    second = write_config(config, MaskParameters()).backup
    assert first is not None
    assert second is not None
    assert [first.name, second.name] == [
        f"{CONFIG_NAME}.2026-01-01T00-00-00.000000Z.bak",
        f"{CONFIG_NAME}.2026-01-01T00-00-00.000001Z.bak",
    ]
    assert first.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of another kind")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_permissions_and_owner_are_kept(config: Path, mode: int) -> None:
    config.chmod(mode)
    if os.geteuid() == 0:
        os.chown(config, 12345, 54321)
    before = config.stat()
    change = write_config(config, TUNED)
    for path in (config, change.backup):
        assert path is not None
        after = path.stat()
        assert stat.S_IMODE(after.st_mode) == mode
        assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_of_a_link_the_file_it_leads_to_is_replaced(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    target = put(real / "mine.json", AS_ZEMOSAIC_WRITES)
    (tmp_path / "step").symlink_to(target)
    link = tmp_path / CONFIG_NAME
    link.symlink_to("step")
    change = write_config(tmp_path, TUNED)
    assert change.path == link
    assert link.is_symlink()
    assert not target.is_symlink()
    assert read_config(target).parameters == TUNED
    assert change.backup is not None
    assert change.backup.parent == real
    assert names(tmp_path) == ["real", "step", CONFIG_NAME]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_in_a_circle_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    for act in (
        lambda: read_config(tmp_path / "a"),
        lambda: write_config(tmp_path / "a", TUNED, create=True),
    ):
        with pytest.raises(ConfigError, match="cannot be read"):
            act()


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


@pytest.mark.parametrize("newer", [b'{"newer": 1}', None])
def test_a_change_while_we_write_is_noticed(
    config: Path, monkeypatch: pytest.MonkeyPatch, newer: bytes | None
) -> None:
    real = config_module._back_up

    def meanwhile(*arguments: Any) -> Path:
        if newer is None:
            config.unlink()
        else:
            config.write_bytes(newer)
        return real(*arguments)

    monkeypatch.setattr(config_module, "_back_up", meanwhile)
    with pytest.raises(ConfigChangedError):
        write_config(config, TUNED)
    assert names(config.parent) == ([] if newer is None else [CONFIG_NAME])
    if newer is not None:
        assert config.read_bytes() == newer


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


def test_a_new_config_in_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigWriteError, match="Make the folder first"):
        write_config(tmp_path / "no" / "c.json", TUNED, create=True)
    assert names(tmp_path) == []


def test_a_file_that_appears_while_a_new_one_is_made_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = config_module._write_beside

    def meanwhile(target: Path, content: bytes) -> Path:
        put(target, "{}")
        return real(target, content)

    monkeypatch.setattr(config_module, "_write_beside", meanwhile)
    with pytest.raises(ConfigChangedError):
        write_config(tmp_path, TUNED, create=True)
    assert (tmp_path / CONFIG_NAME).read_bytes() == b"{}"
    assert names(tmp_path) == [CONFIG_NAME]


# --- failures: the old or the new file, whole ------------------------------------------


def test_a_read_only_config_is_left_alone(config: Path) -> None:
    config.chmod(0o444)
    try:
        with pytest.raises(ConfigWriteError, match="is read-only; nothing was written"):
            write_config(config, TUNED)
        assert write_config(config, TUNED, dry_run=True).changes
        assert config.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES
        assert names(config.parent) == [CONFIG_NAME]
    finally:
        config.chmod(0o644)


def test_a_config_of_somebody_else_is_left_alone(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ConfigWriteError, match="is read-only"):
        write_config(config, TUNED)


@pytest.mark.parametrize("step", ["open", "replace", "fsync"])
@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, "cannot be written: .*Allow writing"),
        (errno.EROFS, "cannot be written: .*disk is read-only"),
        (errno.ENOSPC, "cannot be written: .*Make room on the disk"),
        (errno.EIO, r"cannot be written: .*Nothing was changed\.$"),
    ],
)
def test_what_the_system_refuses_is_told_in_words(
    config: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int, message: str
) -> None:
    def refuse(*arguments: Any, **_: Any) -> Any:
        if arguments[1:] == ("rb",):
            return open(*arguments)
        raise OSError(number, os.strerror(number))

    where = config_module if step == "open" else os
    monkeypatch.setattr(where, step, refuse, raising=False)
    with pytest.raises(ConfigWriteError, match=message) as refused:
        write_config(config, TUNED)
    assert str(config) in str(refused.value)
    assert os.strerror(number) in str(refused.value)
    assert config.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES
    assert names(config.parent) == [CONFIG_NAME]


class Trouble:
    """Count the steps of a write, the calls that touch the disk, and fail at one of them."""

    def __init__(self, at: int, make: Callable[[], None]) -> None:
        self.at, self.count, self.make = at, 0, make

    def step(self) -> None:
        self.count += 1
        if self.count == self.at:
            self.make()

    def before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            self.step()
            return call(*arguments, **named)

        return called

    def open(self, path: Path, mode: str) -> Any:
        if mode == "rb":
            return open(path, mode)
        self.step()
        return HalfWritten(open(path, mode), self)

    def install(self, put_in: Callable[[Any, str, Any], None]) -> None:
        put_in(config_module, "open", self.open)
        for owner, name in (
            (os, "fsync"),
            (os, "replace"),
            (os, "chown"),
            (os, "access"),
            (os, "open"),
            (shutil, "copymode"),
            (config_module, "_free_backup_name"),
            (Path, "iterdir"),
            (Path, "unlink"),
        ):
            if hasattr(owner, name):
                put_in(owner, name, self.before(getattr(owner, name)))


class HalfWritten:
    """A file whose trouble comes in the middle of what is written to it."""

    def __init__(self, handle: Any, trouble: Trouble) -> None:
        self.handle, self.trouble = handle, trouble

    def __enter__(self) -> HalfWritten:
        return self

    def __exit__(self, *_: object) -> None:
        self.handle.close()

    def write(self, content: bytes) -> None:
        half = len(content) // 2
        self.handle.write(content[:half])
        self.handle.flush()
        self.trouble.step()
        self.handle.write(content[half:])

    def flush(self) -> None:
        self.trouble.step()
        self.handle.flush()

    def fileno(self) -> int:
        return int(self.handle.fileno())


def make_old_backups(folder: Path) -> None:
    for hour in range(6):
        put(folder / f"{CONFIG_NAME}.2020-01-01T0{hour}-00-00.000000Z.bak", AS_ZEMOSAIC_WRITES)


def full_disk() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("make_trouble", [full_disk, interrupt])
def test_trouble_at_any_step_leaves_the_old_or_the_new_file_whole(
    tmp_path: Path, make_trouble: Callable[[], None]
) -> None:
    new = rewritten(tmp_path / "new.json", AS_ZEMOSAIC_WRITES, TUNED)
    old = AS_ZEMOSAIC_WRITES.encode()
    seen = set()
    for at in range(1, 100):
        folder = tmp_path / str(at)
        folder.mkdir()
        make_old_backups(folder)
        config = put(folder / CONFIG_NAME, old)
        trouble = Trouble(at, make_trouble)
        failed: BaseException | None = None
        with pytest.MonkeyPatch.context() as patches:
            trouble.install(partial(patches.setattr, raising=False))
            try:
                write_config(config, TUNED)
            except (ConfigWriteError, KeyboardInterrupt) as error:
                failed = error
        assert not list(folder.glob(".*")), f"step {at} leaves a temporary file"
        content = config.read_bytes()
        seen.add(content)
        assert content in (old, new), f"step {at} damages the config"
        assert all(path.read_bytes() == old for path in backups(folder))
        if isinstance(failed, ConfigWriteError):
            assert content == old, f"step {at} reports a failure after the swap"
        if content == old:
            assert failed is not None
            assert len(backups(folder)) == 6, f"step {at} leaves a backup of nothing"
        else:
            assert len(backups(folder)) >= BACKUPS_KEPT
        if trouble.count < at:
            break
    assert at > 12, "the steps are not counted"
    assert failed is None
    assert seen == {old, new}


def test_an_interrupt_just_after_the_swap_costs_no_backup(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def swap_and_interrupt(source: Path, target: Path) -> None:
        real(source, target)
        if target == config:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", swap_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_config(config, TUNED)
    assert read_config(config).parameters == TUNED
    (kept,) = backups(config.parent)
    assert kept.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES


@pytest.mark.skipif(sys.platform == "win32", reason="a folder cannot be synced there")
def test_what_is_swapped_in_is_on_the_disk_before_and_the_folder_after(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real_fsync(descriptor)

    def swap(source: Path, target: Path) -> None:
        steps.append("config" if target == config else "backup")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", swap)
    write_config(config, TUNED)
    assert steps == ["file", "file", "backup", "config", "folder"]


def write_and_die_at_each_step(folder: Path) -> None:
    """Run in a process of its own: export in a child for each step, killed there."""
    for at in range(1, 100):
        child = os.fork()
        if child == 0:
            Trouble(at, lambda: os._exit(9)).install(setattr)
            write_config(folder / str(at), TUNED)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            print(at)
            return


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork a process")
def test_a_process_killed_at_any_step_leaves_the_old_or_the_new_file_whole(tmp_path: Path) -> None:
    new = rewritten(tmp_path / "new.json", AS_ZEMOSAIC_WRITES, TUNED)
    old = AS_ZEMOSAIC_WRITES.encode()
    for at in range(1, 40):
        (tmp_path / str(at)).mkdir()
        make_old_backups(tmp_path / str(at))
        put(tmp_path / str(at) / CONFIG_NAME, old)
    ended = subprocess.run(
        [sys.executable, __file__, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    steps = int(ended.stdout)
    assert 12 < steps < 40
    states = []
    for at in range(1, steps):
        folder = tmp_path / str(at)
        states.append((folder / CONFIG_NAME).read_bytes())
        assert all(path.read_bytes() == old for path in backups(folder))
        # What a kill leaves behind does not stand in the way of the next export.
        write_config(folder, TUNED)
        assert (folder / CONFIG_NAME).read_bytes() == new
    assert set(states) == {old, new}
    assert states == sorted(states, key=lambda content: content == new), "old, then new"


# --- backups and back ------------------------------------------------------------------

BEFORE = '{"altaz_morph_open_px": 0, "gone": [1], "altaz_decay": 0.5}'


def backup_of(
    config: Path, content: str | bytes, moment: str = "2026-01-02T03-04-05.000006Z"
) -> Path:
    return put(config.with_name(f"{config.name}.{moment}.bak"), content)


def test_backups_are_listed_the_newest_first(config: Path) -> None:
    assert list_backups(config) == ()
    old = backup_of(config, "{}")
    new = backup_of(config, "{ }", "2026-01-02T03-04-06.000000Z")
    put(config.with_name(f"{CONFIG_NAME}.mine.bak"), "{}")
    backup_of(config, "{}", "2026-13-02T03-04-05.000006Z")
    backup_of(config, "{}", "2026-01-09T03-04-05.000006Z").rename(config.with_name("other"))
    config.with_name(f"{CONFIG_NAME}.2026-01-08T03-04-05.000006Z.bak").symlink_to(old)
    config.with_name(f"{CONFIG_NAME}.2026-01-07T03-04-05.000006Z.bak").mkdir()
    assert list_backups(config.parent) == (
        Backup(new, datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC), 3),
        Backup(old, datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), 2),
    )
    config.unlink()
    assert len(list_backups(config)) == 2
    assert list_backups(config.parent / "nowhere" / "c.json") == ()


def test_backups_that_cannot_be_listed_say_why(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(ConfigError, match="cannot be listed: Permission denied"):
        list_backups(config)


def test_what_was_exported_is_undone_by_its_backup(config: Path) -> None:
    exported = write_config(config, TUNED)
    tuned = config.read_bytes()
    (backup,) = list_backups(config)
    assert backup.path == exported.backup
    back = restore_backup(config, backup)
    assert config.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES
    assert back.changes == tuple(KeyChange(key, new, old) for key, old, new in exported.changes)
    assert back.backup is not None
    assert back.backup.read_bytes() == tuned
    assert [each.path for each in list_backups(config)] == [back.backup, backup.path]
    # And forth again.
    restore_backup(str(config), str(back.backup))
    assert config.read_bytes() == tuned


def test_a_dry_restore_tells_all_and_writes_nothing(config: Path) -> None:
    backup = backup_of(config, '{"a": NaN, "altaz_margin_percent": 5, "altaz_nanize": 1}')
    before = names(config.parent)
    change = restore_backup(config, backup, dry_run=True)
    assert change.backup is None
    assert change.changes[:2] == (
        KeyChange("a", MISSING, change.changes[0].new),
        KeyChange("altaz_nanize", True, 1),
    )
    removed = [each.key for each in change.changes[2:]]
    assert removed == [
        key
        for key in json.loads(AS_ZEMOSAIC_WRITES)
        if key not in ("altaz_margin_percent", "altaz_nanize")
    ]
    assert all(each.new is MISSING for each in change.changes[2:])
    assert 'language: "fr" → not in the file' in change.lines()
    assert names(config.parent) == before
    assert config.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES


def test_a_backup_equal_to_the_config_is_not_written(config: Path) -> None:
    backup = backup_of(config, AS_ZEMOSAIC_WRITES)
    before = config.stat()
    change = restore_backup(config, backup)
    assert (change.changes, change.backup) == ((), None)
    assert config.stat().st_ino == before.st_ino
    # One that is only spelled otherwise is put back.
    other = backup_of(config, AS_ZEMOSAIC_WRITES + " ", "2026-01-02T03-04-07.000006Z")
    change = restore_backup(config, other)
    assert change.changes == ()
    assert change.backup is not None
    assert config.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES + " "


@pytest.mark.parametrize("damaged", [b"", b"{", b"\xff", b"[]"])
def test_a_damaged_config_is_replaced_and_kept(config: Path, damaged: bytes) -> None:
    backup = backup_of(config, BEFORE)
    put(config, damaged)
    change = restore_backup(config, backup)
    assert config.read_text() == BEFORE
    assert change.changes[0] == KeyChange("altaz_morph_open_px", MISSING, 0)
    assert change.backup is not None
    assert change.backup.read_bytes() == damaged


def test_a_config_that_is_gone_comes_back(config: Path) -> None:
    backup = backup_of(config, BEFORE)
    config.unlink()
    assert restore_backup(config, backup).backup is None
    assert config.read_text() == BEFORE


def test_the_oldest_of_five_can_be_put_back(config: Path) -> None:
    make_old_backups(config.parent)
    list_backups(config)[0].path.unlink()
    oldest = list_backups(config)[-1]
    put(oldest.path, BEFORE)
    restore_backup(config, oldest)
    assert config.read_text() == BEFORE
    assert len(list_backups(config)) == BACKUPS_KEPT


def test_only_a_backup_of_this_config_is_put_back(tmp_path: Path, config: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    backup = backup_of(config, BEFORE)
    link = config.with_name(f"{CONFIG_NAME}.2026-01-08T03-04-05.000006Z.bak")
    link.symlink_to(backup)
    for stranger in (
        put(tmp_path / "other.json", BEFORE),
        backup_of(elsewhere / CONFIG_NAME, BEFORE),
        backup_of(tmp_path / "other.json", BEFORE),
        link,
    ):
        with pytest.raises(ConfigError, match="is not a backup"):
            restore_backup(config, stranger)
    for path, source in (("a\0b", backup), (config, "a\0b/c")):
        with pytest.raises(ConfigError):
            restore_backup(path, source)
    with pytest.raises(ConfigError):
        list_backups("a\0b")
    with pytest.raises(ConfigFormatError, match="is not JSON"):
        restore_backup(config, put(backup, "{"))
    backup.unlink()
    with pytest.raises(ConfigNotFoundError, match="no such backup"):
        restore_backup(config, backup)
    assert config.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES


def test_nothing_is_put_back_over_an_unseen_change(config: Path) -> None:
    backup = backup_of(config, BEFORE)
    read = read_config(config)
    put(config, "{}")
    with pytest.raises(ConfigChangedError):
        restore_backup(config, backup, expected=read)
    assert config.read_text() == "{}"
    restore_backup(config, backup, expected=read_config(config))
    assert config.read_text() == BEFORE


def test_of_a_link_the_backups_stand_beside_the_file_it_leads_to(
    tmp_path: Path, config: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    link = other / "linked.json"
    link.symlink_to(config)
    write_config(link, TUNED)
    (backup,) = list_backups(link)
    assert backup.path.parent == config.parent
    restore_backup(link, backup)
    assert link.is_symlink()
    assert config.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES


@pytest.mark.parametrize("make_trouble", [full_disk, interrupt])
def test_trouble_at_any_step_of_a_restore_leaves_one_of_the_two_whole(
    tmp_path: Path, make_trouble: Callable[[], None]
) -> None:
    seen = set()
    for at in range(1, 100):
        folder = tmp_path / str(at)
        folder.mkdir()
        config = put(folder / CONFIG_NAME, AS_ZEMOSAIC_WRITES)
        backup = backup_of(config, BEFORE)
        trouble = Trouble(at, make_trouble)
        failed = False
        with pytest.MonkeyPatch.context() as patches:
            trouble.install(partial(patches.setattr, raising=False))
            try:
                restore_backup(config, backup)
            except (ConfigWriteError, KeyboardInterrupt):
                failed = True
        assert not list(folder.glob(".*")), f"step {at} leaves a temporary file"
        seen.add(content := config.read_text(encoding="utf-8"))
        assert backup.read_text() == BEFORE
        assert content in (BEFORE, AS_ZEMOSAIC_WRITES)
        assert failed or content == BEFORE
        if trouble.count < at:
            break
    assert at > 12
    assert not failed
    assert seen == {BEFORE, AS_ZEMOSAIC_WRITES}


def test_what_a_killed_export_left_is_removed_by_a_later_one(config: Path) -> None:
    def aged(name: str, seconds: float) -> Path:
        path = put(config.with_name(name), "half")
        os.utime(path, (os.stat(config).st_mtime - seconds,) * 2)
        return path

    stale = aged(f".{CONFIG_NAME}.0123456789abcdef.tmp", STALE_AFTER_S + 60)
    stay = [
        aged(f".{CONFIG_NAME}.0123456789abcde0.tmp", STALE_AFTER_S - 600),
        aged(f".{CONFIG_NAME}.0123456789abcde1.tmp", -86400),
        aged(f".{CONFIG_NAME}.0123456789abcdeX.tmp", 86400),
        aged(f".{CONFIG_NAME}.tmp", 86400),
        aged(".other.json.0123456789abcdef.tmp", 86400),
    ]
    folder = config.with_name(f".{CONFIG_NAME}.0123456789abcde2.tmp")
    folder.mkdir()
    os.utime(folder, (0, 0))
    write_config(config, MaskParameters(), dry_run=True)
    assert stale.exists()
    write_config(config, TUNED)
    assert not stale.exists()
    assert all(path.exists() for path in [*stay, folder])


# --- changed meanwhile -----------------------------------------------------------------


def test_what_changed_on_disk_is_told(config: Path) -> None:
    read = read_config(config)
    assert changed_since(read) == ()
    values = json.loads(AS_ZEMOSAIC_WRITES)
    del values["language"]
    put(config, json.dumps({"new": None, **values, "altaz_nanize": 1, "altaz_morph_open_px": 3.0}))
    assert changed_since(read) == (
        KeyChange("new", MISSING, None),
        KeyChange("altaz_nanize", True, 1),
        KeyChange("language", "fr", MISSING),
    )
    put(config, AS_ZEMOSAIC_WRITES + "\n")
    assert changed_since(read) == ()


def test_a_config_gone_or_damaged_since_is_an_error(config: Path) -> None:
    read = read_config(config)
    put(config, "{")
    with pytest.raises(ConfigFormatError):
        changed_since(read)
    config.unlink()
    with pytest.raises(ConfigNotFoundError):
        changed_since(read)


def test_not_a_number_is_no_change_of_itself(tmp_path: Path) -> None:
    read = read_config(put(tmp_path / "c.json", '{"a": NaN, "b": [Infinity]}'))
    put(tmp_path / "c.json", '{"a":NaN, "b":[-Infinity]}')
    assert [change.key for change in changed_since(read)] == ["b"]


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
    assert reverted[0].line() == "altaz_min_coverage_abs: 4.0 was exported, 3 is back"
    assert reverted[2].line() == "altaz_morph_open_px: 1 was exported, 2 stands there now"


def test_a_value_that_reads_as_ours_is_not_reverted(config: Path) -> None:
    change = write_config(config, TUNED)
    assert reverted_after_export(change, {**TUNED.to_config(), "altaz_min_coverage_abs": 4}) == ()
    (gone,) = reverted_after_export(
        change, {key: v for key, v in TUNED.to_config().items() if key != "altaz_morph_open_px"}
    )
    assert (gone.now, gone.to_old) == (MISSING, True)
    assert gone.line() == "altaz_morph_open_px: 1 was exported, nothing is back"
    restored = restore_backup(config, list_backups(config)[0])
    assert reverted_after_export(restored, read_config(config)) == ()
    assert len(reverted_after_export(restored, TUNED.to_config())) == 3


# --- any file --------------------------------------------------------------------------

OUR_KEYS = list(MaskParameters().to_config())
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["}", '"', "\\", "é", "\ufeff"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
keys = st.text(max_size=6) | st.sampled_from([*OUR_KEYS, "altaz_alpha_soft_threshold", "altaz_"])
dump_styles = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([None, 0, 2, 4, "\t"]),
        "ensure_ascii": st.booleans(),
        "separators": st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : ")]),
    }
)
some_parameters = st.builds(
    MaskParameters,
    margin_percent=st.floats(0, 50),
    min_coverage_abs=st.floats(0, 1e9),
    min_coverage_frac=st.floats(0, 1),
    morph_open_px=st.integers(0, 9),
    nanize=st.booleans(),
)


def spelled(values: Any) -> str:
    """Compare by text: NaN is not equal to itself, 1 equals True."""
    return json.dumps(values)


@given(
    values=st.dictionaries(keys, json_values, max_size=8),
    style=dump_styles,
    line_end=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
    end=st.sampled_from(["", "\n", " \n\n"]),
    parameters=some_parameters,
)
@settings(max_examples=80, deadline=None)
def test_any_config_keeps_all_but_our_keys(
    values: dict[str, Any],
    style: dict[str, Any],
    line_end: str,
    bom: bool,
    end: str,
    parameters: MaskParameters,
) -> None:
    text = (json.dumps(values, **style) + end).replace("\n", line_end)
    raw = (codecs.BOM_UTF8 if bom else b"") + text.encode()
    with tempfile.TemporaryDirectory() as folder:
        path = put(Path(folder, CONFIG_NAME), raw)
        change = write_config(path, parameters, expected=read_config(path))
        written = path.read_bytes()
        read = read_config(path)
        assert write_config(path, parameters).changes == (), "an export is not repeated"
    changed = {each.key: each.new for each in change.changes}
    assert set(changed) <= set(OUR_KEYS)
    assert spelled(dict(read)) == spelled({**values, **changed})
    assert list(read)[: len(values)] == list(values)
    assert read.parameters == parameters
    assert set(ALWAYS_WRITTEN) <= set(read)
    assert written.startswith(codecs.BOM_UTF8) == bom
    assert written.decode().endswith(("}" + end).replace("\n", line_end))
    if "\r\n" in text:
        assert written.count(b"\r\n") == written.count(b"\n")


@given(
    cuts=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), st.binary(max_size=3))),
    parameters=some_parameters,
)
@settings(max_examples=100, deadline=None)
def test_a_damaged_config_is_read_or_refused_never_worse(
    cuts: list[tuple[int, int, bytes]], parameters: MaskParameters
) -> None:
    raw = AS_ZEMOSAIC_WRITES.encode()
    for at, length, instead in cuts:
        raw = raw[:at] + instead + raw[at + length :]
    read_or_refused(raw, parameters)


@given(
    raw=st.binary(max_size=40)
    | st.text('{}[]",:0.-eEatruflsn\\u \n\ufeff', max_size=40).map(str.encode),
    parameters=some_parameters,
)
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_read_or_refused_never_worse(raw: bytes, parameters: MaskParameters) -> None:
    read_or_refused(raw, parameters)


def read_or_refused(raw: bytes, parameters: MaskParameters) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = put(Path(folder, CONFIG_NAME), raw)
        try:
            read = read_config(path)
        except ConfigError as refused:
            assert str(path) in str(refused)
            with pytest.raises(ConfigError):
                write_config(path, parameters)
            assert path.read_bytes() == raw
            return
        assert isinstance(read, ConfigFile)
        assert dict(read).keys() == json.loads(raw.decode("utf-8-sig")).keys()
        write_config(path, parameters)
        assert read_config(path).parameters == parameters


def test_the_notice_tells_what_to_do_and_why() -> None:
    assert CLOSE_ZEMOSAIC_FIRST.startswith("Close ZeMosaic")
    assert "old values back" in CLOSE_ZEMOSAIC_FIRST


if __name__ == "__main__":
    write_and_die_at_each_step(Path(sys.argv[1]))
