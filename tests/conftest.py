"""What every test may use."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator
from datetime import UTC, date, datetime
from pathlib import Path

# Before napari is imported: its settings are read from there once and for all.
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp(prefix="napari-"), "settings.yaml"))
os.environ["NAPARI_ASYNC"] = "0"

import numpy as np
import pytest

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.coverage import Canvas
from napari_zecoverage.core.frames import FrameInfo
from napari_zecoverage.core.parameters import StudyOptions
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.studied import ClusterStudy

pytest_plugins = ["pytester"]

WINDOW_FIXTURES = {"qtbot", "qapp", "make_napari_viewer", "make_napari_viewer_proxy"}


def _shared(name: str) -> Path | None:
    """Return a folder of reference data: in ``ZECOVERAGE_SHARED``, else beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("ZECOVERAGE_SHARED", beside)) / name
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """The folder with what ZeMosaic answered."""
    folder = _shared("golden")
    if folder is None:
        pytest.skip("the golden data are not on this machine (set ZECOVERAGE_SHARED)")
    return folder


@pytest.fixture(scope="session")
def real_frames() -> list[Path]:
    """The raw frames of M 94, sorted by name."""
    folder = _shared("data/m94")
    if folder is None:
        pytest.skip("the real frames are not on this machine (set ZECOVERAGE_SHARED)")
    return sorted(folder.glob("*.fit"))


@pytest.fixture(autouse=True)
def _own_places(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests out of the user's cache and settings."""
    monkeypatch.setenv("ZECOVERAGE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("ZECOVERAGE_CONFIG_DIR", str(tmp_path_factory.mktemp("settings")))


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


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark as ``window`` every test that asks for a Qt or viewer fixture."""
    if WINDOW_FIXTURES & set(getattr(item, "fixturenames", ())):
        item.add_marker("window")


def pytest_configure(config: pytest.Config) -> None:
    """With ``ZECOVERAGE_REQUIRE_WINDOW=1`` a run without its window tests is a failed run."""
    if os.environ.get("ZECOVERAGE_REQUIRE_WINDOW") == "1":
        config.pluginmanager.register(_WindowRequired(), "zecoverage-window-required")


class _WindowRequired:
    """Fails a window test that is skipped, and a run in which no window test passed."""

    def __init__(self) -> None:
        self.passed = 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if item.get_closest_marker("window") is None:
            return report
        if report.skipped:
            report.outcome = "failed"
            report.longrepr = f"a window test was skipped: {_reason(report)}"
        elif report.when == "call" and report.passed:
            self.passed += 1
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self,
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        # A module that skips itself as a whole may hide window tests.
        report = yield
        if report.skipped:
            report.outcome = "failed"
            report.longrepr = f"a whole module was skipped: {_reason(report)}"
        return report

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not self.passed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.passed:
            terminalreporter.write_line("ERROR: no window test passed", red=True)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
