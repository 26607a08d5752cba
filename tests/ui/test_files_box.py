"""Writing the tile, the coverage map and the report, driven as a person drives it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QLabel, QPushButton

from napari_zecoverage.core.errors import StudyCancelledError
from napari_zecoverage.core.outcome import apply_mask, saved_alpha
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters, StudyOptions
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.many import StudiedRun
from napari_zecoverage.report import writing
from napari_zecoverage.ui.files_box import FilesBox


@pytest.fixture
def box(qtbot, notifications) -> FilesBox:
    box = FilesBox()
    qtbot.addWidget(box)
    box.show()
    return box


@pytest.fixture
def solved(study) -> ClusterStudy:
    """The study, of frames with a WCS."""
    scale = 2.4 / 3600
    header = fits.Header(
        {
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CRVAL1": 192.7,
            "CRVAL2": 41.1,
            "CRPIX1": 200.5,
            "CRPIX2": 150.5,
            "CD1_1": -scale,
            "CD1_2": 0.0,
            "CD2_1": 0.0,
            "CD2_2": scale,
        }
    )
    return replace(study, wcs_header=header.tostring(sep="\n", endcard=False, padding=False))


def button(box, name: str) -> QPushButton:
    return box.findChild(QPushButton, name)


def write(qtbot, box, name: str) -> str:
    qtbot.mouseClick(button(box, name), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not box._work.running, timeout=120_000)
    return box.findChild(QLabel, "files_text").text()


def choose(monkeypatch, path) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(path))


def test_nothing_can_be_written_before_a_study(box, study) -> None:
    names = ("save_tile", "save_coverage", "save_report", "save_run_report")
    assert not any(button(box, name).isEnabled() for name in names)
    box.set_study(study)
    assert [button(box, name).isEnabled() for name in names] == [True, True, True, False]
    box.set_study(replace(study, tile=None))
    assert [button(box, name).isEnabled() for name in names] == [False, True, True, False]


def test_the_masked_tile_has_the_present_thresholds(
    box, qtbot, study, tmp_path, monkeypatch
) -> None:
    parameters = MaskParameters(min_coverage_frac=0.8)
    box.set_study(study)
    box.set_parameters(parameters)
    choose(monkeypatch, tmp_path / "tile.fits")
    assert str(tmp_path / "tile.fits") in write(qtbot, box, "save_tile")
    with fits.open(tmp_path / "tile.fits") as file:
        written = file["ALPHA"].data
    np.testing.assert_array_equal(written, saved_alpha(apply_mask(study, parameters)))


def problems(box) -> str:
    label = box.findChild(QLabel, "files_problems")
    return label.text() if label.isVisible() else ""


def test_a_tile_that_zemosaic_refuses_is_told(
    box, qtbot, study, solved, tmp_path, monkeypatch, notifications
) -> None:
    box.set_study(study)
    choose(monkeypatch, tmp_path / "tile.fits")
    assert str(tmp_path / "tile.fits") in write(qtbot, box, "save_tile")
    assert problems(box).startswith("tile.fits: It has no WCS, and ZeMosaic refuses it.")
    assert "Let ZeMosaic (or ASTAP) solve the frames" in problems(box)
    assert problems(box) in [each.message for each in notifications]
    # The next tile is another.
    box.set_study(solved)
    write(qtbot, box, "save_tile")
    assert problems(box) == ""


def test_a_tile_that_zemosaic_passes_over_is_told(
    box, qtbot, solved, tmp_path, monkeypatch
) -> None:
    box.set_study(solved)
    choose(monkeypatch, tmp_path / "final_mosaic.fits")
    write(qtbot, box, "save_tile")
    assert "passes over files called like final_mosaic.fits; rename it" in problems(box)
    assert "solve" not in problems(box)


def test_the_coverage_map_is_the_study_s(box, qtbot, study, tmp_path, monkeypatch) -> None:
    box.set_study(study)
    choose(monkeypatch, tmp_path / "coverage.fits")
    write(qtbot, box, "save_coverage")
    np.testing.assert_array_equal(fits.getdata(tmp_path / "coverage.fits"), study.coverage)


def test_the_report_comes_into_a_folder_of_its_own(
    box, qtbot, study, tmp_path, monkeypatch
) -> None:
    box.set_study(study)
    choose(monkeypatch, tmp_path)
    assert "report.html" in write(qtbot, box, "save_report")
    assert (tmp_path / "report" / "report.html").is_file()
    assert json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))


def test_who_changes_his_mind_writes_nothing(box, qtbot, study, tmp_path, monkeypatch) -> None:
    box.set_study(study)
    choose(monkeypatch, "")
    for name in ("save_tile", "save_coverage", "save_report"):
        write(qtbot, box, name)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_told(
    box, qtbot, study, tmp_path, monkeypatch, notifications
) -> None:
    (tmp_path / "file").write_text("in the way")
    box.set_study(study)
    choose(monkeypatch, tmp_path / "file" / "tile.fits")
    text = write(qtbot, box, "save_tile")
    assert "file" in text
    assert any(text in each.message for each in notifications)
    assert button(box, "save_tile").isEnabled()


class SlowReport:
    """Takes the place of the writing of a report: goes on until it is asked to stop."""

    def __init__(self) -> None:
        self.subjects: list[object] = []

    def __call__(self, _folder, subject, _parameters, *, progress, should_stop, **_):
        self.subjects.append(subject)
        progress("drawing the pictures")
        while not should_stop():
            pass
        raise StudyCancelledError("the report was cancelled")


@pytest.fixture
def slow_report(monkeypatch) -> SlowReport:
    slow = SlowReport()
    monkeypatch.setattr(writing, "write_report", slow)
    return slow


def test_a_report_is_cancelled(
    box, qtbot, study, tmp_path, monkeypatch, slow_report, notifications
) -> None:
    box.set_study(study)
    choose(monkeypatch, tmp_path)
    assert not button(box, "cancel_files").isVisible()
    qtbot.mouseClick(button(box, "save_report"), Qt.MouseButton.LeftButton)
    words = box.findChild(QLabel, "files_text")
    qtbot.waitUntil(lambda: words.text() == "drawing the pictures")
    assert not button(box, "save_tile").isEnabled()
    qtbot.mouseClick(button(box, "cancel_files"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: words.text() == "Cancelled; nothing was written.")
    assert button(box, "save_tile").isEnabled()
    assert not button(box, "cancel_files").isVisible()
    assert notifications == []


def test_the_report_of_the_run_is_of_the_run(
    box, qtbot, study, tmp_path, monkeypatch, slow_report
) -> None:
    run = StudiedRun((), None, MaskParameters(), StudyOptions(), AdviceOptions(), "here")
    box.set_study(study)
    box.set_run(run)
    choose(monkeypatch, tmp_path)
    qtbot.mouseClick(button(box, "save_run_report"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: slow_report.subjects == [run])
    box.stop()
    qtbot.waitUntil(lambda: not box._work.running)
    box.set_run(None)
    assert not button(box, "save_run_report").isEnabled()


def test_what_somebody_else_wrote_is_kept_and_told(
    box, qtbot, study, tmp_path, monkeypatch
) -> None:
    box.set_study(study)
    path = tmp_path / "map.fits"
    path.write_bytes(b"mine")
    choose(monkeypatch, path)
    assert "kept as map.fits.kept-1" in write(qtbot, box, "save_coverage")
    assert (tmp_path / "map.fits.kept-1").read_bytes() == b"mine"
    # Our own is replaced.
    assert "kept" not in write(qtbot, box, "save_coverage")


def test_a_frame_of_the_cluster_is_refused(box, qtbot, study, tmp_path, monkeypatch) -> None:
    path = tmp_path / "frame.fit"
    path.write_bytes(b"raw")
    first, *others = study.cluster.frames
    cluster = replace(study.cluster, frames=(replace(first, path=path), *others))
    box.set_study(replace(study, cluster=cluster))
    choose(monkeypatch, path)
    for name in ("save_tile", "save_coverage"):
        assert "is a frame of" in write(qtbot, box, name)
    assert path.read_bytes() == b"raw"
