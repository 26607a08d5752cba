"""Diagnosis of a ZeMosaic, on stand-ins whose faults are known."""

from __future__ import annotations

import base64
import functools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.core.alpha import mask_with_fallbacks
from napari_zecoverage.core.coverage import choose_canvas
from napari_zecoverage.core.errors import ParameterError
from napari_zecoverage.core.registration import Reference, find_stars, register_frame
from napari_zecoverage.zemosaic import diagnosis
from napari_zecoverage.zemosaic.bounded_run import Run, run_bounded
from napari_zecoverage.zemosaic.diagnosis import MASK_SETTINGS, Diagnosis, diagnose_zemosaic
from napari_zecoverage.zemosaic.made_up import (
    FRAME_SHAPE,
    SMALL,
    WIDE,
    Motion,
    make_coverage,
    make_frames,
    matrix_of,
)

STANDINS = Path(__file__).parent / "standins"
OURS = diagnosis._Interpreter(sys.executable, "ours")


@pytest.fixture(autouse=True)
def _frames_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "make_frames", made_frames)


made_frames = functools.cache(make_frames)


@pytest.fixture
def make_zemosaic(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes a stand-in: the right one, its modules replaced or changed."""

    def make(footprint: str = "right", **modules: str) -> Path:
        folder = tmp_path / "ZeMosaic here"
        folder.mkdir()
        for source in STANDINS.glob("*.py"):
            text = modules.get(source.stem, source.read_text(encoding="utf-8"))
            (folder / source.name).write_text(text, encoding="utf-8")
        matrices = {
            str(len(motions)): [matrix_of(each).tolist() for each in motions]
            for motions in (SMALL, WIDE)
        }
        known = {"footprint": footprint, "matrices": matrices}
        (folder / "known.json").write_text(json.dumps(known), encoding="utf-8")
        (folder / "zemosaic_worker.log").write_text("a run of last night\n", encoding="utf-8")
        config = {"altaz_min_coverage_abs": 3.0, "last_folder": "/somewhere"}
        (folder / "zemosaic_config.json").write_text(json.dumps(config), encoding="utf-8")
        return folder

    return make


def standin(name: str) -> str:
    return (STANDINS / f"{name}.py").read_text(encoding="utf-8")


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the bytes and the time of everything in a folder, the folder's own too."""
    return {
        str(each.relative_to(folder)): (
            each.read_bytes() if each.is_file() else b"",
            each.stat().st_mtime_ns,
        )
        for each in (folder, *folder.rglob("*"))
    }


def diagnose(folder: Path, **options: Any) -> Diagnosis:
    """Diagnose, and hold what must be true whatever the ZeMosaic does."""
    before = contents(folder)
    found = diagnose_zemosaic(folder, **options)
    assert contents(folder) == before
    check_report(found)
    return found


def check_report(found: Diagnosis) -> None:
    assert all(line.isprintable() and len(line) < 1500 for line in found.lines())
    assert found.exit_code == {True: 0, False: 3, None: 4}[found.acts]
    checks = [each.check for each in found.findings]
    assert len(checks) == len(set(checks))


def text_of(found: Diagnosis, check: str) -> str:
    return next(each.text for each in found.findings if each.check == check)


# --- what is right and what is not -----------------------------------------------------


def test_right(make_zemosaic: Callable[..., Path]) -> None:
    folder = make_zemosaic()
    found = diagnose(folder)
    assert {each.check: each.result for each in found.findings} == {
        "version": "4.9.1",
        "config": "writable",
        "keys": "known",
        "interpreter": "ours",
        "bounds": "time" if sys.platform == "win32" else "time and memory",
        "lecropper": "same",
        "alignment": "right",
        "canvas": "when-needed",
        "folder": "unchanged",
    }
    assert found.acts is True
    assert found.version == "4.9.1"
    assert found.interpreter == sys.executable
    assert "counts at most 6" in text_of(found, "alignment")
    assert found.lines()[0] == "Exported thresholds act in this ZeMosaic."
    assert any("Close ZeMosaic's window" in each for each in found.advice)


def test_upside_down(make_zemosaic: Callable[..., Path]) -> None:
    found = diagnose(make_zemosaic("upside-down"))
    assert found.acts is False
    assert found.result_of("lecropper") == "same"
    assert found.result_of("alignment") == "upside-down"
    assert found.result_of("canvas") == "always"
    assert "9 lost all" in text_of(found, "alignment")
    assert "counts at most 1" in text_of(found, "alignment")
    assert any("zecoverage tiles" in each for each in found.advice)
    assert any("ZeMosaic's author" in each for each in found.advice)


def test_shifted_in_zeros_are_counted_where_the_canvas_is_not_padded(
    make_zemosaic: Callable[..., Path],
) -> None:
    found = diagnose(make_zemosaic("zeros"))
    assert found.acts is True
    assert found.result_of("alignment") == "zeros-counted"
    assert "4 of 9 frames" in text_of(found, "alignment")


def test_everything_is_counted(make_zemosaic: Callable[..., Path]) -> None:
    found = diagnose(make_zemosaic("everything"))
    assert found.acts is False
    assert found.result_of("alignment") == "everything-counted"


def test_frame_that_is_lost_with_and_without_its_footprint_blames_no_footprint(
    make_zemosaic: Callable[..., Path],
) -> None:
    lost = standin("zemosaic_align_stack").replace(
        "return aligned, []", "return [aligned[0], *(each * np.nan for each in aligned[1:])], []"
    )
    found = diagnose(make_zemosaic(zemosaic_align_stack=lost))
    assert found.acts is None
    assert found.result_of("alignment") == "unclear"


def test_nothing_aligned(make_zemosaic: Callable[..., Path]) -> None:
    nothing = "def align_images_in_group(frames, **_):\n    return [None] * len(frames), []\n"
    found = diagnose(make_zemosaic(zemosaic_align_stack=nothing))
    assert found.acts is None
    assert found.result_of("alignment") == "nothing-aligned"
    assert found.result_of("canvas") is None


def test_older_lecropper_is_tried_without_coverage(make_zemosaic: Callable[..., Path]) -> None:
    older = (
        "import numpy as np\n"
        "def mask_altaz_artifacts(picture, margin_percent=5.0, decay_ratio=0.15,"
        " return_mask=False):\n"
        "    assert return_mask\n"
        "    return picture, np.ones(picture.shape[:2], dtype=np.float32)\n"
    )
    found = diagnose(make_zemosaic(lecropper=older))
    assert found.acts is False
    assert found.result_of("lecropper") == "no-coverage-arguments"
    assert "thresholds cannot act there" in text_of(found, "lecropper")
    assert any("newer ZeMosaic" in each for each in found.advice)


def test_lecropper_that_refuses_coverage_when_called_is_tried_without(
    make_zemosaic: Callable[..., Path],
) -> None:
    refusing = (
        "import numpy as np\n"
        "def mask_altaz_artifacts(picture, **options):\n"
        "    if 'coverage' in options:\n"
        "        raise TypeError('unexpected keyword argument')\n"
        "    return picture, np.ones(picture.shape[:2], dtype=np.float32)\n"
    )
    found = diagnose(make_zemosaic(lecropper=refusing))
    assert found.result_of("lecropper") == "no-coverage-arguments"


def test_older_alignment_without_footprints(make_zemosaic: Callable[..., Path]) -> None:
    older = standin("zemosaic_align_stack").replace("propagate_mask=False, ", "")
    older = older.replace("if propagate_mask else placed", "if False else placed")
    found = diagnose(make_zemosaic(zemosaic_align_stack=older))
    assert found.acts is False
    assert found.result_of("alignment") == "no-footprint"


@pytest.mark.parametrize(
    ("instead", "result", "acts"),
    [
        ("coverage > 0", "no-effect", False),
        ("coverage >= np.float32(threshold + 1)", "differs", True),
    ],
)
def test_another_mask_than_ours(
    make_zemosaic: Callable[..., Path], instead: str, result: str, acts: bool
) -> None:
    other = standin("lecropper").replace("coverage >= np.float32(threshold)", instead)
    other = other.replace("if morph_open_px:", "if False:")
    found = diagnose(make_zemosaic(lecropper=other))
    assert found.result_of("lecropper") == result
    assert found.acts is acts


def test_thresholds_that_the_worker_does_not_know(make_zemosaic: Callable[..., Path]) -> None:
    # A longer key of the same beginning is another key.
    older = standin("zemosaic_worker").replace("altaz_morph_open_px", "altaz_morph_open_px_old")
    found = diagnose(make_zemosaic(zemosaic_worker=older))
    assert found.acts is False
    assert found.result_of("keys") == "thresholds-unknown"
    assert "altaz_morph_open_px:" in text_of(found, "keys")


def test_other_keys_that_the_worker_does_not_know(make_zemosaic: Callable[..., Path]) -> None:
    older = standin("zemosaic_worker").replace('    "altaz_nanize",\n', "")
    found = diagnose(make_zemosaic(zemosaic_worker=older))
    assert found.acts is True
    assert text_of(found, "keys").endswith("but not altaz_nanize.")


# --- what hangs, raises, lies, eats and writes ---------------------------------------------


def test_hanging(make_zemosaic: Callable[..., Path]) -> None:
    hanging = "import threading\nthreading.Event().wait()\n"
    folder = make_zemosaic(lecropper=hanging, zemosaic_align_stack=hanging)
    found = diagnose(folder, timeout_s=1.5)
    assert found.acts is None
    assert "did not end within 1.5 s" in text_of(found, "lecropper")
    assert "did not end within 1.5 s" in text_of(found, "alignment")


def test_raising_on_import(make_zemosaic: Callable[..., Path]) -> None:
    raising = "raise RuntimeError('no \\x1b[31mluck\\n today\\u202e')\n"
    found = diagnose(make_zemosaic(lecropper=raising))
    assert found.acts is None
    assert "RuntimeError: no \ufffd[31mluck\ufffd today\ufffd" in text_of(found, "lecropper")
    assert found.result_of("alignment") == "right"
    assert any("--python" in each for each in found.advice)


def test_missing_module_of_the_named_python(make_zemosaic: Callable[..., Path]) -> None:
    missing = "import no_such_toolkit\n"
    found = diagnose(make_zemosaic(lecropper=missing), python=sys.executable)
    assert found.acts is None
    assert found.result_of("interpreter") == "named"
    assert "no_such_toolkit" in text_of(found, "lecropper")
    assert "leaves its clean-up out" in text_of(found, "lecropper")


def test_what_is_definite_stands_though_the_rest_cannot_be_run(
    make_zemosaic: Callable[..., Path],
) -> None:
    found = diagnose(make_zemosaic("upside-down", lecropper="raise OSError('?')\n"))
    assert found.acts is False


@pytest.mark.parametrize("leave", ["import os; os._exit(0)", "import sys; sys.exit('bye')"])
def test_exiting_silently(make_zemosaic: Callable[..., Path], leave: str) -> None:
    found = diagnose(make_zemosaic(lecropper=leave + "\n", zemosaic_align_stack=leave + "\n"))
    assert found.acts is None
    assert found.result_of("lecropper") == found.result_of("alignment") == "not-run"


FORGING = """
import json, os, sys
job = json.load(open(sys.argv[1]))
print("\\x1b[2J\\x07 everything is fine " * 10000)
sys.stderr.write("\\x1b]0;title\\x07" * 10000)
forged = {"nonce": "0" * 32, "result": {"taken": True, "alphas": []}, "memory_bounded": True}
with open(job["answer"], "w") as out:
    out.write(json.dumps(forged))
os._exit(0)
"""


def test_forging_the_answer(
    make_zemosaic: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    found = diagnose(make_zemosaic(lecropper=FORGING, zemosaic_align_stack=FORGING))
    assert found.acts is None
    assert "gave no answer that can be used" in text_of(found, "lecropper")
    assert "gave no answer that can be used" in text_of(found, "alignment")
    assert capfd.readouterr() == ("", "")


LYING = """
import json
honest = json.dumps
def lying(answer, **options):
    answer["result"] = RESULT
    answer["refused"] = ["\\x1b[2J", 7, None]
    return honest(answer, **options)
json.dumps = lying
"""


@pytest.mark.parametrize(
    "result",
    [
        "'\\x1b[2J'",
        "{'taken': True, 'alphas': ['////'] * 4, 'runs': [{'with': [[]] * 5}] * 2}",
        "{'taken': True, 'alphas': 4 * ['A' * 65536], 'runs': [None, None]}",
    ],
)
def test_lying_in_our_name(make_zemosaic: Callable[..., Path], result: str) -> None:
    # It runs in the process that answers, so it can; nonsense must only do no harm.
    lying = LYING.replace("RESULT", result)
    found = diagnose(make_zemosaic(lecropper=lying, zemosaic_align_stack=lying))
    assert found.acts is not True
    assert found.result_of("alignment") == "not-run"


@pytest.mark.parametrize(
    "body",
    [
        "return picture",
        "return picture, picture[:5, :5, 0]",
        "return picture, 'a mask'",
        "return None",
        "raise SystemExit",
    ],
)
def test_lecropper_that_gives_no_mask(make_zemosaic: Callable[..., Path], body: str) -> None:
    nonsense = f"def mask_altaz_artifacts(picture, **_):\n    {body}\n"
    found = diagnose(make_zemosaic(lecropper=nonsense, zemosaic_align_stack="1 / 0\n"))
    assert found.acts is None
    assert found.result_of("lecropper") == "not-run"


def test_lecropper_that_gives_undefined_numbers(make_zemosaic: Callable[..., Path]) -> None:
    undefined = (
        "import numpy as np\n"
        "def mask_altaz_artifacts(picture, **_):\n"
        "    return picture, np.full(picture.shape[:2], np.nan)\n"
    )
    found = diagnose(make_zemosaic(lecropper=undefined))
    assert found.result_of("lecropper") == "no-effect"


@pytest.mark.skipif(sys.platform != "linux", reason="the system's own limit on memory")
def test_eating_memory(make_zemosaic: Callable[..., Path]) -> None:
    # Untouched zeros: without the limit it would get them, and cost nothing.
    eating = "food = bytearray(3_000_000_000)\n" + standin("lecropper")
    found = diagnose(make_zemosaic(lecropper=eating), memory_mb=2048)
    assert found.acts is None
    assert "more than the 2048 MB" in text_of(found, "lecropper")
    assert found.result_of("alignment") == "right"


WRITING = """
import os
from pathlib import Path
here = Path(__file__).parent
for change in (
    lambda: open(here / "zemosaic_worker.log", "w"),
    lambda: open(here / "zemosaic_config.json", "r+"),
    lambda: open(here / "new.txt", "xb"),
    lambda: os.open(here / "zemosaic_worker.log", os.O_WRONLY | os.O_TRUNC),
    lambda: os.remove(here / "known.json"),
    lambda: os.rename(here / "known.json", here / "known2.json"),
    lambda: os.mkdir(here / "cache"),
    lambda: os.utime(here / "known.json"),
    lambda: os.chmod(here / "known.json", 0),
    lambda: os.truncate(here / "known.json", 0),
):
    try:
        change()
    except PermissionError:
        pass
    else:
        raise SystemExit("it could")
with open("scratch.txt", "w") as allowed, open(os.devnull, "w") as nowhere:
    print("here", file=allowed)
    print("nothing", file=nowhere)
"""


def test_writing_into_its_folder_is_refused(make_zemosaic: Callable[..., Path]) -> None:
    found = diagnose(make_zemosaic(lecropper=WRITING + standin("lecropper")))
    assert found.result_of("lecropper") == "same"
    assert found.result_of("folder") == "refused"
    assert "zemosaic_worker.log" in text_of(found, "folder")


def test_change_that_cannot_be_refused_is_told(make_zemosaic: Callable[..., Path]) -> None:
    code = "import sys; open(sys.argv[1], 'w').close()"
    by_another = (
        "import subprocess, sys\nfrom pathlib import Path\n"
        f"command = [sys.executable, '-c', {code!r}]\n"
        "subprocess.run([*command, str(Path(__file__).with_name('zemosaic_worker.log'))])\n"
    )
    found = diagnose_zemosaic(make_zemosaic(lecropper=by_another + standin("lecropper")))
    assert found.result_of("folder") == "changed"
    assert "zemosaic_worker.log" in text_of(found, "folder")


def test_no_display_and_no_home(
    make_zemosaic: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "ZEM_ALTALPHA_FITS", "PYTHONSTARTUP"):
        monkeypatch.setenv(name, "the user's")
    looking = (
        "import os, sys\nfrom pathlib import Path\n"
        "names = ('DISPLAY', 'WAYLAND_DISPLAY', 'ZEM_ALTALPHA_FITS', 'PYTHONSTARTUP')\n"
        "assert not any(each in os.environ for each in names)\n"
        f"assert Path.home() != Path({str(Path.home())!r})\n"
        "assert os.environ['MPLBACKEND'] == 'Agg' and sys.dont_write_bytecode\n"
        "assert Path.cwd() == Path.home().resolve() and sys.stdin.read() == ''\n"
    )
    found = diagnose(make_zemosaic(lecropper=looking + standin("lecropper")))
    assert found.result_of("lecropper") == "same", text_of(found, "lecropper")


# --- which ZeMosaic, which Python, which config ----------------------------------------------


def test_no_zemosaic(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere\x1b[2J"):
        found = diagnose_zemosaic(folder)
        check_report(found)
        assert found.acts is None
        assert "There is no ZeMosaic" in text_of(found, "version")


@pytest.mark.parametrize(
    ("version", "acts"), [("4.5.0", False), ("4.5", False), ("4.50", None), ("5.0.1", None)]
)
@pytest.mark.parametrize("inside", ["", "_internal"])
def test_packaged_is_judged_by_its_version(
    tmp_path: Path, version: str, acts: bool | None, inside: str
) -> None:
    (tmp_path / inside).mkdir(exist_ok=True)
    text = f"ZeMosaic {version}\nInstaller build\n"
    (tmp_path / inside / "version.txt").write_text(text, encoding="utf-8")
    found = diagnose(tmp_path)
    assert found.acts is acts
    assert found.version == version
    assert found.interpreter is None
    assert "ot run" in text_of(found, "alignment")


def test_packaged_without_a_version(tmp_path: Path) -> None:
    (tmp_path / "ZeMosaic.exe").write_bytes(b"MZ")
    found = diagnose(tmp_path)
    assert found.acts is None
    assert found.result_of("version") == "unknown"


def test_sources_in_a_folder_below_and_config_named(make_zemosaic: Callable[..., Path]) -> None:
    folder = make_zemosaic(lecropper="1 / 0\n", zemosaic_align_stack="1 / 0\n")
    below = folder.rename(folder.with_name("zemosaic"))
    for named in (below.parent, below / "zemosaic_config.json"):
        found = diagnose_zemosaic(named)
        assert found.version == "4.9.1"
        assert "ZeroDivisionError" in text_of(found, "lecropper")


def test_named_python_is_missing(make_zemosaic: Callable[..., Path], tmp_path: Path) -> None:
    found = diagnose(make_zemosaic(), python=tmp_path / "no" / "python")
    assert found.acts is None
    assert found.result_of("interpreter") == "missing"


def test_named_python_is_none(make_zemosaic: Callable[..., Path], tmp_path: Path) -> None:
    fake = tmp_path / ("python.exe" if sys.platform == "win32" else "python")
    fake.write_bytes(b"\x7fnot a program")
    fake.chmod(0o755)
    found = diagnose(make_zemosaic(), python=fake)
    assert found.acts is None
    assert "cannot be started" in text_of(found, "alignment")


@pytest.mark.parametrize("name", [".venv", "venv", "env"])
def test_its_own_python(tmp_path: Path, name: str) -> None:
    (tmp_path / "lecropper.py").touch()
    inside = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    own = tmp_path / name / inside
    own.parent.mkdir(parents=True)
    own.write_bytes(b"\x7fnot a program")
    own.chmod(0o755)
    found = diagnose(tmp_path)
    assert found.result_of("interpreter") == "its own"
    assert found.interpreter == str(own)
    environment = diagnose(tmp_path, python=tmp_path / name)
    assert environment.result_of("interpreter") == "named"
    assert environment.interpreter == str(own)


def test_configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path
    (folder / "version.txt").write_text("ZeMosaic 4.5.0\n", encoding="utf-8")
    config = folder / "zemosaic_config.json"
    config.write_text('{"altaz_min_coverage_abs": 3.0}', encoding="utf-8")
    assert "has 1 of the three" in text_of(diagnose(folder), "config")
    with monkeypatch.context() as patch:
        patch.setattr(diagnosis.os, "access", lambda path, mode: path != config)
        assert diagnose(folder).result_of("config") == "read-only"
    config.write_text("{}", encoding="utf-8")
    assert "has no threshold yet" in text_of(diagnose(folder), "config")
    config.write_text("{\x1b[2J", encoding="utf-8")
    assert diagnose(folder).result_of("config") == "unreadable"
    config.unlink()
    assert diagnose(folder).result_of("config") == "missing"


@pytest.mark.parametrize(
    "bounds",
    [{"timeout_s": 0}, {"timeout_s": float("nan")}, {"timeout_s": float("inf")}, {"memory_mb": 1}],
)
def test_bounds_out_of_range(tmp_path: Path, bounds: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=next(iter(bounds))):
        diagnose_zemosaic(tmp_path, **bounds)


# --- the run within bounds -----------------------------------------------------------------

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


def test_whole_diagnosis_imports_nothing_of_zemosaic(make_zemosaic: Callable[..., Path]) -> None:
    diagnose_zemosaic(make_zemosaic(lecropper="1 / 0\n", zemosaic_align_stack="1 / 0\n"))
    assert not {"lecropper", "zemosaic_align_stack", "zemosaic_worker"} & sys.modules.keys()


def test_probe_needs_nothing_of_ours(tmp_path: Path) -> None:
    probe = tmp_path / "probe.py"
    probe.write_bytes(diagnosis.PROBE.read_bytes())
    code = (
        "import sys, runpy; "
        f"runpy.run_path({str(probe)!r}, run_name='probe'); "
        "print(*{each.partition('.')[0] for each in sys.modules} - set(sys.stdlib_module_names))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) <= {"__main__"}


# --- answers of any kind -------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=8), inner, max_size=6)
    ),
    max_leaves=20,
)
BASE64 = st.binary(max_size=40).map(lambda raw: base64.b64encode(raw).decode())
FRAME = st.fixed_dictionaries(
    {
        "shape": st.lists(st.integers(-2, 30) | st.just(10**30) | JSON, max_size=3),
        "finite": BASE64 | JSON,
        "zero": BASE64 | JSON,
    }
)
FRAMES = st.lists(st.none() | FRAME, min_size=5, max_size=6)
RUN = st.fixed_dictionaries({"with": FRAMES | JSON, "without": FRAMES | JSON, "taken": JSON})
ANSWER = st.fixed_dictionaries(
    {},
    optional={
        "result": JSON
        | st.fixed_dictionaries({"alphas": st.lists(BASE64 | JSON), "taken": JSON})
        | st.fixed_dictionaries({"runs": st.lists(RUN | JSON, min_size=2, max_size=2)}),
        "error": JSON | st.fixed_dictionaries({"kind": JSON, "text": JSON}),
        "refused": JSON | st.lists(JSON),
        "memory_bounded": JSON,
    },
)


@settings(max_examples=150, deadline=None)
@given(ANSWER)
def test_no_answer_breaks_the_report(answer: dict[str, Any]) -> None:
    run = Run("answered", answer, 0)
    findings = [
        diagnosis._lecropper_finding(run, OURS, 1, 100),
        *diagnosis._alignment_findings(run, OURS, 1, 100),
        diagnosis._bounds_finding((run, run), 1, 100),
        *diagnosis._folder_findings((run, run), {}, {}),
    ]
    place = diagnosis._Place(Path("x"), Path("x"), None, None, "")
    found = diagnosis._concluded(place, OURS, findings)
    check_report(found)
    assert found.acts is not True


@pytest.mark.parametrize(
    "shape",
    [[10**30, 10**30], [4096, 4096], [-8, -8], [0, 8], [True, 8], [8.0, 8], ["8", 8], [8], 8, None],
)
def test_shape_of_a_frame_is_not_believed(shape: Any) -> None:
    all_set = base64.b64encode(b"\xff" * 8).decode()
    frame = {"shape": shape, "finite": all_set, "zero": all_set}
    assert diagnosis._aligned_of([{**frame, "shape": [8, 8]}], 1) is not None
    assert diagnosis._aligned_of([frame], 1) is None


@settings(max_examples=100, deadline=None)
@given(st.text(), st.integers(1, 50))
def test_printable(text: str, longest: int) -> None:
    shown = diagnosis._printable(text, longest)
    assert shown.isprintable()
    assert len(shown) <= longest


# --- the made-up inputs ----------------------------------------------------------------------


@pytest.mark.parametrize(("motions", "padded"), [(SMALL, False), (WIDE, True)])
def test_made_up_frames_lie_where_they_say(motions: tuple[Motion, ...], padded: bool) -> None:
    frames = make_frames(motions)
    assert frames.shape == (len(motions), *FRAME_SHAPE, 3)
    luminance = frames.mean(axis=-1)
    reference = Reference(find_stars(luminance[0]), luminance[0])
    height, width = FRAME_SHAPE
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]).T
    for motion, picture in zip(motions[1:], luminance[1:], strict=True):
        found = register_frame(picture, find_stars(picture), reference)
        assert found.method == "astroalign"
        assert found.matrix is not None
        np.testing.assert_allclose(found.matrix @ corners, matrix_of(motion) @ corners, atol=0.3)
        alone = choose_canvas([matrix_of(motion)], FRAME_SHAPE, "auto")
        assert alone.padded is padded


def test_settings_ask_for_the_coverage_mask_and_tell_thresholds_apart() -> None:
    coverage = make_coverage()
    masks = [
        mask_with_fallbacks(np.ones((*coverage.shape, 3)), coverage, each) for each in MASK_SETTINGS
    ]
    assert [each.source for each in masks] == ["coverage"] * len(masks)
    alphas = [each.alpha for each in masks]
    for index, alpha in enumerate(alphas):
        assert not any(np.array_equal(alpha, other) for other in alphas[:index])


def test_scratch_folders_are_gone(
    make_zemosaic: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    keeping = "import os\nos.makedirs('deep/er')\nopen('deep/er/file', 'w').close()\n"
    diagnose(make_zemosaic(lecropper=keeping))
    assert os.listdir(temporary) == []
