"""Cards are read as astropy reads them."""

from __future__ import annotations

from astropy.io import fits
from frame_files import few_examples
from hypothesis import given
from hypothesis import strategies as st

from napari_zecoverage.core.fits_headers import parse_card


@few_examples
@given(
    value=st.one_of(
        st.booleans(),
        st.integers(-(10**18), 10**18),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
    )
)
def test_cards_are_parsed_as_astropy_parses_them(value: bool | int | float | str) -> None:
    image = str(fits.Card("FILTER", value, "a / comment's end"))
    theirs = fits.Card.fromstring(image).value
    assert parse_card(image[:80]) == ("FILTER", theirs)


def test_text_with_an_equals_sign_is_no_value() -> None:
    for keyword in ("COMMENT ", "HISTORY "):
        assert parse_card(f"{keyword}= stacked by hand".ljust(80)) is None
