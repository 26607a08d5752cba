"""Runs in the interpreter of the user's ZeMosaic, in a process of its own.

`diagnosis` starts this file by its path; nothing of our package can be imported here,
only the standard library and what ZeMosaic needs itself. It calls two functions of
ZeMosaic on made-up inputs and writes what came back, as JSON. It judges nothing: what
it writes may have been tampered with by what it ran, so the reader checks every field.

ZeMosaic's worker is never imported: that alone empties a log file (ZEMOSAIC.md §7).
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import inspect
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

COVERAGE_ARGUMENTS = ("coverage", "min_coverage_abs", "min_coverage_frac", "morph_open_px")
FOOTPRINT_ARGUMENTS = ("propagate_mask",)
MOST_REFUSED = 20
GRACE_S = 1.0
LARGEST_FILE = 64 * 1024 * 1024
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

# Audit events that change a file, and how many of their arguments are paths.
CHANGING = {
    "os.chmod": 1,
    "os.chown": 1,
    "os.link": 2,
    "os.mkdir": 1,
    "os.remove": 1,
    "os.rename": 2,
    "os.rmdir": 1,
    "os.symlink": 2,
    "os.truncate": 1,
    "os.utime": 1,
}


def main() -> None:
    """Do the job that the file named on the command line describes, and end the process."""
    with open(sys.argv[1], encoding="utf-8") as handle:
        job = json.load(handle)
    _end_in_time(job["seconds"])
    # The answer carries this word: an answer without it was not written here.
    answer: dict[str, Any] = {"nonce": sys.stdin.readline().strip()}
    answer["memory_bounded"] = _bound_memory(job["memory_bytes"])
    _move_home(job["scratch"])
    answer["refused"] = _refuse_writing_outside(job["scratch"])
    sys.path[0] = job["sources"]  # in place of the folder of this file
    try:
        answer["result"] = TASKS[job["task"]](job)
    except BaseException as error:  # noqa: BLE001 - SystemExit of a module is news too
        answer["error"] = {"kind": type(error).__name__[:100], "text": _words(error)}
    with open(job["answer"], "r+b") as out:
        out.write(json.dumps(answer).encode("ascii"))
        out.flush()
    # What ZeMosaic left running, or wants to do at the end, is of no interest.
    os._exit(0)


# --- bounds ------------------------------------------------------------------------------


def _end_in_time(seconds: float) -> None:
    """End this process when whoever started it should have, and may be gone; not on Windows."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds + GRACE_S)


def _bound_memory(size: int) -> bool:
    """Limit this process's memory; False where the system has no such limit."""
    try:
        import resource
    except ImportError:
        return False
    for what, limit in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, LARGEST_FILE)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (limit, limit))
    try:
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    except (ValueError, OSError):
        return False
    return True


def _move_home(scratch: str) -> None:
    """Let everything that looks for the user's settings find an empty folder.

    Done here, not by who starts us: Python finds the user's packages by his real home.
    """
    for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TMPDIR", "TEMP", "TMP"):
        os.environ[name] = scratch
    for name in ("CONFIG", "CACHE", "DATA", "STATE"):
        os.environ[f"XDG_{name}_HOME"] = scratch
    for name in ("MPLCONFIGDIR", "NUMBA_CACHE_DIR", "XDG_RUNTIME_DIR"):
        os.environ[name] = scratch


def _refuse_writing_outside(scratch: str) -> list[str]:
    """Refuse to change any file outside `scratch`; return the list of what was refused."""
    refused: list[str] = []
    inside = os.path.normcase(os.path.realpath(scratch)) + os.sep
    nothing = os.path.normcase(os.path.realpath(os.devnull))

    def judge(path: Any) -> None:
        if not isinstance(path, (str, bytes)):
            return  # a file that is open already
        name = os.fsdecode(path)
        real = os.path.normcase(os.path.realpath(name))
        if real == nothing or (real + os.sep).startswith(inside):
            return
        if len(refused) < MOST_REFUSED:
            refused.append(name[-200:])
        raise PermissionError(13, "refused while ZeMosaic is being checked", name)

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & WRITING:
                judge(path)
        elif event in CHANGING:
            for path in arguments[: CHANGING[event]]:
                judge(path)

    sys.addaudithook(look)
    return refused


# --- what is asked of ZeMosaic ---------------------------------------------------------------


def _masks(job: dict[str, Any]) -> dict[str, Any]:
    """Let lecropper make a mask for each of the settings."""
    import numpy as np

    coverage = np.load(job["coverage"])
    image = np.load(job["image"])
    make = importlib.import_module("lecropper").mask_altaz_artifacts
    alphas = []
    taken = True
    for each in job["settings"]:
        wanted = {
            "margin_percent": each["margin_percent"],
            "decay_ratio": each["decay"],
            "return_mask": True,
            "coverage": coverage.copy(),
            "min_coverage_abs": each["min_coverage_abs"],
            "min_coverage_frac": each["min_coverage_frac"],
            "morph_open_px": each["morph_open_px"],
        }
        result, all_taken = _call(make, image.copy(), wanted, COVERAGE_ARGUMENTS)
        taken = taken and all_taken
        alphas.append(_spelled(np.ascontiguousarray(_mask_in(result, coverage.shape), "<f4")))
    return {"taken": taken, "alphas": alphas}


def _mask_in(result: Any, shape: tuple[int, ...]) -> Any:
    """Find the mask in what the function returned: the last picture of one channel."""
    import numpy as np

    for each in reversed(result if isinstance(result, (tuple, list)) else [result]):
        picture = np.asarray(each)
        if picture.dtype.kind in "buif" and picture.squeeze().shape == shape:
            return picture.squeeze()
    raise ValueError("gave back no mask of the picture's height and width")


def _alignments(job: dict[str, Any]) -> dict[str, Any]:
    """Let ZeMosaic align each made-up cluster, with its footprints and without."""
    import numpy as np

    align = importlib.import_module("zemosaic_align_stack").align_images_in_group
    runs = []
    for scene in job["scenes"]:
        frames = np.load(scene)
        run: dict[str, Any] = {}
        for name, footprint in (("with", True), ("without", False)):
            wanted = {
                "reference_image_index": 0,
                "progress_callback": _silent,
                "propagate_mask": footprint,
            }
            copies = [each.copy() for each in frames]
            result, taken = _call(align, copies, wanted, FOOTPRINT_ARGUMENTS)
            aligned = result[0] if isinstance(result, tuple) else result
            run[name] = [_seen(each) for each in list(aligned)[: len(frames)]]
            run["taken"] = taken
        runs.append(run)
    return {"runs": runs}


def _silent(*_: Any, **__: Any) -> None:
    """Take ZeMosaic's progress messages."""


def _seen(frame: Any) -> dict[str, Any] | None:
    """Say where an aligned frame has numbers, and where these are zeros."""
    import numpy as np

    if frame is None:
        return None
    pixels = np.asarray(frame, dtype=np.float32)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    finite = np.isfinite(pixels).all(axis=-1)
    zero = finite & (np.abs(pixels) <= 1e-6).all(axis=-1)
    return {
        "shape": list(finite.shape),
        "finite": _spelled(np.packbits(finite)),
        "zero": _spelled(np.packbits(zero)),
    }


def _call(
    function: Callable[..., Any], first: Any, wanted: dict[str, Any], optional: tuple[str, ...]
) -> tuple[Any, bool]:
    """Call with those of the wanted arguments that the function has.

    Where it refuses the optional ones nevertheless, call it once more without them.
    Returns its result, and whether it took all the optional ones.
    """
    parameters = inspect.signature(function).parameters
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    given = {name: value for name, value in wanted.items() if takes_any or name in parameters}
    taken = all(name in given for name in optional)
    try:
        return function(first, **given), taken
    except TypeError:
        if not any(name in given for name in optional):
            raise
    given = {name: value for name, value in given.items() if name not in optional}
    return function(first, **given), False


def _spelled(array: Any) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")


def _words(error: BaseException) -> str:
    try:
        return str(error)[:500]
    except BaseException:  # noqa: BLE001 - an error whose text is another error
        return ""


TASKS = {"masks": _masks, "alignments": _alignments}

if __name__ == "__main__":
    main()
