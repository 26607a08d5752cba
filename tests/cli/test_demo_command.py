"""``zecoverage demo``."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest
from shell import names_in, run_apart

import napari_zecoverage as zc
from napari_zecoverage.cli.demo import DEMO_FRAC, SCREENSHOT_NAME, _demo_folder, _write_demo_config
from napari_zecoverage.cli.endings import DONE, FAILED
from napari_zecoverage.core.errors import OutputError
from napari_zecoverage.zemosaic.config import CONFIG_NAME


@pytest.mark.window
def test_demo_studies_tunes_exports_and_takes_a_picture(tmp_path, own_settings) -> None:
    out = tmp_path / "demo"
    arguments = ["demo", "--screenshot-and-quit", "--out", out]
    done = run_apart(*arguments, NAPARI_CONFIG=own_settings, PYTHONIOENCODING="utf-8")
    assert done.returncode == DONE, done.stderr.decode()
    told = done.stdout.decode()
    assert "16 frames: 16 aligned, 0 rescued, 0 left out; coverage 0–16" in told
    assert f"altaz_min_coverage_frac: 0.5 → {DEMO_FRAC}" in told
    # Measured, not guessed: the window was waited for.
    as_shipped, tuned = re.findall("Fringe left: (.*)", told)
    assert re.match(r"a step of \S+ ± \S+ ADU .* at 8 frames\.", as_shipped)
    assert tuned == "no colour step that can be told from noise."
    assert re.search("^advice +From 9 frames of 16 on, no colour step", told, re.MULTILINE)
    for name in (SCREENSHOT_NAME, CONFIG_NAME):
        assert str(out / name) in told
    assert zc.read_config(out).parameters == zc.MaskParameters(min_coverage_frac=DEMO_FRAC)
    backups = [name for name in names_in(out) if name.endswith(".bak")]
    assert len(backups) == 1
    picture = cv2.imread(str(out / SCREENSHOT_NAME))
    blue, _, red = np.moveaxis(picture.astype(int), 2, 0)
    # Right of napari's own panels, only what is removed on the canvas is orange.
    assert np.count_nonzero((red - blue > 100)[:, 333:]) > 100

    # The folder of a demo may be used again, when that is asked for.
    assert _demo_folder(out, force=True) == out
    again = run_apart(*arguments, NAPARI_CONFIG=own_settings)
    assert again.returncode == FAILED
    assert b"--force" in again.stderr


REAL = '{"altaz_min_coverage_frac": 0.8, "last_folder": "/somewhere"}'


@pytest.mark.parametrize(
    "files",
    [
        {CONFIG_NAME: REAL},
        {CONFIG_NAME: "{"},
        {SCREENSHOT_NAME: "a picture of my own"},
        {CONFIG_NAME: REAL, SCREENSHOT_NAME: "a picture of my own"},
    ],
)
def test_force_replaces_nothing_that_is_no_demos(tmp_path, files) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(OutputError, match=r"nothing there is replaced\. Name another folder"):
        _demo_folder(tmp_path, force=True)
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == files


def test_force_follows_no_link_to_a_config(tmp_path) -> None:
    _write_demo_config(tmp_path)
    out = tmp_path / "demo"
    out.mkdir()
    (out / CONFIG_NAME).symlink_to(tmp_path / CONFIG_NAME)
    with pytest.raises(OutputError, match="nothing there is replaced"):
        _demo_folder(out, force=True)
