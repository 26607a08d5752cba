"""A process run within bounds: what it leaves, and what it answers."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from napari_zecoverage.core.errors import StudyCancelledError
from napari_zecoverage.zemosaic.bounded_run import Run, run_bounded

ANSWERING = """
import json, sys
job = json.load(open(sys.argv[1]))
nonce = sys.stdin.readline().strip()
"""


CHILD = (
    "import socket, sys\n"
    "line = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
    "line.sendall(b'x')\nprint('there', flush=True)\nline.recv(1)\n"
)
"""A process that lives until it is ended, and whose end can be seen."""

WITH_CHILD = (
    "import subprocess\n"
    f"child = subprocess.Popen([sys.executable, '-c', {CHILD!r}, str(job['port'])],"
    " stdout=subprocess.PIPE)\n"
    "child.stdout.readline()\n"
)


def run_script(
    tmp_path: Path, script: str, should_stop: Callable[[], bool] | None = None, **job: Any
) -> Run:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    path = tmp_path / "script.py"
    path.write_text(ANSWERING + script, encoding="utf-8")
    return run_bounded(
        sys.executable,
        path,
        job,
        scratch,
        timeout_s=60,
        memory_mb=2048,
        should_stop=should_stop,
    )


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)
        yield listening


def accepted(server: socket.socket) -> socket.socket:
    """Return the line to the child, once it has said that it lives."""
    line, _ = server.accept()
    line.settimeout(60)
    assert line.recv(1) == b"x"
    return line


def has_gone(line: socket.socket) -> bool:
    """Return whether the child at the other end lives no more; waits for it."""
    return line.recv(1) == b""


def test_what_it_left_running_is_ended(tmp_path: Path, server: socket.socket) -> None:
    if sys.platform == "win32":
        pytest.skip("a process that ended by itself takes no others with it there")
    script = WITH_CHILD + "open(job['answer'], 'w').write(json.dumps({'nonce': nonce}))\n"
    run = run_script(tmp_path, script, port=server.getsockname()[1])
    assert run.how == "answered"
    with accepted(server) as line:
        assert has_gone(line)


def test_stopped_it_is_ended_with_all_that_it_started(
    tmp_path: Path, server: socket.socket
) -> None:
    before = set(psutil.Process().children())
    lines = []

    def should_stop() -> bool:
        # Waits until there is something to end.
        lines.append(accepted(server))
        return True

    port = server.getsockname()[1]
    with pytest.raises(StudyCancelledError, match="cancelled"):
        run_script(tmp_path, WITH_CHILD + "child.wait()\n", should_stop, port=port)
    (line,) = lines
    with line:
        assert has_gone(line)
    assert set(psutil.Process().children()) <= before


def test_it_is_asked_again_and_again_whether_to_stop(tmp_path: Path) -> None:
    asked = []

    def should_stop() -> bool:
        asked.append(None)
        return len(asked) == 3

    with pytest.raises(StudyCancelledError):
        run_script(tmp_path, "import threading\nthreading.Event().wait()\n", should_stop)
    assert len(asked) == 3


def test_one_that_is_not_stopped_answers(tmp_path: Path) -> None:
    script = "open(job['answer'], 'w').write(json.dumps({'nonce': nonce, 'result': 1}))\n"
    run = run_script(tmp_path, script, lambda: False)
    assert run.how == "answered"
    assert run.answer["result"] == 1


@pytest.mark.parametrize(
    "script",
    [
        "",
        "open(job['answer'], 'w').write('[' * 100_000)",
        "open(job['answer'], 'wb').write(b'\\xff\\xfe{')",
        "open(job['answer'], 'w').write(json.dumps([nonce]))",
        "open(job['answer'], 'w').write(json.dumps({'nonce': [nonce]}))",
        "open(job['answer'], 'w').write(json.dumps({'nonce': nonce}) + ' ' * 16 * 1024 ** 2)",
        "import os; os.remove(job['answer']); os.symlink('/dev/zero', job['answer'])",
    ],
)
def test_no_answer_that_is_ours(tmp_path: Path, script: str) -> None:
    assert run_script(tmp_path, script).how == "no answer"
