"""What lies under the cursor, below the panels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget

from napari_zecoverage.ui.controls import push_button

if TYPE_CHECKING:
    from napari_zecoverage.pixel import PixelFacts

_LINES: Final = 3
_AROUND_PX: Final = 6
_KEYS_WIDTH_PX: Final = 28
_HELP: Final = "H before/after · Ctrl+Alt+Z undo · F1 all keys"
_ABOUT: Final = (
    "<p>Under the cursor: the pixel, its place on the sky, how many of the frames cover it, "
    "alpha, R−G and B−G in ADU against the core (mean of 9×9 px), and which frames, by their "
    "numbers in the cluster (repeated: ZeMosaic counts those of a small cluster more than "
    "once).</p><p><b>H</b> hides what is removed, and shows it again: before and after. "
    "<b>F1</b> lists all keys.</p>"
)


class StatusLine(QWidget):
    """Tells of the pixel under the cursor, always as high; beside it a button for the keys.

    Signals
    -------
    keys_asked()
        The list of keys is to be shown.
    """

    keys_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = QLabel(_HELP)
        self._text.setObjectName("status")
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setToolTip(_ABOUT)
        # However long, it does not widen the dock.
        self._text.setMinimumWidth(1)
        keys = push_button(
            "show_keys", "?", "All keys (F1).", self.keys_asked, accessible_name="Keys"
        )
        keys.setFixedWidth(_KEYS_WIDTH_PX)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 0, 6, 0)
        layout.addWidget(self._text, 1)
        layout.addWidget(keys)

    def sizeHint(self) -> QSize:
        """Return room for all lines, whatever is told now."""
        height = _LINES * self._text.fontMetrics().lineSpacing() + _AROUND_PX
        return QSize(super().sizeHint().width(), height)

    def show_facts(self, facts: PixelFacts | None) -> None:
        """Tell of a pixel; of None, where the cursor is not over the canvas."""
        self._text.setText(_HELP if facts is None else "\n".join(facts.lines()))
