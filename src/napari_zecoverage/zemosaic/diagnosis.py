"""Whether thresholds that are exported can act in the user's own ZeMosaic.

Two functions of his ZeMosaic are run on made-up clusters, in a process of its own and
by his Python: lecropper's mask and the alignment. What comes back is compared with what
is known here. Nothing of his ZeMosaic is imported into this process, nothing is written
into its folder, and nothing that it answers is believed unchecked.
"""

from __future__ import annotations

import base64
import binascii
import math
import os
import re
import shutil
import stat
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.alpha import mask_with_fallbacks
from napari_zecoverage.core.coverage import Canvas, find_footprint
from napari_zecoverage.core.errors import ConfigError, ParameterError
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic.bounded_run import Run, new_scratch, run_bounded
from napari_zecoverage.zemosaic.config import (
    ALWAYS_WRITTEN,
    CLOSE_ZEMOSAIC_FIRST,
    CONFIG_NAME,
    read_config,
)
from napari_zecoverage.zemosaic.made_up import (
    FRAME_SHAPE,
    SMALL,
    WIDE,
    Motion,
    make_coverage,
    make_frames,
    matrix_of,
)

EXIT_ACTS: Final = 0
EXIT_CANNOT_ACT: Final = 3
EXIT_NOT_CHECKED: Final = 4

PROBE: Final = Path(__file__).with_name("probe.py")
SOURCES: Final = ("zemosaic_worker.py", "zemosaic_align_stack.py", "lecropper.py")
ENVIRONMENTS: Final = (".venv", "venv", "env")
UPSIDE_DOWN_VERSIONS: Final = ("4.5",)
"""Versions known to read astroalign's footprint upside down (ZEMOSAIC.md §10a)."""

MASK_SETTINGS: Final = (
    MaskParameters(),
    MaskParameters(min_coverage_abs=2, min_coverage_frac=0.25, morph_open_px=0),
    MaskParameters(min_coverage_abs=5, min_coverage_frac=0.9, morph_open_px=1),
    MaskParameters(margin_percent=15, decay=0.6),
)
"""Lecropper is asked for a mask with each; the first three differ in the thresholds alone."""

SAME_ALPHA: Final = 1e-5
KEPT_SHARE: Final = 0.95
LOST_SHARE: Final = 0.05
EXTRA_SHARE: Final = 0.01
GRADED_SHARE: Final = 0.01
RIM_PX: Final = 3
"""The alignment's cubic kernel may lose so much of a frame's rim (ZEMOSAIC.md §12)."""

MAX_SIDE_PX: Final = 2048
MAX_SOURCE_BYTES: Final = 32 * 1024 * 1024

Whose = Literal["named", "its own", "ours"]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    check : str
        What was looked at: "version", "config", "keys", "interpreter", "bounds",
        "lecropper", "alignment", "canvas" or "folder".
    result : str
        What was found, in a word that programs can compare.
    good : bool or None
        Whether that lets thresholds act as shown; None: not known.
    text : str
        The same for people. Printable; what ZeMosaic said itself is shortened.
    """

    check: str
    result: str
    good: bool | None
    text: str


@dataclass(frozen=True)
class Diagnosis:
    """What was found about a ZeMosaic.

    Attributes
    ----------
    folder : pathlib.Path
        Where it was looked for, absolute.
    version : str or None
        Such as "4.5.0", as its files say.
    interpreter : str or None
        The Python that it was run by; None when it was not run.
    findings : tuple of Finding
        In the order in which they matter to each other; one a check at most.
    acts : bool or None
        Whether exported thresholds can have any effect; None: could not be checked.
    advice : tuple of str
        What to do, in words.
    """

    folder: Path
    version: str | None
    interpreter: str | None
    findings: tuple[Finding, ...]
    acts: bool | None
    advice: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0: exported thresholds act; 3: they cannot; 4: could not be checked."""
        if self.acts is None:
            return EXIT_NOT_CHECKED
        return EXIT_ACTS if self.acts else EXIT_CANNOT_ACT

    def result_of(self, check: str) -> str | None:
        """Return what a check found, None when it was not made."""
        return next((each.result for each in self.findings if each.check == check), None)

    def lines(self) -> list[str]:
        """Return the report for people: the answer, what it rests on, what to do."""
        answer = {
            True: "Exported thresholds act in this ZeMosaic.",
            False: "Exported thresholds cannot act in this ZeMosaic.",
            None: "Whether exported thresholds act in this ZeMosaic could not be checked.",
        }[self.acts]
        marks = {True: "✓", False: "✗", None: "?"}
        found = [f"{marks[each.good]} {each.text}" for each in self.findings]
        return [answer, *found, *(f"→ {each}" for each in self.advice)]


def diagnose_zemosaic(
    folder: str | PathLike[str],
    *,
    python: str | PathLike[str] | None = None,
    timeout_s: float = 120.0,
    memory_mb: int = 4096,
) -> Diagnosis:
    """Find out whether exported thresholds can act in a ZeMosaic.

    Its lecropper and its alignment are run on small made-up clusters, each in a
    process of its own, without a window, with an empty home folder. Writing outside
    a temporary folder is refused. A packaged ZeMosaic without sources is judged by its
    version alone.

    Parameters
    ----------
    folder : path-like
        ZeMosaic's folder, or its config file.
    python : path-like, optional
        The interpreter that runs ZeMosaic: a file, a command, or an environment's
        folder. Default: the folder's own environment (``.venv``, ``venv``, ``env``),
        else the one that runs us.
    timeout_s : float, default: 120
        Seconds for each of the two runs; above 0. Then it is killed with all that it
        started.
    memory_mb : int, default: 4096
        Address space of each run, in MB; at least 64. Not on Windows, where only the
        time is bounded.

    Returns
    -------
    Diagnosis
        Also when there is no ZeMosaic, or it cannot be run: `acts` is None then.

    Raises
    ------
    ParameterError
        A bound is out of its range.
    """
    if not (math.isfinite(timeout_s) and timeout_s > 0):
        raise ParameterError("timeout_s", f"must be a number above 0, not {timeout_s!r}")
    if memory_mb < 64:
        raise ParameterError("memory_mb", f"must be at least 64, not {memory_mb!r}")
    place = _find_zemosaic(Path(os.path.abspath(os.path.expanduser(folder))))
    if place.sources is None:
        return _not_run(place)
    before = _listing(place.sources)
    keys = _keys_finding(place)
    findings = [_version_finding(place), _config_finding(place), keys]
    chosen = _choose_interpreter(place, python)
    if chosen is None:
        text = (
            f"The Python that was named cannot be found: {_printable(os.fspath(python or ''))}. "
            "Lecropper and the alignment were not run."
        )
        findings.append(Finding("interpreter", "missing", None, text))
        return _concluded(place, None, findings)
    findings.append(_interpreter_finding(chosen))
    masks = _run(place, chosen, "masks", timeout_s, memory_mb)
    alignments = _run(place, chosen, "alignments", timeout_s, memory_mb)
    findings += [
        _bounds_finding((masks, alignments), timeout_s, memory_mb),
        _lecropper_finding(masks, chosen, timeout_s, memory_mb),
        *_alignment_findings(alignments, chosen, timeout_s, memory_mb),
        *_folder_findings((masks, alignments), before, _listing(place.sources)),
    ]
    return _concluded(place, chosen, findings)


# --- which ZeMosaic --------------------------------------------------------------------


class _Place(NamedTuple):
    """Where a ZeMosaic is: its sources, or a packaged one (`packaged`), or none of both."""

    folder: Path
    sources: Path | None
    packaged: Path | None
    version: str | None
    worker: str


def _find_zemosaic(folder: Path) -> _Place:
    if folder.is_file():
        folder = folder.parent
    for each in (folder, folder / "zemosaic", folder / "ZeMosaic"):
        if any((each / name).is_file() for name in SOURCES):
            worker = _text_of(each / "zemosaic_worker.py")
            return _Place(folder, each, None, _version_of(each, worker), worker)
    for each in (folder, folder / "_internal"):
        version = _version_of(each, "")
        if version is not None:
            return _Place(folder, None, each, version, "")
    packaged = folder if (folder / "ZeMosaic.exe").is_file() else None
    return _Place(folder, None, packaged, None, "")


def _version_of(folder: Path, worker: str) -> str | None:
    """Return the version that the sources write into their mosaics, else the installer's."""
    for text in (worker, _text_of(folder / "version.txt")):
        found = re.search(r"ZeMosaic\s+[vV]?(\d{1,4}(?:\.\d{1,4}){1,3})\b", text, re.ASCII)
        if found:
            return found[1]
    return None


def _text_of(path: Path) -> str:
    """Return a file's text; empty when it is missing, too long, or no plain file."""
    with suppress(OSError, ValueError):
        if stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "rb") as handle:
                raw = handle.read(MAX_SOURCE_BYTES + 1)
            if len(raw) <= MAX_SOURCE_BYTES:
                return raw.decode("utf-8", errors="replace")
    return ""


def _version_finding(place: _Place) -> Finding:
    where = _printable(str(place.sources or place.packaged or place.folder), 400)
    kind = "from sources" if place.sources else "packaged, without sources"
    if place.version is None:
        text = f"ZeMosaic of unknown version ({kind}) in {where}."
        return Finding("version", "unknown", None, text)
    text = f"ZeMosaic {place.version} ({kind}) in {where}."
    return Finding("version", place.version, True, text)


def _known_upside_down(version: str) -> bool:
    return any(f"{version}.".startswith(f"{known}.") for known in UPSIDE_DOWN_VERSIONS)


def _not_run(place: _Place) -> Diagnosis:
    """Judge a ZeMosaic that has no sources to run."""
    where = _printable(str(place.folder), 400)
    if place.packaged is None:
        text = (
            f"There is no ZeMosaic in {where}. Not checked: its version, its config, whether its "
            "lecropper gives our alpha, and what its alignment counts."
        )
        advice = "Name the folder that holds lecropper.py and zemosaic_worker.py."
        missing = Finding("version", "no ZeMosaic", None, text)
        return Diagnosis(place.folder, None, None, (missing,), None, (advice,))
    findings = [_version_finding(place), _config_finding(place)]
    if place.version is not None and _known_upside_down(place.version):
        text = (
            f"Judged by its version, not run: ZeMosaic {place.version} is known to read the "
            "footprint upside down; of every frame that it aligns by its stars nothing is counted."
        )
        findings.append(Finding("alignment", "upside-down", False, text))
    else:
        text = (
            "Not run: a packaged ZeMosaic has no sources to run, and nothing is known here of "
            "this version's alignment and lecropper."
        )
        findings.append(Finding("alignment", "not-run", None, text))
    return _concluded(place, None, findings)


# --- its config ------------------------------------------------------------------------


def _config_finding(place: _Place) -> Finding:
    beside = place.sources or place.packaged or place.folder
    path = next(
        (each / CONFIG_NAME for each in (beside, place.folder) if (each / CONFIG_NAME).is_file()),
        beside / CONFIG_NAME,
    )
    shown = _printable(str(path), 400)
    if not path.exists():
        text = f"No config yet: {shown} is missing. ZeMosaic writes it when it is closed."
        return Finding("config", "missing", None, text)
    try:
        config = read_config(path)
    except ConfigError as error:
        return Finding("config", "unreadable", False, f"Config: {_printable(str(error), 600)}")
    present = [key for key in ALWAYS_WRITTEN if key in config]
    has = f"has {len(present)} of the three thresholds" if present else "has no threshold yet"
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        text = f"Config {shown} is readable and can be written; it {has}."
        return Finding("config", "writable", True, text)
    text = f"Config {shown} is readable, but cannot be written by you; it {has}."
    return Finding("config", "read-only", False, text)


def _keys_finding(place: _Place) -> Finding:
    """Look in the worker's text for the keys; it is not imported (ZEMOSAIC.md §7)."""
    if not place.worker:
        text = "Its zemosaic_worker.py cannot be read: which keys it knows was not checked."
        return Finding("keys", "not-checked", None, text)
    words = set(re.findall(r"\baltaz_\w+", place.worker, re.ASCII))
    keys = MaskParameters().to_config()
    unknown = [key for key in keys if key not in words]
    if any(key in unknown for key in ALWAYS_WRITTEN):
        text = (
            f"It does not know {', '.join(key for key in ALWAYS_WRITTEN if key in unknown)}: "
            "whatever the config says there, it is not read."
        )
        return Finding("keys", "thresholds-unknown", False, text)
    if unknown:
        text = f"It knows the three thresholds, but not {', '.join(unknown)}."
        return Finding("keys", "some-unknown", True, text)
    return Finding("keys", "known", True, f"It knows all {len(keys)} keys that are exported.")


# --- by which interpreter ----------------------------------------------------------------


class _Interpreter(NamedTuple):
    path: str
    whose: Whose


def _choose_interpreter(place: _Place, python: str | PathLike[str] | None) -> _Interpreter | None:
    if python is not None:
        named = os.path.expanduser(os.fspath(python))
        found = _python_in(Path(named)) or shutil.which(named)
        # Absolute, because it is started in another folder; a link leads out of a venv.
        return _Interpreter(os.path.abspath(found), "named") if found else None
    assert place.sources is not None
    for base in dict.fromkeys((place.sources, place.folder)):
        for name in ENVIRONMENTS:
            found = _python_in(base / name)
            if found:
                return _Interpreter(found, "its own")
    return _Interpreter(sys.executable, "ours")


def _python_in(environment: Path) -> str | None:
    """Return the Python of an environment's folder, None when it has none."""
    inside = ("Scripts/python.exe",) if sys.platform == "win32" else ("bin/python", "bin/python3")
    return next(
        (str(environment / each) for each in inside if (environment / each).is_file()), None
    )


def _interpreter_finding(chosen: _Interpreter) -> Finding:
    whose = {
        "named": "the Python that was named",
        "its own": "the folder's own Python",
        "ours": "our own Python, as the folder has none and none was named",
    }[chosen.whose]
    text = f"Run by {whose}: {_printable(chosen.path, 400)}."
    return Finding("interpreter", chosen.whose, None if chosen.whose == "ours" else True, text)


# --- the runs ----------------------------------------------------------------------------


def _run(place: _Place, chosen: _Interpreter, task: str, timeout_s: float, memory_mb: int) -> Run:
    with new_scratch() as name:
        scratch = Path(os.path.realpath(name))
        job: dict[str, Any] = {"task": task, "sources": str(place.sources)}
        if task == "masks":
            coverage = make_coverage()
            job["coverage"] = _saved(scratch / "coverage.npy", coverage)
            job["image"] = _saved(scratch / "image.npy", _image_for(coverage))
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
        return run_bounded(
            chosen.path, PROBE, job, scratch, timeout_s=timeout_s, memory_mb=memory_mb
        )


def _saved(path: Path, array: NDArray[np.float32]) -> str:
    np.save(path, array, allow_pickle=False)
    return str(path)


def _image_for(coverage: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an (H, W, 3) picture to be masked; a mask from coverage does not depend on it."""
    noise = np.random.default_rng(5).normal(0, 4, (*coverage.shape, 3))
    return (500 + noise).astype(np.float32)


def _failure(run: Run, what: str, chosen: _Interpreter, timeout_s: float, memory_mb: int) -> str:
    """Say why a run gave nothing, in words; empty when it gave something to look at."""
    if run.how == "not started":
        return f"{what} was not run: the Python cannot be started ({_printable(run.reason)})."
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
    kind, text = _printable(error.get("kind")), _printable(error.get("text"))
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


def _bounds_finding(runs: tuple[Run, ...], timeout_s: float, memory_mb: int) -> Finding:
    bounded = [run.answer.get("memory_bounded") is True for run in runs if run.how == "answered"]
    if not all(bounded) or (not bounded and sys.platform == "win32"):
        text = f"Each run had at most {timeout_s:g} s; this system cannot bound its memory."
        return Finding("bounds", "time", None, text)
    text = f"Each run had at most {timeout_s:g} s and {memory_mb} MB, no window, no graphics card."
    return Finding("bounds", "time and memory", True, text)


# --- lecropper ---------------------------------------------------------------------------


def _lecropper_finding(run: Run, chosen: _Interpreter, timeout_s: float, memory_mb: int) -> Finding:
    failure = _failure(run, "Lecropper", chosen, timeout_s, memory_mb)
    if failure:
        return Finding("lecropper", "not-run", None, failure)
    coverage = make_coverage()
    result = run.answer.get("result")
    alphas = _alphas(result, coverage.shape)
    if not isinstance(result, dict) or alphas is None:
        text = "Lecropper's answer makes no sense (not a mask for each of the settings)."
        return Finding("lecropper", "not-run", None, text)
    if result.get("taken") is not True:
        text = (
            "Its lecropper takes no coverage with thresholds: it ran without them, and thresholds "
            "cannot act there."
        )
        return Finding("lecropper", "no-coverage-arguments", False, text)
    ours = [_our_alpha(coverage, each) for each in MASK_SETTINGS]
    apart = [float(np.abs(a - b).max()) for a, b in zip(alphas, ours, strict=True)]
    if all(each <= SAME_ALPHA for each in apart):
        text = (
            f"Its lecropper gives our alpha: the same at every pixel for {len(apart)} settings "
            "on a made-up coverage."
        )
        return Finding("lecropper", "same", True, text)
    if all(np.array_equal(alphas[0], each) for each in alphas[1:3]):
        text = "Its lecropper takes the thresholds, but gives one mask whatever they are."
        return Finding("lecropper", "no-effect", False, text)
    text = (
        f"Its lecropper gives another alpha than ours for {sum(a > SAME_ALPHA for a in apart)} of "
        f"{len(apart)} settings, by up to {max(apart):.3g}: thresholds act, but not as shown here."
    )
    return Finding("lecropper", "differs", False, text)


def _our_alpha(coverage: NDArray[np.float32], settings: MaskParameters) -> NDArray[np.float32]:
    alpha = mask_with_fallbacks(_image_for(coverage), coverage, settings).alpha
    assert alpha is not None  # there is a picture
    return alpha


def _alphas(result: Any, shape: tuple[int, ...]) -> list[NDArray[np.float32]] | None:
    """Return the masks of an answer, None when it is not one mask a setting."""
    spelled = result.get("alphas") if isinstance(result, dict) else None
    if not isinstance(spelled, list) or len(spelled) != len(MASK_SETTINGS):
        return None
    alphas = []
    for each in spelled:
        raw = _bytes_of(each, 4 * math.prod(shape))
        if raw is None:
            return None
        alpha = np.frombuffer(raw, dtype="<f4").reshape(shape).astype(np.float32)
        # A lying NaN would be equal to nothing, and larger than nothing.
        alphas.append(np.nan_to_num(alpha, nan=-1.0, posinf=2.0, neginf=-1.0))
    return alphas


def _bytes_of(spelled: Any, length: int) -> bytes | None:
    """Return base64-spelled bytes when there are exactly so many, else None."""
    if not isinstance(spelled, str):
        return None
    try:
        raw = base64.b64decode(spelled, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == length else None


# --- alignment ---------------------------------------------------------------------------


class _Aligned(NamedTuple):
    """Where an aligned frame has numbers, and where it has numbers other than zero."""

    finite: Mask
    shows: Mask


class _Scene(NamedTuple):
    """What the alignment made of one made-up cluster.

    `kinds` tells each aligned frame other than the reference (see `_kind_of`). `graded`:
    some covered pixels have fewer frames than the best, so a threshold can tell them apart.
    """

    shape: tuple[int, int] | None
    kinds: tuple[str, ...]
    frames: int
    most: int
    graded: bool
    agreement: float


def _alignment_findings(
    run: Run, chosen: _Interpreter, timeout_s: float, memory_mb: int
) -> list[Finding]:
    failure = _failure(run, "The alignment", chosen, timeout_s, memory_mb)
    if failure:
        return [Finding("alignment", "not-run", None, failure)]
    scenes = _scenes_of(run.answer.get("result"))
    if scenes is None:
        text = "The alignment's answer makes no sense (not two clusters of aligned frames)."
        return [Finding("alignment", "not-run", None, text)]
    taken, small, wide = scenes
    return [_footprint_finding(taken, small, wide), *_canvas_findings(small, wide)]


def _scenes_of(result: Any) -> tuple[bool, _Scene, _Scene] | None:
    """Return whether footprints can be asked for, and both scenes; None: not understood."""
    runs = result.get("runs") if isinstance(result, dict) else None
    if not isinstance(runs, list) or len(runs) != 2:
        return None
    scenes = []
    for run, motions in zip(runs, (SMALL, WIDE), strict=True):
        if not isinstance(run, dict):
            return None
        with_footprint = _aligned_of(run.get("with"), len(motions))
        without = _aligned_of(run.get("without"), len(motions))
        if with_footprint is None or without is None:
            return None
        scene = _look_at(with_footprint, without, motions)
        if scene is None:
            return None
        scenes.append(scene)
    return all(run.get("taken") is True for run in runs), scenes[0], scenes[1]


def _aligned_of(spelled: Any, count: int) -> list[_Aligned | None] | None:
    """Return the aligned frames of an answer, None among them where one failed."""
    if not isinstance(spelled, list) or len(spelled) != count:
        return None
    frames: list[_Aligned | None] = []
    for each in spelled:
        if each is None:
            frames.append(None)
            continue
        shape = each.get("shape") if isinstance(each, dict) else None
        if not isinstance(shape, list) or len(shape) != 2:
            return None
        height, width = shape
        if not all(type(side) is int and 1 <= side <= MAX_SIDE_PX for side in shape):
            return None
        length = (height * width + 7) // 8
        finite, zero = _bytes_of(each.get("finite"), length), _bytes_of(each.get("zero"), length)
        if finite is None or zero is None:
            return None
        has_numbers = _unpacked(finite, height, width)
        frames.append(_Aligned(has_numbers, has_numbers & ~_unpacked(zero, height, width)))
    return frames


def _unpacked(raw: bytes, height: int, width: int) -> Mask:
    bits = np.unpackbits(np.frombuffer(raw, dtype=np.uint8), count=height * width)
    return bits.reshape(height, width).astype(np.bool_)


def _look_at(
    aligned: list[_Aligned | None],
    without: list[_Aligned | None],
    motions: tuple[Motion, ...],
) -> _Scene | None:
    """Compare aligned frames with where they must lie; None when they share no canvas."""
    shapes = {each.finite.shape for each in (*aligned, *without) if each is not None}
    if not shapes:
        return _Scene(None, (), len(motions), 0, False, 0.0)
    height, width = max(shapes)
    frame_height, frame_width = FRAME_SHAPE
    if len(shapes) > 1 or height < frame_height or width < frame_width:
        return None
    offset = ((height - frame_height) // 2, (width - frame_width) // 2)
    canvas = Canvas((height, width), offset, FRAME_SHAPE)
    truths = [
        find_footprint(canvas.from_frame(matrix_of(each)), FRAME_SHAPE, canvas.shape).mask()
        for each in motions
    ]
    kinds = tuple(
        _kind_of(seen, other, truth)
        for seen, other, truth in zip(aligned[1:], without[1:], truths[1:], strict=True)
        if seen is not None
    )
    counted = np.zeros(canvas.shape, dtype=np.int32)
    true = np.zeros(canvas.shape, dtype=np.int32)
    for seen, truth in zip(aligned, truths, strict=True):
        if seen is not None:
            counted += seen.finite
            true += truth
    most = int(counted.max())
    covered = np.count_nonzero(counted)
    below = np.count_nonzero((counted > 0) & (counted < most))
    graded = bool(below > GRADED_SHARE * covered)
    return _Scene(
        canvas.shape,
        kinds,
        len(motions),
        most,
        graded,
        _agreement(counted, true),
    )


def _agreement(counted: NDArray[np.int32], true: NDArray[np.int32]) -> float:
    """Return the worst intersection over union of the kept areas over all thresholds."""
    shares = []
    for threshold in range(1, int(true.max()) + 1):
        kept, right = counted >= threshold, true >= threshold
        shares.append(np.count_nonzero(kept & right) / np.count_nonzero(kept | right))
    return min(shares, default=0.0)


def _kind_of(seen: _Aligned, without: _Aligned | None, truth: Mask) -> str:
    """Tell what the footprint did to an aligned frame.

    "right"; "zeros" or "extra": also counted where the frame shows nothing, with zeros
    or other numbers there; "lost": nothing is left, though without its footprint the
    frame lies where it must; else "unclear".
    """
    square = np.ones((2 * RIM_PX + 1, 2 * RIM_PX + 1), dtype=np.uint8)
    sure = cv2.erode(truth.view(np.uint8), square).view(np.bool_)
    near = cv2.dilate(truth.view(np.uint8), square[1:-1, 1:-1]).view(np.bool_)
    if not sure.any():
        return "unclear"
    kept = float(seen.shows[sure].mean())
    if kept < LOST_SHARE:
        lies_right = without is not None and float(without.shows[sure].mean()) >= KEPT_SHARE
        return "lost" if lies_right else "unclear"
    if kept < KEPT_SHARE:
        return "unclear"
    beyond = seen.finite & ~near
    extra = np.count_nonzero(beyond)
    if extra <= EXTRA_SHARE * np.count_nonzero(truth):
        return "right"
    return "zeros" if 2 * np.count_nonzero(beyond & ~seen.shows) >= extra else "extra"


def _footprint_finding(taken: bool, small: _Scene, wide: _Scene) -> Finding:
    kinds = Counter(small.kinds + wide.kinds)
    aligned = kinds.total()
    if not aligned:
        text = "The alignment aligned no frame of two made-up clusters; its footprints are unknown."
        return Finding("alignment", "nothing-aligned", None, text)
    graded = small.graded or wide.graded
    counts = (
        f"Of a made-up cluster of {wide.frames} frames it counts at most {wide.most} on a pixel."
    )
    if not taken:
        text = f"Its alignment knows no footprints: coverage is not counted there. {counts}"
        return Finding("alignment", "no-footprint", False, text)
    if 2 * kinds["lost"] > aligned:
        text = (
            f"Its alignment turns the footprint upside down: of {aligned} frames that it aligned, "
            f"{kinds['lost']} lost all that they show, while without footprints they lie where "
            f"they must. {counts}"
        )
        return Finding("alignment", "upside-down", False, text)
    if kinds["lost"] or kinds["unclear"]:
        text = (
            f"What its alignment counts is not understood: of {aligned} aligned frames "
            f"{kinds['unclear']} lie elsewhere than they must, {kinds['lost']} are lost. {counts}"
        )
        return Finding("alignment", "unclear", None, text)
    wrong = kinds["zeros"] + kinds["extra"]
    if not wrong:
        text = f"Its alignment counts each frame where it shows something. {counts}"
        return Finding("alignment", "right", True, text)
    with_what = "zeros that it shifted in" if kinds["zeros"] else "pixels where a frame has nothing"
    text = (
        f"Its alignment counts {with_what} as covered: {wrong} of {aligned} frames; the kept areas "
        f"agree with the true ones to {min(small.agreement, wide.agreement):.1%} (intersection "
        f"over union, worst threshold). {counts}"
    )
    if not graded:
        text += " Every pixel has the same count, which no threshold can tell apart."
        return Finding("alignment", "everything-counted", False, text)
    return Finding("alignment", "zeros-counted" if kinds["zeros"] else "too-much", False, text)


def _canvas_findings(small: _Scene, wide: _Scene) -> list[Finding]:
    if small.shape is None or wide.shape is None:
        return []
    pads = (small.shape != FRAME_SHAPE, wide.shape != FRAME_SHAPE)
    height, width = wide.shape
    size = f"{FRAME_SHAPE[1]}×{FRAME_SHAPE[0]} becomes {width}×{height}"
    if pads == (False, True):
        text = f"It pads the canvas only when a frame covers less than 95 % of it ({size})."
        return [Finding("canvas", "when-needed", True, text)]
    if pads == (True, True):
        text = (
            f"It pads the canvas also when every frame covers 95 % of it ({size}): the margin is "
            "a share of the padded side then, and the edge trim never runs."
        )
        return [Finding("canvas", "always", False, text)]
    if pads == (False, False):
        text = "It did not pad the canvas, not even where frames lie far apart."
        return [Finding("canvas", "never", False, text)]
    text = "It padded the canvas where frames lie close, and not where they lie far apart."
    return [Finding("canvas", "unclear", False, text)]


# --- what it did to its folder -----------------------------------------------------------


def _listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of what lies directly in ZeMosaic's folder."""
    listing = {}
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                known = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(known.st_mode):
                    listing[entry.name] = (known.st_size, known.st_mtime_ns)
    return listing


def _folder_findings(
    runs: tuple[Run, ...], before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]
) -> list[Finding]:
    changed = sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
    if changed:
        names = ", ".join(_printable(name, 60) for name in changed[:5])
        text = (
            f"Files in ZeMosaic's folder changed while it was checked: {names}. Either ZeMosaic "
            "is running, or its modules do that when they are loaded."
        )
        return [Finding("folder", "changed", None, text)]
    refused = [
        _printable(each, 100)
        for run in runs
        if isinstance(run.answer.get("refused"), list)
        for each in run.answer["refused"][:5]
        if isinstance(each, str)
    ]
    if refused:
        names = ", ".join(dict.fromkeys(refused))
        text = f"ZeMosaic's folder is unchanged; refused was writing to {names}."
        return [Finding("folder", "refused", True, text)]
    return [Finding("folder", "unchanged", True, "ZeMosaic's folder is unchanged.")]


# --- the answer ----------------------------------------------------------------------------

_STOPS: Final = {
    "keys": {"thresholds-unknown"},
    "lecropper": {"no-coverage-arguments", "no-effect"},
    "alignment": {"upside-down", "no-footprint", "everything-counted"},
}
"""What keeps thresholds from acting, whatever else is right."""

_LETS: Final = {
    "keys": {"known", "some-unknown"},
    "lecropper": {"same", "differs"},
    "alignment": {"right", "zeros-counted", "too-much"},
}
"""What must be known, all three, for thresholds to act."""


def _concluded(place: _Place, chosen: _Interpreter | None, findings: list[Finding]) -> Diagnosis:
    results = {each.check: each.result for each in findings}
    acts: bool | None = None
    if any(results.get(check) in stops for check, stops in _STOPS.items()):
        acts = False
    elif all(results.get(check) in lets for check, lets in _LETS.items()):
        acts = True
    return Diagnosis(
        place.folder,
        place.version,
        chosen.path if chosen else None,
        tuple(findings),
        acts,
        tuple(_advice(place, chosen, results, acts)),
    )


def _advice(
    place: _Place, chosen: _Interpreter | None, results: dict[str, str], acts: bool | None
) -> list[str]:
    advice = []
    if acts is False:
        advice.append(
            "Write masked tiles: “zecoverage tiles RUN --out DIR”, and let ZeMosaic take DIR as "
            "existing master tiles. That uses the tuned mask, and all frames."
        )
    if results.get("alignment") == "upside-down":
        advice.append(
            "Tell ZeMosaic's author: astroalign's footprint is True where a frame has no data; "
            "align_images_in_group with propagate_mask=True keeps those pixels and empties the "
            "others. Every frame aligned by its stars is lost, to coverage and to the stack."
        )
    if results.get("alignment") in {"zeros-counted", "too-much", "everything-counted"}:
        advice.append(
            "Tell ZeMosaic's author: pixels that no data was shifted into count as covered; the "
            "footprint must come from the frame's own pixels, before any shift."
        )
    if results.get("canvas") == "always" and results.get("alignment") == "upside-down":
        advice.append(
            "Tell ZeMosaic's author also: the canvas is padded as soon as one frame is aligned by "
            "its stars, because that test reads the same footprint."
        )
    if results.get("keys") == "thresholds-unknown" or results.get("lecropper") in {
        "no-coverage-arguments",
        "no-effect",
    }:
        advice.append("A newer ZeMosaic may know the thresholds; then check again.")
    if acts is True:
        advice.append(CLOSE_ZEMOSAIC_FIRST)
    if acts is None and place.version is not None and _known_upside_down(place.version):
        advice.append(
            f"ZeMosaic {place.version} as released turns the footprint upside down, so thresholds "
            "do nothing there; whether yours does was not seen."
        )
    if acts is None and place.sources is not None and (chosen is None or chosen.whose == "ours"):
        advice.append("Name the Python that runs your ZeMosaic: --python PATH.")
    return advice


def _printable(text: Any, longest: int = 200) -> str:
    """Return text that was not written here on one line, without control characters."""
    shown = text if isinstance(text, str) else "?"
    shown = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in shown)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
