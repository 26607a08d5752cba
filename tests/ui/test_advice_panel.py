"""The advice for the cluster shown, driven as a person drives it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QTextDocument
from qtpy.QtWidgets import QLabel, QPushButton, QSlider

from napari_zecoverage.core.advice import Advice
from napari_zecoverage.core.best_setting import Choice
from napari_zecoverage.core.fringe import ResidualFringe
from napari_zecoverage.core.levels import LevelField
from napari_zecoverage.core.outcome import AlphaStats
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters
from napari_zecoverage.ui.advice_panel import AdvicePanel
from napari_zecoverage.ui.advice_text import text_of_advice


def choice(parameters: MaskParameters, hard: float, sigmas: float) -> Choice:
    fringe = ResidualFringe(sigmas * 10, 0.4, sigmas, sigmas * 20, 3.0, 4000)
    level = LevelField("coverage", hard, hard, fringe, AlphaStats(0.5, 0.0, 1.0))
    return Choice(parameters, level, 6.0)


@pytest.fixture
def advice() -> Advice:
    advised = MaskParameters(min_coverage_abs=3, min_coverage_frac=0.72)
    return Advice(
        parameters=advised,
        why="It is the least that hides the step. It costs 12 %.",
        doubts=("All frames are of one night.",),
        leave_defaults=False,
        before=choice(MaskParameters(), 0.92, 3.0),
        after=choice(advised, 0.88, 0.1),
        cliff_margin=2.0,
        judged=40,
    )


@pytest.fixture
def box(qtbot) -> AdvicePanel:
    box = AdvicePanel()
    qtbot.addWidget(box)
    box.show()
    return box


def text(box) -> str:
    """Return what is read, without the marks of rich text."""
    document = QTextDocument()
    document.setHtml(box.findChild(QLabel, "advice").text())
    return document.toPlainText()


def take(box) -> QPushButton:
    return box.findChild(QPushButton, "take_advice")


def test_nothing_can_be_taken_before_there_is_an_advice(box) -> None:
    assert "Run a cluster" in text(box)
    assert not take(box).isEnabled()


def rows(advice: Advice) -> list[list[str]]:
    """Return the cells of the table of figures, a row each."""
    document = QTextDocument()
    document.setHtml(text_of_advice(advice))
    (table,) = (each for each in document.rootFrame().childFrames() if hasattr(each, "cellAt"))
    return [
        [
            # Words that are not to be parted are joined by a space of their own.
            table.cellAt(row, column).firstCursorPosition().block().text().replace("\xa0", " ")
            for column in range(table.columns())
        ]
        for row in range(table.rows())
    ]


def test_advice_tells_the_three_figures_before_and_after(box, advice) -> None:
    box.show_advice(advice)
    assert "min_coverage_frac 0.72" in text(box)
    assert rows(advice) == [
        ["", "field lost", "fringe left", "alpha > 0"],
        ["defaults", "8.0%", "30 ADU (3.00 × noise)", "50.0%"],
        ["advised", "12.0%", "1 ADU (0.10 × noise)", "50.0%"],
    ]
    assert "2 frames away" in text(box)
    assert "It costs 12 %." in text(box)
    assert "All frames are of one night." in text(box)


def test_defaults_are_called_so_and_not_compared_with_themselves(box, advice) -> None:
    same = replace(advice, parameters=MaskParameters(), leave_defaults=True, doubts=())
    box.show_advice(same)
    assert "(ZeMosaic's defaults)" in text(box)
    assert [row[0] for row in rows(same)] == ["", "defaults"]
    assert "Mind" not in text(box)


@pytest.mark.parametrize(
    ("sigmas", "said"), [(None, "not measurable"), (math.nan, "not measurable"), (0.0, "none")]
)
def test_fringe_without_a_figure_is_said_in_words(advice, sigmas, said) -> None:
    level = choice(MaskParameters(), 0.9, 0.0 if sigmas is None else sigmas).level
    level = level._replace(fringe=None) if sigmas is None else level
    changed = replace(advice, after=advice.after._replace(level=level))
    assert rows(changed)[2][2] == said


def test_click_takes_the_thresholds_and_leaves_the_rest(box, qtbot, advice) -> None:
    box.show_parameters(MaskParameters(margin_percent=8))
    box.show_advice(advice)
    with qtbot.waitSignal(box.parameters_chosen) as taken:
        qtbot.mouseClick(take(box), Qt.MouseButton.LeftButton)
    assert taken.args == [replace(advice.parameters, margin_percent=8)]
    box.show_parameters(taken.args[0])
    assert not take(box).isEnabled()
    box.show_parameters(MaskParameters())
    assert take(box).isEnabled()


def test_advice_goes_when_something_else_is_said(box, advice) -> None:
    box.show_advice(advice)
    box.show_text("Measuring the fringe…")
    assert text(box) == "Measuring the fringe…"
    assert not take(box).isEnabled()


def test_tolerance_is_set_with_the_keys(box, qtbot) -> None:
    slider = box.findChild(QSlider, "tolerance_slider")
    slider.setFocus()
    with qtbot.waitSignal(box.options_changed) as changed:
        qtbot.keyClick(slider, Qt.Key.Key_Right)
    (options,) = changed.args
    assert options.tolerance > AdviceOptions().tolerance
    assert box.options == options
