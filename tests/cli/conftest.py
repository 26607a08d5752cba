"""What the tests of the shell may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from napari_zecoverage.sample import write_sample
from napari_zecoverage.sample_settings import SampleSettings

SMALL = SampleSettings(n_frames=6, shape=(240, 320), stars_per_megapixel=1500)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six small raw frames that can be aligned."""
    folder = tmp_path_factory.mktemp("cli") / "night"
    write_sample(folder, SMALL)
    return folder


@pytest.fixture(scope="session")
def kept_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept-cache")


@pytest.fixture(autouse=True)
def _one_cache(_own_places: None, kept_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Study the sample once for all tests of this folder."""
    monkeypatch.setenv("ZECOVERAGE_CACHE_DIR", str(kept_cache))


@pytest.fixture(scope="session")
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A place for napari's settings."""
    yield str(tmp_path_factory.mktemp("napari") / "settings.yaml")
