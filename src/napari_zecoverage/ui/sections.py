"""A section of the dock that folds up to its heading."""

from __future__ import annotations

from typing import Final

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QGroupBox, QSizePolicy, QToolButton, QVBoxLayout, QWidget

# Half-transparent grey is seen on every theme.
_HEADING: Final = """
QToolButton {
    border: 1px solid transparent; border-radius: 3px; padding: 2px;
    font-weight: bold; background: rgba(128, 128, 128, 45);
}
QToolButton:hover { background: rgba(128, 128, 128, 90); }
QToolButton:focus { border: 1px solid rgba(128, 128, 128, 220); }
"""
# The heading stands for the group's own title, and for the room that is left for it.
_PANEL: Final = "QGroupBox { border: none; margin: 0px; padding: 0px; }"


class Section(QWidget):
    """A heading with an arrow, and the panel under it.

    A click on the heading folds and unfolds, so do the space bar and the keys
    left and right on it.

    Parameters
    ----------
    panel : QGroupBox
        Its title becomes the heading.

    Signals
    -------
    toggled(bool)
        Whether the panel is seen now.
    visited()
        It is to be looked at.
    """

    toggled = Signal(bool)
    visited = Signal()

    def __init__(self, panel: QGroupBox, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = panel.title()
        self._panel = panel
        panel.setTitle("")
        panel.setStyleSheet(_PANEL)
        self.heading = _Heading()
        self.heading.setObjectName(f"section_{title.lower().replace(' ', '_')}")
        self.heading.setText(title)
        self.heading.setAccessibleName(f"Section {title}")
        self.heading.setToolTip("Fold or unfold this section.")
        self.heading.setChecked(True)
        self.heading.toggled.connect(self._on_toggled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.heading)
        layout.addWidget(panel)
        self._show_arrow()

    @property
    def is_unfolded(self) -> bool:
        """Whether the panel is seen."""
        return self.heading.isChecked()

    def visit(self) -> None:
        """Show the panel, and put the focus on the heading."""
        self.heading.setChecked(True)
        self.heading.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.visited.emit()

    def _on_toggled(self, unfolded: bool) -> None:
        self._panel.setVisible(unfolded)
        self._show_arrow()
        self.toggled.emit(unfolded)

    def _show_arrow(self) -> None:
        arrow = Qt.ArrowType.DownArrow if self.is_unfolded else Qt.ArrowType.RightArrow
        self.heading.setArrowType(arrow)


class _Heading(QToolButton):
    def __init__(self) -> None:
        super().__init__()
        self.setCheckable(True)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setStyleSheet(_HEADING)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.setChecked(event.key() == Qt.Key.Key_Right)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.toggle()
        else:
            super().keyPressEvent(event)
