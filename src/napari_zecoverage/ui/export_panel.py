"""ZeMosaic's config: its thresholds in, ours out."""

from __future__ import annotations

from typing import Final

from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QGroupBox,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_zecoverage.core.errors import ConfigChangedError, ZecoverageError
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.ui.controls import LowText, wrapped_label
from napari_zecoverage.zemosaic.config import (
    CLOSE_ZEMOSAIC_FIRST,
    CONFIG_NAME,
    ConfigFile,
    read_config,
    write_config,
)

_NO_CONFIG: Final = f"Choose ZeMosaic's {CONFIG_NAME} to see what an export would change."
_WAIT_MS: Final = 250


class ExportPanel(QGroupBox):
    """Chooses a config, loads its thresholds, shows old → new, exports.

    Signals
    -------
    loaded(MaskParameters)
        The thresholds of the config, when the user asks for them.
    """

    loaded = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Export", parent)
        self._parameters = MaskParameters()
        self._config: ConfigFile | None = None
        self._asked_for = ""
        self._done = ""

        self._path = QLineEdit()
        self._path.setObjectName("config_path")
        self._path.setPlaceholderText(CONFIG_NAME)
        self._path.setAccessibleName("ZeMosaic's config")
        self._path.setToolTip(f"ZeMosaic's {CONFIG_NAME}, or the folder that holds it.")
        self._path.editingFinished.connect(self._on_path)
        browse = QPushButton("Browse…")
        browse.setObjectName("browse_config")
        browse.clicked.connect(self._on_browse)
        self._load = QPushButton("Load its thresholds")
        self._load.setObjectName("load_config")
        self._load.setToolTip("Set the sliders to what the config says.")
        self._load.clicked.connect(self._on_load)
        self._export = QPushButton("Export")
        self._export.setObjectName("export_config")
        self._export.setToolTip("Write the thresholds into the config; the file before is kept.")
        self._export.clicked.connect(self._on_export)
        self._changes = LowText("config_changes", _NO_CONFIG, most_lines=6)
        self._changes.setAccessibleName("What an export changes")
        advice = wrapped_label("close_zemosaic_first", CLOSE_ZEMOSAIC_FIRST)

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
        layout.addWidget(self._changes)
        layout.addWidget(advice)
        self._enable()

    def set_parameters(self, parameters: MaskParameters) -> None:
        """Take the thresholds that an export would write."""
        self._parameters = parameters
        self._done = ""
        if self._config is not None:
            self._rest.start()

    def set_config(self, path: str) -> None:
        """Choose a config: the file, or the folder that holds it."""
        self._path.setText(path)
        self._on_path()

    def _enable(self) -> None:
        for button in (self._load, self._export):
            button.setEnabled(self._config is not None)

    def _on_browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, f"ZeMosaic's {CONFIG_NAME}", self._path.text(), "ZeMosaic's config (*.json)"
        )
        if path:
            self.set_config(path)

    def _on_path(self) -> None:
        """Read the config that the path field names; once, however often the field is left."""
        path = self._path.text().strip()
        if path == self._asked_for:
            return
        self._done = ""
        self._read(path)

    def _read(self, path: str) -> bool:
        self._config = None
        self._asked_for = path
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
        self._enable()
        return self._config is not None

    def _show_changes(self) -> None:
        if self._config is None:
            self._changes.show_text(_NO_CONFIG)
            return
        try:
            change = write_config(self._config.path, self._parameters, dry_run=True)
        except ZecoverageError as error:
            self._changes.show_text(str(error))
            return
        lines = change.lines() or ["The config has these thresholds already."]
        self._changes.show_text("\n".join(filter(None, [self._done, *lines])))

    def _on_load(self) -> None:
        # Read again: the sliders are to show what the file says now.
        if self._read(self._path.text().strip()) and self._config is not None:
            parameters = self._config.parameters
            if parameters.notes:
                show_warning("\n".join(parameters.notes))
            self.loaded.emit(parameters)

    def _on_export(self) -> None:
        if self._config is None:
            return
        self._rest.stop()
        try:
            change = write_config(self._config.path, self._parameters, expected=self._config)
        except ConfigChangedError as error:
            show_error(str(error))
            self._read(str(self._config.path))
            return
        except ZecoverageError as error:
            show_error(str(error))
            return
        if change.changes:
            self._done = f"Written: {'; '.join(change.lines())}."
            if change.backup is not None:
                self._done += f"\nThe file before is kept as {change.backup}"
            show_info(self._done)
        self._read(str(self._config.path))
