"""Everything without a window: the source of example.ipynb."""

# %% [markdown]
# # Everything without a window
#
# From raw frames to ZeMosaic's config, in Python: find clusters, study, mask, measure the
# fringe, ask for advice, judge a whole run, write a report, export. The frames are made up
# by the program, so you can run this as it is.
#
# This notebook is made by `python docs/make_pictures.py notebook` from `docs/example.py`.

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import napari_zecoverage as zc
from napari_zecoverage.core.curves import curve_of
from napari_zecoverage.picture import stretch
from napari_zecoverage.sample import sample_folder
from napari_zecoverage.sample_settings import Night, SampleSettings

results = Path(tempfile.mkdtemp())

# %% [markdown]
# ## Find clusters
#
# `find_clusters` takes a ZeMosaic run folder, a folder of frames, or a list of files. Only
# the headers are read.

# %%
cluster = zc.find_clusters(sample_folder())[0]
print(len(cluster.frames), "frames of", cluster.shape, "pixels")
for night, count in cluster.nights.items():
    print(night, count, "frames")

# %% [markdown]
# ## Study one
#
# The slow step: align, count, stack. It is done once; the result is kept in a cache.

# %%
study = zc.study_cluster(cluster)
print(study.summary)

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
left.imshow(stretch(study.tile))
left.set_title("the tile")
counts = right.imshow(study.coverage, cmap="viridis")
right.set_title("coverage")
figure.colorbar(counts, ax=right, label="frames")

# %% [markdown]
# ## Mask it
#
# The fast step: what ZeMosaic would do with these thresholds.

# %%
outcome = zc.apply_mask(study, zc.MaskParameters())
print("mask:", outcome.source)
print("threshold:", outcome.threshold, "frames, set by", outcome.threshold_rule)
print(f"field lost: {outcome.field_lost.hard:.1%}")
print(f"alpha: {outcome.alpha_stats.nonzero_frac:.1%} of the canvas above 0")

# %% [markdown]
# It is fast enough for a loop:

# %%
for share in (0.3, 0.5, 0.7, 0.9):
    each = zc.apply_mask(study, zc.MaskParameters(min_coverage_frac=share))
    print(
        f"frac {share}: {each.source}, {each.threshold:.1f} frames, lost {each.field_lost.hard:.1%}"
    )

# %% [markdown]
# On arrays of your own, without files:

# %%
coverage = np.zeros((300, 400), dtype=np.float32)
coverage[20:280, 20:380] = 3
coverage[60:240, 80:320] = 12
good, alpha = zc.alpha_from_coverage(coverage, zc.MaskParameters())
print(np.count_nonzero(good), "pixels are well covered")

# %% [markdown]
# ## Measure the fringe
#
# How far the sky's colour is from that of the well-covered core, for each coverage count:
# in ADU, before and after the frames' backgrounds are matched. A step that matching repairs
# is no reason to cut. Wings of opposite colours cancel each other out in a count's median;
# so every *place* is measured too (`fringe.region_steps`), and that is what the advice goes by.

# %%
fringe = zc.measure_fringe(study)
print(f"core: from {fringe.core_count:g} frames on, noise of a pixel {fringe.core_noise:.1f} ADU")
for each in fringe.counts:
    if each.measurable:
        step = f"{each.step:5.1f} ± {each.step_error:.1f} ADU (raw {each.raw_step:5.1f})"
        print(f"{each.count:3g} frames: {step}, {each.area_px} px")

# %% [markdown]
# What is left visible under the mask of above:

# %%
residual = zc.residual_fringe(fringe, outcome.opaque)
print(f"{residual.step:.1f} ADU, {residual.sigmas:.2f} × the noise, at {residual.count:g} frames")

# %% [markdown]
# ## Ask for advice
#
# Every mask that makes a difference is judged, so this is the optimum and no guess: the
# least field lost for which the fringe is within the tolerance.

# %%
advice = zc.advise(study, fringe=fringe)
print(advice.why)
for doubt in advice.doubts:
    print("doubt:", doubt)
print(
    f"abs {advice.parameters.min_coverage_abs:g}, frac {advice.parameters.min_coverage_frac:g}, "
    f"opening {advice.parameters.morph_open_px}"
)
print(f"field lost: {advice.before.field_lost:.1%} before, {advice.after.field_lost:.1%} after")

# %% [markdown]
# It goes by the sky's colour alone, and a nebula over the rim can pass for a fringe: no
# doubt tells of that. So look at the map before you take the advice. A fringe has the
# edges of frames, a nebula has its own.

# %%
figure, axis = plt.subplots(figsize=(4.5, 4))
shown = axis.imshow(fringe.map[..., 0], cmap="PuOr_r", vmin=-40, vmax=40)
figure.colorbar(shown, ax=axis, label="R−G against the core, ADU")

# %% [markdown]
# ## One threshold, and both
#
# `judge` has the figures of every mask that differs, without pixels. From them comes what
# each value of a threshold keeps and leaves, exact:

# %%
judged = zc.judge(study, fringe=fringe)
curve = curve_of(judged, zc.MaskParameters(), "min_coverage_frac")
for value in (0.4, 0.5, 0.53, 0.7, 0.9):
    field = curve.at(value).field
    print(f"frac {value}: keeps {field.hard:.1%}, fringe {field.fringe.sigmas:.2f}")

# %% [markdown]
# And over both thresholds, the landscape:

# %%
landscape = zc.landscape_of(judged)
print(landscape.field_kept.shape, "cells; masks:", ", ".join(np.unique(landscape.source)))
for thresholds in ((3, 0.5), (3, 0.7), (10, 0.3)):
    there = landscape.at(*thresholds)
    print(thresholds, there.source, f"keeps {there.hard:.1%}", f"fringe {there.fringe.sigmas:.2f}")

# %% [markdown]
# ## A whole run
#
# One config serves all clusters, so they are judged together. Here a second cluster has no
# fringe. With more than one worker, call this from under `if __name__ == "__main__":`.

# %%
calm = SampleSettings(n_frames=8, shape=(360, 480), nights=(Night(),), n_nebulae=0, seed=3)
second = replace(zc.find_clusters(sample_folder(calm))[0], name="calm")
run = zc.study_many([replace(cluster, name="fringed"), second], workers=1)
for line in run.clusters:
    print(f"{line.cluster.name}: {line.summary}")
print(run.advice.why, *run.advice.doubts, sep="\n")
for name, reason in run.advice.worst:
    print(f"served worst: {name}: {reason}")

# %% [markdown]
# ## Write a report
#
# One HTML file that opens offline, Markdown with pictures, and every figure as JSON.

# %%
report = zc.write_report(results / "report", run)
print(sorted(each.name for each in report.folder.iterdir() if each.suffix != ".png"))

# %% [markdown]
# ## Export
#
# Only the thresholds change in the config, and the file before is kept. Close ZeMosaic first.

# %%
config = results / "zemosaic_config.json"
config.write_text('{"language": "en", "altaz_min_coverage_frac": 0.5}')
change = zc.write_config(config, run.advice.parameters, dry_run=True)
print(*change.lines(), sep="\n")

# %%
change = zc.write_config(config, run.advice.parameters)
print(zc.read_config(config).parameters == run.advice.parameters)
print("backups:", len(zc.list_backups(config)))

# %% [markdown]
# ## Keep what was studied
#
# One file, without the frames; napari opens it too.

# %%
file = zc.write_study(results / "cluster.zestudy", study)
again = zc.read_study(file)
print(np.array_equal(again.coverage, study.coverage))
