"""Every figure of a report as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.plain_json import plain
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.report.document import Picture
from napari_zecoverage.report.findings import Choice, ClusterFindings
from napari_zecoverage.report.placing import MADE_BY
from napari_zecoverage.report.subject import Subject, worst_first

SCHEMA_VERSION: Final = 1
"""Raised whenever a figure is renamed or changes its meaning."""

MEANING: Final = {
    "null": "not known, not measurable, or not a number",
    "parameters": "under ZeMosaic's keys; units and meanings stand in ZeMosaic's coverage settings",
    "number": "of the cluster, from 1, in the order they were given; its pictures begin with it",
    "defaults, chosen, advised": "what the thresholds do to the cluster: ZeMosaic's defaults, the "
    "chosen ones, and those that are best for this cluster alone",
    "threshold_frames": "the number of frames that coverage is compared with; null when it is "
    "not compared",
    "field_lost": "shares (0 to 1) of the area that any frame covers. hard: not opaque in the "
    "saved tile, or cut off. soft: mean of 1 - alpha, what is cut off counts as wholly lost",
    "fringe_left": "the worst colour step that the saved tile shows. step, error (1 sigma), "
    "raw_step (before the frames' skies are matched): ADU, length of (R-G, B-G) against the core; "
    "sigmas: step in units of the core's colour noise of one pixel; count: frames there; "
    "area_px: its visible pixels",
    "alpha": "of the whole canvas, 0 to 1; nonzero_frac is the share of pixels above 0",
    "saved_shape": "[height, width] of the saved tile in pixels",
    "fringe.counts": "the sky's colour at each coverage count against the core, ADU; errors are 1 "
    "sigma; raw: before the frames' skies are matched; noise: of one pixel, scaled from the core; "
    "chroma_noise: as measured",
    "levels": "every threshold that makes a difference, in frames, with what its mask keeps "
    "(hard, soft: shares of the covered area) for each state of morph_open_px: 0, 1, and 2 or more",
    "times_counted": "how often ZeMosaic stacks the frame: it repeats the frames of a cluster of "
    "fewer than 5",
    "matrix": "3x3, a frame's (x, y) to the reference frame's (x, y), in pixels from 0 at the "
    "middle of the first pixel",
    "canvas": "shape and frame_shape: [height, width]; offset: [y, x] of the reference frame's "
    "first pixel",
    "worst_first": "numbers of the clusters as the report's table has them",
}


def figures_of(subject: Subject, moment: str) -> dict[str, Any]:
    """Return every figure of a report.

    Parameters
    ----------
    subject : Subject
    moment : str
        When the report was made, ISO 8601.

    Returns
    -------
    dict
        Plain JSON values; no NaN and no infinity.
    """
    figures = {
        "made_by": MADE_BY,
        "schema_version": SCHEMA_VERSION,
        "made": moment,
        "title": subject.title,
        "versions": subject.versions,
        "meaning": MEANING,
        "settings": {
            "chosen": subject.chosen.to_config(),
            "defaults": MaskParameters().to_config(),
            "advice": asdict(subject.advice_options),
            "study": None if subject.options is None else asdict(subject.options),
        },
        "exported": [{"what": what, "where": where} for what, where in subject.exported],
        "run": _run(subject) if subject.is_run else None,
        "clusters": [_cluster(each) for each in subject.clusters],
    }
    as_json: dict[str, Any] = plain(figures)
    return as_json


def _run(subject: Subject) -> dict[str, Any]:
    advice = subject.advice
    return {
        "scheduler": subject.scheduler,
        "worst_first": [each.number for each in worst_first(subject)],
        "pictures": _pictures(subject.pictures),
        "advice": None
        if advice is None
        else {
            "parameters": advice.parameters.to_config(),
            "why": advice.why,
            "doubts": advice.doubts,
            "leave_defaults": advice.leave_defaults,
            "field_lost_before": advice.field_lost_before,
            "field_lost_after": advice.field_lost_after,
            "served_worst": [{"name": name, "reason": reason} for name, reason in advice.worst],
        },
    }


def _cluster(each: ClusterFindings) -> dict[str, Any]:
    return {
        "number": each.number,
        "name": each.cluster.name,
        "summary": each.summary,
        "not_studied": each.trouble or None,
        "skipped": each.skipped,
        "notes": each.notes,
        "frames": _frames(each.cluster, each.study),
        "left_out": _refused(each.cluster.left_out),
        "missing": _refused(each.cluster.missing),
        "nights": {night.isoformat(): count for night, count in each.cluster.nights.items()},
        "filters": each.cluster.filters,
        "study": None if each.study is None else _study(each.study),
        "defaults": _choice(each.before),
        "chosen": _choice(each.chosen),
        "advised": _choice(each.advised),
        "advice": _advice(each),
        "fringe": {
            "core_count": each.core_count,
            "core_noise": each.core_noise,
            "counts": [count._asdict() for count in each.counts],
        },
        "levels": _levels(each),
        "pictures": _pictures(each.pictures or {}),
    }


def _study(study: ClusterStudy) -> dict[str, Any]:
    return {
        "options": asdict(study.options),
        "canvas": {**asdict(study.canvas), "padded": study.canvas.padded},
        "has_wcs": study.wcs_header is not None,
        "frames_used": study.frames_used,
        "frames_aligned": study.frames_aligned,
        "frames_rescued": study.frames_rescued,
        "frames_left_out": study.frames_left_out,
    }


def _frames(cluster: Cluster, study: ClusterStudy | None) -> list[dict[str, Any]]:
    described = []
    for index, frame in enumerate(cluster.frames):
        values: dict[str, Any] = {
            "path": str(frame.path),
            "date": frame.date and frame.date.isoformat(),
            "night": frame.night and frame.night.isoformat(),
            "filter": frame.filter,
            "mount": frame.mount,
            "exposure_s": frame.exposure_s,
            "object": frame.object_name,
            "instrument": frame.instrument,
        }
        if study is not None:
            how = study.registrations[index]
            values |= {
                "used": how.used,
                "times_counted": cluster.counted.count(index) if how.used else 0,
                "method": how.method,
                "matrix": how.matrix,
                "rms_px": how.rms_px,
                "n_stars": how.n_stars,
                "reason": how.reason,
            }
        described.append(values)
    return described


def _refused(files: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"path": path, "reason": reason} for path, reason in files]


def _choice(choice: Choice | None) -> dict[str, Any] | None:
    if choice is None:
        return None
    level = choice.level
    return {
        "parameters": choice.parameters.to_config(),
        "threshold_frames": choice.threshold,
        "mask": level.source,
        "field_lost": {"hard": 1 - level.hard, "soft": 1 - level.soft},
        "fringe_left": None if level.fringe is None else level.fringe._asdict(),
        "alpha": None if level.alpha_stats is None else level.alpha_stats._asdict(),
        "guards": level.guards,
        "notes": choice.notes,
        "saved_shape": choice.saved_shape,
    }


def _advice(each: ClusterFindings) -> dict[str, Any] | None:
    advice = each.advice
    if advice is None:
        return None
    return {
        "parameters": advice.parameters.to_config(),
        "why": advice.why,
        "doubts": advice.doubts,
        "leave_defaults": advice.leave_defaults,
        "cliff_margin_frames": advice.cliff_margin,
        "judged": advice.judged,
    }


def _levels(each: ClusterFindings) -> dict[str, Any] | None:
    judged = each.judged
    if judged is None:
        return None
    return {
        "frames": judged.levels,
        "masks": [
            {
                "mask": mask.source,
                "field_kept": {"hard": mask.hard, "soft": mask.soft},
                "fringe_left": None if mask.fringe is None else mask.fringe._asdict(),
                "guards": mask.guards,
            }
            for mask in judged.masks
        ],
        "mask_of_level": dict(zip(("0", "1", "2"), judged.chosen, strict=True)),
        "covered_px": judged.covered_px,
        "doubts": judged.doubts,
    }


def _pictures(pictures: Mapping[str, Picture]) -> dict[str, str]:
    return {kind: picture.file for kind, picture in pictures.items()}
