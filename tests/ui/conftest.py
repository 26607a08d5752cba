"""What the tests of the window may use."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

# Before napari is imported: its settings are read from there once and for all.
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp(prefix="napari-"), "settings.yaml"))
os.environ["NAPARI_ASYNC"] = "0"

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.notifications import Notification, notification_manager

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.coverage import Canvas
from napari_zecoverage.core.frames import FrameInfo
from napari_zecoverage.core.parameters import StudyOptions
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.study import ClusterStudy
from napari_zecoverage.sample import Night, SampleSettings, write_sample

SMALL_SAMPLE = SampleSettings(
    n_frames=6,
    shape=(240, 320),
    stars_per_megapixel=1500,
    nights=(Night(), Night(angle_deg=40, colour=(20, 0, -20))),
)


def make_cluster(n_frames: int = 8, name: str = "night", shape: tuple[int, int] = (300, 400)):
    """Make a cluster of frames that are nowhere on disk."""
    frames = tuple(
        FrameInfo(
            path=Path(f"/frames/{name}/frame_{index}.fit"),
            shape=shape,
            is_cfa=True,
            bayer_pattern="GRBG",
            date=datetime(2025, 3, 26, 22, index, tzinfo=UTC),
            night=date(2025, 3, 26),
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
        for index in range(n_frames)
    )
    return Cluster(name, frames, (("/frames/bad.fit", "it is text."),), ("A note.",))


def make_study(
    n_frames: int = 8, name: str = "night", shape: tuple[int, int] = (300, 400), tile: bool = True
) -> ClusterStudy:
    """Make a studied cluster: coverage grows by one frame every few columns, the last are bare."""
    width = shape[1]
    columns = np.minimum(np.arange(width) * (n_frames + 1) * 2 // width, n_frames)[::-1]
    coverage = np.tile(columns.astype(np.float32), (shape[0], 1))
    rng = np.random.default_rng(1)
    pixels = rng.normal((900, 1000, 800), 10, (*shape, 3)).astype(np.float32)
    pixels[coverage == 0] = np.nan
    registrations = [Registration(np.eye(3), "reference", 0.0, 50)]
    registrations += [Registration(np.eye(3), "astroalign", 0.2, 40)] * (n_frames - 3)
    registrations += [
        Registration(np.eye(3), "fft", None, 0, "too few stars."),
        Registration(None, "failed", None, 0, "no match."),
    ]
    return ClusterStudy(
        cluster=make_cluster(n_frames, name, shape),
        options=StudyOptions(),
        registrations=tuple(registrations),
        canvas=Canvas(shape, (0, 0), shape),
        coverage=coverage,
        tile=pixels if tile else None,
        notes=("One frame is left out.",),
    )


@pytest.fixture(name="make_study")
def _make_study() -> Callable[..., ClusterStudy]:
    return make_study


@pytest.fixture(name="make_cluster")
def _make_cluster() -> Callable[..., Cluster]:
    return make_cluster


@pytest.fixture
def study() -> ClusterStudy:
    return make_study()


@pytest.fixture
def viewer() -> ViewerModel:
    """A viewer without a window."""
    return ViewerModel()


@pytest.fixture(scope="session")
def small_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few small raw frames that can be aligned."""
    folder = tmp_path_factory.mktemp("sample") / "small"
    write_sample(folder, SMALL_SAMPLE)
    return folder


@pytest.fixture
def notifications() -> Iterator[list[Notification]]:
    """What the user is told while the test runs."""
    told: list[Notification] = []
    notification_manager.notification_ready.connect(told.append)
    yield told
    notification_manager.notification_ready.disconnect(told.append)
