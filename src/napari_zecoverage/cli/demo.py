"""``zecoverage demo``: the window on a made-up cluster, and a made-up config to export to."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from napari_zecoverage.cli.console import say, say_aside, show_table
from napari_zecoverage.cli.endings import reports_errors
from napari_zecoverage.cli.studying import show_study, studied
from napari_zecoverage.cli.window import (
    SETTLE_SECONDS,
    check_window,
    let_work,
    open_window,
    run_window,
    wait_until,
)
from napari_zecoverage.core.errors import StudyError, reason_of
from napari_zecoverage.core.parameters import CONFIG_PREFIX, MaskParameters, StudyOptions
from napari_zecoverage.core.paths import absolute

if TYPE_CHECKING:
    from napari_zecoverage.core.studied import ClusterStudy


SCREENSHOT_NAME: Final = "screenshot.png"

DEMO_FRAC: Final = 0.7
"""The `min_coverage_frac` that the demo tunes to.

ZeMosaic's 0.5 keeps what one of the sample's two nights covers alone, in that night's colour.
"""

_DEMO_CONFIG: Final = {
    "output_dir": "",
    "stacking_rejection_algorithm": "winsorized_sigma_clip",
    **MaskParameters().to_config(),
    "quality_crop_enabled": False,
}
"""A few keys of ZeMosaic's config around the ones that matter here."""


@reports_errors
def demo(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder for what the demo writes; by default a new temporary one.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what an earlier demo left in the folder.")
    ] = False,
    screenshot_and_quit: Annotated[
        bool,
        typer.Option(
            "--screenshot-and-quit",
            help="Tune a threshold, export it, save a picture of the window, and quit.",
        ),
    ] = False,
) -> None:
    """Study the built-in sample and open the window on it.

    The sample is a made-up cluster of raw frames with a known colour step. The
    demo also writes a made-up ZeMosaic config, so that there is something to
    export to.
    """
    from napari_zecoverage.core.outcome import apply_mask
    from napari_zecoverage.sample import sample_folder
    from napari_zecoverage.zemosaic.run_folder import find_clusters

    check_window()
    folder = _demo_folder(out, force=force)
    say_aside("making up the sample's frames…")
    cluster = replace(find_clusters(sample_folder())[0], name="sample")
    study = studied(cluster, StudyOptions())
    config = _write_demo_config(folder)
    viewer, dock = open_window()
    dock.open_clusters([cluster])
    dock.show_study(study)
    _fill_in_config(dock, config)
    show_study(study, apply_mask(study, dock.parameters))
    if screenshot_and_quit:
        _tune_and_export(dock, study, config)
        picture = folder / SCREENSHOT_NAME
        _save_screenshot(viewer, picture)
        viewer.close()
        show_table("saved", [("screenshot", str(picture)), ("config", str(config))])
    else:
        say(f"A made-up ZeMosaic config to export to: {config}\nClose the window to end the demo.")
        run_window()


def _demo_folder(out: Path | None, *, force: bool) -> Path:
    from napari_zecoverage.core.errors import OutputError
    from napari_zecoverage.zemosaic.config import CONFIG_NAME

    if out is None:
        return Path(tempfile.mkdtemp(prefix="zecoverage-demo-"))
    folder = absolute(out)
    present = [each for each in (CONFIG_NAME, SCREENSHOT_NAME) if os.path.lexists(folder / each)]
    if present and not force:
        raise OutputError(
            folder,
            f"holds {' and '.join(present)} already. Name another folder, or say that they are "
            "to be replaced (--force).",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(folder, f"cannot be made ({reason_of(error)}); name another.") from error
    return folder


def _write_demo_config(folder: Path) -> Path:
    """Write a config as ZeMosaic spells it, for the demo to export to."""
    from napari_zecoverage.core.errors import OutputError
    from napari_zecoverage.zemosaic.config import CONFIG_NAME

    path = folder / CONFIG_NAME
    try:
        path.write_text(json.dumps(_DEMO_CONFIG, indent=4, ensure_ascii=False), encoding="utf-8")
    except OSError as error:
        raise OutputError(path, f"cannot be written ({reason_of(error)}).") from error
    return path


def _fill_in_config(dock: Any, config: Path) -> None:
    """Name the config in the dock's field, as a user would."""
    from qtpy.QtWidgets import QLineEdit

    field = dock.findChild(QLineEdit, "config_path")
    field.setText(str(config))
    field.editingFinished.emit()


def _tune_and_export(dock: Any, study: ClusterStudy, config: Path) -> None:
    """Do what a user would do: move a threshold, look, press Export."""
    from qtpy.QtWidgets import QLabel, QPushButton

    from napari_zecoverage.core.outcome import apply_mask
    from napari_zecoverage.verdict import verdict_of
    from napari_zecoverage.zemosaic.config import read_config
    from napari_zecoverage.zemosaic.config_writing import write_config

    parameters = replace(dock.parameters, min_coverage_frac=DEMO_FRAC)
    dock.set_parameters(parameters)
    outcome = apply_mask(study, parameters)
    expected = verdict_of(study, outcome).html()
    verdict = dock.findChild(QLabel, "verdict")
    wait_until(lambda: verdict.text() == expected, "the window to show the tuned threshold")
    change = write_config(config, parameters, dry_run=True)
    dock.findChild(QPushButton, "export_config").click()
    if read_config(config).parameters != parameters:
        raise StudyError(f"{config}: the export did not reach the config")
    rows = [("tuned", f"{CONFIG_PREFIX}min_coverage_frac = {DEMO_FRAC:g}")]
    rows += [("ZeMosaic", line) for line in verdict_of(study, outcome).lines]
    rows += [("export", line) for line in change.lines()]
    show_table("after tuning", rows)


def _save_screenshot(viewer: Any, path: Path) -> None:
    """Save a picture of the whole window once its layers are drawn."""
    import cv2

    from napari_zecoverage.core.errors import OutputError

    # The panels grow to their text, then the canvas is drawn again.
    let_work(SETTLE_SECONDS)
    viewer.reset_view()
    let_work(SETTLE_SECONDS)
    picture = viewer.screenshot(canvas_only=False, flash=False)
    done, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA))
    try:
        path.write_bytes(encoded.tobytes() if done else b"")
    except OSError as error:
        raise OutputError(path, f"cannot be written ({reason_of(error)}).") from error
