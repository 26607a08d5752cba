"""What a report says, as plain blocks: one document, written as HTML and as Markdown.

No block holds markup. Every text is plain, so whatever strangers named their files is
text in either form, and both say the same.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

Tone = Literal["plain", "good", "loud", "quiet"]
"""How a text is to be taken. Never the only carrier of a meaning: the words say it, too."""

_JOINERS: Final = "\u200c\u200d"
"""Invisible, but scripts and emoji are written with them; they turn nothing round."""


def visible(text: Any) -> str:
    r"""Return a text as one line of letters that can all be seen.

    Parameters
    ----------
    text : object
        Anything; its ``str``.

    Returns
    -------
    str
        Line ends, control codes, marks that turn the direction of writing and
        halves of surrogate pairs (of a file name that is no text) are spelled
        out, as ``\n`` or ``\u202e``. Other spaces are plain spaces.
    """
    return "".join(_seen(letter) for letter in str(text))


def _seen(letter: str) -> str:
    if letter.isprintable() or letter in _JOINERS:
        return letter
    if unicodedata.category(letter) == "Zs":
        return " "
    return letter.encode("unicode_escape").decode("ascii")


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes
    ----------
    text : str
    tone : {"plain", "good", "loud", "quiet"}
    share : float or None
        0 to 1: drawn as a bar behind the text.
    link : str
        Anchor of a section; empty for none.
    """

    text: str
    tone: Tone = "plain"
    share: float | None = None
    link: str = ""


@dataclass(frozen=True)
class Paragraph:
    """A few sentences."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True)
class Bullets:
    """A list of texts; nothing at all when there are none."""

    items: tuple[str, ...]
    tone: Tone = "plain"


@dataclass(frozen=True)
class Table:
    """A table with a caption and a head.

    Attributes
    ----------
    caption : str
    head : tuple of str
    rows : tuple of tuple
        Of str or `Cell`, as many as `head` has. The first of a row is its heading.
    numeric : tuple of int
        Columns that are set flush right.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str | Cell, ...], ...]
    numeric: tuple[int, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A picture beside the report.

    Attributes
    ----------
    file : str
        Its name in the report's folder, with ``/``.
    alt : str
        What is to be seen, for those who cannot see it.
    caption : str
    size : (int, int)
        Width and height, in pixels as shown.
    dark : str
        The same on dark paper; empty for none.
    """

    file: str
    alt: str
    caption: str
    size: tuple[int, int]
    dark: str = ""


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side, where there is room."""

    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Headline:
    """Figures to be seen first.

    Attributes
    ----------
    items : tuple of (str, str, str)
        What it is, the figure, and a remark.
    """

    items: tuple[tuple[str, str, str], ...]


Block: TypeAlias = Paragraph | Bullets | Table | Gallery | Headline


@dataclass(frozen=True)
class Section:
    """A part of the document.

    Attributes
    ----------
    title : str
    anchor : str
        Lower-case ASCII letters, digits and hyphens: made by us, never from a name.
    blocks : tuple
        Blocks, and sections one level deeper.
    folded : bool
        Shut until it is opened, where a form of the document can.
    """

    title: str
    anchor: str
    blocks: tuple[Block | Section, ...]
    folded: bool = False


@dataclass(frozen=True)
class Document:
    """All of it.

    Attributes
    ----------
    title, subtitle : str
    sections : tuple of Section
    colophon : str
        The last line.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    colophon: str


def cells_of(row: Sequence[str | Cell]) -> list[Cell]:
    """Return a row's cells; a plain text is a plain cell."""
    return [each if isinstance(each, Cell) else Cell(each) for each in row]
