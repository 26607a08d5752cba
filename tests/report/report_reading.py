"""Reading what a report wrote."""

from __future__ import annotations

from html.parser import HTMLParser

NASTY = (
    "<script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    "\"' onload='x",
    "a|b||c\\|d\\\\|e",
    "two\nlines\r\nand\ttabs",
    "`code` ``more`` *b* _i_ ~~s~~ [l](http://x.y) ![p](q.png) <http://a.b>",
    "# not a heading",
    "- not a list",
    "12. not a list",
    "---",
    "===",
    "&lt;b&gt; &amp; &#60;",
    "rtl\u202egnp.fit\u202c\u2066\u200f",
    "surrogate \udc80\udcff",
    "null \x00 bell \x07 escape \x1b[31m",
    "www.example.org me@example.org https://example.org",
    "{{ x }} $x$ $$y$$ ^z^ ==q==",
    "\u2028\u2029\x85",
    "עברית 中文 é \U0001f300",
)


class Page(HTMLParser):
    """What an HTML page has: tags with their attributes, and the text inside of each element."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []
        self._texts: list[tuple[str, list[str]]] = []
        self._open: list[tuple[str, list[str]]] = []
        self.feed(source)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in ("meta", "img", "source", "wbr"):
            self._open.append((tag, []))
            self._texts.append(self._open[-1])

    def handle_endtag(self, tag) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data) -> None:
        for _, pieces in self._open:
            pieces.append(data)

    def handle_decl(self, decl) -> None:
        assert decl == "DOCTYPE html"

    @property
    def texts(self) -> list[tuple[str, str]]:
        return [(tag, "".join(pieces)) for tag, pieces in self._texts]

    def of(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]
