"""ZeMosaic's config: its thresholds in, ours out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QLabel, QLineEdit, QPlainTextEdit, QPushButton

from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.ui.export_panel import ExportPanel
from napari_zecoverage.zemosaic.config import CLOSE_ZEMOSAIC_FIRST


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
    for words in (changes(panel), told(notifications)):
        assert str(backup) in words
        assert "0.4 → 0.8" in words


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
