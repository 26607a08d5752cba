"""What was not written here is shown on one line."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.zemosaic.printable import printable


@settings(max_examples=100, deadline=None)
@given(st.text(), st.integers(1, 50))
def test_printable(text: str, longest: int) -> None:
    shown = printable(text, longest)
    assert shown.isprintable()
    assert len(shown) <= longest
