"""What was not written here is shown on one line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.zemosaic.printable import printable, shortened, some_of


@settings(max_examples=100, deadline=None)
@given(st.text(), st.integers(1, 50))
def test_printable(text: str, longest: int) -> None:
    shown = printable(text, longest)
    assert shown.isprintable()
    assert len(shown) <= longest
    if len(text) <= longest:
        letters = zip(text, shown, strict=True)
        assert all(now == (was if was.isprintable() else "\ufffd") for was, now in letters)
    else:
        assert shown.endswith("…")


@pytest.mark.parametrize("other", [None, b"x", 3, ["x"]])
def test_what_is_no_text_is_not_shown(other: object) -> None:
    assert printable(other) == "?"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "nothing"),
        ({"a": 1}, "an object"),
        ([1], "a list"),
        (True, "true"),
        (1.5, "1.5"),
        ("a\nb", "a\ufffdb"),
        ("x" * 300, "x" * 200 + "…"),
    ],
)
def test_value_of_a_file_is_shortened(value: object, shown: str) -> None:
    assert shortened(value) == shown


def test_some_of_many_names() -> None:
    assert some_of(["a", "b"], 2) == "a, b"
    assert some_of(["a", "b", "c", "d"], 2) == "a, b and 2 more"
