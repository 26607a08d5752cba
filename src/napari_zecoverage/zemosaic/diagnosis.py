"""Whether thresholds that are exported can act in the user's own ZeMosaic.

Two functions of his ZeMosaic are run on made-up clusters, in a process of its own and
by his Python: lecropper's mask and the alignment. What comes back is compared with what
is known here. What was found answers the question, and says what to do.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final

from napari_zecoverage.core.errors import ParameterError
from napari_zecoverage.core.paths import absolute
from napari_zecoverage.zemosaic.config import CLOSE_ZEMOSAIC_FIRST
from napari_zecoverage.zemosaic.findings import Finding
from napari_zecoverage.zemosaic.installation import (
    Installation,
    Interpreter,
    choose_interpreter,
    find_zemosaic,
    is_known_upside_down,
    listing,
)
from napari_zecoverage.zemosaic.installation_findings import (
    config_finding,
    folder_findings,
    interpreter_finding,
    keys_finding,
    version_finding,
)
from napari_zecoverage.zemosaic.printable import printable
from napari_zecoverage.zemosaic.probed_alignment import alignment_findings
from napari_zecoverage.zemosaic.probed_mask import lecropper_finding
from napari_zecoverage.zemosaic.probing import bounds_finding, run_probe

EXIT_ACTS: Final = 0
EXIT_CANNOT_ACT: Final = 3
EXIT_NOT_CHECKED: Final = 4


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
    should_stop: Callable[[], bool] | None = None,
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
    should_stop : callable, optional
        Asked several times a second while one of the two runs. True kills that with all
        that it started, and nothing is left of it.

    Returns
    -------
    Diagnosis
        Also when there is no ZeMosaic, or it cannot be run: `acts` is None then.

    Raises
    ------
    ParameterError
        A bound is out of its range.
    StudyCancelledError
        `should_stop` said so.
    OutputError
        The system's folder for temporary files cannot be written to.
    """
    if not (math.isfinite(timeout_s) and timeout_s > 0):
        raise ParameterError("timeout_s", f"must be a number above 0, not {timeout_s!r}")
    if memory_mb < 64:
        raise ParameterError("memory_mb", f"must be at least 64, not {memory_mb!r}")
    place = find_zemosaic(absolute(folder))
    if place.sources is None:
        return _not_run(place)
    before = listing(place.sources)
    keys = keys_finding(place)
    findings = [version_finding(place), config_finding(place), keys]
    chosen = choose_interpreter(place, python)
    if chosen is None:
        text = (
            f"The Python that was named cannot be found: {printable(os.fspath(python or ''))}. "
            "Lecropper and the alignment were not run."
        )
        findings.append(Finding("interpreter", "missing", None, text))
        return _concluded(place, None, findings)
    findings.append(interpreter_finding(chosen))
    masks = run_probe(place, chosen, "masks", timeout_s, memory_mb, should_stop)
    alignments = run_probe(place, chosen, "alignments", timeout_s, memory_mb, should_stop)
    findings += [
        bounds_finding((masks, alignments), timeout_s, memory_mb),
        lecropper_finding(masks, chosen, timeout_s, memory_mb),
        *alignment_findings(alignments, chosen, timeout_s, memory_mb),
        *folder_findings((masks, alignments), before, listing(place.sources)),
    ]
    return _concluded(place, chosen, findings)


def _not_run(place: Installation) -> Diagnosis:
    """Judge a ZeMosaic that has no sources to run."""
    where = printable(str(place.folder), 400)
    if place.packaged is None:
        text = (
            f"There is no ZeMosaic in {where}. Not checked: its version, its config, whether its "
            "lecropper gives our alpha, and what its alignment counts."
        )
        advice = "Name the folder that holds lecropper.py and zemosaic_worker.py."
        missing = Finding("version", "no ZeMosaic", None, text)
        return Diagnosis(place.folder, None, None, (missing,), None, (advice,))
    findings = [version_finding(place), config_finding(place)]
    if place.version is not None and is_known_upside_down(place.version):
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


def _concluded(
    place: Installation, chosen: Interpreter | None, findings: list[Finding]
) -> Diagnosis:
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
    place: Installation, chosen: Interpreter | None, results: dict[str, str], acts: bool | None
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
    if acts is None and place.version is not None and is_known_upside_down(place.version):
        advice.append(
            f"ZeMosaic {place.version} as released turns the footprint upside down, so thresholds "
            "do nothing there; whether yours does was not seen."
        )
    if acts is None and place.sources is not None and (chosen is None or chosen.whose == "ours"):
        advice.append("Name the Python that runs your ZeMosaic: --python PATH.")
    return advice
