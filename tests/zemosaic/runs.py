"""Output folders as ZeMosaic leaves them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import ZecoverageError
from napari_zecoverage.core.frames import read_frame
from napari_zecoverage.zemosaic.run_folder import ZeMosaicRun, find_clusters, read_run

STATE = ".zemosaic_state"
CACHE = ".zemosaic_img_cache"
TILES = "zemosaic_temp_master_tiles"

STAMP = {
    "schema_version": 1,
    "pipeline": "classic_legacy",
    "created_utc": "2026-01-01T00:00:00Z",
    "run_signature": "0" * 64,
}


def write_json(path: Path, value: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, sort_keys=True))
    return path


def signature(paths: Sequence[object]) -> str:
    text = json.dumps([str(path) for path in paths], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def write_plan(folder: Path, *groups: Sequence[object], **changes: object) -> Path:
    listed = [
        {
            "group_index": number,
            "raw_paths": [str(path) for path in paths],
            "group_signature": signature(paths),
        }
        for number, paths in enumerate(groups)
    ]
    plan = {**STAMP, "groups": listed, **changes}
    return write_json(folder / STATE / "stack_plan_manifest.json", plan)


def write_tiles(
    folder: Path, tiles: dict[int, Sequence[object]], *, files: bool = True, **changes: object
) -> Path:
    """Write the tiles' manifest: by number the frames that went in."""
    listed = []
    for number, paths in tiles.items():
        file = folder / TILES / f"master_tile_{number:03d}.fits"
        listed.append({"tile_id": number, "path": str(file), "group_signature": signature(paths)})
        if files:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"a tile")
    return write_json(
        folder / STATE / "master_tiles_manifest.json", {**STAMP, "tiles": listed, **changes}
    )


def write_cache(folder: Path, raws: Sequence[Path], **changes: object) -> list[Path]:
    """Write the caches and Phase 1's index, as they are with `cache_retention` "keep"."""
    entries, caches = [], []
    (folder / CACHE).mkdir(parents=True, exist_ok=True)
    for number, raw in enumerate(raws):
        pixels = read_frame(raw).pixels
        cache = folder / CACHE / f"preprocessed_{raw.stem}_{number + 3}.npy"
        np.save(cache, pixels)
        np.save(folder / CACHE / f"hp_mask_{raw.stem}_0f.npy", np.zeros(pixels.shape[:2], np.uint8))
        entries.append(
            {
                "path_raw": str(raw),
                "path_preprocessed_cache": str(cache),
                "path_hotpix_mask": None,
                "preprocessed_shape": list(pixels.shape),
                "header_str": fits.getheader(raw).tostring(sep="\n", endcard=False, padding=False),
                **changes,
            }
        )
        caches.append(cache)
    write_json(folder / CACHE / "phase1_processed_info.json", entries)
    write_json(
        folder / CACHE / "cache_manifest.json",
        {
            **STAMP,
            "input_folder_norm": "/d",
            "output_folder_norm": "/o",
            "phase1": {
                "done": True,
                "done_marker": "phase1.done",
                "processed_info_file": "phase1_processed_info.json",
                "num_entries": len(entries),
            },
        },
    )
    return caches


def paths_of(cluster: Cluster) -> list[Path]:
    return [frame.path for frame in cluster.frames]


def reasons(cluster: Cluster) -> dict[str, str]:
    return dict(cluster.missing)


def grid(folder: Path, text: str | bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    plan = folder / "stack_plan.csv"
    plan.write_bytes(text if isinstance(text, bytes) else text.encode())
    return plan


def check_whole(run: Path) -> None:
    """Only clusters that hold together come out, or an error of ours."""
    try:
        found = read_run(run, root=run.parent)
        clusters = find_clusters(run, root=run.parent)
    except ZecoverageError as error:
        assert str(error)
        return
    assert isinstance(found, ZeMosaicRun)
    assert len(clusters) == len(found.clusters)
    for each in clusters:
        assert each.frames
        assert {frame.shape for frame in each.frames} == {each.shape}
        assert all(frame.source.is_file() for frame in each.frames)
        assert each.listing
        for path, reason in each.missing:
            assert isinstance(path, str)
            assert len(path) <= 4097
            assert reason
