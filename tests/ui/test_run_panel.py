"""The section of the whole run, driven as a person drives it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QLabel, QProgressBar, QPushButton, QTableView

from napari_zecoverage.core.fringe import ResidualFringe
from napari_zecoverage.core.judged import JudgedCluster
from napari_zecoverage.core.levels import LevelField
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters
from napari_zecoverage.many import StudiedCluster
from napari_zecoverage.ui.advice_text import text_of_run_advice
from napari_zecoverage.ui.run_panel import RunPanel
from napari_zecoverage.ui.run_table import COLUMNS, FRINGE, LOST, MASK, NAME

MAXIMUM = 8


def fringe(sigmas: float) -> ResidualFringe:
    return ResidualFringe(
        step=sigmas * 10, error=0.5, sigmas=sigmas, raw_step=sigmas * 20, count=2, area_px=5000
    )


def judged(name: str, coloured_below: int, cost_a_count: float = 0.05) -> JudgedCluster:
    """Every level costs so much of the field; below a count a fringe is seen."""
    masks = tuple(
        LevelField(
            "coverage",
            hard=1 - cost_a_count * level,
            soft=1 - cost_a_count * level,
            fringe=fringe(3.0 if level < coloured_below else 0.0),
        )
        for level in range(MAXIMUM)
    )
    # Asking for all frames trips ZeMosaic's guard.
    masks += (LevelField("dropped", hard=1.0, soft=1.0, fringe=fringe(3.0)),)
    chosen = tuple(range(MAXIMUM + 1))
    return JudgedCluster(
        name=name,
        frames=MAXIMUM,
        maximum=float(MAXIMUM),
        covered_px=1_000_000,
        core_noise=10.0,
        parameters=MaskParameters(),
        levels=tuple(float(each) for each in chosen),
        masks=masks,
        chosen=(chosen, chosen, chosen),
    )


@pytest.fixture
def panel(qtbot) -> RunPanel:
    panel = RunPanel()
    qtbot.addWidget(panel)
    panel.show()
    return panel


@pytest.fixture
def clusters(make_cluster):
    return [make_cluster(4, "clean"), make_cluster(5, "coloured"), make_cluster(6, "broken")]


@pytest.fixture
def run(clusters) -> list[StudiedCluster]:
    clean, coloured, broken = clusters
    return [
        StudiedCluster(clean, summary="4 frames", judged=judged("clean", 0)),
        StudiedCluster(coloured, summary="5 frames", judged=judged("coloured", 6, 0.02)),
        StudiedCluster(broken, error="frame a.fit: cut short"),
    ]


def table(panel) -> QTableView:
    return panel.findChild(QTableView, "run_table")


def cells(panel, column: int, role=Qt.ItemDataRole.DisplayRole) -> list:
    model = table(panel).model()
    return [model.index(row, column).data(role) for row in range(model.rowCount())]


def text(panel, name: str) -> str:
    return panel.findChild(QLabel, name).text()


def button(panel, name: str) -> QPushButton:
    return panel.findChild(QPushButton, name)


def click(qtbot, panel, name: str) -> None:
    qtbot.mouseClick(button(panel, name), Qt.MouseButton.LeftButton)


def studied(qtbot, panel, clusters, run) -> None:
    panel.set_clusters(clusters)
    panel.set_busy("at work")
    for each in run:
        panel.add(each)
    assert panel.advice is None
    panel.set_busy("")
    qtbot.waitUntil(lambda: panel.advice is not None)


def test_empty_panel_says_what_to_do(panel) -> None:
    assert "Open a run" in text(panel, "run_text")
    assert not button(panel, "study_all").isEnabled()
    assert not button(panel, "cancel_all").isEnabled()
    assert not table(panel).isVisible()


def test_study_all_asks_for_every_cluster(panel, qtbot, clusters) -> None:
    panel.set_clusters(clusters)
    with qtbot.waitSignal(panel.study_all_asked) as asked:
        click(qtbot, panel, "study_all")
    assert asked.args == [clusters]
    assert cells(panel, MASK) == ["not studied"] * 3


def test_while_busy_only_cancel_can_be_clicked(panel, qtbot, clusters) -> None:
    panel.set_clusters(clusters)
    panel.set_busy("starting…")
    assert not button(panel, "study_all").isEnabled()
    panel.show_progress(1, 3, "1/3 clusters")
    assert text(panel, "run_text") == "1/3 clusters"
    assert panel.findChild(QProgressBar, "run_progress").value() == 1
    with qtbot.waitSignal(panel.cancel_asked):
        click(qtbot, panel, "cancel_all")
    panel.set_busy("")
    assert button(panel, "study_all").isEnabled()
    assert not button(panel, "cancel_all").isEnabled()


def test_cannot_start_while_another_cluster_is_studied(panel, clusters) -> None:
    panel.set_clusters(clusters)
    panel.set_may_start(False)
    assert not button(panel, "study_all").isEnabled()
    panel.set_may_start(True)
    assert button(panel, "study_all").isEnabled()


def test_table_tells_what_the_thresholds_do(panel, qtbot, clusters, run) -> None:
    studied(qtbot, panel, clusters, run)
    # The most lost first; at frac 0.5 the level is 4, which costs 4 × 5 % and 4 × 2 %.
    assert cells(panel, NAME) == ["clean", "coloured", "broken"]
    assert cells(panel, LOST) == ["20.0%", "8.0%", ""]
    assert cells(panel, FRINGE) == ["0.00", "3.00", ""]
    assert cells(panel, MASK) == ["coverage", "coverage", "failed"]
    assert "1 of them failed" in text(panel, "run_text")
    assert cells(panel, MASK, Qt.ItemDataRole.ToolTipRole)[2] == "frame a.fit: cut short"


def test_table_follows_the_sliders(panel, qtbot, clusters, run) -> None:
    studied(qtbot, panel, clusters, run)
    panel.show_parameters(MaskParameters(min_coverage_frac=0.75))
    assert cells(panel, LOST) == ["30.0%", "12.0%", ""]
    assert cells(panel, FRINGE) == ["0.00", "0.00", ""]
    panel.show_parameters(MaskParameters(min_coverage_frac=1.0))
    assert cells(panel, MASK)[:2] == ["dropped", "dropped"]
    loud = cells(panel, MASK, Qt.ItemDataRole.BackgroundRole)
    assert all(each is not None for each in loud)


def test_colour_grows_with_the_field_lost_and_the_fringe(panel, qtbot, clusters, run) -> None:
    studied(qtbot, panel, clusters, run)
    lost = cells(panel, LOST, Qt.ItemDataRole.BackgroundRole)
    assert lost[0].alpha() > lost[1].alpha() > 0
    assert lost[2] is None
    # No fringe above the tolerance, no colour.
    clean, coloured, _ = cells(panel, FRINGE, Qt.ItemDataRole.BackgroundRole)
    assert clean is None
    assert coloured.alpha() > 0
    panel.set_advice_options(AdviceOptions(tolerance=5))
    assert cells(panel, FRINGE, Qt.ItemDataRole.BackgroundRole)[1] is None


def test_click_on_a_heading_sorts(panel, qtbot, clusters, run) -> None:
    studied(qtbot, panel, clusters, run)
    header = table(panel).horizontalHeader()

    def click_on(column: int) -> None:
        x = header.sectionViewportPosition(column) + header.sectionSize(column) // 2
        place = QPoint(x, header.height() // 2)
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)

    click_on(FRINGE)
    first = cells(panel, NAME)
    click_on(FRINGE)
    assert cells(panel, NAME) == first[::-1]
    assert {first[0], first[-1]} == {"broken", "coloured"}


def test_double_click_opens_the_cluster_of_that_row(panel, qtbot, clusters, run) -> None:
    studied(qtbot, panel, clusters, run)
    view = table(panel)
    place = view.visualRect(view.model().index(1, NAME)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    with qtbot.waitSignal(panel.cluster_chosen) as chosen:
        qtbot.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert chosen.args == [clusters[1]]


def test_advice_for_the_run_is_taken(panel, qtbot, clusters, run) -> None:
    studied(qtbot, panel, clusters, run)
    assert text(panel, "run_advice") == text_of_run_advice(panel.advice)
    panel.show_parameters(MaskParameters(nanize_threshold=0.25))
    with qtbot.waitSignal(panel.parameters_chosen) as taken:
        click(qtbot, panel, "take_run_advice")
    (parameters,) = taken.args
    # From six frames on nothing coloured is seen; the other settings stay.
    advised = panel.advice.parameters
    assert max(parameters.min_coverage_abs, MAXIMUM * parameters.min_coverage_frac) > 5
    assert parameters == replace(advised, nanize_threshold=0.25)
    panel.show_parameters(parameters)
    assert not button(panel, "take_run_advice").isEnabled()


def test_worst_served_are_named(panel, qtbot, clusters, run) -> None:
    studied(qtbot, panel, clusters, run)
    worst = panel.advice.worst
    assert worst
    for name, reason in worst:
        assert name in text(panel, "run_advice")
        assert reason in text(panel, "run_advice")


def test_another_margin_needs_another_measurement(panel, qtbot, clusters, run) -> None:
    studied(qtbot, panel, clusters, run)
    panel.show_parameters(MaskParameters(margin_percent=9))
    assert cells(panel, LOST) == ["", "", ""]
    assert cells(panel, MASK).count("outdated") == 2
    assert "0 of 2 so far" in text(panel, "run_text")
    assert panel.advice is None
    assert not button(panel, "take_run_advice").isVisible()
    panel.show_parameters(MaskParameters())
    assert cells(panel, LOST) == ["20.0%", "8.0%", ""]
    qtbot.waitUntil(lambda: panel.advice is not None)


def test_what_is_studied_stays_when_a_cluster_comes(panel, qtbot, clusters, run, make_cluster):
    studied(qtbot, panel, clusters, run)
    panel.set_clusters([*clusters, make_cluster(9, "new")])
    assert dict(zip(cells(panel, NAME), cells(panel, MASK), strict=True)) == {
        "clean": "coverage",
        "coloured": "coverage",
        "broken": "failed",
        "new": "not studied",
    }
    # An advice without the new one would be taken for one for all.
    assert panel.advice is None
    assert not button(panel, "take_run_advice").isVisible()
    assert "needs all of them" in text(panel, "run_text")
    panel.set_clusters(clusters)
    qtbot.waitUntil(lambda: panel.advice is not None)


def test_cluster_of_another_run_is_left_aside(panel, clusters, run) -> None:
    panel.set_clusters(clusters[:1])
    panel.add(run[1])
    assert cells(panel, NAME) == ["clean"]
    assert cells(panel, MASK) == ["not studied"]


def test_no_cell_is_without_its_meaning(panel) -> None:
    model = table(panel).model()
    for column in range(len(COLUMNS)):
        tooltip = model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
        assert tooltip
