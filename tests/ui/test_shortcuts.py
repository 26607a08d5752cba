"""The keys: one list, bound from it, shown from it."""

from __future__ import annotations

import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels, Points, Shapes, Surface, Tracks, Vectors
from napari.settings import get_settings
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QDialogButtonBox, QDoubleSpinBox, QPushButton, QTableWidget, QWidget

from napari_zecoverage.ui.shortcuts import IN_THE_DOCK, KEYS, KeysDialog, bind_keys, spelled_keys

KINDS = (ViewerModel, Image, Labels, Points, Shapes, Surface, Tracks, Vectors)


def naparis_keys() -> set[str]:
    """Every key that napari has by default: its settings', its layers', its menus'."""
    from napari._app_model import get_app_model
    from napari._qt._qapp_model.qactions import init_qactions

    init_qactions()
    found = {str(key) for keys in get_settings().shortcuts.shortcuts.values() for key in keys}
    found |= {str(key) for kind in KINDS for key in kind.class_keymap}
    found |= {str(rule.keybinding) for rule in get_app_model().keybindings}
    return {QKeySequence(each).toString() for each in found}


def test_napari_has_none_of_them(qapp) -> None:
    taken = naparis_keys()
    # It would be a poor list that lacks these.
    assert {"Ctrl+S", "Ctrl+Z", "Ctrl+R", "Left", "P"} <= taken
    ours = {QKeySequence(each.keys).toString() for each in KEYS}
    assert "" not in ours
    assert not ours & taken


def test_each_key_does_one_thing() -> None:
    assert len({each.keys for each in KEYS}) == len({each.name for each in KEYS}) == len(KEYS)
    assert not {each.keys for each in KEYS} & {keys for keys, _ in IN_THE_DOCK}


@pytest.fixture
def owner(qtbot):
    """A window, a widget in it, and what its keys did."""
    window = QWidget()
    qtbot.addWidget(window)
    owner = QWidget(window)
    done: list[str] = []
    bind_keys(owner, {each.name: (lambda name=each.name: done.append(name)) for each in KEYS})
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return window, owner, done


def type_keys(qtbot, widget: QWidget, keys: str) -> None:
    combination = QKeySequence(keys)[0]
    qtbot.keyClick(widget, combination.key(), combination.keyboardModifiers())


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_it_is_bound_in_the_whole_window(qtbot, owner, key) -> None:
    window, _, done = owner
    type_keys(qtbot, window, key.keys)
    assert done == [key.name]


def test_what_is_half_typed_counts_for_what_a_key_does(qtbot, owner) -> None:
    """No key moves the focus, which would end the typing."""
    window, other, _ = owner
    field = QDoubleSpinBox(window, keyboardTracking=False)
    field.show()
    seen: list[float] = []
    second = QWidget(window)
    other.hide()  # its own keys rest
    bind_keys(second, {each.name: (lambda: seen.append(field.value())) for each in KEYS})
    second.show()
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, "9")
    assert field.value() == 0
    type_keys(qtbot, field, "Ctrl+Return")
    assert seen == [9]


def test_they_rest_while_their_owner_is_hidden_and_go_with_it(qtbot, owner) -> None:
    window, widget, done = owner
    widget.hide()
    type_keys(qtbot, window, "H")
    assert done == []
    widget.show()
    type_keys(qtbot, window, "H")
    assert done == ["before_after"]
    with qtbot.waitSignal(widget.destroyed):
        widget.deleteLater()
    assert window.findChildren(QShortcut) == []
    type_keys(qtbot, window, "H")
    assert done == ["before_after"]


def test_the_list_has_all(qtbot) -> None:
    dialog = KeysDialog()
    qtbot.addWidget(dialog)
    dialog.show()
    shown = {}
    for table in dialog.findChildren(QTableWidget):
        for row in range(table.rowCount()):
            shown[table.item(row, 0).text()] = table.item(row, 1).text()
        # Seen whole: nothing is scrolled to, nothing is cut off.
        assert table.horizontalScrollBar().maximum() == table.verticalScrollBar().maximum() == 0
    assert shown == {
        **{spelled_keys(each.keys): each.text for each in KEYS},
        **{spelled_keys(keys): text for keys, text in IN_THE_DOCK},
    }
    assert dialog.height() <= 680
    qtbot.mouseClick(dialog.findChild(QPushButton, "close_keys"), Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()
    assert dialog.findChild(QDialogButtonBox) is not None
