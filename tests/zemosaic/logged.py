"""Lines as ZeMosaic logs them, and logs made of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from napari_zecoverage.core.coverage import Canvas
from napari_zecoverage.core.crop import Rect
from napari_zecoverage.zemosaic.logs import LogReading, read_log
from napari_zecoverage.zemosaic.run_names import LOG_NAME

PREFIX = (
    "2026-05-04 21:03:07,123 - ZeMosaicWorker - {level} - zemosaic_worker.create_master_tile:99 - "
)

# Every line of ZEMOSAIC.md §7: level, message, kind, tile, values.
LINES: list[tuple[str, str, str, int | None, dict[str, Any]]] = [
    (
        "DEBUG",
        "MT_COVERAGE: propagate_mask=True",
        "propagate_mask",
        None,
        {"propagate_mask": True},
    ),
    (
        "DEBUG",
        "MT_COVERAGE_STATS: tile=0 shape=(700, 700) min=0.0 max=8.0 nonzero_frac=0.562 n_used=8",
        "coverage_stats",
        0,
        {"shape": (700, 700), "min": 0.0, "max": 8.0, "nonzero_frac": 0.562, "n_used": 8},
    ),
    (
        "DEBUG",
        "MT_COVERAGE_IGNORED: tile=0 reason=max <= 0 (none)",
        "coverage_ignored",
        0,
        {"reason": "max <= 0 (none)"},
    ),
    (
        "DEBUG",
        "MT_COVERAGE_THRESH: tile=0 cov_max=8.0 min_abs=3.0 min_frac=0.500 morph_open_px=3",
        "coverage_thresholds",
        0,
        {"cov_max": 8.0, "min_abs": 3.0, "min_frac": 0.5, "morph_open_px": 3},
    ),
    (
        "INFO",
        "ALTaz coverage guard: min_coverage_abs 1.0->1.0 (cov_max=1.0, min_frac=0.500)",
        "guard_abs",
        None,
        {"before": 1.0, "after": 1.0, "cov_max": 1.0, "min_frac": 0.5},
    ),
    (
        "INFO",
        "ALTaz coverage guard: morph_open_px 3->1 (cov_max=1.0)",
        "guard_morph",
        None,
        {"before": 3, "after": 1, "cov_max": 1.0},
    ),
    (
        "INFO",
        "ALPHA_STATS: level=master_tile nonzero_frac=0.480 min=0.000 max=1.000 shape=(800, 640)",
        "alpha_stats",
        None,
        {
            "level": "master_tile",
            "nonzero_frac": 0.48,
            "min": 0.0,
            "max": 1.0,
            "shape": (800, 640),
        },
    ),
    (
        "INFO",
        (
            "MT_PIPELINE: altaz_cleanup applied: masked_used=False mask2d_used=True "
            "mask2d_applied=True threshold=0.001"
        ),
        "cleanup_applied",
        None,
        {"masked_used": False, "mask2d_used": True, "mask2d_applied": True, "threshold": 0.001},
    ),
    (
        "WARNING",
        "ALTaz guard: skipping nanize/zeroize (nonzero_frac=0.041 < 0.100), tile unchanged",
        "mask_dropped",
        None,
        {"nonzero_frac": 0.041, "limit": 0.1},
    ),
    (
        "DEBUG",
        (
            "MT_PIPELINE: lecropper_applied=True, quality_crop=False, altaz_cleanup=True, "
            "quality_gate=False, salvage_mode=False"
        ),
        "pipeline",
        None,
        {
            "lecropper_applied": True,
            "quality_crop": False,
            "altaz_cleanup": True,
            "quality_gate": False,
            "salvage_mode": False,
        },
    ),
    (
        "DEBUG",
        (
            "P3_ALTaz_GATING: tile_id=0 eqmode=UNKNOWN global_enabled=True unknown_policy=auto "
            "seestar_hint=True unknown_as_altaz=True => tile_enabled=True"
        ),
        "gating",
        0,
        {
            "eqmode": "UNKNOWN",
            "global_enabled": True,
            "unknown_policy": "auto",
            "seestar_hint": True,
            "unknown_as_altaz": True,
            "tile_enabled": True,
        },
    ),
    (
        "INFO",
        (
            "MT_PIPELINE_FLAGS: lecropper_enabled=False, quality_crop_enabled=False, "
            "altaz_cleanup_enabled=True, lecropper_available=False"
        ),
        "pipeline_flags",
        None,
        {
            "lecropper_enabled": False,
            "quality_crop_enabled": False,
            "altaz_cleanup_enabled": True,
            "lecropper_available": False,
        },
    ),
    (
        "INFO",
        "MT_ALTAZ_STRICT_CROP_APPLIED: tile=0 reason=altaz_high_conf_core rect=(10:590,20:780)",
        "strict_crop",
        0,
        {"reason": "altaz_high_conf_core", "rect": Rect(20, 10, 780, 590)},
    ),
    (
        "WARNING",
        "MT_ALTAZ_STRICT_CROP_SKIPPED: tile=0 reason=core_too_small [202x302]",
        "strict_crop_skipped",
        0,
        {"reason": "core_too_small [202x302]"},
    ),
    (
        "INFO",
        "MT_EDGE_TRIM: tile=0 rect=(3:580,4:760) edge_valid=(L=0.71,R=1.00,T=0.80,B=0.99) thr=0.90",
        "edge_trim",
        0,
        {"rect": Rect(4, 3, 760, 580), "edge_valid": (0.71, 1.0, 0.8, 0.99), "thr": 0.9},
    ),
    (
        "DEBUG",
        "MT_EDGE_TRIM: tile=0 skipped (auto-pad used)",
        "edge_trim_skipped",
        0,
        {"reason": "auto-pad used"},
    ),
    (
        "DEBUG",
        (
            "MT_EDGE_TRIM: tile=0 analysis complete. did_trim=False "
            "edge_valid=(L=1.00,R=1.00,T=1.00,B=1.00)"
        ),
        "edge_trim_analysed",
        0,
        {"did_trim": False, "edge_valid": (1.0, 1.0, 1.0, 1.0)},
    ),
    ("INFO", "MT_EDGE_TRIM PRE | size 800x640", "edge_trim_state", None, {"moment": "PRE"}),
    ("INFO", "MT_EDGE_TRIM POST | size 780x600", "edge_trim_state", None, {"moment": "POST"}),
    ("INFO", "MT_WCS_PAD: applied dx=80, dy=160, more", "pad", None, {"dx": 80, "dy": 160}),
]


def put(folder: Path, text: str | bytes) -> Path:
    path = folder / LOG_NAME
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def log_of(folder: Path, *messages: str, level: str = "DEBUG") -> LogReading:
    """Read a log of these messages, all of one level."""
    return read_log(put(folder, "".join(f"{PREFIX.format(level=level)}{m}\n" for m in messages)))


def all_entries(reading: LogReading) -> list[Any]:
    tiles = (entry for tile in reading.tiles.values() for entry in tile.entries)
    return sorted([*tiles, *reading.without_tile], key=lambda entry: entry.line)


def said(reading: LogReading) -> str:
    return "\n".join(reading.notes)


def stats(tile: int, most: float = 8, used: int = 8) -> str:
    return (
        f"MT_COVERAGE_STATS: tile={tile} shape=(700, 700) min=0.0 max={most:.1f} "
        f"nonzero_frac=0.562 n_used={used}"
    )


def alpha(share: float) -> str:
    return (
        f"ALPHA_STATS: level=master_tile nonzero_frac={share:.3f} min=0.000 max=1.000 "
        "shape=(700, 700)"
    )


def crop(tile: int) -> str:
    return f"MT_ALTAZ_STRICT_CROP_APPLIED: tile={tile} reason=altaz_high_conf_core rect=(1:9,2:8)"


def gating(tile: int) -> str:
    return LINES[10][1].replace("tile_id=0", f"tile_id={tile}")


def studied(coverage: np.ndarray, used: int, frame: tuple[int, int] | None = None) -> Any:
    canvas = Canvas(shape=coverage.shape, offset=(3, 5), frame_shape=frame or coverage.shape)
    tile = np.random.default_rng(1).normal(1000, 10, (*coverage.shape, 3)).astype(np.float32)
    return SimpleNamespace(coverage=coverage, tile=tile, canvas=canvas, frames_used=used)


def stepped(shape: tuple[int, int], steps: int, inset: int) -> np.ndarray:
    coverage = np.zeros(shape, np.float32)
    for step in range(steps):
        place = slice(inset * (step + 1), -inset * (step + 1))
        coverage[place, place] += 1
    return coverage
