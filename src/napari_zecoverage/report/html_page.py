"""A document as one HTML file that needs nothing else: pictures inside, no script at all."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final, TextIO

from napari_zecoverage.report.document import (
    Block,
    Bullets,
    Cell,
    Document,
    Gallery,
    Headline,
    Paragraph,
    Picture,
    Section,
    Table,
    cells_of,
    visible,
)
from napari_zecoverage.report.placing import MADE_BY

# The style sheet and the pictures are inside; whatever else a name may smuggle in is not loaded.
_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_STYLE: Final = """
:root { color-scheme: light dark;
  --paper: #fcfcfa; --sheet: #ffffff; --ink: #1c2024; --soft: #59626b; --line: #d9dcdf;
  --accent: #00619a; --bar: #cfe3f1; --good: #00694c; --loud: #a33f00; --stripe: #f4f5f4; }
@media screen and (prefers-color-scheme: dark) { :root {
  --paper: #14171a; --sheet: #1a1e22; --ink: #e6e8ea; --soft: #a3acb5; --line: #353b41;
  --accent: #7cc0ee; --bar: #1f4257; --good: #5fd0a8; --loud: #ff9d66; --stripe: #1f2428; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
header, main, footer { max-width: 76rem; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 2.5rem; }
h1, h2, h3, h4 { line-height: 1.25; text-wrap: balance; }
h1 { font-size: 2rem; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 1.4rem; margin: 3rem 0 0.75rem; padding-top: 1rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1.1rem; margin: 2rem 0 0.5rem; }
h4 { font-size: 1rem; margin: 1.5rem 0 0.5rem; }
p, li, td, th, h1, h2, h3, h4, figcaption, caption, dd { unicode-bidi: isolate;
  overflow-wrap: anywhere; }
p, ul { max-width: 46rem; margin: 0.5rem 0; }
ul { padding-left: 1.25rem; }
li { margin: 0.2rem 0; }
a { color: var(--accent); text-underline-offset: 0.15em; }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.subtitle, footer, figcaption, caption { color: var(--soft); }
.subtitle { margin: 0.4rem 0 0; }
.good { color: var(--good); }
.loud { color: var(--loud); }
.quiet { color: var(--soft); }
p.loud, ul.loud, p.good, ul.good { color: inherit; border-left: 3px solid var(--loud);
  padding-left: 0.9rem; }
p.good, ul.good { border-left-color: var(--good); }
ul.loud, ul.good { padding-left: 2rem; }
p.loud:has(+ ul.loud) { margin-bottom: 0; padding-bottom: 0.25rem; }
p.loud + ul.loud { margin-top: 0; }
nav ol { columns: 16rem auto; padding-left: 1.25rem; margin: 1.5rem 0 0; }
nav li { break-inside: avoid; margin: 0; padding: 0.15rem 0; }
dl.headline { display: flex; flex-wrap: wrap; gap: 1px; background: var(--line);
  border: 1px solid var(--line); border-radius: 6px; overflow: hidden; margin: 1.5rem 0; }
dl.headline div { background: var(--sheet); padding: 0.9rem 1.1rem; flex: 1 1 auto; }
dl.headline dt { color: var(--soft); font-size: 0.85rem; }
dl.headline dd { margin: 0.1rem 0 0; font-size: 1.4rem; font-weight: 600;
  font-variant-numeric: tabular-nums; line-height: 1.25; }
dl.headline dd + dd { font-size: 0.85rem; font-weight: 400; color: var(--soft);
  line-height: 1.4; margin-top: 0.2rem; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; min-width: 50%; font-size: 0.92rem; background: var(--sheet);
  border: 1px solid var(--line); }
caption { text-align: left; padding: 0 0 0.4rem; font-size: 0.92rem; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.7rem;
  border-bottom: 1px solid var(--line); min-width: 4.5rem; }
thead th { overflow-wrap: normal; border-bottom: 2px solid var(--line); color: var(--soft);
  font-weight: 600; vertical-align: bottom; }
td:not(.n) { min-width: 7rem; }
tbody th:not(.n) { min-width: 9rem; }
tbody th { font-weight: 500; }
tbody tr:nth-child(even) { background: var(--stripe); }
.n { text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
td.n { white-space: nowrap; }
td.bar { background: linear-gradient(to right, var(--bar) var(--share), transparent var(--share)); }
.gallery { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr));
  gap: 1.25rem; margin: 1.25rem 0; align-items: start; }
.gallery.one { grid-template-columns: 1fr; }
.gallery.two { grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 29rem)); }
figure { margin: 0; }
figure img { display: block; width: 100%; max-width: 100%; height: auto; border-radius: 4px;
  margin: 0 auto; }
figcaption { font-size: 0.88rem; line-height: 1.45; margin-top: 0.5rem; max-width: 60rem; }
details { margin: 1rem 0; border: 1px solid var(--line); border-radius: 6px; padding: 0 1rem;
  background: var(--sheet); }
details[open] { padding-bottom: 0.5rem; }
summary { cursor: pointer; padding: 0.6rem 0; font-weight: 600; }
summary h3, summary h4 { display: inline; font-size: 1rem; }
footer { margin-top: 4rem; padding-bottom: 3rem; font-size: 0.85rem;
  border-top: 1px solid var(--line); padding-top: 1rem; }
@page { margin: 1.6cm; }
@media print {
  body { font-size: 10pt; background: none; }
  header, main, footer { max-width: none; padding: 0; }
  h2, h3, h4 { break-after: avoid; }
  figure, tr, dl.headline { break-inside: avoid; }
  .gallery { grid-template-columns: repeat(auto-fit, minmax(5.5cm, 1fr)); }
  .scroll { overflow: visible; }
  thead { display: table-header-group; }
  nav { display: none; }
  a { color: inherit; text-decoration: none; }
  img, td.bar { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""

_CHUNK_BYTES: Final = 3 * 2**16


def write_html(file: TextIO, document: Document, folder: Path) -> None:
    """Write a document as HTML.

    Parameters
    ----------
    file : text file
        Written piece by piece: the pictures are never in memory together.
    document : Document
    folder : Path
        Where the pictures' files are.
    """
    for piece in _page(document, folder):
        file.write(piece)


def _page(document: Document, folder: Path) -> Iterator[str]:
    yield (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="generator" content="{MADE_BY}">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(document.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{_text(document.title)}</h1>\n"
        f'<p class="subtitle">{_text(document.subtitle)}</p>\n'
    )
    yield '<nav aria-label="Contents">\n<ol>\n'
    for section in document.sections:
        yield f'<li><a href="#{section.anchor}">{_text(section.title)}</a></li>\n'
    yield "</ol>\n</nav>\n</header>\n<main>\n"
    for section in document.sections:
        yield from _section(section, folder, 2)
    yield f"</main>\n<footer>{_text(document.colophon)}</footer>\n</body>\n</html>\n"


def _section(section: Section, folder: Path, level: int) -> Iterator[str]:
    title = f'<h{level} id="{section.anchor}">{_text(section.title)}</h{level}>'
    yield f"<details>\n<summary>{title}</summary>\n" if section.folded else f"<section>\n{title}\n"
    for block in section.blocks:
        if isinstance(block, Section):
            yield from _section(block, folder, level + 1)
        else:
            yield from _block(block, folder)
    yield "</details>\n" if section.folded else "</section>\n"


def _block(block: Block, folder: Path) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield f"<p{_class_of(block.tone)}>{_text(block.text)}</p>\n"
    elif isinstance(block, Bullets):
        if block.items:
            items = "".join(f"<li>{_text(each)}</li>\n" for each in block.items)
            yield f"<ul{_class_of(block.tone)}>\n{items}</ul>\n"
    elif isinstance(block, Headline):
        yield '<dl class="headline">\n'
        for name, figure, remark in block.items:
            more = f"<dd>{_text(remark)}</dd>" if remark else ""
            yield f"<div><dt>{_text(name)}</dt><dd>{_text(figure)}</dd>{more}</div>\n"
        yield "</dl>\n"
    elif isinstance(block, Table):
        yield _table(block)
    elif isinstance(block, Gallery):
        count = {1: " one", 2: " two"}.get(len(block.pictures), "")
        yield f'<div class="gallery{count}">\n'
        for picture in block.pictures:
            yield from _picture(picture, folder)
        yield "</div>\n"


def _table(table: Table) -> str:
    def head(column: int, text: str) -> str:
        return f'<th scope="col"{_class_of(*_flush(table, column))}>{_text(text)}</th>'

    heads = "".join(head(column, text) for column, text in enumerate(table.head))
    rows = "".join(
        "<tr>"
        + "".join(_cell(table, column, cell) for column, cell in enumerate(cells_of(row)))
        + "</tr>\n"
        for row in table.rows
    )
    # Reached by the keyboard, too, where it is wider than the window.
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{_text(table.caption)}">'
        f"<table>\n<caption>{_text(table.caption)}</caption>\n"
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )


def _flush(table: Table, column: int) -> list[str]:
    return ["n"] if column in table.numeric else []


def _cell(table: Table, column: int, cell: Cell) -> str:
    classes = _flush(table, column)
    if cell.tone != "plain":
        classes.append(cell.tone)
    style = ""
    if cell.share is not None:
        classes.append("bar")
        style = f' style="--share:{100 * min(max(cell.share, 0.0), 1.0):.1f}%"'
    # Long keys and names of files break there first.
    text = _text(cell.text).replace("_", "_<wbr>")
    if cell.link:
        text = f'<a href="#{cell.link}">{text}</a>'
    if column == 0:
        return f'<th scope="row"{_class_of(*classes)}{style}>{text}</th>'
    return f"<td{_class_of(*classes)}{style}>{text}</td>"


def _picture(picture: Picture, folder: Path) -> Iterator[str]:
    width, height = picture.size
    yield f'<figure style="max-width:{width}px">\n'
    if picture.dark:
        yield '<picture><source media="screen and (prefers-color-scheme: dark)" srcset="'
        yield from _data_uri(folder / picture.dark)
        yield '">'
    yield '<img src="'
    yield from _data_uri(folder / picture.file)
    yield f'" alt="{_text(picture.alt)}" width="{width}" height="{height}">'
    yield "</picture>\n" if picture.dark else "\n"
    yield f"<figcaption>{_text(picture.caption)}</figcaption>\n</figure>\n"


def _data_uri(path: Path) -> Iterator[str]:
    yield "data:image/png;base64,"
    with open(path, "rb") as file:
        # A multiple of 3, so that the pieces join.
        while piece := file.read(_CHUNK_BYTES):
            yield base64.b64encode(piece).decode("ascii")


def _class_of(*names: str) -> str:
    named = " ".join(each for each in names if each and each != "plain")
    return f' class="{named}"' if named else ""


def _text(text: str) -> str:
    return escape(visible(text), quote=True)
