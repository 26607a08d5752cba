"""A config as ZeMosaic writes it, and the folder that it is in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic.config_writing import write_config

# As ZeMosaic writes it: indent 4, non-ASCII kept, no newline at the end.
AS_ZEMOSAIC_WRITES = json.dumps(
    {
        "language": "fr",
        "last_folder": "/données/M 31",
        "altaz_margin_percent": 5.0,
        "altaz_min_coverage_abs": 3.0,
        "altaz_min_coverage_frac": 0.5,
        "altaz_morph_open_px": 3,
        "altaz_nanize": True,
        "workers": None,
        "list": [1, 2.50, {"altaz_decay": 9}],
        "quality_crop_k_sigma": 2.0,
    },
    indent=4,
    ensure_ascii=False,
)
TUNED = MaskParameters(min_coverage_abs=4.0, min_coverage_frac=0.65, morph_open_px=1)
EVERY_CHANGED = MaskParameters(
    margin_percent=7.5,
    decay=0.4,
    min_coverage_abs=6,
    min_coverage_frac=0.7,
    morph_open_px=2,
    nanize=False,
    nanize_threshold=0.25,
    strict_overlap_crop_enabled=False,
    strict_overlap_crop_alpha_threshold=0.1,
    strict_overlap_crop_min_nonzero_frac=0.2,
    strict_overlap_crop_bbox_pad_px=1,
    strict_overlap_crop_min_size_px=32,
)

# ZEMOSAIC.md §6: key, default, reader, the window's range/step/decimals (True: a checkbox).
TABLE: list[tuple[str, Any, str, Any]] = [
    ("altaz_cleanup_enabled", False, "A", True),
    ("altaz_margin_percent", 5.0, "A", (0, 50, 0.5, 1)),
    ("altaz_decay", 0.15, "A", (0, 2, 0.05, 2)),
    ("altaz_nanize", True, "A", True),
    ("altaz_nanize_threshold", 0.001, "T", (0, 1, 0.01, 3)),
    ("altaz_alpha_soft_threshold", 0.001, "T", None),
    ("altaz_unknown_policy", "auto", "R", None),
    ("altaz_min_coverage_abs", 3.0, "T", None),
    ("altaz_min_coverage_frac", 0.5, "T", None),
    ("altaz_morph_open_px", 3, "T", None),
    ("altaz_strict_overlap_crop_enabled", True, "T", None),
    ("altaz_strict_overlap_crop_alpha_threshold", 0.02, "T", None),
    ("altaz_strict_overlap_crop_min_nonzero_frac", 0.08, "T", None),
    ("altaz_strict_overlap_crop_bbox_pad_px", 6, "T", None),
    ("altaz_strict_overlap_crop_min_size_px", 256, "T", None),
    ("altaz_export_alpha_fits", True, "lecropper", None),
    ("altaz_export_alpha_sidecar", False, "lecropper", None),
    ("altaz_alpha_sidecar_format", "png", "lecropper", None),
    ("quality_crop_enabled", False, "A", True),
    ("quality_crop_band_px", 32, "A", (4, 256, 4, 0)),
    ("quality_crop_k_sigma", 2.0, "A", (0.5, 5, 0.1, 1)),
    ("quality_crop_margin_px", 8, "A", (0, 64, 1, 0)),
    ("quality_crop_min_run", 2, "A", (1, 32, 1, 0)),
]


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rewritten(path: Path, content: str | bytes, parameters: MaskParameters) -> bytes:
    put(path, content)
    write_config(path, parameters)
    return path.read_bytes()


def backups(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.bak"))


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


BEFORE = '{"altaz_morph_open_px": 0, "gone": [1], "altaz_decay": 0.5}'


def backup_of(
    config: Path, content: str | bytes, moment: str = "2026-01-02T03-04-05.000006Z"
) -> Path:
    return put(config.with_name(f"{config.name}.{moment}.bak"), content)


OUR_KEYS = list(MaskParameters().to_config())
some_parameters = st.builds(
    MaskParameters,
    margin_percent=st.floats(0, 50),
    min_coverage_abs=st.floats(0, 1e9),
    min_coverage_frac=st.floats(0, 1),
    morph_open_px=st.integers(0, 9),
    nanize=st.booleans(),
)
