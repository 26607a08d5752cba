"""Pictures of the running window, on the built-in sample and nothing else.

Each shot is a function that does what a user would do, by the names that the
window's controls have, and hands over what is seen. `SHOTS` names them in the
order in which they are taken: each goes on where the one before left off.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from qtpy.QtGui import QImage, QShortcut
from qtpy.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QTabWidget,
    QToolButton,
    QWidget,
)

import napari_zecoverage as zc
from napari_zecoverage.cli.window import let_work, open_window, wait_until
from napari_zecoverage.ui.run_panel import RunPanel
from napari_zecoverage.verdict import verdict_of

from .clusters import RUN, write_many

MOST_BYTES: Final = 200_000
_QUALITIES: Final = (90, 85, 80, 75)
SIZE_PX: Final = (1280, 800)
_SETTLE_SECONDS: Final = 0.6
_IN_THE_FRINGE: Final = (250.0, 640.0)
TUNED: Final = 0.7
"""The `min_coverage_frac` that the tutorial tunes to."""

Picture = NDArray[np.uint8]


class Window:
    """napari with the dock, and the hands of a user.

    Parameters
    ----------
    home : Path
        Where the made-up ZeMosaic and its run lie.
    theme : {"dark", "light"}
    """

    def __init__(self, home: Path, theme: str = "dark") -> None:
        self.home = home
        self.viewer, self.dock = open_window()
        self.viewer.theme = theme
        self.viewer.window.resize(*SIZE_PX)
        let_work(_SETTLE_SECONDS)

    # --- what a user does --------------------------------------------------------------

    def find(self, kind: type[Any], name: str) -> Any:
        """Return a control by its name."""
        found = self.dock.findChild(kind, name)
        if found is None:
            raise LookupError(f"the dock has no {kind.__name__} called {name!r}")
        return found

    def click(self, name: str) -> None:
        """Press a button when it can be pressed."""
        button = self.find(QPushButton, name)
        wait_until(button.isEnabled, f"the button {name}")
        button.click()

    def press(self, name: str) -> None:
        """Do what a key of the window does."""
        self.find(QShortcut, f"key_{name}").activated.emit()

    def open_sample(self) -> None:
        """Open the sample, and wait until it is in the table."""
        self.click("open_sample")
        wait_until(self.find(QPushButton, "run").isEnabled, "the sample")

    def run(self) -> None:
        """Study the cluster that is selected."""
        before = self.dock.study
        self.click("run")
        wait_until(lambda: self.dock.study is not before, "the study")
        self.wait_for_advice()

    def study_all(self) -> None:
        """Study every cluster of the run's table."""
        panel = self.find(RunPanel, "")
        self.click("study_all")
        for done in range(1, len(RUN) + 1):
            # One after the other: each may take its time.
            wait_until(lambda done=done: len(panel.studied) >= done, f"cluster {done} of the run")
        wait_until(lambda: panel.advice is not None, "the advice for the run")
        let_work(_SETTLE_SECONDS)

    def set(self, **thresholds: float) -> None:
        """Set thresholds, and wait until the window shows what follows from them."""
        self.dock.set_parameters(replace(self.dock.parameters, **thresholds))
        self.wait_for_verdict()

    def wait_for_verdict(self) -> None:
        """Wait until the verdict is that of the thresholds as they stand."""
        study = self.dock.study
        headline = verdict_of(study, zc.apply_mask(study, self.dock.parameters)).lines[1]
        label = self.find(QLabel, "verdict")
        wait_until(lambda: headline.replace("&", "&amp;") in label.text(), "the verdict")
        let_work(_SETTLE_SECONDS)

    def wait_for_advice(self) -> None:
        """Wait until the fringe is measured, every mask is judged, and the verdict knows it."""
        advice, verdict = self.find(QLabel, "advice"), self.find(QLabel, "verdict")
        wait_until(lambda: "min_coverage_abs" in advice.text(), "the advice")
        wait_until(lambda: "Fringe left: not known" not in verdict.text(), "the fringe left")
        let_work(_SETTLE_SECONDS)

    def choose_tab(self, title: str) -> QWidget:
        """Bring a tab of Inspect to the front; return its page."""
        tabs = self.find(QTabWidget, "inspect_tabs")
        titles = [tabs.tabText(index) for index in range(tabs.count())]
        tabs.setCurrentIndex(titles.index(title))
        return tabs

    def choose_config(self, path: Path) -> None:
        """Name ZeMosaic's config, as a user would."""
        field = self.find(QLineEdit, "config_path")
        field.setText(str(path))
        field.editingFinished.emit()

    # --- what is seen ------------------------------------------------------------------

    def section(self, title: str) -> QWidget:
        """Return a section of the dock, in view."""
        name = f"section_{title.lower().replace(' ', '_')}"
        section = self.find(QToolButton, name).parentWidget()
        let_work(_SETTLE_SECONDS)
        # To the top, as after a key: so most of what is below its heading is seen.
        self.dock.verticalScrollBar().setValue(section.y())
        return section

    def whole(self) -> Picture:
        """Return the whole window."""
        self._tidy()
        self.viewer.reset_view()
        let_work(_SETTLE_SECONDS)
        seen: Picture = self.viewer.screenshot(canvas_only=False, flash=False)[..., :3]
        return seen

    def canvas(self) -> Picture:
        """Return the picture without the window round it."""
        self.viewer.reset_view()
        let_work(_SETTLE_SECONDS)
        seen: Picture = self.viewer.screenshot(canvas_only=True, flash=False)[..., :3]
        return seen

    def part(self, widget: QWidget) -> Picture:
        """Return one widget."""
        let_work(_SETTLE_SECONDS)
        image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGBA8888)
        bits = image.constBits()
        bits.setsize(image.sizeInBytes())
        rows = np.frombuffer(bits, dtype=np.uint8).reshape(image.height(), -1)
        return (
            rows[:, : 4 * image.width()].reshape(image.height(), image.width(), 4)[..., :3].copy()
        )

    def _tidy(self) -> None:
        """Close what napari says in its corner, and point into the fringe."""
        for each in QApplication.topLevelWidgets() + self.dock.window().findChildren(QWidget):
            if type(each).__name__ == "NapariQtNotification":
                each.close()
        self.viewer.cursor.position = _IN_THE_FRINGE

    def close(self) -> None:
        """Close napari."""
        self.viewer.close()
        let_work(_SETTLE_SECONDS)


# --- made-up files -------------------------------------------------------------------------


def write_config(home: Path) -> Path:
    """Write a config as ZeMosaic spells it."""
    folder = home / "zemosaic"
    folder.mkdir(exist_ok=True)
    path = folder / "zemosaic_config.json"
    entries = {
        "output_dir": str(home / "mosaic"),
        "stacking_rejection_algorithm": "winsorized_sigma_clip",
        **zc.MaskParameters().to_config(),
        "quality_crop_enabled": False,
    }
    path.write_text(json.dumps(entries, indent=4), encoding="utf-8")
    return path


def write_run(home: Path, study: zc.ClusterStudy) -> Path:
    """Write what a ZeMosaic run leaves behind: its plan, a kept tile, a checkpoint."""
    folder = home / "mosaic"
    tiles = folder / "zemosaic_temp_master_tiles"
    state = folder / ".zemosaic_state"
    for each in (tiles, state):
        each.mkdir(parents=True, exist_ok=True)
    tile = tiles / "master_tile_000.fits"
    # Ours are not written into a run's own folder, so it is moved there.
    ours = home / tile.name
    zc.write_master_tile(ours, study, zc.apply_mask(study, zc.MaskParameters()))
    ours.rename(tile)
    raws = sorted(str(frame.path) for frame in study.cluster.frames)
    common = {
        "schema_version": 1,
        "pipeline": "classic_legacy",
        "created_utc": "2025-03-30T08:00:00Z",
        "run_signature": "0" * 64,
    }
    plan = {
        **common,
        "groups": [{"group_index": 0, "raw_paths": raws, "group_signature": "1" * 64}],
    }
    made = {**common, "tiles": [{"tile_id": 0, "path": str(tile), "group_signature": "1" * 64}]}
    (state / "stack_plan_manifest.json").write_text(json.dumps(plan), encoding="utf-8")
    (state / "master_tiles_manifest.json").write_text(json.dumps(made), encoding="utf-8")
    (state / "phase5_checkpoint.json").write_text("{}", encoding="utf-8")
    snapshot = {**zc.MaskParameters().to_config(), "resume": "auto"}
    (folder / "run_config_snapshot.json").write_text(json.dumps(snapshot), encoding="utf-8")
    return folder


# --- the shots -----------------------------------------------------------------------------


def cluster_opened(window: Window) -> Picture:
    """Return the section Cluster with the sample in it, not yet studied."""
    window.open_sample()
    return window.part(window.section("Cluster"))


def studied(window: Window) -> Picture:
    """Return the window after Run, with ZeMosaic's defaults."""
    window.run()
    return window.whole()


def fringe_seen(window: Window) -> Picture:
    """Return the tile after H, without what is removed."""
    window.press("before_after")
    seen = window.canvas()
    window.press("before_after")
    return seen


def thresholds_default(window: Window) -> Picture:
    """Return the section Thresholds with ZeMosaic's defaults."""
    return window.part(window.section("Thresholds"))


def advice(window: Window) -> Picture:
    """Return the section Advice for the sample."""
    return window.part(window.section("Advice"))


def advice_taken(window: Window) -> Picture:
    """Return the window after the advice was taken."""
    window.click("take_advice")
    window.wait_for_verdict()
    window.section("Thresholds")
    seen = window.whole()
    window.click("undo")
    window.wait_for_verdict()
    return seen


def fringe_layer(window: Window) -> Picture:
    """Return the fringe as a layer, with its colour bar."""
    layers = window.viewer.layers
    layers["fringe"].visible, layers["removed"].visible = True, False
    seen = window.canvas()
    layers["fringe"].visible, layers["removed"].visible = False, True
    return seen


def coverage_seen(window: Window) -> Picture:
    """Return the coverage layer with its colour bar."""
    layers = window.viewer.layers
    layers["coverage"].visible, layers["removed"].visible = True, False
    seen = window.canvas()
    layers["coverage"].visible, layers["removed"].visible = False, True
    return seen


def window_tuned(window: Window) -> Picture:
    """Return the window with a tuned threshold: the README's picture."""
    window.set(min_coverage_frac=TUNED)
    window.section("Thresholds")
    return window.whole()


def thresholds_loud(window: Window) -> Picture:
    """Return the section Thresholds where ZeMosaic takes another mask."""
    window.set(min_coverage_abs=0.0, min_coverage_frac=0.0)
    seen = window.part(window.section("Thresholds"))
    window.set(min_coverage_abs=3.0, min_coverage_frac=TUNED)
    return seen


def inspect_field(window: Window) -> Picture:
    """Return the tab with the field kept."""
    return _tab(window, "Field")


def inspect_both(window: Window) -> Picture:
    """Return the tab with both thresholds: the fringe that is left."""
    what = window.find(QComboBox, "landscape_what")
    what.setCurrentText("fringe left")
    return _tab(window, "Both")


def inspect_fringe(window: Window) -> Picture:
    """Return the tab with the fringe at each count."""
    return _tab(window, "Fringe")


def inspect_coverage(window: Window) -> Picture:
    """Return the tab with the coverage's histogram."""
    return _tab(window, "Coverage")


def inspect_profile(window: Window) -> Picture:
    """Return the tab with the profile."""
    return _tab(window, "Profile")


def inspect_frames(window: Window) -> Picture:
    """Return the window with the outlines of the frames, one of them chosen."""
    window.choose_tab("Frames")
    outlines = window.find(QCheckBox, "show_footprints")
    outlines.setChecked(True)
    frame = window.find(QComboBox, "frame")
    frame.setCurrentIndex(frame.count() - 3)
    window.section("Inspect")
    seen = window.whole()
    outlines.setChecked(False)
    return seen


def _tab(window: Window, title: str) -> Picture:
    tabs = window.choose_tab(title)
    window.dock.ensureWidgetVisible(tabs, 0, 0)
    # Plots are laid out when they are first seen.
    let_work(2 * _SETTLE_SECONDS)
    return window.part(tabs)


def export_changes(window: Window) -> Picture:
    """Return the section Export before the export: old and new values."""
    window.choose_config(write_config(window.home))
    return window.part(window.section("Export"))


def export_done(window: Window) -> Picture:
    """Return the section Export after the export, with the backup to go back to."""
    window.click("export_config")
    return window.part(window.section("Export"))


def export_reverted(window: Window) -> Picture:
    """Return the warning when an open ZeMosaic writes its own values back."""
    # What ZeMosaic does when it is closed: it writes what it read when it was started.
    config = window.home / "zemosaic" / "zemosaic_config.json"
    write_config(window.home)
    warning = window.find(QLabel, "config_warning")
    wait_until(lambda: bool(warning.text()), f"the warning about {config}")
    return window.part(window.section("Export"))


def export_kept_results(window: Window) -> Picture:
    """Return the list of what a run kept that hides a change."""
    folder = write_run(window.home, window.dock.study)
    window.dock.open_clusters(zc.find_clusters(folder))
    window.run()
    box = window.find(QWidget, "kept_results")
    wait_until(lambda: box.isVisibleTo(window.dock), "the kept results")
    let_work(_SETTLE_SECONDS)
    return window.part(box.parentWidget())


def window_light(window: Window) -> Picture:
    """Return the window in the light theme: the fringe over the tile, and its plot."""
    window.viewer.theme = "light"
    layers = window.viewer.layers
    layers["fringe"].visible, layers["removed"].visible = True, False
    window.choose_tab("Fringe")
    window.section("Inspect")
    seen = window.whole()
    layers["fringe"].visible, layers["removed"].visible = False, True
    window.viewer.theme = "dark"
    return seen


def whole_run(window: Window) -> Picture:
    """Return the section Whole run under ZeMosaic's defaults, with the run's advice."""
    window.dock.open_clusters(zc.find_clusters(write_many(window.home / "frames")))
    window.dock.set_parameters(zc.MaskParameters())
    window.study_all()
    return window.part(window.section("Whole run"))


def whole_run_taken(window: Window) -> Picture:
    """Return the same under the thresholds that are advised for the run."""
    window.click("take_run_advice")
    return window.part(window.section("Whole run"))


SHOTS: tuple[Callable[[Window], Picture], ...] = (
    cluster_opened,
    studied,
    fringe_seen,
    thresholds_default,
    advice,
    advice_taken,
    coverage_seen,
    fringe_layer,
    window_tuned,
    window_light,
    thresholds_loud,
    inspect_field,
    inspect_both,
    inspect_fringe,
    inspect_coverage,
    inspect_profile,
    inspect_frames,
    export_changes,
    export_done,
    export_reverted,
    export_kept_results,
    whole_run,
    whole_run_taken,
)


@contextmanager
def opened(home: Path) -> Iterator[Window]:
    """Open a window and close it again."""
    window = Window(home)
    try:
        yield window
    finally:
        window.close()


def save(picture: Picture, path: Path) -> int:
    """Write a shot as JPEG; return its bytes.

    Raises
    ------
    ValueError
        It is larger than a page should load.
    """
    for quality in _QUALITIES:
        Image.fromarray(picture).save(path, quality=quality, optimize=True, subsampling=0)
        size = path.stat().st_size
        if size <= MOST_BYTES:
            return size
    raise ValueError(f"{path.name}: {size} bytes, more than {MOST_BYTES}")
