"""A document as Markdown (CommonMark with GitHub's tables); its pictures lie beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TextIO

from napari_zecoverage.report.document import (
    Block,
    Bullets,
    Cell,
    Document,
    Gallery,
    Headline,
    Paragraph,
    Section,
    Table,
    cells_of,
    visible,
)
from napari_zecoverage.report.placing import MADE_BY

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>&|~$@^{}])")
_AT_THE_START: Final = re.compile(r"#|=|[-+](?=\s|-|$)|\d{1,9}(?=[.)](?:\s|$))")
_LINKED: Final = re.compile(r"(://|www\.)", re.IGNORECASE)


def write_markdown(file: TextIO, document: Document) -> None:
    """Write a document as Markdown; pictures are named as they lie beside it."""
    for piece in _page(document):
        file.write(piece)


def _page(document: Document) -> Iterator[str]:
    yield f"<!-- {MADE_BY} -->\n\n# {escaped(document.title)}\n\n{escaped(document.subtitle)}\n\n"
    for section in document.sections:
        yield from _section(section, 2)
    yield f"---\n\n{escaped(document.colophon)}\n"


def _section(section: Section, level: int) -> Iterator[str]:
    yield f'<a id="{section.anchor}"></a>\n\n{"#" * level} {escaped(section.title)}\n\n'
    for block in section.blocks:
        if isinstance(block, Section):
            yield from _section(block, level + 1)
        else:
            yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield f"{escaped(block.text)}\n\n"
    elif isinstance(block, Bullets):
        if block.items:
            yield "".join(f"- {escaped(each)}\n" for each in block.items) + "\n"
    elif isinstance(block, Headline):
        for name, figure, remark in block.items:
            more = f" – {escaped(remark)}" if remark else ""
            yield f"- {escaped(name)}: **{escaped(figure)}**{more}\n"
        yield "\n"
    elif isinstance(block, Table):
        yield f"{escaped(block.caption)}\n\n"
        yield _row([escaped(each) for each in block.head])
        yield _row(["---:" if n in block.numeric else "---" for n in range(len(block.head))])
        for row in block.rows:
            yield _row([_cell(each) for each in cells_of(row)])
        yield "\n"
    elif isinstance(block, Gallery):
        for picture in block.pictures:
            yield f"![{escaped(picture.alt)}]({picture.file})\n\n{escaped(picture.caption)}\n\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _cell(cell: Cell) -> str:
    text = escaped(cell.text)
    return f"[{text}](#{cell.link})" if cell.link else text


def escaped(text: str) -> str:
    """Return a text that reads as itself in Markdown, whatever letters it has."""
    safe = _SPECIAL.sub(r"\\\1", visible(text).strip())
    # Some readers make links of bare addresses.
    safe = _LINKED.sub(lambda found: "".join(_apart(each) for each in found.group()), safe)
    start = _AT_THE_START.match(safe)
    if start is None:
        return safe
    if start.group().isdigit():
        return f"{start.group()}\\{safe[start.end() :]}"
    return f"\\{safe}"


def _apart(letter: str) -> str:
    return f"\\{letter}" if letter in ":." else letter
