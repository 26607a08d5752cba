"""Studied clusters that are nowhere on disk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.coverage import Canvas
from napari_zecoverage.core.parameters import StudyOptions
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.studied import ClusterStudy
from studies import make_frame

SHAPE = (120, 240)


def make_cluster(n_frames: int = 12, name: str = "night") -> Cluster:
    frames = tuple(
        make_frame(index, shape=SHAPE, instrument="Seestar S50", object_name="M 94")
        for index in range(n_frames)
    )
    return Cluster(name, frames, (("/frames/bad.fit", "it is text."),), ("A note.",))


def make_study(n_frames: int = 12, name: str = "night") -> ClusterStudy:
    """Make a study whose coverage grows by one every few columns; the last are bare."""
    columns = np.minimum(np.arange(SHAPE[1]) * (n_frames + 1) * 2 // SHAPE[1], n_frames)[::-1]
    coverage = np.tile(columns.astype(np.float32), (SHAPE[0], 1))
    rng = np.random.default_rng(1)
    tile = rng.normal((900, 1000, 800), 4, (*SHAPE, 3)).astype(np.float32)
    tile[coverage == 0] = np.nan
    aligned = [Registration(np.eye(3), "astroalign", 0.2, 40)] * (n_frames - 3)
    return ClusterStudy(
        cluster=make_cluster(n_frames, name),
        options=StudyOptions(),
        registrations=(
            Registration(np.eye(3), "reference", 0.0, 50),
            *aligned,
            Registration(np.eye(3), "fft", None, 0, "too few stars."),
            Registration(None, "failed", None, 0, "no match."),
        ),
        canvas=Canvas(SHAPE, (0, 0), SHAPE),
        coverage=coverage,
        tile=tile,
        notes=("One frame is left out.",),
    )


def make_red_study(name: str = "night", n_frames: int = 12) -> ClusterStudy:
    """Make a study that is 8 ADU redder where fewer than 7 frames overlap."""
    study = make_study(n_frames, name)
    tile = np.array(study.tile)
    tile[study.coverage < 7] += np.float32([8, 0, 0])
    return replace(study, tile=tile)
