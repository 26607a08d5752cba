"""Diagnosis of a ZeMosaic, on stand-ins whose faults are known."""

from __future__ import annotations

import base64
import errno
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from diagnosed import OURS, check_report, diagnose, standin, text_of
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.core.errors import OutputError, ParameterError, StudyCancelledError
from napari_zecoverage.zemosaic import diagnosis
from napari_zecoverage.zemosaic.bounded_run import Run
from napari_zecoverage.zemosaic.diagnosis import diagnose_zemosaic
from napari_zecoverage.zemosaic.installation import Installation
from napari_zecoverage.zemosaic.installation_findings import folder_findings
from napari_zecoverage.zemosaic.probed_alignment import alignment_findings
from napari_zecoverage.zemosaic.probed_mask import lecropper_finding
from napari_zecoverage.zemosaic.probing import bounds_finding

# --- cancelled -----------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["lecropper", "zemosaic_align_stack"])
def test_cancelled_it_leaves_neither_a_process_nor_a_file(
    make_zemosaic: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    before = set(psutil.Process().children())
    # Where our process stands in ZeMosaic's code, it says so in the folder that it may write to.
    waiting = (
        "import os, threading\n"
        "open(os.path.join(os.environ['TMPDIR'], 'reached'), 'w').close()\n"
        "threading.Event().wait()\n"
    )
    folder = make_zemosaic(**{module: waiting})
    with pytest.raises(StudyCancelledError):
        diagnose(folder, should_stop=lambda: any(scratch.glob("*/reached")))
    assert list(scratch.iterdir()) == []
    assert set(psutil.Process().children()) <= before


def test_full_disk_is_told(
    make_zemosaic: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", fails)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = make_zemosaic()
    with pytest.raises(OutputError, match=r"No space left on device.*TMPDIR") as caught:
        diagnose_zemosaic(folder)
    assert caught.value.path == str(tmp_path)
    assert list(tmp_path.iterdir()) == [folder]


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


# --- which ZeMosaic, which Python, which config ----------------------------------------------


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
        lecropper_finding(run, OURS, 1, 100),
        *alignment_findings(run, OURS, 1, 100),
        bounds_finding((run, run), 1, 100),
        *folder_findings((run, run), {}, {}),
    ]
    place = Installation(Path("x"), Path("x"), None, None, "")
    found = diagnosis._concluded(place, OURS, findings)
    check_report(found)
    assert found.acts is not True
