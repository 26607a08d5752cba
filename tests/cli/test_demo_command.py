"""``zecoverage demo``."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from shell import names_in, run_apart

import napari_zecoverage as zc
from napari_zecoverage.cli.demo import DEMO_FRAC, SCREENSHOT_NAME
from napari_zecoverage.cli.endings import DONE, FAILED
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
    for name in (SCREENSHOT_NAME, CONFIG_NAME):
        assert str(out / name) in told
    assert zc.read_config(out).parameters == zc.MaskParameters(min_coverage_frac=DEMO_FRAC)
    backups = [name for name in names_in(out) if name.endswith(".bak")]
    assert len(backups) == 1
    picture = cv2.imread(str(out / SCREENSHOT_NAME))
    blue, _, red = np.moveaxis(picture.astype(int), 2, 0)
    # Right of napari's own panels, only what is removed on the canvas is orange.
    assert np.count_nonzero((red - blue > 100)[:, 333:]) > 100

    again = run_apart(*arguments, NAPARI_CONFIG=own_settings)
    assert again.returncode == FAILED
    assert b"--force" in again.stderr
