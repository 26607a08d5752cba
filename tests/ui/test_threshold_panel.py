"""The thresholds, driven as a person drives them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hands import hold_key
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QPushButton,
    QSlider,
    QStyle,
    QStyleOptionSlider,
    QWidget,
)

from napari_zecoverage.core.parameters import MaskParameters, limits_of
from napari_zecoverage.ui.threshold_panel import ThresholdPanel
from napari_zecoverage.verdict import Hint, Verdict

NAMES = (
    "min_coverage_abs",
    "min_coverage_frac",
    "morph_open_px",
    "margin_percent",
    "decay",
    "nanize_threshold",
)


@pytest.fixture
def panel(qtbot) -> ThresholdPanel:
    panel = ThresholdPanel()
    qtbot.addWidget(panel)
    return panel


@pytest.fixture
def heard(panel) -> list[MaskParameters]:
    heard: list[MaskParameters] = []
    panel.parameters_changed.connect(heard.append)
    return heard


def slider(panel, name: str) -> QSlider:
    return panel.findChild(QSlider, f"{name}_slider")


def field(panel, name: str) -> QDoubleSpinBox:
    return panel.findChild(QDoubleSpinBox, f"{name}_number")


def type_number(qtbot, panel, name: str, text: str) -> None:
    field(panel, name).selectAll()
    qtbot.keyClicks(field(panel, name), text)
    qtbot.keyClick(field(panel, name), Qt.Key.Key_Return)


def test_starts_at_zemosaics_defaults(panel) -> None:
    assert panel.parameters == MaskParameters()
    for name in NAMES:
        assert field(panel, name).value() == getattr(MaskParameters(), name)


@pytest.mark.parametrize("name", NAMES)
def test_controls_are_built_from_the_limits(panel, name) -> None:
    limits = limits_of(MaskParameters, name)
    control = panel.findChild(QWidget, name)
    assert field(panel, name).minimum() == limits.minimum
    assert field(panel, name).maximum() == min(limits.maximum, 1e6)
    assert field(panel, name).singleStep() == limits.step
    assert field(panel, name).decimals() == limits.decimals
    assert control.slider_maximum() == pytest.approx(limits.slider_maximum)
    assert limits.meaning in control.toolTip()
    assert f"altaz_{name}" in control.toolTip()
    assert f" {limits.unit or '(no unit)'}; ZeMosaic" in control.toolTip()


@pytest.mark.parametrize("name", NAMES)
def test_a_slider_moves_its_own_parameter_by_a_step(panel, qtbot, heard, name) -> None:
    panel.set_parameters(MaskParameters(morph_open_px=1, nanize_threshold=0.01))
    heard.clear()
    before = panel.parameters
    qtbot.keyClick(slider(panel, name), Qt.Key.Key_Right)
    moved = getattr(before, name) + limits_of(MaskParameters, name).step
    assert heard == [panel.parameters]
    assert getattr(panel.parameters, name) == pytest.approx(moved)
    others = [each for each in NAMES if each != name]
    assert all(getattr(panel.parameters, each) == getattr(before, each) for each in others)


def test_a_typed_number_becomes_the_parameter(panel, qtbot, heard) -> None:
    type_number(qtbot, panel, "min_coverage_frac", "0.73")
    assert heard == [MaskParameters(min_coverage_frac=0.73)]


def test_whole_numbers_stay_whole(panel, qtbot) -> None:
    type_number(qtbot, panel, "morph_open_px", "2")
    assert panel.parameters.morph_open_px == 2
    assert isinstance(panel.parameters.morph_open_px, int)


def test_reset_brings_everything_back_at_once(panel, qtbot, heard) -> None:
    panel.set_parameters(
        MaskParameters(min_coverage_frac=0.9, nanize=False, strict_overlap_crop_min_size_px=16)
    )
    heard.clear()
    qtbot.mouseClick(panel.findChild(QPushButton, "reset"), Qt.MouseButton.LeftButton)
    assert heard == [MaskParameters()]
    assert field(panel, "min_coverage_frac").value() == 0.5
    qtbot.mouseClick(panel.findChild(QPushButton, "reset"), Qt.MouseButton.LeftButton)
    assert len(heard) == 1


def test_what_has_no_slider_is_kept(panel, qtbot) -> None:
    given = MaskParameters(nanize=False, decay=0.12345, strict_overlap_crop_enabled=False)
    panel.set_parameters(given)
    assert field(panel, "decay").value() == 0.12
    type_number(qtbot, panel, "min_coverage_abs", "7")
    assert panel.parameters == replace(given, min_coverage_abs=7)


def test_the_slider_for_the_frames_ends_at_the_clusters_maximum(panel, qtbot, heard) -> None:
    panel.set_coverage_maximum(12)
    qtbot.keyClick(slider(panel, "min_coverage_abs"), Qt.Key.Key_End)
    assert panel.parameters.min_coverage_abs == 12
    panel.set_coverage_maximum(200)
    assert panel.parameters.min_coverage_abs == 12
    qtbot.keyClick(slider(panel, "min_coverage_abs"), Qt.Key.Key_End)
    assert panel.parameters.min_coverage_abs == 200


def test_verdict_is_shown(panel) -> None:
    label = panel.findChild(QLabel, "verdict")
    assert "Run a cluster" in label.text()
    panel.show_verdict(Verdict("LOW-SIGNAL mask", True, ("Threshold: none.",)))
    assert "LOW-SIGNAL mask" in label.text()
    assert "Threshold: none." in label.text()


# --- presets, undo, redo -------------------------------------------------------------------


def click(qtbot, panel, name: str) -> None:
    qtbot.mouseClick(panel.findChild(QPushButton, name), Qt.MouseButton.LeftButton)


def enabled(panel) -> tuple[bool, bool]:
    return tuple(panel.findChild(QPushButton, name).isEnabled() for name in ("undo", "redo"))


def drag(qtbot, slider: QSlider, shares: tuple[float, ...]) -> None:
    """Drag the slider's handle by mouse, from where it stands through these shares of its way."""
    option = QStyleOptionSlider()
    slider.initStyleOption(option)
    style, control = slider.style(), QStyle.ComplexControl.CC_Slider
    handle = style.subControlRect(control, option, QStyle.SubControl.SC_SliderHandle, slider)
    way = slider.width() - handle.width()
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=handle.center())
    assert slider.isSliderDown()
    for share in shares:
        middle = round(share * way) + handle.width() // 2
        qtbot.mouseMove(slider, QPoint(middle, handle.center().y()))
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=QPoint(middle, handle.center().y()))


def test_undo_and_redo_by_the_buttons(panel, qtbot, heard) -> None:
    assert enabled(panel) == (False, False)
    type_number(qtbot, panel, "min_coverage_frac", "0.7")
    type_number(qtbot, panel, "decay", "0.5")
    assert enabled(panel) == (True, False)
    click(qtbot, panel, "undo")
    assert panel.parameters == MaskParameters(min_coverage_frac=0.7)
    assert field(panel, "decay").value() == 0.15
    click(qtbot, panel, "undo")
    assert panel.parameters == MaskParameters()
    assert enabled(panel) == (False, True)
    click(qtbot, panel, "redo")
    click(qtbot, panel, "redo")
    assert panel.parameters == MaskParameters(min_coverage_frac=0.7, decay=0.5)
    assert heard[-1] == panel.parameters
    assert len(heard) == 6


def test_a_drag_is_one_step(panel, qtbot, heard) -> None:
    panel.resize(400, 600)
    panel.show()
    qtbot.waitExposed(panel)
    drag(qtbot, slider(panel, "min_coverage_frac"), (0.55, 0.6, 0.7, 0.8))
    dragged = panel.parameters
    assert dragged.min_coverage_frac > 0.7
    assert len(heard) >= 4
    drag(qtbot, slider(panel, "min_coverage_frac"), (0.6, 0.3))
    click(qtbot, panel, "undo")
    assert panel.parameters == dragged
    click(qtbot, panel, "undo")
    assert panel.parameters == MaskParameters()
    assert enabled(panel) == (False, True)


def test_each_key_is_a_step_but_one_held_down_is_one(panel, qtbot) -> None:
    frac = slider(panel, "min_coverage_frac")
    qtbot.keyClick(frac, Qt.Key.Key_Right)
    hold_key(frac, Qt.Key.Key_Right, times=4)
    assert panel.parameters.min_coverage_frac == 0.55
    click(qtbot, panel, "undo")
    assert panel.parameters.min_coverage_frac == 0.51
    click(qtbot, panel, "undo")
    assert panel.parameters == MaskParameters()


def test_reset_can_be_undone(panel, qtbot) -> None:
    type_number(qtbot, panel, "min_coverage_frac", "0.7")
    click(qtbot, panel, "reset")
    assert panel.parameters == MaskParameters()
    click(qtbot, panel, "undo")
    assert panel.parameters == MaskParameters(min_coverage_frac=0.7)


def choose(qtbot, box: QComboBox, text: str) -> None:
    """Choose an entry by keys, as on a box that has the focus."""
    steps = box.findText(text) - box.currentIndex()
    assert box.findText(text) >= 0
    for _ in range(abs(steps)):
        qtbot.keyClick(box, Qt.Key.Key_Down if steps > 0 else Qt.Key.Key_Up)


def test_presets(panel, qtbot, heard) -> None:
    box = panel.findChild(QComboBox, "preset")
    assert box.currentText() == "ZeMosaic's defaults"
    config = MaskParameters(min_coverage_abs=5, strict_overlap_crop_min_size_px=64)
    panel.set_preset("ZeMosaic's config", config)
    type_number(qtbot, panel, "decay", "0.5")
    assert box.currentText() == "set by hand"
    choose(qtbot, box, "ZeMosaic's config")
    assert panel.parameters == heard[-1] == config
    assert field(panel, "min_coverage_abs").value() == 5
    assert box.currentText() == "ZeMosaic's config"
    choose(qtbot, box, "ZeMosaic's defaults")
    assert panel.parameters == heard[-1] == MaskParameters()
    click(qtbot, panel, "undo")
    assert box.currentText() == "ZeMosaic's config"


def test_a_preset_can_go_and_change(panel) -> None:
    box = panel.findChild(QComboBox, "preset")
    panel.set_preset("ZeMosaic's config", MaskParameters(decay=1))
    panel.set_preset("ZeMosaic's config", MaskParameters(decay=2))
    assert box.count() == 3
    panel.set_preset("ZeMosaic's config", None)
    assert [box.itemText(index) for index in range(box.count())] == [
        "set by hand",
        "ZeMosaic's defaults",
    ]
    assert panel.parameters == MaskParameters()


def test_the_strict_crop_is_a_checkbox(panel, qtbot, heard) -> None:
    box = panel.findChild(QCheckBox, "strict_overlap_crop_enabled")
    assert box.isChecked()
    qtbot.keyClick(box, Qt.Key.Key_Space)
    assert heard == [MaskParameters(strict_overlap_crop_enabled=False)]
    click(qtbot, panel, "undo")
    assert box.isChecked()


def test_hints_are_there_and_marked_where_nothing_is_decided(panel, qtbot) -> None:
    def hint(name: str) -> QLabel:
        return panel.findChild(QLabel, f"hint_{name}")

    assert "below 0.5" in hint("nanize_threshold").text()
    assert hint("nanize_threshold").styleSheet()
    assert "same" in hint("morph_open_px").text()
    type_number(qtbot, panel, "nanize_threshold", "0.7")
    assert "background" in hint("nanize_threshold").styleSheet()
    type_number(qtbot, panel, "morph_open_px", "0")
    assert hint("morph_open_px").text() == "No opening."
    assert not hint("morph_open_px").styleSheet()
    # A verdict knows the cluster, and what it said last stands until the next.
    panel.show_verdict(Verdict("mask", False, (), {"margin": Hint("Together 45 px.")}))
    assert hint("margin").text() == "Together 45 px."
    type_number(qtbot, panel, "morph_open_px", "1")
    assert hint("margin").text() == "Together 45 px."


def test_no_control_moves_when_a_hint_changes(panel, qtbot) -> None:
    panel.resize(400, 600)
    panel.show()
    qtbot.waitExposed(panel)
    before = [slider(panel, name).mapTo(panel, QPoint(0, 0)) for name in NAMES]
    for name in NAMES:
        type_number(qtbot, panel, name, "2")
    assert [slider(panel, name).mapTo(panel, QPoint(0, 0)) for name in NAMES] == before
