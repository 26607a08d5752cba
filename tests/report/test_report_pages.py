"""Documents as HTML and as Markdown: what strangers named their files stays text."""

from __future__ import annotations

import base64
import io
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from report_reading import NASTY, Page

from napari_zecoverage.report.document import (
    Bullets,
    Cell,
    Document,
    Gallery,
    Headline,
    Paragraph,
    Picture,
    Section,
    Table,
    visible,
)
from napari_zecoverage.report.html_page import write_html
from napari_zecoverage.report.markdown_page import escaped, write_markdown
from napari_zecoverage.report.tile_pictures import png_of

ANYTHING = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(NASTY)


def make_document(text: str, picture: Picture | None = None) -> Document:
    blocks = (
        Headline(((text, text, text),)),
        Paragraph(text, "loud"),
        Bullets((text, text)),
        Table(
            text, (text, "n"), ((Cell(text, link="part"), text), (text, Cell(text, share=2))), (1,)
        ),
        *(() if picture is None else (Gallery((picture,)),)),
        Section(text, "deeper", (Paragraph(text),), folded=True),
    )
    return Document(text, text, (Section(text, "part", blocks),), text)


def html_of(document: Document, folder: Path = Path()) -> str:
    page = io.StringIO()
    write_html(page, document, folder)
    return page.getvalue()


def markdown_of(document: Document) -> str:
    page = io.StringIO()
    write_markdown(page, document)
    return page.getvalue()


@settings(deadline=None, max_examples=60)
@given(ANYTHING)
def test_visible_text_is_one_printable_line(text: str) -> None:
    shown = visible(text)
    assert all(each.isprintable() or each in "\u200c\u200d" for each in shown)
    shown.encode("utf-8")
    assert visible(shown) == shown


def test_what_cannot_be_seen_is_spelled_out() -> None:
    assert visible("a\nb\u202ec\udc80\x00") == r"a\nb\u202ec\udc80\x00"
    assert visible("no\xa0break") == "no break"


OWN_TAGS = {tag for tag, _ in Page(html_of(make_document("plain"))).tags}


@settings(deadline=None, max_examples=80)
@given(ANYTHING)
@example("<script>alert(1)</script>")
@example("x_y_\"z'")
def test_no_text_becomes_html(text: str) -> None:
    page = Page(html_of(make_document(text)))
    assert {tag for tag, _ in page.tags} - {"wbr"} == OWN_TAGS - {"wbr"}
    assert page.of("h1") == page.of("title") == [visible(text)]
    assert page.of("td") == [visible(text)] * 2
    assert page.of("li")[-2:] == [visible(text)] * 2
    assert page.of("dd") == [visible(text)] * (2 if text else 1)
    allowed = {"class", "id", "style", "href", "lang", "charset", "name", "content", "scope"}
    allowed |= {"http-equiv", "aria-label", "tabindex", "role"}
    assert all(set(attributes) <= allowed for _, attributes in page.tags)
    assert {each["href"] for each in page.named("a")} == {"#part"}


@pytest.mark.parametrize("text", NASTY)
def test_nasty_text_stays_text_in_html(text: str) -> None:
    assert Page(html_of(make_document(text))).of("h1") == [visible(text)]


def inline_tokens(source: str) -> list[Token]:
    parsed = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return [child for token in parsed.parse(source) for child in (token.children or [])]


@settings(deadline=None, max_examples=150)
@given(ANYTHING)
def test_no_text_becomes_markdown(text: str) -> None:
    shown = visible(text).strip()
    tokens = (
        MarkdownIt("commonmark", {"html": True})
        .enable(["table", "strikethrough"])
        .parse(f"{escaped(text)}\n")
    )
    if not shown:
        assert tokens == []
        return
    assert [each.type for each in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children or []
    assert {each.type for each in children} <= {"text", "text_special"}
    assert "".join(each.content for each in children) == shown


@settings(deadline=None, max_examples=80)
@given(ANYTHING)
def test_every_row_of_a_markdown_table_keeps_its_cells(text: str) -> None:
    table = Table("t", ("a", "b"), ((text, text), ("x", "y")))
    document = Document("d", "s", (Section("t", "t", (table,)),), "c")
    parsed = MarkdownIt("commonmark").enable("table").parse(markdown_of(document))
    cells = [
        "".join(child.content for child in after.children or [])
        for before, after in pairwise(parsed)
        if before.type == "td_open"
    ]
    assert cells == [visible(text).strip()] * 2 + ["x", "y"]


@pytest.mark.parametrize("text", NASTY)
def test_markdown_has_no_html_but_its_own_anchors(text: str) -> None:
    source = markdown_of(make_document(text))
    source.encode("utf-8")
    html = [each.content for each in inline_tokens(source) if each.type == "html_inline"]
    assert html == ['<a id="part">', "</a>", '<a id="deeper">', "</a>"]
    links = [each.attrs["href"] for each in inline_tokens(source) if each.type == "link_open"]
    assert links == ["#part"]
    assert "image" not in {each.type for each in inline_tokens(source)}


def test_addresses_are_not_made_into_links() -> None:
    assert escaped("see https://example.org") == r"see https\://example.org"
    assert escaped("www.example.org") == r"www\.example.org"
    assert escaped("me@example.org") == r"me\@example.org"


def test_ordinary_text_is_left_readable() -> None:
    for text in ("−1.30 ± 0.43", "+0.5", "12.5 % of it", "2025-03-26: 12; M 94", "0.25"):
        assert escaped(text) == text


def test_pictures_are_inside_of_the_page(tmp_path) -> None:
    (tmp_path / "p").mkdir()
    for name in ("light", "dark"):
        shade = 255 if name == "light" else 0
        (tmp_path / "p" / f"{name}.png").write_bytes(png_of(np.full((40, 60, 3), shade, np.uint8)))
    picture = Picture("p/light.png", 'alt "x" <b>', "caption", (60, 40), "p/dark.png")
    page = Page(html_of(make_document("text", picture), tmp_path))
    (image,) = page.named("img")
    (source,) = page.named("source")
    assert image["src"].startswith("data:image/png;base64,")
    assert source["srcset"].startswith("data:image/png;base64,")
    assert image["src"] != source["srcset"]
    assert "dark" in source["media"]
    assert image["alt"] == 'alt "x" <b>'
    assert (image["width"], image["height"]) == ("60", "40")


def test_a_picture_of_many_pieces_is_whole(tmp_path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (400, 500, 3), dtype=np.uint8)
    (tmp_path / "noise.png").write_bytes(png_of(noise))
    picture = Picture("noise.png", "noise", "noise", (500, 400))
    (image,) = Page(html_of(make_document("t", picture), tmp_path)).named("img")
    assert (
        base64.b64decode(image["src"].partition(",")[2], validate=True)
        == (tmp_path / "noise.png").read_bytes()
    )


def test_tables_can_be_read_aloud() -> None:
    page = Page(html_of(make_document("text")))
    scopes = [each["scope"] for each in page.named("th")]
    assert scopes == ["col", "col", "row", "row"]
    assert page.of("caption") == ["text"]
    assert page.named("html") == [{"lang": "en"}]


def test_nothing_may_be_loaded_or_run() -> None:
    page = Page(html_of(make_document("text")))
    policy = next(each for each in page.named("meta") if "http-equiv" in each)
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert policy["content"] == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert not {"script", "link", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
    (style,) = page.of("style")
    assert "url(" not in style
    assert "@import" not in style


def luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("which", [0, 1], ids=["light", "dark"])
def test_words_stand_out_from_the_paper(which: int) -> None:
    (style,) = Page(html_of(make_document("text"))).of("style")
    blocks = style.split(":root {")[1:]
    colours = dict(
        part.strip().removeprefix("--").split(": ")
        for part in blocks[which].partition("}")[0].split(";")
        if part.strip().startswith("--")
    )
    for ink in ("ink", "soft", "accent", "good", "loud"):
        for paper in ("paper", "sheet", "stripe"):
            light, dark = sorted((luminance(colours[ink]), luminance(colours[paper])))
            assert (dark + 0.05) / (light + 0.05) >= 4.5, (ink, paper)
