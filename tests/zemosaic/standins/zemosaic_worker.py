"""A stand-in for ZeMosaic's worker, which nobody may import: that empties its log."""

from pathlib import Path

Path(__file__).with_name("zemosaic_worker.log").write_text("", encoding="utf-8")

SOFTWARE = ("ZeMosaic V4.9.1", "Mosaic Software")
KEYS = (
    "altaz_margin_percent",
    "altaz_decay",
    "altaz_min_coverage_abs",
    "altaz_min_coverage_frac",
    "altaz_morph_open_px",
    "altaz_nanize",
    "altaz_nanize_threshold",
    "altaz_strict_overlap_crop_enabled",
    "altaz_strict_overlap_crop_alpha_threshold",
    "altaz_strict_overlap_crop_min_nonzero_frac",
    "altaz_strict_overlap_crop_bbox_pad_px",
    "altaz_strict_overlap_crop_min_size_px",
)
