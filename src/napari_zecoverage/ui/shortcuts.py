"""The keys: one list, from which they are bound, shown and told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)


class Key(NamedTuple):
    """A key, what it is for, and the name of what it does."""

    name: str
    keys: str
    text: str


# None of them is napari's own (a test holds that); letters only where nothing is typed.
KEYS: Final = (
    Key("run", "Ctrl+Return", "Run: study the selected cluster"),
    Key("cancel", "Ctrl+.", "Cancel what runs"),
    Key("next_cluster", "Ctrl+PgDown", "Select the next cluster"),
    Key("previous_cluster", "Ctrl+PgUp", "Select the previous cluster"),
    Key("before_after", "H", "Before/after: hide what is removed, or show it again"),
    Key("undo", "Ctrl+Alt+Z", "Undo a change of thresholds"),
    Key("redo", "Ctrl+Alt+Shift+Z", "Redo a change of thresholds"),
    Key("next_frame", ".", "Blink: the next aligned frame"),
    Key("previous_frame", ",", "Blink: the previous aligned frame"),
    Key("section_1", "Ctrl+1", "Go to Cluster"),
    Key("section_2", "Ctrl+2", "Go to Thresholds"),
    Key("section_3", "Ctrl+3", "Go to Advice"),
    Key("section_4", "Ctrl+4", "Go to Whole run"),
    Key("section_5", "Ctrl+5", "Go to Inspect"),
    Key("section_6", "Ctrl+6", "Go to Export"),
    Key("export", "Ctrl+Shift+E", "Export the thresholds to the chosen config"),
    Key("show_keys", "F1", "This list"),
)
"""They work wherever the focus is in the window, also on the picture.

H, the full stop and the comma are typed where text or a number is typed.
"""

IN_THE_DOCK: Final = (
    ("Ctrl+Z", "Undo, where no text is typed"),
    ("Ctrl+Shift+Z", "Redo"),
    ("Left", "A slider's step back; on a section's heading: fold"),
    ("Right", "A slider's step on; on a section's heading: unfold"),
    ("PgUp", "A tenth of a slider on"),
    ("PgDown", "A tenth of a slider back"),
)
"""Keys that Qt or the dock handles where the focus is."""


def bind_keys(owner: QWidget, actions: Mapping[str, Callable[[], object]]) -> list[QShortcut]:
    """Make the keys work in the owner's window, for as long as the owner is seen.

    Parameters
    ----------
    owner : QWidget
        The shortcuts are its children: hidden, they rest; when it goes, they go.
    actions : mapping
        What each `Key.name` does: bound methods, which keep nobody alive.
    """
    shortcuts = []
    for key in KEYS:
        shortcut = QShortcut(QKeySequence(key.keys), owner)
        shortcut.setObjectName(f"key_{key.name}")
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        # A key moves no focus: what is half typed would not count for what it does.
        shortcut.activated.connect(_take_what_is_typed)
        shortcut.activated.connect(actions[key.name])
        shortcuts.append(shortcut)
    return shortcuts


def _take_what_is_typed() -> None:
    typed_in = QApplication.focusWidget()
    if isinstance(typed_in, QAbstractSpinBox):
        typed_in.interpretText()


class KeysDialog(QDialog):
    """The list of keys."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("keys")
        self.setWindowTitle("Keys")
        everywhere = _table("keys_everywhere", [(each.keys, each.text) for each in KEYS])
        in_the_dock = _table("keys_in_the_dock", list(IN_THE_DOCK))
        _align(everywhere, in_the_dock)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addWidget(
            _bold("Wherever the focus is in the window (H , . where nothing is typed)")
        )
        layout.addWidget(everywhere)
        layout.addWidget(_bold("With the focus in the dock"))
        layout.addWidget(in_the_dock)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close = buttons.button(QDialogButtonBox.StandardButton.Close)
        close.setObjectName("close_keys")
        close.setAccessibleName("Close")
        close.setDefault(True)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        close.setFocus()


def spelled_keys(keys: str) -> str:
    """Return a key as this system's people write it."""
    if sys.platform == "darwin":
        return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
    words = {"Return": "Enter", "Left": "←", "Right": "→"}
    words |= {"PgUp": "Page Up", "PgDown": "Page Down"}
    words |= {".": ". (full stop)", ",": ", (comma)"}
    head, plus, last = keys.rpartition("+")
    return f"{head}{plus}{words.get(last, last)}"


def _table(name: str, rows: list[tuple[str, str]]) -> QTableWidget:
    table = QTableWidget(len(rows), 2)
    table.setObjectName(name)
    table.setAccessibleName("Keys and what they do")
    table.horizontalHeader().hide()
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    for row, (keys, text) in enumerate(rows):
        table.setItem(row, 0, QTableWidgetItem(spelled_keys(keys)))
        table.setItem(row, 1, QTableWidgetItem(text))
    table.setFrameShape(QTableWidget.Shape.NoFrame)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    rows_header = table.verticalHeader()
    rows_header.setMinimumSectionSize(1)
    rows_header.setDefaultSectionSize(table.fontMetrics().lineSpacing() + 6)
    table.setFixedHeight(len(rows) * rows_header.defaultSectionSize())
    return table


def _align(*tables: QTableWidget) -> None:
    """Give tables the same two columns."""
    widths = [max(each.sizeHintForColumn(column) for each in tables) + 16 for column in range(2)]
    for table in tables:
        for column, width in enumerate(widths):
            table.setColumnWidth(column, width)
        table.setFixedWidth(sum(widths))


def _bold(text: str) -> QLabel:
    return QLabel(f"<b>{text}</b>")
