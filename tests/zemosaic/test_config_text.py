"""The config's text: only our values change in it."""

from __future__ import annotations

import codecs
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from configs import OUR_KEYS, put, rewritten, some_parameters
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic import config_writing
from napari_zecoverage.zemosaic.config import CONFIG_NAME, read_config
from napari_zecoverage.zemosaic.config_writing import ALWAYS_WRITTEN, write_config

# --- the merge -------------------------------------------------------------------------

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
    "bom": ('\ufeff{"a": "é", "b": 2}', '{"a": "é", "b": 2, "K": 3}'),
    "braces in texts": ('{"}": "{\\"}", "b": {}}', '{"}": "{\\"}", "b": {}, "K": 3}'),
}


@pytest.mark.parametrize(("before", "after"), STYLES.values(), ids=STYLES.keys())
def test_new_keys_are_written_in_the_style_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    monkeypatch.setattr(config_writing, "ALWAYS_WRITTEN", ("altaz_morph_open_px",))
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


# --- any file --------------------------------------------------------------------------

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
    # ZeMosaic cannot read a file with such a mark.
    assert not written.startswith(codecs.BOM_UTF8)
    assert written.decode().endswith(("}" + end).replace("\n", line_end))
    if "\r\n" in text:
        assert written.count(b"\r\n") == written.count(b"\n")
