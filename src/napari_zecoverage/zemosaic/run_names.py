"""What ZeMosaic calls the folders and files of a run, in its output folder (ZEMOSAIC.md §2)."""

from __future__ import annotations

from typing import Final

STATE_FOLDER: Final = ".zemosaic_state"
"""Where a run keeps its plan and its checkpoints."""

PLAN_NAME: Final = "stack_plan_manifest.json"
TILES_NAME: Final = "master_tiles_manifest.json"

CACHE_FOLDER: Final = ".zemosaic_img_cache"
"""Where Phase 1 keeps the frames that it prepared."""

INDEX_NAME: Final = "phase1_processed_info.json"
CACHE_MANIFEST_NAME: Final = "cache_manifest.json"

TILES_FOLDER: Final = "zemosaic_temp_master_tiles"
"""Where a run keeps its master tiles, and after it when told to; nobody else writes there."""

TILE_NAME: Final = "master_tile_{:03d}.fits"
"""What ZeMosaic calls its tiles, and looks for (ZEMOSAIC.md §2, §8)."""

SNAPSHOT_NAME: Final = "run_config_snapshot.json"
"""The settings of the last run that ZeMosaic's window started."""

LOG_NAME: Final = "zemosaic_worker.log"
"""What ZeMosaic calls its log: one beside its program, one in each run's output folder."""
