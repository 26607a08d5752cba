"""Another interpreter, run within bounds: time, memory, no window, no trust.

What it prints goes nowhere. Its answer is one file of bounded size, which the reader
has open before it starts, so that nothing else can be put in its place.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from napari_zecoverage.core.errors import StudyCancelledError, reason_of

MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
"""A longer answer is not read."""

GRACE_S: Final = 10.0
"""How long a killed process may take to go."""

_LONGEST_S: Final = 1e6
"""A timer of more seconds is beyond what some systems can hold."""

_POLL_S: Final = 0.1
"""So often it is asked whether to stop."""

How = Literal["answered", "no answer", "timed out", "not started"]


class Run(NamedTuple):
    """How a bounded run ended.

    Attributes
    ----------
    how : {"answered", "no answer", "timed out", "not started"}
        "no answer" when the process ended without one that is ours.
    answer : dict
        The JSON object that it wrote, whose contents may be anything; else empty.
    status : int or None
        Its exit status; negative: ended by that signal.
    reason : str
        Of "not started", the system's words.
    """

    how: How
    answer: dict[str, Any]
    status: int | None = None
    reason: str = ""


def run_bounded(
    interpreter: str,
    script: Path,
    job: Mapping[str, Any],
    scratch: Path,
    *,
    timeout_s: float,
    memory_mb: int,
    should_stop: Callable[[], bool] | None = None,
) -> Run:
    """Run a script in a process of its own, and read the answer that it leaves.

    The script gets the path of a JSON file as its argument: `job`, ``scratch``,
    ``answer`` (the file to write into), and what it holds itself to where its system can:
    ``memory_bytes``, and ``seconds``, for we may be killed and not end it. A random word
    comes on its standard input; the answer must be a JSON object with that word as
    ``nonce``.

    Parameters
    ----------
    interpreter : str
        A Python.
    script : pathlib.Path
        What it runs.
    job : mapping
        What JSON can spell.
    scratch : pathlib.Path
        An empty folder: the process's working folder.
    timeout_s : float
        Seconds until it is killed, with all that it started.
    memory_mb : int
        Its address space, in MB.
    should_stop : callable, optional
        Asked while it runs; True kills it, with all that it started.

    Returns
    -------
    Run

    Raises
    ------
    StudyCancelledError
        `should_stop` said so.
    """
    nonce = secrets.token_hex(16)
    answer_file = scratch / "answer.json"
    whole_job = {
        **job,
        "scratch": str(scratch),
        "answer": str(answer_file),
        "memory_bytes": memory_mb * 1024 * 1024,
        "seconds": min(timeout_s, _LONGEST_S),
    }
    job_file = scratch / "job.json"
    job_file.write_text(json.dumps(whole_job), encoding="utf-8")
    with open(answer_file, "w+b") as channel:
        command = [interpreter, "-B", "-X", "utf8", str(script), str(job_file)]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=scratch,
                env=_environment(),
                **_apart(),
            )
        except (OSError, ValueError) as error:
            return Run("not started", {}, reason=reason_of(error))
        try:
            has_ended = _ends_by_itself(process, nonce, timeout_s, should_stop)
        finally:
            _end(process)
        if not has_ended:
            return Run("timed out", {})
        raw = channel.read(MAX_ANSWER_BYTES + 1)
    answer = _answer(raw, nonce)
    if answer is None:
        return Run("no answer", {}, process.returncode)
    return Run("answered", answer, process.returncode)


def _ends_by_itself(
    process: subprocess.Popen[bytes],
    nonce: str,
    timeout_s: float,
    should_stop: Callable[[], bool] | None,
) -> bool:
    """Tell the process its word and wait for its end; return whether that came in time."""
    assert process.stdin is not None
    # One that has ended already will give no answer. The word never fills the pipe.
    with suppress(OSError):
        process.stdin.write(f"{nonce}\n".encode())
        process.stdin.close()
    deadline = time.monotonic() + timeout_s
    while True:
        if should_stop is not None and should_stop():
            raise StudyCancelledError("the check was cancelled; nothing of it was kept")
        left = deadline - time.monotonic()
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, min(left, _POLL_S)))
            return True
        if left <= 0:
            return False


def new_scratch() -> tempfile.TemporaryDirectory[str]:
    """Return a new folder that goes when its ``with`` block ends, whatever lies in it."""
    return tempfile.TemporaryDirectory(prefix="zecoverage-", ignore_cleanup_errors=True)


def _environment() -> dict[str, str]:
    """Return our environment without what opens windows or leads Python elsewhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "ZEM_", "QT_"))
        and name not in {"DISPLAY", "WAYLAND_DISPLAY", "__PYVENV_LAUNCHER__"}
    }
    one_thread = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
    )
    return {
        **kept,
        **one_thread,
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "Agg",
        "QT_QPA_PLATFORM": "offscreen",
        "CUDA_VISIBLE_DEVICES": "-1",  # a graphics card's memory cannot be bounded
    }


def _apart() -> dict[str, Any]:
    """Return what puts a process into a group of its own, without a window."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it left running in its group."""
    if sys.platform == "win32":
        if process.poll() is None:
            with suppress(OSError, subprocess.SubprocessError):
                subprocess.run(
                    ["taskkill", "/F", "/T", "/PID", str(process.pid)],
                    capture_output=True,
                    check=False,
                    timeout=GRACE_S,
                )
            process.kill()
    else:
        # No such group: nothing is left. macOS refuses when only the dead are.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_S)
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()


def _answer(raw: bytes, nonce: str) -> dict[str, Any] | None:
    if len(raw) > MAX_ANSWER_BYTES:
        return None
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict) or answer.get("nonce") != nonce:
        return None
    return answer
