"""ZeMosaic's config: its thresholds in, ours out, and what may keep them from acting; and files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Literal

from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import QFileSystemWatcher, Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLineEdit,
    QMessageBox,
    QVBoxLayout,
    QWidget,
)

from napari_zecoverage.core.errors import ConfigChangedError, ZecoverageError
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.ui.controls import LOUD, LowText, push_button, wrapped_label
from napari_zecoverage.ui.diagnosis_box import DiagnosisBox
from napari_zecoverage.ui.files_box import FilesBox
from napari_zecoverage.ui.kept_results_box import KeptResultsBox
from napari_zecoverage.zemosaic.config import (
    CLOSE_ZEMOSAIC_FIRST,
    CONFIG_NAME,
    ConfigFile,
    changed_since,
    followed,
    read_config,
)
from napari_zecoverage.zemosaic.config_backups import Backup, list_backups
from napari_zecoverage.zemosaic.config_keys import CONFIG_KEYS, READ_BY
from napari_zecoverage.zemosaic.config_values import KeyChange, spelled
from napari_zecoverage.zemosaic.config_writing import (
    ConfigChange,
    Reverted,
    restore_backup,
    reverted_after_export,
    write_config,
)
from napari_zecoverage.zemosaic.gating import Gating
from napari_zecoverage.zemosaic.running import find_running_zemosaic

_NO_CONFIG: Final = f"Choose ZeMosaic's {CONFIG_NAME} to see what an export would change."
_WAIT_MS: Final = 250
_QUIET_MS: Final = 300
"""After so long without another change on disk the config is looked at.

ZeMosaic empties its config before it writes it: at once, there is half a file to be seen.
"""
_SHOWN: Final = 5
_READERS: Final = {entry.key: entry.reader for entry in CONFIG_KEYS}
# For the end of a line; `READ_BY` has the long form.
_READ_FROM: Final = {
    "A": "read from its window",
    "T": "read from the file, for every tile",
    "R": "read from the file, when a run starts",
    "lecropper": "read by lecropper alone",
}
_Source = Literal["refused", "disk", "backups"]
"""What a warning is about: an export that was refused, the file as it is now, its backups."""


class ExportPanel(QGroupBox):
    """Chooses a config, loads its thresholds, shows old → new, exports.

    Signals
    -------
    loaded(MaskParameters)
        The thresholds of the config, when the user asks for them.
    config_read(ConfigFile or None)
        Another config was read, or none is chosen any more.
    """

    loaded = Signal(object)
    config_read = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Export", parent)
        self._parameters = MaskParameters()
        self._config: ConfigFile | None = None
        self._asked_for = ""
        self._stamp: tuple[int, int] | None = None
        self._written: ConfigChange | None = None
        # Each goes when its own source has no more to say.
        self._warnings: dict[_Source, str] = {"refused": "", "disk": "", "backups": ""}

        self._path = QLineEdit()
        self._path.setObjectName("config_path")
        self._path.setPlaceholderText(CONFIG_NAME)
        self._path.setAccessibleName("ZeMosaic's config")
        self._path.setToolTip(f"ZeMosaic's {CONFIG_NAME}, or the folder that holds it.")
        self._path.editingFinished.connect(self._on_path)
        browse = push_button(
            "browse_config",
            "Browse…",
            "Choose the config in a window; its name can also be typed or dropped.",
            self._on_browse,
            accessible_name="Browse for ZeMosaic's config",
        )
        self._load = push_button(
            "load_config",
            "Load its thresholds",
            "Set the sliders to what the config says.",
            self._on_load,
            accessible_name="Load the config's thresholds",
        )
        self._export = push_button(
            "export_config",
            "Export",
            "Write the thresholds into the config; the file before is kept.",
            self._on_export,
            accessible_name="Export the thresholds to the config",
        )
        self._changes = LowText("config_changes", _NO_CONFIG, most_lines=6)
        self._changes.setAccessibleName("What an export changes")
        self._changes.setToolTip(
            "".join(f"<p>{_READ_FROM[each]}: {words}.</p>" for each, words in READ_BY.items())
        )
        # Of its own, so that what a next export changes is not pushed out of sight by it.
        self._done = LowText("config_done")
        self._done.setAccessibleName("What was written last")
        self._done.hide()
        advice = wrapped_label("close_zemosaic_first", CLOSE_ZEMOSAIC_FIRST)
        self._warning = wrapped_label("config_warning", "")
        self._warning.setStyleSheet(LOUD)
        # It names values and paths, which may look like HTML.
        self._warning.setTextFormat(Qt.TextFormat.PlainText)
        self._warning.hide()
        self._gating = wrapped_label("gating", "")
        self._gating.hide()
        self._kept = KeptResultsBox()
        self._diagnosis = DiagnosisBox()
        self.files = FilesBox()

        self._backups: tuple[Backup, ...] = ()
        self._backup = QComboBox()
        self._backup.setObjectName("backups")
        self._backup.setAccessibleName("Backups of the config")
        self._backup.setToolTip("The config as it was before each export, the latest first.")
        self._restore = push_button(
            "restore_backup",
            "Restore…",
            "Puts the config back as it was before an export. The present file becomes a backup.",
            self._on_restore,
            accessible_name="Restore the chosen backup",
        )
        self._watcher = QFileSystemWatcher(self)
        self._watcher.fileChanged.connect(self._on_file_changed)
        self._watcher.directoryChanged.connect(self._on_folder_changed)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_QUIET_MS)
        self._quiet.timeout.connect(self._look)

        # The file is looked at when the sliders come to rest, not at every tick.
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_WAIT_MS)
        self._rest.timeout.connect(self._show_changes)

        grid = QGridLayout()
        grid.addWidget(self._path, 0, 0)
        grid.addWidget(browse, 0, 1)
        grid.addWidget(self._load, 1, 0)
        grid.addWidget(self._export, 1, 1)
        grid.setColumnStretch(0, 1)
        layout = QVBoxLayout(self)
        layout.addLayout(grid)
        backups = QHBoxLayout()
        backups.addWidget(self._backup, 1)
        backups.addWidget(self._restore)
        layout.addWidget(self._gating)
        layout.addWidget(self._changes)
        layout.addWidget(self._done)
        layout.addWidget(self._warning)
        layout.addLayout(backups)
        layout.addWidget(self._kept)
        layout.addWidget(advice)
        layout.addWidget(self._diagnosis)
        layout.addWidget(self.files)
        self._enable()

    def set_parameters(self, parameters: MaskParameters) -> None:
        """Take the thresholds that an export would write."""
        self._parameters = parameters
        self.files.set_parameters(parameters)
        self._tell_done("")
        if self._config is not None:
            self._rest.start()

    def set_gating(self, name: str, gating: Gating) -> None:
        """Say what ZeMosaic would do with the cluster that is shown."""
        answers = {
            "yes": "ZeMosaic masks this cluster's tile",
            "no": "ZeMosaic does not mask this cluster's tile, so no threshold acts on it",
            "depends": "Whether ZeMosaic masks this cluster's tile depends on "
            + "; and on ".join(gating.depends_on),
        }
        self._gating.setText(f"{name}: {answers[gating.answer]}.")
        self._gating.setToolTip(f"<p>{gating.reason}</p>")
        self._gating.setStyleSheet("" if gating.possible else LOUD)
        self._gating.show()

    def set_run_folder(self, folder: Path | None) -> None:
        """Look for kept results in the run of the cluster that is shown; None: it is of no run."""
        self._kept.set_run_folder(folder)

    def set_config(self, path: str) -> None:
        """Choose a config: the file, or the folder that holds it."""
        self._path.setText(path)
        self._on_path()

    def stop(self) -> None:
        """Stop what is looked at, checked and written: the dock is taken out of its window."""
        self._quiet.stop()
        self.files.stop()
        self._diagnosis.stop()

    def _enable(self) -> None:
        for button in (self._load, self._export):
            button.setEnabled(self._config is not None)
        for widget in (self._backup, self._restore):
            widget.setVisible(bool(self._backups))

    def _on_browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, f"ZeMosaic's {CONFIG_NAME}", self._path.text(), "ZeMosaic's config (*.json)"
        )
        if path:
            self.set_config(path)

    def _on_path(self) -> None:
        """Read the config that the path field names; once, however often the field is left."""
        path = self._path.text().strip()
        known = self._config is not None or _stamp(path) == self._stamp
        if path == self._asked_for and known:
            return
        self._tell_done("")
        self._written = None
        self._warn("refused", "")
        self._read(path)

    def _read(self, path: str) -> bool:
        self._config = None
        self._asked_for = path
        self._stamp = _stamp(path)
        try:
            self._config = read_config(path) if path else None
        except ZecoverageError as error:
            self._changes.show_text(str(error))
            show_error(str(error))
        else:
            if self._config is not None:
                # Of a folder, the file in it.
                self._asked_for = str(self._config.path)
                self._path.setText(self._asked_for)
            self._show_changes()
        self._list_backups()
        self._compare()
        self._diagnosis.set_folder(None if self._config is None else self._config.path.parent)
        self._enable()
        self.config_read.emit(self._config)
        return self._config is not None

    def _show_changes(self) -> None:
        text = self._next_changes()
        # What is said already is left where it was scrolled to.
        if text != self._changes.text():
            self._changes.show_text(text)

    def _next_changes(self) -> str:
        """Return what an export would change now, in words."""
        if self._config is None:
            return _NO_CONFIG
        try:
            change = write_config(self._config.path, self._parameters, dry_run=True)
        except ZecoverageError as error:
            return str(error)
        lines = _with_readers(change) or ["The config has these thresholds already."]
        return "\n".join(lines)

    def _on_load(self) -> None:
        self._warn("refused", "")
        # Read again: the sliders are to show what the file says now.
        if self._read(self._path.text().strip()) and self._config is not None:
            parameters = self._config.parameters
            if parameters.notes:
                show_warning("\n".join(parameters.notes))
            self.loaded.emit(parameters)

    def _on_export(self) -> None:
        if self._config is None or not self._is_meant():
            return
        self._rest.stop()
        self._warn("refused", "")
        try:
            change = write_config(self._config.path, self._parameters, expected=self._config)
        except ConfigChangedError as error:
            self._tell_refused(self._config, error)
        except ZecoverageError as error:
            show_error(str(error))
        else:
            self._tell_written("Written", change)

    def _on_restore(self) -> None:
        index = self._backup.currentIndex()
        if self._config is None or not 0 <= index < len(self._backups):
            return
        backup, path = self._backups[index], self._config.path
        try:
            planned = restore_backup(path, backup, expected=self._config, dry_run=True)
            lines = planned.lines() or ["It says what the config says now."]
            question = f"Put {backup.path.name} back?\n\n" + "\n".join(lines)
            if self._asks("Restore a backup", question):
                change = restore_backup(path, backup, expected=self._config)
                self._warn("refused", "")
                self._tell_written("Restored", change)
        except ConfigChangedError as error:
            self._tell_refused(self._config, error)
        except ZecoverageError as error:
            show_error(str(error))

    def _tell_written(self, done: str, change: ConfigChange) -> None:
        if change.changes or change.takes_mark_out:
            self._written = change
            what = change.lines() or ["the file without its byte order mark"]
            text = f"{done}: {'; '.join(what)}."
            if change.backup is not None:
                text += f"\nThe file before is kept as {change.backup}"
            self._tell_done(text)
            show_info(text)
        elif self._reverted(self._config):
            # The export before did not stay, and what stands there now was meant this time.
            self._written = None
        self._read(str(change.path))

    def _tell_refused(self, config: ConfigFile, error: ConfigChangedError) -> None:
        """Say why nothing was written, and read the file again for the next press."""
        show_error(str(error))
        try:
            others = _named(changed_since(config))
        except ZecoverageError as trouble:
            self._warn("refused", str(trouble))
        else:
            if others:
                self._warn(
                    "refused",
                    f"{config.path.name} had changed on disk, so nothing was written: {others}. "
                    "It was read again: look at what would change now, then press once more.",
                )
        self._read(str(config.path))

    def _tell_done(self, text: str) -> None:
        # Every tick of a slider comes by here.
        if text != self._done.text():
            self._done.show_text(text)
            self._done.setVisible(bool(text))

    def _is_meant(self) -> bool:
        """Ask whether to export although a ZeMosaic runs that would undo it."""
        running = find_running_zemosaic()
        if not running:
            return True
        found = "\n".join(map(str, running))
        return self._asks(
            "ZeMosaic is running", f"{CLOSE_ZEMOSAIC_FIRST}\n\n{found}\n\nExport all the same?"
        )

    def _asks(self, title: str, question: str) -> bool:
        answer = QMessageBox.question(self, title, question)
        return bool(answer == QMessageBox.StandardButton.Yes)

    # --- what others do to the file ----------------------------------------------------

    def _watch(self) -> None:
        watched = [*self._watcher.files(), *self._watcher.directories()]
        if watched:
            self._watcher.removePaths(watched)
        if self._config is not None:
            path = self._config.path
            # The folder too, of a link that of its file as well: it tells when a file comes back.
            folders = {str(each.parent) for each in (path, followed(path))}
            self._watcher.addPaths([str(path), *folders])

    def _on_file_changed(self) -> None:
        # A file that was swapped for another is not watched any more.
        self._watch()
        self._quiet.start()

    def _on_folder_changed(self) -> None:
        # Not put off further: somebody may be filling the folder.
        if not self._quiet.isActive():
            self._on_file_changed()

    def _look(self) -> None:
        self._compare()
        if self._config is not None:
            self._show_changes()

    def _compare(self) -> None:
        """Say what somebody else changed in the file since it was read, as long as it is so."""
        self._quiet.stop()
        # Before the file is read: what changes from here on is looked at again.
        self._watch()
        words = "" if self._config is None else self._changes_by_others(self._config)
        self._warn("disk", words)

    def _changes_by_others(self, config: ConfigFile) -> str:
        name = config.path.name
        try:
            others = _named(changed_since(config))
            reverted = self._reverted(read_config(config.path))
        except ZecoverageError as error:
            return str(error)
        if reverted:
            lines = "; ".join(each.line() for each in reverted)
            return (
                f"An open ZeMosaic may have written its settings back to {name}: {lines}. "
                "Close it, then export again."
            )
        if others:
            return (
                f"{name} changed on disk since it was read: {others}. To take its thresholds, "
                "press “Load its thresholds”. To write yours, press “Export” twice: the first "
                "press only reads it again."
            )
        return ""

    def _reverted(self, now: ConfigFile | None) -> tuple[Reverted, ...]:
        """Return what was written last and does not stand there any more."""
        if self._written is None or now is None:
            return ()
        return reverted_after_export(self._written, now)

    def _warn(self, source: _Source, text: str) -> None:
        self._warnings[source] = text
        told = "\n".join(filter(None, self._warnings.values()))
        self._warning.setText(told)
        self._warning.setVisible(bool(told))

    def _list_backups(self) -> None:
        try:
            self._backups = () if self._config is None else list_backups(self._config.path)
            self._warn("backups", "")
        except ZecoverageError as error:
            self._backups = ()
            self._warn("backups", str(error))
        self._backup.clear()
        self._backup.addItems(
            [f"{each.taken.astimezone():%Y-%m-%d %H:%M:%S}" for each in self._backups]
        )


def _with_readers(change: ConfigChange) -> list[str]:
    """Return old → new, and where ZeMosaic reads each key."""
    return [
        f"{line} ({_READ_FROM[_READERS[each.key]]})"
        for line, each in zip(change.lines(), change.changes, strict=True)
    ]


def _named(changes: tuple[KeyChange, ...]) -> str:
    """Return the first few changes in words, and how many there are more."""
    lines = "; ".join(
        f"{key}: {spelled(old)} → {spelled(new)}" for key, old, new in changes[:_SHOWN]
    )
    return f"{lines} and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else lines


def _stamp(path: str) -> tuple[int, int] | None:
    """Return what changes when the file does; None without one."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size
