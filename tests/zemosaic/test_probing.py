"""A ZeMosaic that hangs, raises, lies, eats and writes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from diagnosed import diagnose, standin, text_of

from napari_zecoverage.core.mask_choice import mask_with_fallbacks
from napari_zecoverage.zemosaic.diagnosis import diagnose_zemosaic
from napari_zecoverage.zemosaic.made_up import make_coverage
from napari_zecoverage.zemosaic.probing import MASK_SETTINGS, PROBE


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


def test_whole_diagnosis_imports_nothing_of_zemosaic(make_zemosaic: Callable[..., Path]) -> None:
    diagnose_zemosaic(make_zemosaic(lecropper="1 / 0\n", zemosaic_align_stack="1 / 0\n"))
    assert not {"lecropper", "zemosaic_align_stack", "zemosaic_worker"} & sys.modules.keys()


def test_probe_needs_nothing_of_ours(tmp_path: Path) -> None:
    probe = tmp_path / "probe.py"
    probe.write_bytes(PROBE.read_bytes())
    code = (
        "import sys, runpy; "
        f"runpy.run_path({str(probe)!r}, run_name='probe'); "
        "print(*{each.partition('.')[0] for each in sys.modules} - set(sys.stdlib_module_names))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) <= {"__main__"}


def test_scratch_folders_are_gone(
    make_zemosaic: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    keeping = "import os\nos.makedirs('deep/er')\nopen('deep/er/file', 'w').close()\n"
    diagnose(make_zemosaic(lecropper=keeping))
    assert os.listdir(temporary) == []


def test_settings_ask_for_the_coverage_mask_and_tell_thresholds_apart() -> None:
    coverage = make_coverage()
    masks = [
        mask_with_fallbacks(np.ones((*coverage.shape, 3)), coverage, each) for each in MASK_SETTINGS
    ]
    assert [each.source for each in masks] == ["coverage"] * len(masks)
    alphas = [each.alpha for each in masks]
    for index, alpha in enumerate(alphas):
        assert not any(np.array_equal(alpha, other) for other in alphas[:index])
