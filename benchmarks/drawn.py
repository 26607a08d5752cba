"""Frames that are nowhere on disk, for studies that are drawn rather than made of files."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from napari_zecoverage.core.frames import FrameInfo


def drawn_frame(index: int, when: datetime, shape: tuple[int, int]) -> FrameInfo:
    """Return what the header of a smart telescope's frame would tell."""
    return FrameInfo(
        path=Path(f"/drawn/{index:03d}.fit"),
        shape=shape,
        is_cfa=True,
        bayer_pattern="GRBG",
        date=when,
        night=(when - timedelta(hours=12)).date(),
        filter="IRCUT",
        mount="ALT_AZ",
        exposure_s=10.0,
        instrument=None,
        object_name=None,
        wcs_header=None,
        direction=None,
        size_bytes=1,
        mtime_ns=1,
    )
