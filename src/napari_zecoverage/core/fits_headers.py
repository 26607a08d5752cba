"""The headers of a FITS file, card by card, and no further than they can be trusted.

Headers are read here rather than by astropy's file layer: a frame is looked at
and read by several threads at once, where silencing astropy's warnings (a
setting of the whole process) is not safe, and the bytes that a header promises
have to be compared with those that are there before memory is taken.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, TypeGuard

from napari_zecoverage.core.errors import FrameUnreadableError
from napari_zecoverage.core.opening import file_trouble, opened
from napari_zecoverage.core.paths import absolute

CardValue = str | bool | int | float

MAX_HEADER_BLOCKS: Final = 2000
"""Header blocks (2880 bytes each) after which a FITS file without an END card is given up."""

MAX_HDUS: Final = 1000
"""Header and data units that are searched for a picture."""

_BLOCK: Final = 2880
_CARD: Final = 80
STORAGE: Final = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
"""How values are stored, by BITPIX."""


_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([EDed][+-]?\d+)?")
_QUOTED: Final = re.compile(r"'((?:[^']|'')*)'")
_WCS_CARD: Final = re.compile(
    r"CTYPE[12]|CUNIT[12]|CRVAL[12]|CRPIX[12]|CDELT[12]|CROTA[12]|CD[12]_[12]|PC[12]_[12]"
    r"|PV[12]_\d{1,2}|LONPOLE|LATPOLE|RADESYS|RADECSYS|EQUINOX"
    r"|(A|B|AP|BP)_(ORDER|DMAX|\d_\d)"
)


@dataclass(frozen=True)
class Hdu:
    """One header and data unit of a FITS file, as its header tells it.

    Attributes
    ----------
    index : int
        0 for the first.
    cards : mapping
        Keyword → value; of a keyword that stands twice the first, without
        COMMENT and HISTORY. Text without trailing blanks.
    wcs_cards : tuple of str
        The cards of its WCS as they stand, 80 characters each.
    data_offset, data_bytes : int
        Where its data are in the file, in bytes, and how many it promises.
    """

    index: int
    cards: Mapping[str, CardValue]
    wcs_cards: tuple[str, ...]
    data_offset: int
    data_bytes: int

    @property
    def compressed(self) -> bool:
        """Whether it is a table that holds a tile-compressed image."""
        return self.cards.get("XTENSION") == "BINTABLE" and self.cards.get("ZIMAGE") is True

    @property
    def is_image(self) -> bool:
        """Whether it holds a picture, compressed or not."""
        standard = self.index == 0 or self.cards.get("XTENSION") == "IMAGE"
        return self.data_bytes > 0 and (standard or self.compressed)


def look_at_hdus(path: str | os.PathLike[str]) -> tuple[Hdu, ...]:
    """Read all headers of a FITS file, and none of its data.

    Parameters
    ----------
    path : path-like
        A FITS file, gzipped or not.

    Returns
    -------
    tuple of Hdu
        In the file's order, at least one, `MAX_HDUS` at most.

    Raises
    ------
    FrameUnreadableError
        The file is missing, damaged within a header, or not a FITS file.
    """
    place = absolute(path)
    with file_trouble(place), opened(place) as stream:
        start = stream.read(9)
        if start != b"SIMPLE  =":
            reason = "it does not begin with SIMPLE" if start else "it is empty"
            raise FrameUnreadableError(place, f"it is not a FITS file: {reason}.")
        return tuple(hdus_of(place, stream))


def hdus_of(path: Path, stream: IO[bytes]) -> Iterator[Hdu]:
    """Go from header to header of an open FITS file."""
    offset = 0
    for index in range(MAX_HDUS):
        stream.seek(offset)
        images = _header_cards(path, stream, first=index == 0)
        if images is None:
            return
        cards, wcs_cards = _card_values(images)
        size = _data_bytes(path, cards)
        start = stream.tell()
        yield Hdu(index, cards, wcs_cards, start, size)
        offset = start + -(-size // _BLOCK) * _BLOCK
        if offset >= 2**62:  # further than any file reaches
            return


def cards_of_text(text: str) -> tuple[Mapping[str, CardValue], tuple[str, ...]]:
    """Read a header that is kept as text.

    Parameters
    ----------
    text : str
        One card a line; may be anything. What lies beyond `MAX_HEADER_BLOCKS` is not read.

    Returns
    -------
    cards, wcs_cards
        As `Hdu` has them.
    """
    lines = text[: MAX_HEADER_BLOCKS * _BLOCK].split("\n")
    return _card_values(line[:_CARD].ljust(_CARD) for line in lines)


def _header_cards(path: Path, stream: IO[bytes], first: bool) -> list[str] | None:
    """Read one header up to its END card; None where the file has no further one."""
    images: list[str] = []
    for number in range(MAX_HEADER_BLOCKS):
        block = stream.read(_BLOCK)
        if number == 0 and not first and not block.startswith(b"XTENSION="):
            return None  # the end, or something behind the last HDU that is no HDU
        if len(block) < _BLOCK and b"END" not in block:
            raise FrameUnreadableError(path, "it is cut short within a header; copy it again.")
        text = block.decode("latin-1")
        for at in range(0, len(text), _CARD):
            image = text[at : at + _CARD]
            if image.rstrip() == "END":
                return images
            images.append(image)
    raise FrameUnreadableError(
        path, f"its header does not end within {MAX_HEADER_BLOCKS} blocks of {_BLOCK} bytes."
    )


def _card_values(images: Iterable[str]) -> tuple[dict[str, CardValue], tuple[str, ...]]:
    """Return the values by keyword, the first of a repeated one, and the WCS's cards."""
    cards: dict[str, CardValue] = {}
    wcs_cards = []
    for image in images:
        card = parse_card(image)
        if card is not None and card[0] not in cards:
            cards[card[0]] = card[1]
            if _WCS_CARD.fullmatch(card[0]):
                wcs_cards.append(image)
    return cards, tuple(wcs_cards)


def parse_card(image: str) -> tuple[str, CardValue] | None:
    """Return keyword and value of a header card; None when it has no value."""
    if image[8:9] == "=":
        keyword, rest = image[:8], image[9:]
    elif image.startswith("HIERARCH ") and "=" in image:
        keyword, rest = image[9:].split("=", 1)
    else:
        return None
    if keyword.strip() in ("COMMENT", "HISTORY"):
        return None  # its "=" is part of the text
    rest = rest.strip()
    quoted = _QUOTED.match(rest)
    if quoted:
        return keyword.strip(), quoted[1].replace("''", "'").rstrip()
    word = rest.split("/", 1)[0].strip()
    if not word:
        return None
    return keyword.strip(), _number_or_word(word)


def _number_or_word(word: str) -> CardValue:
    if word in ("T", "F"):
        return word == "T"
    if not _NUMBER.fullmatch(word):
        return word
    if word.lstrip("+-").isdigit():
        return int(word)
    return float(word.upper().replace("D", "E"))


def bitpix_of(path: Path, cards: Mapping[str, CardValue], prefix: str = "") -> int:
    """Return BITPIX, checked to be one of `STORAGE`; `prefix` is "Z" for a compressed image's."""
    bitpix = cards.get(prefix + "BITPIX")
    if not _is_whole(bitpix) or bitpix not in STORAGE:
        raise FrameUnreadableError(path, f"its header's {prefix}BITPIX is {bitpix!r}.")
    return int(bitpix)


def axes_of(path: Path, cards: Mapping[str, CardValue], prefix: str = "") -> tuple[int, ...]:
    """Return the lengths of the axes, slowest first, as NumPy orders them."""
    count = cards.get(prefix + "NAXIS")
    if not _is_whole(count) or not 0 <= int(count) <= 999:
        raise FrameUnreadableError(path, f"its header's {prefix}NAXIS is {count!r}.")
    axes = []
    for number in range(int(count), 0, -1):
        length = cards.get(f"{prefix}NAXIS{number}")
        if not _is_whole(length) or int(length) < 0:
            raise FrameUnreadableError(path, f"its header's {prefix}NAXIS{number} is {length!r}.")
        axes.append(int(length))
    return tuple(axes)


def _data_bytes(path: Path, cards: Mapping[str, CardValue]) -> int:
    """Return the bytes of data that follow a header (FITS standard 4.0, equation 2)."""
    axes = axes_of(path, cards)
    bits = abs(bitpix_of(path, cards))
    extra, groups = cards.get("PCOUNT", 0), cards.get("GCOUNT", 1)
    if not (_is_whole(extra) and _is_whole(groups)) or int(extra) < 0 or int(groups) < 0:
        raise FrameUnreadableError(
            path, f"its header's PCOUNT and GCOUNT are {extra!r}, {groups!r}."
        )
    if not axes:
        return 0
    return bits // 8 * int(groups) * (int(extra) + math.prod(axes))


def is_number(value: CardValue | None) -> TypeGuard[int | float]:
    """Tell whether a card's value is a number; T and F are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: CardValue | None) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
