"""The thresholds, driven as a person drives them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDoubleSpinBox, QLabel, QPushButton, QSlider, QWidget

from napari_zecoverage.core.parameters import MaskParameters, limits_of
from napari_zecoverage.ui.threshold_panel import ThresholdPanel
from napari_zecoverage.verdict import Verdict

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
