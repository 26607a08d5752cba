"""ZeMosaic's config: its thresholds in, ours out."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from qtpy.QtCore import QFileSystemWatcher, Qt
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
)

from napari_zecoverage.core.errors import StudyCancelledError
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.ui import diagnosis_box, export_panel
from napari_zecoverage.ui.export_panel import ExportPanel
from napari_zecoverage.zemosaic.config import CLOSE_ZEMOSAIC_FIRST
from napari_zecoverage.zemosaic.config_keys import READ_BY
from napari_zecoverage.zemosaic.diagnosis import Diagnosis
from napari_zecoverage.zemosaic.findings import Finding
from napari_zecoverage.zemosaic.gating import Gating
from napari_zecoverage.zemosaic.running import RunningProcess


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "zemosaic_config.json"
    path.write_text(json.dumps({"language": "fr", "altaz_min_coverage_frac": 0.4}, indent=4))
    return path


@pytest.fixture
def panel(qtbot) -> ExportPanel:
    panel = ExportPanel()
    qtbot.addWidget(panel)
    return panel


def enter_path(qtbot, panel, path: object) -> None:
    field = panel.findChild(QLineEdit, "config_path")
    field.clear()
    qtbot.keyClicks(field, str(path))
    qtbot.keyClick(field, Qt.Key.Key_Return)


def click(qtbot, panel, name: str) -> None:
    qtbot.mouseClick(panel.findChild(QPushButton, name), Qt.MouseButton.LeftButton)


def done(panel: ExportPanel) -> str:
    box = panel.findChild(QPlainTextEdit, "config_done")
    return box.toPlainText() if box.isVisibleTo(panel) else ""


def changes(panel) -> str:
    return panel.findChild(QPlainTextEdit, "config_changes").toPlainText()


def enabled(panel) -> tuple[bool, bool]:
    return (
        panel.findChild(QPushButton, "load_config").isEnabled(),
        panel.findChild(QPushButton, "export_config").isEnabled(),
    )


def told(notifications) -> str:
    return "\n".join(str(each) for each in notifications)


def test_nothing_to_press_without_a_config(panel) -> None:
    assert enabled(panel) == (False, False)


def test_says_to_close_zemosaic_first(panel) -> None:
    assert CLOSE_ZEMOSAIC_FIRST in [label.text() for label in panel.findChildren(QLabel)]


def test_a_chosen_config_shows_old_and_new(panel, qtbot, config) -> None:
    panel.set_parameters(MaskParameters(min_coverage_frac=0.6))
    enter_path(qtbot, panel, config)
    assert "altaz_min_coverage_frac: 0.4 → 0.6" in changes(panel)
    assert enabled(panel) == (True, True)


def test_the_folder_will_do(panel, qtbot, config) -> None:
    enter_path(qtbot, panel, config.parent)
    assert panel.findChild(QLineEdit, "config_path").text() == str(config)
    assert enabled(panel) == (True, True)


def test_browse(panel, qtbot, config, monkeypatch) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(config), ""))
    click(qtbot, panel, "browse_config")
    assert panel.findChild(QLineEdit, "config_path").text() == str(config)
    assert "0.4" in changes(panel)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    click(qtbot, panel, "browse_config")
    assert panel.findChild(QLineEdit, "config_path").text() == str(config)


def test_load_gives_the_configs_thresholds(panel, qtbot, config) -> None:
    enter_path(qtbot, panel, config)
    with qtbot.waitSignal(panel.loaded) as loaded:
        click(qtbot, panel, "load_config")
    assert loaded.args == [MaskParameters(min_coverage_frac=0.4)]


def test_load_warns_of_what_was_not_taken_as_it_stands(panel, qtbot, config, notifications) -> None:
    config.write_text('{"altaz_min_coverage_frac": 7}')
    enter_path(qtbot, panel, config)
    with qtbot.waitSignal(panel.loaded) as loaded:
        click(qtbot, panel, "load_config")
    assert loaded.args[0].min_coverage_frac == 1
    assert "altaz_min_coverage_frac: 7 is read as 1" in told(notifications)


def test_changes_follow_the_sliders(panel, qtbot, config) -> None:
    enter_path(qtbot, panel, config)
    panel.set_parameters(MaskParameters(min_coverage_frac=0.8))
    qtbot.waitUntil(lambda: "altaz_min_coverage_frac: 0.4 → 0.8" in changes(panel))


def test_export_writes_and_says_where_the_old_file_is(panel, qtbot, config, notifications) -> None:
    before = config.read_bytes()
    panel.set_parameters(MaskParameters(min_coverage_frac=0.8))
    enter_path(qtbot, panel, config)
    click(qtbot, panel, "export_config")
    written = json.loads(config.read_text())
    assert written["altaz_min_coverage_frac"] == 0.8
    assert written["language"] == "fr"
    (backup,) = config.parent.glob("*.bak")
    assert backup.read_bytes() == before
    for words in (done(panel), told(notifications)):
        assert str(backup) in words
        assert "0.4 → 0.8" in words
    assert "already" in changes(panel)
    # A moved slider is about the next export.
    panel.set_parameters(MaskParameters(min_coverage_frac=0.7))
    assert done(panel) == ""


def test_exporting_twice_writes_once(panel, qtbot, config) -> None:
    enter_path(qtbot, panel, config)
    click(qtbot, panel, "export_config")
    click(qtbot, panel, "export_config")
    assert len(list(config.parent.glob("*.bak"))) == 1
    assert "already" in changes(panel)


def test_a_config_that_changed_meanwhile_is_not_overwritten(
    panel, qtbot, config, notifications
) -> None:
    enter_path(qtbot, panel, config)
    config.write_text('{"altaz_min_coverage_frac": 0.2}')
    click(qtbot, panel, "export_config")
    assert config.read_text() == '{"altaz_min_coverage_frac": 0.2}'
    assert "changed on disk" in told(notifications)
    # What is there now is shown, and the next press is meant for it.
    assert "altaz_min_coverage_frac: 0.2 → 0.5" in changes(panel)
    click(qtbot, panel, "export_config")
    assert json.loads(config.read_text())["altaz_min_coverage_frac"] == 0.5


@pytest.mark.parametrize("content", [b"", b"not JSON", b"[1]", b"\xff\xfe{}"])
def test_a_file_that_is_no_config_is_an_error_once(
    panel, qtbot, config, content, notifications
) -> None:
    config.write_bytes(content)
    enter_path(qtbot, panel, config)
    panel.findChild(QLineEdit, "config_path").editingFinished.emit()
    assert len(notifications) == 1
    assert str(config) in told(notifications)
    assert str(config) in changes(panel)
    assert enabled(panel) == (False, False)
    assert config.read_bytes() == content


def test_a_missing_config_is_an_error(panel, qtbot, tmp_path, notifications) -> None:
    enter_path(qtbot, panel, tmp_path / "nowhere.json")
    assert "no such file" in told(notifications)
    assert enabled(panel) == (False, False)


def test_a_config_that_cannot_be_written_stays(panel, qtbot, config, notifications) -> None:
    before = config.read_bytes()
    enter_path(qtbot, panel, config)
    config.chmod(0o444)
    click(qtbot, panel, "export_config")
    assert "read-only" in told(notifications)
    assert config.read_bytes() == before


def test_a_config_that_vanished_is_an_error(panel, qtbot, config, notifications) -> None:
    enter_path(qtbot, panel, config)
    config.unlink()
    click(qtbot, panel, "export_config")
    assert notifications
    assert not config.exists()
    click(qtbot, panel, "load_config")
    assert enabled(panel) == (False, False)


def test_a_config_that_came_back_is_read_again(panel, qtbot, config) -> None:
    content = config.read_bytes()
    enter_path(qtbot, panel, config)
    config.unlink()
    click(qtbot, panel, "load_config")
    click(qtbot, panel, "export_config")
    config.write_bytes(content)
    enter_path(qtbot, panel, config)
    assert enabled(panel) == (True, True)


def test_a_long_path_does_not_widen_the_dock(panel, qtbot, tmp_path) -> None:
    before = panel.minimumSizeHint().width()
    enter_path(qtbot, panel, tmp_path / ("long" * 50) / "zemosaic_config.json")
    assert "longlong" in changes(panel)
    assert panel.minimumSizeHint().width() == before


def test_an_emptied_path_lets_the_config_go(panel, qtbot, config) -> None:
    enter_path(qtbot, panel, config)
    enter_path(qtbot, panel, "")
    assert enabled(panel) == (False, False)
    assert "Choose" in changes(panel)


# --- what may keep an export from acting ---------------------------------------------------


@pytest.fixture
def answer(monkeypatch) -> list[str]:
    """Answers every question: yes when the list ends in "yes"; keeps what was asked."""
    asked: list[str] = ["no"]

    def question(_parent, title: str, text: str):
        yes = asked[0] == "yes"
        asked.append(f"{title}: {text}")
        return QMessageBox.StandardButton.Yes if yes else QMessageBox.StandardButton.No

    monkeypatch.setattr(QMessageBox, "question", question)
    return asked


def warning(panel) -> str:
    label = panel.findChild(QLabel, "config_warning")
    return label.text() if label.isVisibleTo(panel) else ""


def test_each_change_says_where_zemosaic_reads_it(panel, qtbot, config) -> None:
    panel.set_parameters(MaskParameters(margin_percent=8))
    enter_path(qtbot, panel, config)
    said = {line.split(":")[0]: line for line in changes(panel).splitlines()}
    assert "its window" in said["altaz_margin_percent"]
    assert "from the file" in said["altaz_min_coverage_frac"]
    tooltip = panel.findChild(QPlainTextEdit, "config_changes").toolTip()
    assert all(words in tooltip for words in READ_BY.values())


def test_a_change_by_others_is_said_as_it_happens(panel, qtbot, config) -> None:
    enter_path(qtbot, panel, config)
    assert warning(panel) == ""
    config.write_text('{"language": "fr", "altaz_min_coverage_frac": 0.2}')
    qtbot.waitUntil(lambda: "altaz_min_coverage_frac: 0.4 → 0.2" in warning(panel))
    # It is told again when an export is refused, and the next one is meant for it.
    click(qtbot, panel, "export_config")
    assert "0.4 → 0.2" in warning(panel)
    assert "0.2 → 0.5" in changes(panel)
    click(qtbot, panel, "export_config")
    assert warning(panel) == ""


def test_zemosaic_writing_its_values_back_is_seen(panel, qtbot, config) -> None:
    before = config.read_bytes()
    enter_path(qtbot, panel, config)
    click(qtbot, panel, "export_config")
    # Swapped for another, as careful programs write.
    other = config.with_name("new")
    other.write_bytes(before)
    other.replace(config)
    qtbot.waitUntil(lambda: "written its settings back" in warning(panel))
    assert "altaz_min_coverage_frac: 0.5 was written, 0.4 is back" in warning(panel)


def test_a_config_that_is_just_being_written_is_left_alone(panel, qtbot, config) -> None:
    before = config.read_bytes()
    enter_path(qtbot, panel, config)
    watcher = panel.findChild(QFileSystemWatcher)
    with qtbot.waitSignal(watcher.fileChanged):
        config.write_bytes(b"")
    assert warning(panel) == ""
    with qtbot.waitSignal(panel._quiet.timeout):
        config.write_bytes(before)
    assert warning(panel) == ""


def test_a_config_that_stays_empty_is_told_until_it_is_whole_again(panel, qtbot, config) -> None:
    before = config.read_bytes()
    enter_path(qtbot, panel, config)
    with open(config, "wb") as other:
        qtbot.waitUntil(lambda: "is empty" in warning(panel))
        assert str(config) in warning(panel)
        assert "is empty" in changes(panel)
        other.write(before)
    qtbot.waitUntil(lambda: warning(panel) == "")
    assert "altaz_min_coverage_frac: 0.4 → 0.5" in changes(panel)


def test_a_config_that_is_made_anew_is_compared_and_watched_again(panel, qtbot, config) -> None:
    before = config.read_bytes()
    enter_path(qtbot, panel, config)
    config.unlink()
    qtbot.waitUntil(lambda: "no such file" in warning(panel))
    config.write_text('{"language": "fr", "altaz_min_coverage_frac": 0.2}')
    qtbot.waitUntil(lambda: "altaz_min_coverage_frac: 0.4 → 0.2" in warning(panel))
    assert "no such file" not in warning(panel)
    assert "altaz_min_coverage_frac: 0.2 → 0.5" in changes(panel)
    config.write_text('{"language": "fr", "altaz_min_coverage_frac": 0.3}')
    qtbot.waitUntil(lambda: "altaz_min_coverage_frac: 0.4 → 0.3" in warning(panel))
    config.write_bytes(before)
    qtbot.waitUntil(lambda: warning(panel) == "")


def test_a_config_behind_a_link_is_watched_when_it_is_made_anew(panel, qtbot, config) -> None:
    link = config.parent / "elsewhere" / config.name
    link.parent.mkdir()
    link.symlink_to(config)
    enter_path(qtbot, panel, link)
    config.unlink()
    qtbot.waitUntil(lambda: "no such file" in warning(panel))
    config.write_text('{"language": "fr", "altaz_min_coverage_frac": 0.2}')
    qtbot.waitUntil(lambda: "altaz_min_coverage_frac: 0.4 → 0.2" in warning(panel))


def test_a_folder_that_is_being_filled_does_not_put_the_look_off(panel, qtbot, config) -> None:
    # So long that it does not come while the test runs.
    panel._quiet.setInterval(60_000)
    enter_path(qtbot, panel, config)
    config.write_text('{"language": "fr", "altaz_min_coverage_frac": 0.2}')
    qtbot.waitUntil(lambda: 0 <= panel._quiet.remainingTime() < 59_900)
    with qtbot.waitSignal(panel.findChild(QFileSystemWatcher).directoryChanged):
        (config.parent / "another").write_text("")
    assert panel._quiet.remainingTime() < 59_900


def test_loading_takes_the_warning_away(panel, qtbot, config) -> None:
    enter_path(qtbot, panel, config)
    config.write_text('{"language": "fr", "altaz_min_coverage_frac": 0.2}')
    qtbot.waitUntil(lambda: "Load its thresholds" in warning(panel))
    assert warning(panel).startswith(config.name)
    click(qtbot, panel, "load_config")
    assert warning(panel) == ""


def test_why_an_export_was_refused_stays_until_the_next(panel, qtbot, config) -> None:
    enter_path(qtbot, panel, config)
    config.write_text('{"language": "fr", "altaz_min_coverage_frac": 0.2}')
    click(qtbot, panel, "export_config")
    refused = warning(panel)
    assert refused.startswith(f"{config.name} had changed on disk, so nothing was written")
    assert "altaz_min_coverage_frac: 0.4 → 0.2" in refused
    assert "press once more" in refused
    # It was read again for the next press, so nothing differs when it is looked at.
    with qtbot.waitSignal(panel._quiet.timeout):
        config.write_text('{"language": "fr", "altaz_min_coverage_frac": 0.2}')
    assert warning(panel) == refused
    # Beside it, what changes after that: it goes when it is so no more.
    config.write_text('{"language": "fr", "altaz_min_coverage_frac": 0.3}')
    qtbot.waitUntil(lambda: "altaz_min_coverage_frac: 0.2 → 0.3" in warning(panel))
    assert warning(panel).startswith(refused)
    config.write_text('{"language": "fr", "altaz_min_coverage_frac": 0.2}')
    qtbot.waitUntil(lambda: warning(panel) == refused)
    click(qtbot, panel, "export_config")
    assert warning(panel) == ""


def test_values_written_back_are_told_until_ours_stand_again(panel, qtbot, config) -> None:
    before = config.read_bytes()
    enter_path(qtbot, panel, config)
    click(qtbot, panel, "export_config")
    exported = config.read_bytes()
    config.write_bytes(before)
    qtbot.waitUntil(lambda: "written its settings back" in warning(panel))
    assert config.name in warning(panel)
    # Reading the file does not make it so that the export stayed.
    click(qtbot, panel, "load_config")
    assert "written its settings back" in warning(panel)
    config.write_bytes(exported)
    qtbot.waitUntil(lambda: "written its settings back" not in warning(panel))
    # What is exported now is what was written back: it is meant.
    config.write_bytes(before)
    qtbot.waitUntil(lambda: "written its settings back" in warning(panel))
    click(qtbot, panel, "load_config")
    panel.set_parameters(MaskParameters(min_coverage_frac=0.4))
    click(qtbot, panel, "export_config")
    assert warning(panel) == ""


def test_closing_ends_the_look_at_the_config(panel, qtbot, config) -> None:
    enter_path(qtbot, panel, config)
    config.write_text('{"language": "fr", "altaz_min_coverage_frac": 0.2}')
    qtbot.waitUntil(panel._quiet.isActive)
    panel.stop()
    assert not panel._quiet.isActive()
    assert warning(panel) == ""


def test_a_backup_is_restored_on_a_yes(panel, qtbot, config, answer) -> None:
    before = config.read_bytes()
    enter_path(qtbot, panel, config)
    assert not panel.findChild(QPushButton, "restore_backup").isVisibleTo(panel)
    click(qtbot, panel, "export_config")
    exported = config.read_bytes()
    assert panel.findChild(QComboBox, "backups").count() == 1
    click(qtbot, panel, "restore_backup")
    assert config.read_bytes() == exported
    assert "altaz_min_coverage_frac: 0.5 → 0.4" in answer[-1]
    answer[0] = "yes"
    click(qtbot, panel, "restore_backup")
    assert config.read_bytes() == before
    assert "Restored" in done(panel)
    # Beside it, and seen without scrolling, what the next export would change.
    assert changes(panel).startswith("altaz_min_coverage_abs")
    assert panel.findChild(QComboBox, "backups").count() == 2


def test_a_restore_never_overwrites_what_is_not_known(panel, qtbot, config, answer) -> None:
    answer[0] = "yes"
    enter_path(qtbot, panel, config)
    click(qtbot, panel, "export_config")
    config.write_text('{"altaz_decay": 1}')
    click(qtbot, panel, "restore_backup")
    assert config.read_text() == '{"altaz_decay": 1}'
    assert "changed on disk" in warning(panel)


def test_a_running_zemosaic_is_asked_about(panel, qtbot, config, answer, monkeypatch) -> None:
    running = RunningProcess(4711, "zemosaic", "python run_zemosaic.py")
    monkeypatch.setattr(export_panel, "find_running_zemosaic", lambda: (running,))
    before = config.read_bytes()
    enter_path(qtbot, panel, config)
    click(qtbot, panel, "export_config")
    assert "4711" in answer[-1]
    assert config.read_bytes() == before
    answer[0] = "yes"
    click(qtbot, panel, "export_config")
    assert config.read_bytes() != before


@pytest.mark.parametrize(
    ("decided", "words", "marked"),
    [
        ("yes", "masks this", False),
        ("no", "does not mask", True),
        ("depends", "depends on the weather", False),
    ],
)
def test_says_what_zemosaic_does_with_the_cluster(panel, decided, words, marked) -> None:
    panel.set_gating("night", Gating(decided, "grid", "Because of that.", ("the weather",)))
    label = panel.findChild(QLabel, "gating")
    assert label.text().startswith("night: ")
    assert words in label.text()
    assert "Because of that." in label.toolTip()
    assert bool(label.styleSheet()) == marked


# --- kept results --------------------------------------------------------------------------


@pytest.fixture
def run_folder(tmp_path) -> Path:
    folder = tmp_path / "run"
    (folder / "zemosaic_temp_master_tiles").mkdir(parents=True)
    (folder / "zemosaic_temp_master_tiles" / "master_tile_000.fits").write_bytes(b"x" * 100)
    (folder / "mine.fits").write_bytes(b"x")
    (folder / "run_config_snapshot.json").write_text('{"resume": "auto"}')
    return folder


def kept(panel) -> QPlainTextEdit:
    return panel.findChild(QPlainTextEdit, "kept_results")


def test_kept_tiles_are_listed_and_cleared_on_a_yes(
    panel, qtbot, run_folder, answer, notifications
) -> None:
    assert not kept(panel).isVisibleTo(panel)
    panel.set_run_folder(run_folder)
    qtbot.waitUntil(lambda: "1 kept master tile" in kept(panel).toPlainText())
    assert kept(panel).isVisibleTo(panel)
    tile = run_folder / "zemosaic_temp_master_tiles" / "master_tile_000.fits"
    click(qtbot, panel, "clear_kept")
    assert str(run_folder) in answer[-1]
    assert tile.exists()
    answer[0] = "yes"
    click(qtbot, panel, "clear_kept")
    qtbot.waitUntil(lambda: not kept(panel).isVisibleTo(panel))
    assert not tile.exists()
    assert (run_folder / "mine.fits").exists()
    assert "Removed 1 kept result" in told(notifications)


def test_another_cluster_has_other_kept_tiles(panel, qtbot, run_folder, tmp_path) -> None:
    panel.set_run_folder(run_folder)
    # Asked for before the first answer is there.
    (tmp_path / "other").mkdir()
    panel.set_run_folder(tmp_path / "other")
    qtbot.waitUntil(lambda: not panel._kept._work.running)
    assert not kept(panel).isVisibleTo(panel)
    panel.set_run_folder(run_folder)
    qtbot.waitUntil(lambda: kept(panel).isVisibleTo(panel))
    panel.set_run_folder(None)
    assert not kept(panel).isVisibleTo(panel)


def test_a_run_folder_that_went_is_told(panel, qtbot, tmp_path, notifications) -> None:
    panel.set_run_folder(tmp_path / "gone")
    qtbot.waitUntil(lambda: "no such folder" in told(notifications))
    assert not kept(panel).isVisibleTo(panel)


# --- the check of the user's ZeMosaic ------------------------------------------------------


def answered(panel) -> str:
    text = panel.findChild(QPlainTextEdit, "diagnosis")
    return text.toPlainText() if text.isVisibleTo(panel) else ""


class SlowCheck:
    """Takes the place of the check: waits until it is told to go on, or asked to stop."""

    def __init__(self) -> None:
        self.looked: list[Path] = []
        self.stopped = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, folder: Path, *, should_stop) -> Diagnosis:
        self.looked.append(folder)
        while not self.go_on.wait(0.01):
            if should_stop():
                self.stopped.set()
                raise StudyCancelledError("the check was cancelled")
        finding = Finding("version", "4.5.0", None, "ZeMosaic 4.5.0.")
        return Diagnosis(folder, "4.5.0", None, (finding,), False, ("Make masked tiles.",))


@pytest.fixture
def check(monkeypatch):
    check = SlowCheck()
    monkeypatch.setattr(diagnosis_box, "diagnose_zemosaic", check)
    yield check
    check.go_on.set()


def check_button(panel) -> QPushButton:
    return panel.findChild(QPushButton, "check_zemosaic")


def test_check_my_zemosaic(panel, qtbot, config, check) -> None:
    button = check_button(panel)
    assert not button.isEnabled()
    enter_path(qtbot, panel, config)
    assert (button.text(), button.accessibleName()) == ("Check my ZeMosaic",) * 2
    click(qtbot, panel, "check_zemosaic")
    assert (button.text(), button.accessibleName()) == ("Cancel", "Cancel the check")
    assert button.isEnabled()
    check.go_on.set()
    qtbot.waitUntil(lambda: "cannot act" in answered(panel))
    assert check.looked == [config.parent]
    assert "Make masked tiles." in answered(panel)
    assert button.text() == "Check my ZeMosaic"
    # Another config is another ZeMosaic.
    enter_path(qtbot, panel, "")
    assert answered(panel) == ""
    assert not button.isEnabled()


def test_the_check_is_cancelled_and_begun_again(panel, qtbot, config, check, notifications) -> None:
    enter_path(qtbot, panel, config)
    click(qtbot, panel, "check_zemosaic")
    assert answered(panel) == "Checking…"
    click(qtbot, panel, "check_zemosaic")
    assert not check_button(panel).isEnabled()
    qtbot.waitUntil(lambda: answered(panel) == "Cancelled.")
    assert check.stopped.is_set()
    assert notifications == []
    assert check_button(panel).isEnabled()
    check.go_on.set()
    click(qtbot, panel, "check_zemosaic")
    qtbot.waitUntil(lambda: "cannot act" in answered(panel))


def test_a_check_of_the_config_before_is_not_shown(panel, qtbot, config, check) -> None:
    enter_path(qtbot, panel, config)
    click(qtbot, panel, "check_zemosaic")
    enter_path(qtbot, panel, "")
    # It can still be cancelled.
    assert check_button(panel).isEnabled()
    check.go_on.set()
    qtbot.waitUntil(lambda: not check_button(panel).isEnabled())
    assert answered(panel) == ""


def test_closing_ends_the_check(panel, qtbot, config, check) -> None:
    enter_path(qtbot, panel, config)
    click(qtbot, panel, "check_zemosaic")
    panel.stop()
    qtbot.waitUntil(check.stopped.is_set)
    qtbot.waitUntil(lambda: check_button(panel).text() == "Check my ZeMosaic")


def test_a_panel_that_is_taken_apart_ends_the_check(qtbot, config, check) -> None:
    panel = ExportPanel()
    enter_path(qtbot, panel, config)
    click(qtbot, panel, "check_zemosaic")
    with qtbot.waitSignal(panel.destroyed):
        panel.deleteLater()
    qtbot.waitUntil(check.stopped.is_set)


def test_a_folder_without_a_zemosaic_is_said(panel, qtbot, config) -> None:
    enter_path(qtbot, panel, config)
    click(qtbot, panel, "check_zemosaic")
    qtbot.waitUntil(lambda: "could not be checked" in answered(panel), timeout=30_000)


def test_a_check_that_fails_is_told(panel, qtbot, config, monkeypatch, notifications) -> None:
    def broken(folder: Path, *, should_stop) -> Diagnosis:
        raise OSError("no more processes")

    monkeypatch.setattr(diagnosis_box, "diagnose_zemosaic", broken)
    enter_path(qtbot, panel, config)
    click(qtbot, panel, "check_zemosaic")
    qtbot.waitUntil(lambda: "no more processes" in told(notifications))
    assert panel.findChild(QPushButton, "check_zemosaic").isEnabled()
