"""How the panels were left."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QMainWindow, QTabWidget, QVBoxLayout, QWidget

from napari_zecoverage.ui.kept_json import settings_folder
from napari_zecoverage.ui.remembered_panels import FILE_NAME, RememberedPanels


class Panel(QWidget):
    """One of each kind."""

    def __init__(self, panels: RememberedPanels) -> None:
        super().__init__()
        self.box = QCheckBox("log")
        self.choice = QComboBox()
        self.choice.addItem("winsorized sigma clip", "winsorized")
        self.choice.addItem("median", "median")
        self.plain = QComboBox()
        self.plain.addItems(["frac", "abs"])
        self.tabs = QTabWidget()
        for title in ("Field", "Coverage", "Frames"):
            self.tabs.addTab(QWidget(), title)
        layout = QVBoxLayout(self)
        for name in ("box", "choice", "plain", "tabs"):
            widget = getattr(self, name)
            widget.setObjectName(name)
            layout.addWidget(widget)
        panels.follow([self.box, self.choice, self.plain, self.tabs])

    @property
    def state(self) -> tuple[bool, str, str, int]:
        return (
            self.box.isChecked(),
            self.choice.currentData(),
            self.plain.currentText(),
            self.tabs.currentIndex(),
        )


AT_FIRST = (False, "winsorized", "frac", 0)


@pytest.fixture
def panels(qtbot) -> RememberedPanels:
    return RememberedPanels()


def reopened(qtbot) -> Panel:
    panel = Panel(RememberedPanels())
    qtbot.addWidget(panel)
    return panel


def test_nothing_is_known_at_first(qtbot) -> None:
    assert reopened(qtbot).state == AT_FIRST


def test_it_comes_back_as_it_was_left(qtbot, panels) -> None:
    panel = Panel(panels)
    qtbot.addWidget(panel)
    qtbot.keyClick(panel.box, Qt.Key.Key_Space)
    qtbot.keyClick(panel.choice, Qt.Key.Key_Down)
    qtbot.keyClick(panel.plain, Qt.Key.Key_Down)
    bar = panel.tabs.tabBar()
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(2).center())
    file = settings_folder() / FILE_NAME
    qtbot.waitUntil(file.is_file)
    assert reopened(qtbot).state == (True, "median", "abs", 2)


def test_only_what_was_touched_is_kept(qtbot, panels) -> None:
    panel = Panel(panels)
    qtbot.addWidget(panel)
    qtbot.keyClick(panel.box, Qt.Key.Key_Space)
    panels.save()
    content = json.loads((settings_folder() / FILE_NAME).read_text())
    assert content == {"version": 1, "widgets": {"box": True}}


values = st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.just([1])


@examples(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(st.sampled_from(["box", "choice", "plain", "tabs", "dock_width"]), values))
def test_whatever_the_file_says_it_opens(qtbot, content) -> None:
    file = settings_folder() / FILE_NAME
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"version": 1, "widgets": content}))
    state = reopened(qtbot).state
    assert state[1:] == AT_FIRST[1:]
    assert state[0] == (content.get("box") is True)


@pytest.mark.parametrize("content", ["[1]", '{"widgets": 3}', '{"version": 9, "widgets": {}}', "x"])
def test_a_damaged_file_costs_what_it_held(qtbot, content) -> None:
    file = settings_folder() / FILE_NAME
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    assert reopened(qtbot).state == AT_FIRST


# --- the dock's width ----------------------------------------------------------------------


def docked(qtbot, panels) -> tuple[QMainWindow, QWidget]:
    window, inner = QMainWindow(), QWidget()
    inner.setMinimumWidth(200)
    qtbot.addWidget(window)
    window.setCentralWidget(QWidget())
    from qtpy.QtWidgets import QDockWidget

    dock = QDockWidget(window)
    dock.setWidget(inner)
    panels.follow_width(inner)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    window.resize(1000, 500)
    window.show()
    qtbot.waitExposed(window)
    qtbot.waitUntil(lambda: inner.width() >= 200)
    return window, inner


def test_the_width_comes_back(qtbot, panels) -> None:
    window, inner = docked(qtbot, panels)
    window.resizeDocks([inner.parentWidget()], [333], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: inner.width() == 333)
    window.hide()
    _, again = docked(qtbot, RememberedPanels())
    qtbot.waitUntil(lambda: again.width() == 333)


def test_a_dock_never_takes_more_than_half_a_window(qtbot) -> None:
    file = settings_folder() / FILE_NAME
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"version": 1, "widgets": {"dock_width": 99999}}))
    _, inner = docked(qtbot, RememberedPanels())
    qtbot.waitUntil(lambda: 450 <= inner.width() <= 500)
