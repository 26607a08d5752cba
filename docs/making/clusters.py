"""The made-up clusters that the pictures show, studied once each."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import napari_zecoverage as zc
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.sample import sample_folder, write_sample
from napari_zecoverage.sample_settings import Night, SampleSettings

SMALL = SampleSettings(
    n_frames=10,
    shape=(300, 400),
    stars_per_megapixel=1500,
    nights=(Night(sweep_deg=5),),
    dither_px=10,
)
"""Frames so small that ZeMosaic's strict crop refuses what is left of them."""

_TWO_NIGHTS = SampleSettings().nights
_ONE_SKY = (Night(sweep_deg=12), Night(angle_deg=40, sweep_deg=10))
_PALE = (
    Night(sweep_deg=12, gradient=(14, 2, -8), gradient_angle_deg=35),
    Night(angle_deg=62, sweep_deg=10, gradient=(-10, 0, 12), gradient_angle_deg=-20),
)

RUN = {
    "centre": SampleSettings(),
    "north": SampleSettings(n_frames=12, nights=_ONE_SKY, n_nebulae=0, seed=11),
    "east": SampleSettings(
        n_frames=14,
        nights=(*_TWO_NIGHTS, Night(angle_deg=30, sweep_deg=8)),
        n_nebulae=0,
        seed=12,
    ),
    "south": SampleSettings(n_frames=9, nights=_PALE, n_nebulae=0, seed=13),
    "west": SampleSettings(n_frames=6, nights=(Night(sweep_deg=25),), n_nebulae=0, seed=14),
    "corner": SampleSettings(
        n_frames=10, nights=(_TWO_NIGHTS[1], Night(angle_deg=95, sweep_deg=6)), seed=15
    ),
}
"""The clusters of a small run: fringed, hardly, and not at all; few frames, one night."""


def write_many(folder: Path) -> Path:
    """Write the frames of the small run, a folder a cluster."""
    for name, settings in RUN.items():
        write_sample(folder / name, settings)
    return folder


def sample_settings() -> SampleSettings:
    """Return what the built-in sample is made from."""
    return SampleSettings()


@cache
def sample() -> ClusterStudy:
    """Study the built-in sample."""
    return study(sample_settings())


@cache
def study(settings: SampleSettings, canvas: str = "auto") -> ClusterStudy:
    """Study a made-up cluster."""
    cluster = replace(zc.find_clusters(sample_folder(settings))[0], name="sample")
    return zc.study_cluster(cluster, zc.StudyOptions(canvas=canvas))  # type: ignore[arg-type]
