"""What the tests of the window may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from napari.components import ViewerModel
from napari.utils.notifications import Notification, notification_manager
from qtpy.QtWidgets import QApplication

from napari_zecoverage.sample import write_sample
from napari_zecoverage.sample_settings import Night, SampleSettings
from napari_zecoverage.ui import export_panel
from napari_zecoverage.ui.dock import CoverageDock
from napari_zecoverage.ui.settings import _napari_settings

SMALL_SAMPLE = SampleSettings(
    n_frames=6,
    shape=(240, 320),
    stars_per_megapixel=1500,
    nights=(Night(), Night(angle_deg=40, colour=(20, 0, -20))),
)


@pytest.fixture(autouse=True)
def _own_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests out of the user's processes."""
    # Whoever runs the tests may have a ZeMosaic open.
    monkeypatch.setattr(export_panel, "find_running_zemosaic", lambda: ())


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


@pytest.fixture(autouse=True)
def _own_preferences() -> Iterator[None]:
    """Give every test the preferences that the manifest begins with."""
    yield
    # A dock that is not taken apart yet would write what it was told last into the next test.
    for each in QApplication.allWidgets():
        if isinstance(each, CoverageDock):
            each._settings._write_soon.stop()
    page = _napari_settings()
    if page is not None:
        page.reset()
