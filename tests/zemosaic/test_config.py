"""ZeMosaic's config read: whatever it holds, and what changed since."""

from __future__ import annotations

import codecs
import errno
import hashlib
import json
import os
import tempfile
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
from configs import AS_ZEMOSAIC_WRITES, TUNED, names, put, some_parameters
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.core.errors import ConfigError, ConfigFormatError, ConfigNotFoundError
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic import config as config_module
from napari_zecoverage.zemosaic.config import (
    CLOSE_ZEMOSAIC_FIRST,
    CONFIG_NAME,
    MAX_BYTES,
    ConfigFile,
    changed_since,
    read_config,
)
from napari_zecoverage.zemosaic.config_values import MISSING, KeyChange
from napari_zecoverage.zemosaic.config_writing import write_config

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


# --- any file --------------------------------------------------------------------------


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
