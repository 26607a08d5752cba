"""Sections below one another that are scrolled, and a strip below them that is always seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from qtpy.QtCore import QEvent, QPoint, Qt, QTimer
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QGroupBox, QScrollArea, QVBoxLayout, QWidget

from napari_zecoverage.ui.controls import lay_out_now
from napari_zecoverage.ui.sections import Section

_GROWN_MS: Final = 50
"""So long after a change the panels have grown to what is new in them."""


class ScrolledSections(QScrollArea):
    """A column of sections; whoever visits one sees it from its heading on.

    Attributes
    ----------
    sections : dict of str to Section
        By title, in the order given; empty before `set_sections`.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sections: dict[str, Section] = {}
        self._strip: QWidget | None = None
        self._least_width = 0
        self._fit_soon = QTimer(self)
        self._fit_soon.setSingleShot(True)
        self._fit_soon.setInterval(0)
        self._fit_soon.timeout.connect(self._fit)
        self._usual: Section | None = None
        self._aim: Section | None = None
        self._scroll = QTimer(self)
        self._scroll.setSingleShot(True)
        self._scroll.setInterval(_GROWN_MS)
        self._scroll.timeout.connect(self._scroll_to_aim)

    def set_sections(
        self, panels: Sequence[QGroupBox], usual: str, strip: QWidget, least_width: int
    ) -> None:
        """Fill it, once.

        Parameters
        ----------
        panels : sequence of QGroupBox
            Each becomes a section of its title.
        usual : str
            The section that `scroll_soon` goes to.
        strip : QWidget
            Lies below what is scrolled, as high as its size hint.
        least_width : int
            In pixels; where the font is so large that the panels need more, they get it.
        """
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(2)
        for panel in panels:
            title = panel.title()
            section = self.sections[title] = Section(panel)
            section.visited.connect(self._on_visited)
            layout.addWidget(section)
        layout.addStretch(1)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self._usual = self._aim = self.sections[usual]
        self._least_width = least_width
        self._strip = strip
        strip.setParent(self)
        self._fit()

    def visit(self, title: str) -> None:
        """Unfold a section, put the focus on its heading, and scroll to it."""
        self.sections[title].visit()

    def aim_at(self, title: str) -> None:
        """Have the next `scroll_soon` go to this section instead of the usual one."""
        self._aim = self.sections[title]

    def scroll_soon(self) -> None:
        """Scroll when the panels have been laid out."""
        self._scroll.start()

    @contextmanager
    def held_under_the_hand(self) -> Iterator[None]:
        """Keep what has the focus where it is seen, whatever grows or shrinks above it meanwhile.

        A plot whose line is dragged would move by a line of the verdict otherwise.
        """
        held = self.focusWidget()
        if held is None or held.visibleRegion().isEmpty():
            yield
            return
        before = held.mapTo(self, QPoint(0, 0)).y()
        yield
        moved = held.mapTo(self, QPoint(0, 0)).y() - before
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() + moved)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the strip at the lower edge."""
        super().resizeEvent(event)
        self._place_strip()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the size of napari's font, which comes with its style."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            # The panels are told after this.
            self._fit_soon.start()

    def _fit(self) -> None:
        """Be as wide as the panels need, and give the strip its height."""
        if self._strip is not None:
            # Nothing scrolls sideways: what does not fit would never be seen.
            around = self._scroll_bar_width() + 2 * self.frameWidth()
            needed = self.widget().minimumSizeHint().width() + around
            self.setMinimumWidth(max(self._least_width, needed))
            self.setViewportMargins(0, 0, 0, self._strip.sizeHint().height())
            self._place_strip()

    def _place_strip(self) -> None:
        if self._strip is not None:
            height = self._strip.sizeHint().height()
            # The scroll bar reaches down to the lower edge.
            width = self.width() - self._scroll_bar_width()
            self._strip.setGeometry(0, self.height() - height, width, height)

    def _scroll_bar_width(self) -> int:
        return self.verticalScrollBar().sizeHint().width()

    def _on_visited(self) -> None:
        self._aim = self.sender()
        self.scroll_soon()

    def _scroll_to_aim(self) -> None:
        """Put a section's heading to the top: so most of what is below it is seen."""
        section, self._aim = self._aim, self._usual
        # What was folded may not have been laid out anew, and what is new may need more room.
        lay_out_now()
        self._fit()
        if section is not None:
            self.verticalScrollBar().setValue(section.y())
