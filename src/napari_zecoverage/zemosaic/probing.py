"""Two functions of a ZeMosaic run on made-up clusters, by a Python of its own.

Nothing of it is imported into this process, nothing is written into its folder, and
nothing that it answers is believed unchecked.
"""

from __future__ import annotations

import base64
import binascii
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.errors import OutputError, reason_of
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic.bounded_run import Run, new_scratch, run_bounded
from napari_zecoverage.zemosaic.findings import Finding
from napari_zecoverage.zemosaic.installation import Installation, Interpreter
from napari_zecoverage.zemosaic.made_up import SMALL, WIDE, make_coverage, make_frames
from napari_zecoverage.zemosaic.printable import printable

PROBE: Final = Path(__file__).with_name("probe.py")

MASK_SETTINGS: Final = (
    MaskParameters(),
    MaskParameters(min_coverage_abs=2, min_coverage_frac=0.25, morph_open_px=0),
    MaskParameters(min_coverage_abs=5, min_coverage_frac=0.9, morph_open_px=1),
    MaskParameters(margin_percent=15, decay=0.6),
)
"""Lecropper is asked for a mask with each; the first three differ in the thresholds alone."""


def run_probe(
    place: Installation,
    chosen: Interpreter,
    task: str,
    timeout_s: float,
    memory_mb: int,
    should_stop: Callable[[], bool] | None = None,
) -> Run:
    """Run one of the two functions on what was made up for it.

    Parameters
    ----------
    place : Installation
        With sources.
    chosen : Interpreter
    task : {"masks", "alignments"}
        Lecropper's mask of a coverage, once for each of `MASK_SETTINGS`; or the alignment
        of two clusters of frames.
    timeout_s : float
        Seconds.
    memory_mb : int
        MB of address space.
    should_stop : callable, optional
        Asked while it runs.

    Returns
    -------
    Run
        Its answer is whatever that ZeMosaic made of it.

    Raises
    ------
    StudyCancelledError
        `should_stop` said so.
    OutputError
        What it needs cannot be written to the system's folder for temporary files.
    """
    try:
        with new_scratch() as name:
            scratch = Path(os.path.realpath(name))
            return run_bounded(
                chosen.path,
                PROBE,
                _job(task, place, scratch),
                scratch,
                timeout_s=timeout_s,
                memory_mb=memory_mb,
                should_stop=should_stop,
            )
    except OSError as error:
        raise OutputError(
            # gettempdir() would look for one again, and find none.
            tempfile.tempdir or "the system's folder for temporary files",
            f"what the check needs cannot be written there ({reason_of(error)}). Make room, or "
            "name another folder for temporary files (TMPDIR).",
        ) from error


def _job(task: str, place: Installation, scratch: Path) -> dict[str, Any]:
    """Write what a task needs into a folder, and return what the probe is told of it."""
    job: dict[str, Any] = {"task": task, "sources": str(place.sources)}
    if task == "masks":
        coverage = make_coverage()
        job["coverage"] = _saved(scratch / "coverage.npy", coverage)
        job["image"] = _saved(scratch / "image.npy", image_for(coverage))
        job["settings"] = [
            {
                "margin_percent": each.margin_percent,
                "decay": each.decay,
                "min_coverage_abs": each.min_coverage_abs,
                "min_coverage_frac": each.min_coverage_frac,
                "morph_open_px": each.morph_open_px,
            }
            for each in MASK_SETTINGS
        ]
    else:
        job["scenes"] = [
            _saved(scratch / f"scene_{index}.npy", make_frames(motions))
            for index, motions in enumerate((SMALL, WIDE))
        ]
    return job


def image_for(coverage: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an (H, W, 3) picture to be masked; a mask from coverage does not depend on it."""
    noise = np.random.default_rng(5).normal(0, 4, (*coverage.shape, 3))
    return (500 + noise).astype(np.float32)


def _saved(path: Path, array: NDArray[np.float32]) -> str:
    np.save(path, array, allow_pickle=False)
    return str(path)


def failure_of(run: Run, what: str, chosen: Interpreter, timeout_s: float, memory_mb: int) -> str:
    """Say why a run gave nothing, in words; empty when it gave something to look at."""
    if run.how == "not started":
        return f"{what} was not run: the Python cannot be started ({printable(run.reason)})."
    if run.how == "timed out":
        return f"{what} did not end within {timeout_s:g} s and was stopped."
    if run.how == "no answer":
        return (
            f"{what} gave no answer that can be used: its process ended by itself "
            f"(exit status {run.status})."
        )
    error = run.answer.get("error")
    if not isinstance(error, dict):
        return ""
    kind, text = printable(error.get("kind")), printable(error.get("text"))
    if kind == "MemoryError":
        return f"{what} needed more than the {memory_mb} MB that it may take."
    words = f"{what} could not be run: {kind}: {text}."
    if kind in {"ModuleNotFoundError", "ImportError"}:
        if chosen.whose == "ours":
            words += " It may well run by the Python that your ZeMosaic uses; name that one."
        else:
            words += " Should your ZeMosaic really use this Python, install there what is missing."
            if what == "Lecropper":
                words += " Without lecropper it leaves its clean-up out and does not say so."
    return words


def bounds_finding(runs: tuple[Run, ...], timeout_s: float, memory_mb: int) -> Finding:
    """Say what the runs were held to."""
    bounded = [run.answer.get("memory_bounded") is True for run in runs if run.how == "answered"]
    if not all(bounded) or (not bounded and sys.platform == "win32"):
        text = f"Each run had at most {timeout_s:g} s; this system cannot bound its memory."
        return Finding("bounds", "time", None, text)
    text = f"Each run had at most {timeout_s:g} s and {memory_mb} MB, no window, no graphics card."
    return Finding("bounds", "time and memory", True, text)


def bytes_of(spelled: Any, length: int) -> bytes | None:
    """Return base64-spelled bytes when there are exactly so many, else None."""
    if not isinstance(spelled, str):
        return None
    try:
        raw = base64.b64decode(spelled, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == length else None
