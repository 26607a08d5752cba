"""What every test of ZeMosaic's files may use."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from configs import AS_ZEMOSAIC_WRITES, put
from diagnosed import STANDINS
from made_tiles import make_study

from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.zemosaic import probing
from napari_zecoverage.zemosaic.config import CONFIG_NAME
from napari_zecoverage.zemosaic.made_up import SMALL, WIDE, make_frames, matrix_of
from studies import write_frame


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return put(tmp_path / CONFIG_NAME, AS_ZEMOSAIC_WRITES)


made_frames = functools.cache(make_frames)


@pytest.fixture(autouse=True)
def _frames_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "make_frames", made_frames)


@pytest.fixture
def make_zemosaic(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes a stand-in: the right one, its modules replaced or changed."""

    def make(footprint: str = "right", **modules: str) -> Path:
        folder = tmp_path / "ZeMosaic here"
        folder.mkdir()
        for source in STANDINS.glob("*.py"):
            text = modules.get(source.stem, source.read_text(encoding="utf-8"))
            (folder / source.name).write_text(text, encoding="utf-8")
        matrices = {
            str(len(motions)): [matrix_of(each).tolist() for each in motions]
            for motions in (SMALL, WIDE)
        }
        known = {"footprint": footprint, "matrices": matrices}
        (folder / "known.json").write_text(json.dumps(known), encoding="utf-8")
        (folder / "zemosaic_worker.log").write_text("a run of last night\n", encoding="utf-8")
        config = {"altaz_min_coverage_abs": 3.0, "last_folder": "/somewhere"}
        (folder / "zemosaic_config.json").write_text(json.dumps(config), encoding="utf-8")
        return folder

    return make


@pytest.fixture
def study() -> ClusterStudy:
    return make_study()


@pytest.fixture
def raws(tmp_path: Path) -> list[Path]:
    night = {"DATE__OBS": "2025-03-26T22:00:00", "EQMODE": 0, "CREATOR": "Seestar S50"}
    return [write_frame(tmp_path / "raws" / f"{name}.fit", **night) for name in "abcdef"]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"
