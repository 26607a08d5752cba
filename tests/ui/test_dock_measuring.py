"""What the dock measures, advises, and studies of a whole run: on a viewer without a window."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QTextDocument
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QLabel,
    QProgressBar,
    QPushButton,
    QSlider,
    QTableView,
    QTabWidget,
)

from napari_zecoverage import many
from napari_zecoverage.core.errors import StudyCancelledError
from napari_zecoverage.core.judged import judge
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.many import RunProgress, StudiedCluster, StudiedRun
from napari_zecoverage.ui.dock import CoverageDock
from napari_zecoverage.ui.inspect.field_plot import FieldPlot
from napari_zecoverage.ui.inspect.fringe_plot import FringePlot
from napari_zecoverage.ui.inspect.landscape_plot import LandscapePlot
from napari_zecoverage.ui.run_table import LOST, MASK, NAME

STEP = (60.0, 0.0, -60.0)
COLOURED_BELOW = 6


@pytest.fixture
def coloured(make_study):
    """A study whose sky is coloured where few frames overlap."""
    study = make_study(8, "night")
    tile = study.tile.copy()
    tile[study.coverage < COLOURED_BELOW] += np.float32(STEP)
    return replace(study, tile=tile)


@pytest.fixture
def dock(qtbot, viewer) -> CoverageDock:
    dock = CoverageDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(430, 1200)
    dock.show()
    return dock


def wait_for_advice(qtbot, dock) -> None:
    qtbot.waitUntil(
        lambda: (
            dock._shown.measuring.advice is not None
            and dock._shown.measuring.idle
            and dock._shown.up_to_date
            and not dock._inspect_panel._curve_soon.isActive()
        ),
        timeout=60_000,
    )


@pytest.fixture
def measured(qtbot, dock, coloured) -> CoverageDock:
    """A dock that has measured the coloured study."""
    dock.show_study(coloured)
    wait_for_advice(qtbot, dock)
    return dock


def text(dock, name: str) -> str:
    document = QTextDocument()
    document.setHtml(dock.findChild(QLabel, name).text())
    return document.toPlainText()


def click(qtbot, dock, name: str) -> None:
    button = dock.findChild(QPushButton, name)
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def key(qtbot, dock, name: str, key: Qt.Key) -> None:
    qtbot.keyClick(dock.findChild(QSlider, f"{name}_slider"), key)


def no_worker_left() -> bool:
    return not any(each.name == "zecoverage" for each in threading.enumerate())


# --- the cluster shown ---------------------------------------------------------------------


def test_fringe_comes_as_layer_plot_words_and_advice(measured, viewer, coloured) -> None:
    layer = viewer.layers["fringe"]
    fringe = measured._shown.measuring.fringe
    np.testing.assert_array_equal(layer.data, fringe.map[..., 0])
    assert np.nanmedian(layer.data[coloured.coverage == 3]) == pytest.approx(STEP[0], abs=5)
    assert not layer.visible
    assert viewer.layers.selection.active is viewer.layers["tile"]
    plot = measured.findChild(FringePlot)
    assert plot.axes.get_xlim() == (0, 9)
    assert "Fringe left: a step of " in text(measured, "verdict")
    advice = measured._shown.measuring.advice
    assert not advice.leave_defaults
    assert advice.after.threshold > COLOURED_BELOW - 1
    assert advice.why in text(measured, "advice")
    click_take = measured.findChild(QPushButton, "take_advice")
    assert click_take.isEnabled()
    assert measured.findChild(QComboBox, "preset").findText("advice") >= 0


def test_taken_advice_leaves_no_fringe(measured, qtbot) -> None:
    click(qtbot, measured, "take_advice")
    wait_for_advice(qtbot, measured)
    assert measured.parameters == measured._shown.measuring.advice.parameters
    assert measured.findChild(QComboBox, "preset").currentText() == "advice"
    assert "no colour step that can be told from noise" in text(measured, "verdict")


def test_moved_margin_is_measured_anew_and_said_so(measured, qtbot) -> None:
    tabs = measured.findChild(QTabWidget, "inspect_tabs")
    tabs.setCurrentIndex(1)
    before = measured._shown.measuring.judged_cluster
    fringe = measured._shown.measuring.fringe
    assert measured.findChild(LandscapePlot).landscape.judged is before
    key(qtbot, measured, "margin_percent", Qt.Key.Key_PageUp)
    assert "being measured anew" in text(measured, "advice")
    assert not measured.findChild(QPushButton, "take_advice").isEnabled()
    assert measured.findChild(QComboBox, "preset").findText("advice") == -1
    qtbot.waitUntil(lambda: text(measured, "field_text") == "Being measured…")
    assert measured.findChild(LandscapePlot).landscape is None
    wait_for_advice(qtbot, measured)
    known = measured._shown.measuring.judged_cluster
    assert known.parameters.margin_percent == measured.parameters.margin_percent
    assert known.to_json() == judge(measured.study, measured.parameters, fringe=fringe).to_json()
    assert measured._shown.measuring.fringe is fringe
    assert measured.findChild(LandscapePlot).landscape.judged is known
    assert measured.findChild(FieldPlot).curve.at(0.5).field == known.at(measured.parameters)
    assert "coverage mask, keeps" in text(measured, "field_text")
    # Beside it the thresholds are judged already.
    key(qtbot, measured, "min_coverage_frac", Qt.Key.Key_PageUp)
    assert measured._shown.measuring.judged_cluster is known


def test_tolerance_changes_the_advice_and_the_plot(measured, qtbot) -> None:
    band = measured.findChild(FringePlot).tolerated
    before = band.get_height()
    strict = measured._shown.measuring.advice
    key(qtbot, measured, "tolerance", Qt.Key.Key_End)
    assert band.get_height() > before
    options = measured._advice_panel.options
    noise = measured._shown.measuring.fringe.core_noise
    assert band.get_height() == pytest.approx(2 * options.tolerance * noise)
    assert measured._shown.measuring.advice is not strict
    assert f"{options.tolerance:g}" in measured._shown.measuring.advice.why


def test_colours_of_the_fringe_follow_tab_and_page(measured, viewer, qtbot) -> None:
    layer = viewer.layers["fringe"]
    assert layer.colormap.name == "PuOr_r"
    qtbot.keyClick(measured.findChild(QComboBox, "fringe_colour"), Qt.Key.Key_Down)
    np.testing.assert_array_equal(layer.data, measured._shown.measuring.fringe.map[..., 1])
    # Warm is less blue here, and redder there.
    assert layer.colormap.name == "PuOr"
    viewer.layers.selection.active = viewer.layers["removed"]
    measured._settings.change(fringe_colours="BrBG")
    assert viewer.layers["fringe"] is layer
    assert layer.colormap.name == "BrBG"
    np.testing.assert_array_equal(layer.data, measured._shown.measuring.fringe.map[..., 1])
    assert viewer.layers.selection.active is viewer.layers["removed"]


def test_a_deleted_fringe_stays_away_in_other_colours(measured, viewer, qtbot) -> None:
    viewer.layers.remove("fringe")
    qtbot.keyClick(measured.findChild(QComboBox, "fringe_colour"), Qt.Key.Key_Down)
    measured._settings.change(fringe_colours="BrBG")
    assert "fringe" not in viewer.layers


def test_fringe_is_shown_when_it_comes(dock, viewer, qtbot, coloured) -> None:
    dock.show_study(coloured)
    dock.show_fringes()
    assert "fringe" not in viewer.layers
    wait_for_advice(qtbot, dock)
    assert viewer.layers["fringe"].visible
    assert viewer.layers["removed"].visible
    dock.show_coverage()
    assert viewer.layers["coverage"].visible
    assert not viewer.layers["fringe"].visible
    dock.show_fringes()
    assert viewer.layers["fringe"].visible
    assert not viewer.layers["coverage"].visible


def test_fringe_layer_keeps_its_looks_and_nothing_of_the_cluster_before(
    measured, viewer, qtbot, make_study
) -> None:
    layer = viewer.layers["fringe"]
    layer.visible, layer.opacity = True, 0.3
    measured.show_study(make_study(12, "other", (260, 280)))
    assert layer.data.shape == (260, 280)
    assert np.isnan(layer.data).all()
    wait_for_advice(qtbot, measured)
    assert viewer.layers["fringe"] is layer
    np.testing.assert_array_equal(layer.data, measured._shown.measuring.fringe.map[..., 0])
    assert (layer.visible, layer.opacity) == (True, 0.3)


def test_fringe_of_the_cluster_before_goes(measured, viewer, qtbot, make_study) -> None:
    assert "fringe" in viewer.layers
    measured.show_study(make_study(6, "bare", tile=False))
    wait_for_advice(qtbot, measured)
    assert "fringe" not in viewer.layers
    assert "Fringe left: not known" in text(measured, "verdict")
    assert measured._shown.measuring.fringe is None


def test_closing_while_the_fringe_is_measured_leaves_no_worker(qtbot, viewer, coloured) -> None:
    dock = CoverageDock(viewer)
    dock.show_study(coloured)
    at_work = dock._shown.measuring._background
    qtbot.waitUntil(lambda: at_work.running)
    with qtbot.waitSignal(dock.destroyed):
        dock.deleteLater()
    qtbot.waitUntil(no_worker_left)
    assert "fringe" not in viewer.layers


# --- the whole run -------------------------------------------------------------------------


class SlowRun:
    """Stands for `study_many`: finishes a cluster each time the test says so."""

    def __init__(self, studies) -> None:
        self.studies = studies
        self.go_on = threading.Semaphore(0)
        self.started = threading.Event()
        self.stopped = threading.Event()
        self.asked = None

    def __call__(
        self, clusters, options, *, parameters, advice_options, cache, progress, should_stop
    ) -> StudiedRun:
        self.asked = (clusters, options, parameters)
        self.started.set()
        lines = []
        for cluster, study in zip(clusters, self.studies, strict=True):
            progress(RunProgress(len(lines), len(clusters), cluster.name, "aligning"))
            while not self.go_on.acquire(timeout=0.02):
                if should_stop():
                    self.stopped.set()
                    raise StudyCancelledError("cancelled")
            if study is None:
                line = StudiedCluster(cluster, error="frame_0.fit: cut short")
            else:
                line = StudiedCluster(cluster, summary="8 frames", judged=judge(study))
            lines.append(line)
            progress(RunProgress(len(lines), len(clusters), cluster.name, "finished", line))
        return StudiedRun(tuple(lines), None, parameters, options, advice_options, "here")


@pytest.fixture
def run(dock, coloured, make_study, make_cluster, monkeypatch) -> SlowRun:
    """A run of two clusters, of which the second cannot be read."""
    run = SlowRun([coloured, None])
    monkeypatch.setattr(many, "study_many", run)
    dock.open_clusters([coloured.cluster, make_cluster(5, "broken")])
    yield run
    run.go_on.release(10)


def cells(dock, column: int) -> dict[str, str]:
    model = dock.findChild(QTableView, "run_table").model()
    return {
        model.index(row, NAME).data(): model.index(row, column).data()
        for row in range(model.rowCount())
    }


def wait_for_end(qtbot, dock) -> None:
    qtbot.waitUntil(lambda: not dock._background.running, timeout=60_000)


def test_run_is_told_cluster_by_cluster(dock, qtbot, run) -> None:
    assert cells(dock, MASK) == {"night": "not studied", "broken": "not studied"}
    click(qtbot, dock, "study_all")
    qtbot.waitUntil(lambda: text(dock, "run_text") == "0/2 clusters; night: aligning")
    clusters, options, parameters = run.asked
    assert [each.name for each in clusters] == ["night", "broken"]
    assert (options, parameters) == (StudyOptions(), MaskParameters())
    assert not dock.findChild(QPushButton, "study_all").isEnabled()
    assert not dock.findChild(QPushButton, "run").isEnabled()
    run.go_on.release()
    qtbot.waitUntil(lambda: cells(dock, MASK)["night"] == "coverage")
    assert dock.findChild(QProgressBar, "run_progress").value() == 1
    assert dock.findChild(QProgressBar, "progress").value() == 1
    # Live, while the rest is studied.
    lost = cells(dock, LOST)["night"]
    key(qtbot, dock, "min_coverage_frac", Qt.Key.Key_End)
    assert cells(dock, LOST)["night"] != lost
    assert dock._run_panel.advice is None
    run.go_on.release()
    wait_for_end(qtbot, dock)
    assert cells(dock, MASK)["broken"] == "failed"
    assert text(dock, "run_text") == "2 of 2 clusters studied, 1 of them failed."
    assert "1 of them failed" in text(dock, "summary")
    qtbot.waitUntil(lambda: dock._run_panel.advice is not None)
    assert dock.findChild(QPushButton, "study_all").isEnabled()


def test_a_cluster_that_is_skipped_is_told_with_the_run(
    dock, qtbot, coloured, make_cluster, monkeypatch
) -> None:
    skipped = make_cluster(5, "skipped")

    def study_many(clusters, options, *, parameters, advice_options, progress, **_):
        # Only what was worked on is told meanwhile.
        line = StudiedCluster(clusters[0], summary="8 frames", judged=judge(coloured))
        progress(RunProgress(1, 2, line.cluster.name, "finished", line))
        lines = (line, StudiedCluster(clusters[1], skipped="ZeMosaic makes no coverage of it."))
        return StudiedRun(lines, None, parameters, options, advice_options, "here")

    monkeypatch.setattr(many, "study_many", study_many)
    dock.open_clusters([coloured.cluster, skipped])
    click(qtbot, dock, "study_all")
    wait_for_end(qtbot, dock)
    assert cells(dock, MASK)["skipped"] != "not studied"
    assert text(dock, "run_text") == "2 of 2 clusters studied."
    qtbot.waitUntil(lambda: dock._run_panel.advice is not None)


def test_cancelled_run_keeps_what_is_finished(dock, qtbot, run) -> None:
    click(qtbot, dock, "study_all")
    run.go_on.release()
    qtbot.waitUntil(lambda: cells(dock, MASK)["night"] == "coverage")
    click(qtbot, dock, "cancel_all")
    assert text(dock, "run_text") == "Stopping…"
    qtbot.waitUntil(run.stopped.is_set)
    wait_for_end(qtbot, dock)
    assert cells(dock, MASK) == {"night": "coverage", "broken": "not studied"}
    assert text(dock, "run_text").startswith("1 of 2 clusters studied. An advice for the run")
    assert not text(dock, "run_advice")
    assert text(dock, "summary") == "Cancelled."
    assert not dock.findChild(QPushButton, "cancel_all").isEnabled()
    qtbot.waitUntil(no_worker_left)


def test_closing_while_all_are_studied_leaves_no_worker(qtbot, viewer, coloured, monkeypatch):
    run = SlowRun([coloured])
    monkeypatch.setattr(many, "study_many", run)
    dock = CoverageDock(viewer)
    dock.open_clusters([coloured.cluster])
    click(qtbot, dock, "study_all")
    assert run.started.wait(10)
    with qtbot.waitSignal(dock.destroyed):
        dock.deleteLater()
    qtbot.waitUntil(run.stopped.is_set)
    qtbot.waitUntil(no_worker_left)


def test_the_cluster_that_is_shown_is_studied_in_the_table_of_the_run(dock, qtbot, study) -> None:
    dock.open_clusters([study.cluster])
    dock.show_study(study)
    qtbot.waitUntil(lambda: dock.idle, timeout=60_000)
    assert cells(dock, MASK) == {study.cluster.name: "coverage"}
    lost = f"{1 - dock._shown.measuring.judged_cluster.at(dock.parameters).hard:.1%}"
    assert cells(dock, LOST) == {study.cluster.name: lost}
    # With another margin it is measured again once, not here and there.
    qtbot.keyClick(dock.findChild(QSlider, "margin_percent_slider"), Qt.Key.Key_Right)
    assert text(dock, "run_text") == "The cluster that is shown is measured again."
    qtbot.waitUntil(lambda: dock.idle, timeout=60_000)
    now = f"{1 - dock._shown.measuring.judged_cluster.at(dock.parameters).hard:.1%}"
    assert cells(dock, LOST) == {study.cluster.name: now}
    assert dock._run_panel._judging.total == 0


def test_clusters_of_one_name_are_told_apart(dock, qtbot, study, make_cluster) -> None:
    """Figures and the advice for the run go by names."""
    other = make_cluster(5, study.cluster.name)
    dock.open_clusters([other, study.cluster])
    second = f"{study.cluster.name} (2)"
    assert set(cells(dock, MASK)) == {study.cluster.name, second}
    shown = dock._cluster_panel.clusters[1]
    dock.show_study(replace(study, cluster=shown))
    qtbot.waitUntil(lambda: dock.idle, timeout=60_000)
    assert cells(dock, MASK) == {study.cluster.name: "not studied", second: "coverage"}


def test_a_report_of_the_run_goes_by_the_tolerance_of_now(
    dock, qtbot, run, tmp_path, monkeypatch
) -> None:
    """No cluster is shown: the options are not those of a study."""
    run.go_on.release(2)
    click(qtbot, dock, "study_all")
    wait_for_end(qtbot, dock)
    tolerance = dock.findChild(QDoubleSpinBox, "tolerance_number")
    tolerance.selectAll()
    qtbot.keyClicks(tolerance, "1.5")
    qtbot.keyClick(tolerance, Qt.Key.Key_Return)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    click(qtbot, dock, "save_run_report")
    files = dock.findChild(QLabel, "files_text")
    qtbot.waitUntil(lambda: "Written" in files.text(), timeout=60_000)
    told = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    assert told["settings"]["advice"]["tolerance"] == 1.5
