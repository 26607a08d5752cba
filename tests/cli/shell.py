"""The command line in the hands of the tests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from napari_zecoverage.cli import app
from napari_zecoverage.cli.endings import DONE

RESULTS = ["alpha.fits", "coverage.fits", "preview.png", "summary.json"]


GIVEN = {
    "margin_percent": 7.5,
    "decay": 0.4,
    "min_coverage_abs": 2.0,
    "min_coverage_frac": 0.35,
    "morph_open_px": 1,
    "nanize": False,
    "nanize_threshold": 0.01,
    "strict_overlap_crop_enabled": False,
    "strict_overlap_crop_alpha_threshold": 0.05,
    "strict_overlap_crop_min_nonzero_frac": 0.2,
    "strict_overlap_crop_bbox_pad_px": 3,
    "strict_overlap_crop_min_size_px": 100,
}
"""A value for every threshold that is not its default."""


def run(*arguments: object, code: int = DONE, typed: str = "") -> Result:
    """Run the command line in this process and check its exit code."""
    result = CliRunner().invoke(app, [str(each) for each in arguments], input=typed)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def command(*arguments: object) -> list[str]:
    """Return the command line for a process of its own."""
    return [sys.executable, "-m", "napari_zecoverage.cli", *(str(each) for each in arguments)]


def run_apart(*arguments: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
        timeout=120,
    )


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def read_json(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def write_run(
    folder: Path, groups: Sequence[Sequence[Path]], config: Mapping[str, Any] | None = None
) -> Path:
    """Write what a classic run of ZeMosaic leaves: its plan, and its settings."""
    plan = {
        "schema_version": 1,
        "pipeline": "classic_legacy",
        "created_utc": "2026-01-01T00:00:00Z",
        "run_signature": "0" * 64,
        "groups": [
            {
                "group_index": index,
                "raw_paths": sorted(map(str, paths)),
                "group_signature": sha256(
                    json.dumps(sorted(map(str, paths)), separators=(",", ":")).encode()
                ).hexdigest(),
            }
            for index, paths in enumerate(groups)
        ],
    }
    state = folder / ".zemosaic_state"
    state.mkdir(parents=True)
    (state / "stack_plan_manifest.json").write_text(json.dumps(plan, indent=2, sort_keys=True))
    if config is not None:
        (folder / "run_config_snapshot.json").write_text(json.dumps(config, indent=2))
    return folder


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def flag(name: str, value: object) -> list[str]:
    option = name.removesuffix("_enabled").replace("_", "-")
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    return [f"--{option}", str(value)]
