"""Many clusters at once: the same figures wherever they are worked on, whatever happens there."""

from __future__ import annotations

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import dask
import psutil
import pytest

import napari_zecoverage as zc
from napari_zecoverage import cluster_work, dask_cluster, many, workers
from napari_zecoverage.core import study as study_room
from napari_zecoverage.core.advice import advise_judged, advise_run
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.fringe import measure_fringe
from napari_zecoverage.core.judged import judge
from napari_zecoverage.many import RunProgress, StudiedRun, study_many
from napari_zecoverage.run_figures import figures_of
from napari_zecoverage.sample import write_sample
from napari_zecoverage.sample_settings import SampleSettings
from napari_zecoverage.zemosaic.grid_plan import GRID_PLAN_NAME

SHAPE = (240, 320)
FRAMES = (5, 5, 6, 7)

PARAMETERS = zc.MaskParameters(margin_percent=4, decay=0.3)
ADVICE_OPTIONS = zc.AdviceOptions(tolerance=0.5)
"""Other settings than the defaults: they must reach whoever works on it."""


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> list[Cluster]:
    top = tmp_path_factory.mktemp("run")
    for number, frames in enumerate(FRAMES):
        settings = SampleSettings(n_frames=frames, shape=SHAPE, seed=number)
        write_sample(top / f"cluster {number}", settings)
    return zc.find_clusters(top)


def told(run: StudiedRun) -> dict[str, Any]:
    """Return all figures but those of how it was done."""
    figures = figures_of(run)
    del figures["scheduler"]
    for each in figures["clusters"]:
        del each["seconds"], each["study_file"]
    return figures


def study_all(clusters: list[Cluster], **how: Any) -> StudiedRun:
    return study_many(clusters, parameters=PARAMETERS, advice_options=ADVICE_OPTIONS, **how)


def differences(one: Any, other: Any, where: str = "") -> list[str]:
    """Name what differs between two JSON values."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        pairs = [(f"{where}.{key}", one[key], other[key]) for key in one]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(f"{where}[{k}]", *pair) for k, pair in enumerate(zip(one, other, strict=True))]
    else:
        return [] if one == other else [f"{where}: {one} is not {other}"]
    return [each for place, a, b in pairs for each in differences(a, b, place)]


@pytest.fixture(scope="module")
def expected(clusters: list[Cluster]) -> dict[str, Any]:
    """What a plain loop over the rooms of core finds."""
    lines = []
    for cluster in clusters:
        study = zc.study_cluster(cluster, cache=False)
        fringe = measure_fringe(study)
        judged = judge(study, PARAMETERS, fringe=fringe)
        lines.append(
            many.StudiedCluster(
                cluster,
                summary=study.summary,
                judged=judged,
                fringe_counts=fringe.counts,
                advice=advise_judged(judged, PARAMETERS, options=ADVICE_OPTIONS),
                notes=tuple(dict.fromkeys((*study.notes, *fringe.notes))),
            )
        )
    judged = [each.judged for each in lines if each.judged is not None]
    advice = advise_run(judged, PARAMETERS, options=ADVICE_OPTIONS)
    run = StudiedRun(tuple(lines), advice, PARAMETERS, zc.StudyOptions(), ADVICE_OPTIONS, "")
    return told(run)


@pytest.fixture(scope="module")
def cracked(clusters: list[Cluster], tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """Frames with whole headers and no pixels, so that only the study finds out."""
    folder = tmp_path_factory.mktemp("cracked")
    for frame in clusters[0].frames:
        (folder / frame.path.name).write_bytes(frame.path.read_bytes()[:2880])
    headers = tuple(replace(frame, path=folder / frame.path.name) for frame in clusters[0].frames)
    return Cluster("cracked", headers)


class DeadlyCluster(Cluster):
    """A cluster that ends the process that studies it, as the system does when memory is short."""

    @property
    def reference_index(self) -> int:
        os._exit(9)


def deadly(cluster: Cluster) -> DeadlyCluster:
    return DeadlyCluster("deadly", cluster.frames)


def worker_processes() -> list[psutil.Process]:
    """Return the processes that work for this one."""
    found = []
    for each in psutil.Process().children(recursive=True):
        # One may end while it is looked at.
        with suppress(psutil.Error):
            if "spawn_main" in " ".join(each.cmdline()):
                found.append(each)
    return found


class Witness:
    """Takes the progress of a run."""

    def __init__(self) -> None:
        self.reports: list[RunProgress] = []
        self.threads: set[int] = set()

    def __call__(self, progress: RunProgress) -> None:
        self.reports.append(progress)
        self.threads.add(threading.get_ident())

    @property
    def finished(self) -> list[str]:
        return [each.name for each in self.reports if each.finished is not None]


# --- the same figures ----------------------------------------------------------------------


def test_figures_are_those_of_a_plain_loop(clusters, expected) -> None:
    witness = Witness()
    run = study_all(clusters, workers=1, cache=False, progress=witness)
    assert differences(told(run), expected) == []
    assert witness.finished == [each.name for each in clusters]
    assert [each.done for each in witness.reports] == [0, 1, 1, 2, 2, 3, 3, 4]
    last = witness.reports[-1].finished
    assert last is not None
    assert str(witness.reports[-1]) == f"4/4 clusters; cluster 3: {last.summary}"
    assert run.scheduler == "this process"
    assert all(each.seconds > 0 and each.study_file is None for each in run.clusters)


def test_processes_find_the_same(clusters, expected, tmp_path) -> None:
    witness = Witness()
    cache = zc.StudyCache(tmp_path)
    run = study_all(clusters, workers=3, cache=cache, progress=witness)
    assert differences(told(run), expected) == []
    assert sorted(witness.finished) == [each.name for each in clusters]
    assert [each.done for each in witness.reports if each.finished] == [1, 2, 3, 4]
    assert witness.threads == {threading.get_ident()}
    assert run.scheduler.startswith("3 processes of ")
    assert worker_processes() == []
    assert {each.study_file for each in run.clusters} == set(cache.entries())
    assert len(cache.entries()) == len(clusters)


def test_without_a_tile_there_is_no_fringe(clusters) -> None:
    run = study_many(clusters[:1], zc.StudyOptions(stack="none"), cache=False)
    (line,) = run.clusters
    assert line.judged is not None
    assert line.fringe_counts == ()
    assert "not measured" in line.notes[-1]


def test_what_travels_is_small(clusters) -> None:
    job = cluster_work.Job(
        clusters[3], zc.StudyOptions(), zc.MaskParameters(), zc.AdviceOptions(), None
    )
    answer = cluster_work.work_on(job, lambda: False)
    assert answer.judged is not None
    assert len(pickle.dumps(answer)) < SHAPE[0] * SHAPE[1] / 2


def test_no_clusters_are_no_work() -> None:
    run = study_many([])
    assert run.clusters == ()
    assert run.advice is None


def test_no_workers_are_refused(clusters) -> None:
    with pytest.raises(zc.StudyError, match="at least one"):
        study_many(clusters, workers=0)


# --- lines of the table --------------------------------------------------------------------


def test_a_bad_cluster_is_a_line(clusters, cracked) -> None:
    options = zc.StudyOptions(stack="none")
    run = study_many([clusters[0], cracked, clusters[1]], options, workers=1, cache=False)
    assert [bool(each.error) for each in run.clusters] == [False, True, False]
    assert "no frame of cluster 'cracked' can be read" in run.clusters[1].error
    assert run.clusters[1].judged is None
    assert run.advice is not None
    assert [each.name for each in run.advice.clusters] == ["cluster 0", "cluster 1"]


def test_a_fault_of_ours_is_a_line(clusters, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(cluster_work, "judge_with_fringe", fail)
    run = study_many(clusters[:1], options=zc.StudyOptions(stack="none"))
    assert "unexpected ZeroDivisionError: by nought" in run.clusters[0].error
    assert run.advice is None


def test_clusters_of_grid_mode_are_not_studied(clusters, tmp_path) -> None:
    write_sample(tmp_path, SampleSettings(n_frames=3, shape=(64, 64)))
    grid = zc.Cluster.from_files(sorted(tmp_path.glob("*.fit")))
    (tmp_path / GRID_PLAN_NAME).write_text("file_path\n")
    run = study_many([grid, clusters[0]], zc.StudyOptions(stack="none"), workers=1)
    assert "GRID" in run.clusters[0].skipped
    assert not run.clusters[0].error
    assert run.clusters[0].judged is None
    assert run.clusters[1].judged is not None


# --- the cache -----------------------------------------------------------------------------


def count_studies(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note each cluster that is really studied in this process."""
    studied: list[str] = []
    compute = study_room.compute_study

    def counted(cluster: Cluster, *arguments: Any) -> zc.ClusterStudy:
        studied.append(cluster.name)
        return compute(cluster, *arguments)

    monkeypatch.setattr(study_room, "compute_study", counted)
    return studied


def test_a_stopped_run_goes_on_where_it_was(clusters, expected, tmp_path, monkeypatch) -> None:
    cache = zc.StudyCache(tmp_path)
    witness = Witness()
    with pytest.raises(zc.StudyCancelledError, match="finished clusters are kept"):
        study_all(
            clusters,
            workers=2,
            cache=cache,
            progress=witness,
            should_stop=lambda: bool(witness.finished),
        )
    assert worker_processes() == []
    kept = {each.name for each in cache.entries()}
    # All that is there is whole: others may have been finished before they heard of the end.
    assert {each.name for each in tmp_path.iterdir()} == kept
    done = [each for each in clusters if cache.path_of(each, zc.StudyOptions()).name in kept]
    assert set(witness.finished) <= {each.name for each in done}
    assert len(kept) == len(done) < len(clusters)
    studied = count_studies(monkeypatch)
    run = study_all(clusters, workers=1, cache=cache)
    assert sorted(studied) == [each.name for each in clusters if each not in done]
    assert differences(told(run), expected) == []
    assert all(each.study_file and each.study_file.parent == tmp_path for each in run.clusters)
    studied.clear()
    assert differences(told(study_all(clusters, workers=1, cache=cache)), expected) == []
    assert studied == []


def test_answers_of_another_make_are_not_mixed_with_ours() -> None:
    class Done:
        def __init__(self, answer: object) -> None:
            self.answer = answer

        def cancelled(self) -> bool:
            return False

        def result(self) -> object:
            return self.answer

    theirs = cluster_work.Answer(summary="of another make", figures=cluster_work.FIGURES - 1)
    ours = theirs._replace(figures=cluster_work.FIGURES)
    assert "same version" in dask_cluster._answer_of(Done(theirs)).error
    assert dask_cluster._answer_of(Done(ours)) is ours


def test_a_new_folder_is_made_for_the_cache(clusters, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ZECOVERAGE_CACHE_DIR", str(tmp_path / "usual"))
    cache = zc.StudyCache(tmp_path / "of" / "one's own")
    run = study_many(clusters[:1], zc.StudyOptions(stack="none"), workers=1, cache=cache)
    assert [each.study_file for each in run.clusters] == cache.entries()
    assert not (tmp_path / "usual").exists()


def test_a_folder_that_cannot_be_made_costs_no_result(clusters, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ZECOVERAGE_CACHE_DIR", str(tmp_path / "usual"))
    (tmp_path / "file").write_text("mine")
    cache = zc.StudyCache(tmp_path / "file" / "studies")
    run = study_many(clusters[:1], zc.StudyOptions(stack="none"), workers=1, cache=cache)
    assert run.clusters[0].judged is not None
    assert run.clusters[0].study_file is None
    assert not (tmp_path / "usual").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_cluster_given_twice_is_two_lines(clusters, tmp_path, workers: int) -> None:
    options = zc.StudyOptions(stack="none")
    cache = zc.StudyCache(tmp_path)
    run = study_many([clusters[0], clusters[0]], options, workers=workers, cache=cache)
    assert [each.cluster.name for each in run.clusters] == ["cluster 0", "cluster 0 (2)"]
    one, other = (each.judged for each in run.clusters)
    assert differences(json.loads(one.to_json()), json.loads(other.to_json())) == [
        ".name: cluster 0 is not cluster 0 (2)"
    ]
    assert len(cache.entries()) == 1


def test_who_says_stop_once_is_heard(clusters) -> None:
    asked = []

    def should_stop() -> bool:
        asked.append(True)
        return len(asked) == 4

    with pytest.raises(zc.StudyCancelledError, match=r"the run was cancelled$"):
        study_many(clusters, workers=1, cache=False, should_stop=should_stop)


def test_run_stops_between_frames(clusters) -> None:
    asked = []

    def should_stop() -> bool:
        asked.append(True)
        return len(asked) > 5

    with pytest.raises(zc.StudyCancelledError):
        study_many(clusters, workers=1, cache=False, should_stop=should_stop)
    assert len(asked) < 10


# --- processes that die --------------------------------------------------------------------


def test_killed_process_is_made_good(clusters, expected) -> None:
    witness = Witness()

    def kill_one(progress: RunProgress) -> None:
        witness(progress)
        if len(witness.finished) == 1 and progress.finished:
            os.kill(worker_processes()[0].pid, signal.SIGKILL)

    run = study_all(clusters, workers=2, cache=False, progress=kill_one)
    assert differences(told(run), expected) == []
    assert Counter(witness.finished) == Counter(each.name for each in clusters)
    assert worker_processes() == []


def test_cluster_that_kills_its_process_is_a_line(clusters, cracked) -> None:
    options = zc.StudyOptions(stack="none")
    given = [clusters[0], deadly(clusters[1]), cracked, clusters[2]]
    run = study_many(given, options, workers=2, cache=False)
    assert [bool(each.error) for each in run.clusters] == [False, True, True, False]
    assert "died" in run.clusters[1].error
    assert "can be read" in run.clusters[2].error


SCRIPT = """
import sys
import napari_zecoverage as zc
from napari_zecoverage.many import study_many

def tell(progress):
    print(progress, flush=True)

{guard}
    study_many(zc.find_clusters(sys.argv[1]), workers=2, cache=False, progress=tell)
"""


def script(tmp_path: Path, guard: str) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(guard=guard))
    return path


def test_no_process_outlives_a_killed_parent(clusters, tmp_path) -> None:
    top = clusters[0].frames[0].path.parents[1]
    path = script(tmp_path, 'if __name__ == "__main__":')
    with subprocess.Popen([sys.executable, path, top], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        while "aligned" not in parent.stdout.readline():
            pass
        children = psutil.Process(parent.pid).children(recursive=True)
        assert len(children) >= 2
        parent.kill()
        _, alive = psutil.wait_procs(children, timeout=60)
        assert alive == []


def test_script_without_guard_is_told_so(clusters, tmp_path) -> None:
    top = clusters[0].frames[0].path.parents[1]
    done = subprocess.run(
        [sys.executable, script(tmp_path, "if True:"), top],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "worker processes cannot be started" in done.stderr.splitlines()[-1]


# --- a Dask cluster ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def local_cluster() -> Iterator[Any]:
    from distributed import LocalCluster

    settings = {
        # One death may be chance, two are the cluster's fault.
        "distributed.scheduler.allowed-failures": 1,
        "distributed.comm.timeouts.connect": "10s",
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=3,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as cluster,
    ):
        yield cluster


def test_dask_cluster_whose_worker_is_killed(local_cluster, clusters, expected) -> None:
    from distributed import Client

    witness = Witness()
    killed: list[int] = []
    with Client(local_cluster) as client:
        pids = client.run(os.getpid)

        def kill_one_at_work(progress: RunProgress) -> None:
            witness(progress)
            if progress.finished and not killed:
                busy = [address for address, keys in client.processing().items() if keys]
                killed.append(pids[busy[0]])
                os.kill(pids[busy[0]], signal.SIGKILL)

        run = study_all(clusters, scheduler=client, cache=False, progress=kill_one_at_work)
    assert killed
    assert differences(told(run), expected) == []
    assert Counter(witness.finished) == Counter(each.name for each in clusters)
    assert run.scheduler == f"the Dask cluster at {local_cluster.scheduler_address}"


def test_cluster_that_kills_its_workers_is_a_line(local_cluster, clusters, cracked) -> None:
    given = [deadly(clusters[0]), clusters[1], cracked]
    options = zc.StudyOptions(stack="none")
    address = local_cluster.scheduler_address
    run = study_many(given, options, scheduler=address, cache=False)
    assert [bool(each.error) for each in run.clusters] == [True, False, True]
    assert "died" in run.clusters[0].error
    assert "can be read" in run.clusters[2].error


def until_free() -> bool:
    """Wait, on a worker, until no cluster is worked on there."""
    with dask_cluster._ONE_CLUSTER:
        return True


def test_dask_workers_stop_when_nobody_waits(local_cluster, clusters, tmp_path) -> None:
    from distributed import Client

    witness = Witness()
    cache = zc.StudyCache(tmp_path)
    with pytest.raises(zc.StudyCancelledError):
        study_many(
            clusters,
            scheduler=local_cluster.scheduler_address,
            cache=cache,
            progress=witness,
            should_stop=lambda: bool(witness.reports),
        )
    with Client(local_cluster) as client:
        assert all(client.run(until_free).values())
        assert not any(client.processing().values())
    # Begun, and not one finished: they were stopped between frames.
    assert witness.reports
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:9", "tcp://127.0.0.1", "tls://127.0.0.1:9", "nowhere://x", "x", ""]
)
def test_missing_scheduler_is_said(clusters, monkeypatch, address: str) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_S", 0.5)
    with pytest.raises(zc.StudyError, match=f"no Dask scheduler answers at {address} .+Start"):
        study_many(clusters, scheduler=address)


def test_who_listens_and_never_answers_is_not_waited_for(clusters, monkeypatch) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(zc.StudyError, match=r"nothing came within 0\.5 s"):
            study_many(clusters, scheduler=address)


def test_scheduler_without_workers_is_given_up(clusters, monkeypatch) -> None:
    from distributed import LocalCluster

    monkeypatch.setattr(dask_cluster, "WORKERLESS_S", 0.2)
    with LocalCluster(
        n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
    ) as cluster:
        address = cluster.scheduler_address
        with pytest.raises(zc.StudyError, match=f"no worker for .+dask worker {address}"):
            study_many(clusters, scheduler=address, cache=False)


def test_missing_distributed_is_said(clusters, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(zc.StudyError, match=r"napari-zecoverage\[distributed\]"):
        study_many(clusters, scheduler="tcp://127.0.0.1:9")


# --- how many at the same time -------------------------------------------------------------


@pytest.mark.parametrize(
    ("cores", "free_gb", "count", "processes"),
    [(8, 100, 20, 8), (8, 100, 3, 3), (8, 2, 20, 1), (8, 6, 20, 4), (1, 100, 20, 1), (2, 0, 2, 1)],
)
def test_processes_fit_cores_and_memory(monkeypatch, cores, free_gb, count, processes) -> None:
    class Memory:
        available = free_gb * 1e9

    monkeypatch.setattr(workers, "CPU_COUNT", cores)
    monkeypatch.setattr(workers.psutil, "virtual_memory", Memory)
    monkeypatch.setattr(workers, "memory_of", lambda _: 1e9)
    assert workers.fitting_processes([Cluster("", ())] * count) == processes
