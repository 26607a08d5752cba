"""What every test may use."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

# Before napari is imported: its settings are read from there once and for all.
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp(prefix="napari-"), "settings.yaml"))
os.environ["NAPARI_ASYNC"] = "0"

import pytest

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.studied import ClusterStudy
from studies import make_cluster, make_study

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
