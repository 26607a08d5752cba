"""A process run within bounds: what it leaves, and what it answers."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from napari_zecoverage.zemosaic.bounded_run import Run, run_bounded

ANSWERING = """
import json, sys
job = json.load(open(sys.argv[1]))
nonce = sys.stdin.readline().strip()
"""


def run_script(tmp_path: Path, script: str, **job: Any) -> Run:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    path = tmp_path / "script.py"
    path.write_text(ANSWERING + script, encoding="utf-8")
    return run_bounded(sys.executable, path, job, scratch, timeout_s=60, memory_mb=2048)


def test_what_it_left_running_is_ended(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("a process that ended by itself takes no others with it there")
    child = (
        "import socket, sys\n"
        "line = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
        "line.sendall(b'x')\nprint('there', flush=True)\nline.recv(1)\n"
    )
    script = (
        "import subprocess\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}, str(job['port'])],"
        " stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "open(job['answer'], 'w').write(json.dumps({'nonce': nonce}))\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        run = run_script(tmp_path, script, port=server.getsockname()[1])
        assert run.how == "answered"
        line, _ = server.accept()
        with line:
            line.settimeout(60)
            assert line.recv(1) == b"x"
            assert line.recv(1) == b""  # the other end is gone


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
