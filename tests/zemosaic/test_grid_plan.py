"""GRID mode: the batches of its plan are clusters."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runs import check_whole, grid, paths_of, reasons

from napari_zecoverage.core.errors import RunFolderError
from napari_zecoverage.zemosaic.run_folder import find_clusters, read_run
from studies import write_frame


@pytest.fixture
def sub(tmp_path: Path) -> list[Path]:
    return [write_frame(tmp_path / "grid" / "sub" / f"{name}.fit", EXPTIME=20.0) for name in "abc"]


def test_the_batches_of_a_grid_plan_are_clusters(tmp_path: Path, sub: list[Path]) -> None:
    plan = grid(
        tmp_path / "grid",
        "file_path,exposure,batch_id,mount,filter\n"
        "sub/a.fit,10,n1,ALTAZ,LP\n"
        f"{sub[1]},,n2,EQ,\n"
        "sub/c.fit,abc,n1,1,\n"
        "sub/gone.fit,10,n1,ALTAZ,\n"
        "\n",
    )
    run = read_run(plan.parent)
    assert (run.pipeline, run.config, run.lost) == ("grid", None, ())
    first, second = run.clusters
    assert [first.name, second.name] == ["batch n1", "batch n2"]
    assert paths_of(first) == [sub[0], sub[2]]
    assert paths_of(second) == [sub[1]]
    assert [frame.mount for frame in first.frames] == ["ALT_AZ", "UNKNOWN"]
    assert second.frames[0].mount == "EQ"
    assert [frame.exposure_s for frame in first.frames] == [10, 20]
    assert first.frames[0].filter == "LP"
    assert first.tile_id is None
    assert "no such file" in reasons(first)["sub/gone.fit"]
    assert any("never masks them by coverage" in note for note in first.notes)
    assert paths_of(find_clusters(plan)[0]) == [sub[0], sub[2]]


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t", " "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiters(tmp_path: Path, sub: list[Path], delimiter: str, end: str) -> None:
    rows = [["exposure", "file_path", "batch_id"], ["5", "sub/a.fit", "n1"]]
    grid(tmp_path / "grid", end.join(delimiter.join(row) for row in rows))
    [found] = find_clusters(tmp_path / "grid")
    assert (paths_of(found), found.exposure_s, found.name) == ([sub[0]], 5, "batch n1")


@pytest.mark.parametrize(
    "name", ["file_path", "filepath", "file", "path", "filename", "fits", "raw"]
)
@pytest.mark.parametrize("batch", ["batch_id", "batch", "session", "night"])
def test_aliases(tmp_path: Path, sub: list[Path], name: str, batch: str) -> None:
    grid(tmp_path / "grid", f'{batch},{name}\n7,"sub/b.fit"\n')
    [found] = find_clusters(tmp_path / "grid")
    assert (found.name, paths_of(found)) == ("batch 7", [sub[1]])


def test_a_plan_of_files_alone_is_one_batch(tmp_path: Path, sub: list[Path]) -> None:
    grid(tmp_path / "grid", "file_path\n" + "\n".join(f"sub/{path.name}" for path in sub))
    [found] = find_clusters(tmp_path / "grid")
    assert (found.name, paths_of(found)) == ("all frames", sub)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xef\xbb\xbffile_path,exposure\nsub/a.fit,10\n", "byte order mark"),
        (b"FILE_PATH,EXPOSURE\nsub/a.fit,10\n", "in lower case"),
        (b"File_Path\nsub/a.fit\n", "but holds File_Path"),
        (b"sub/a.fit,10\nsub/b.fit,10\n", "but holds sub/a.fit,10"),
        (b"", "but holds nothing"),
        (b"file_path,exposure\n", "no frames below its header"),
        (b"file_path,exposure\n,10\n", "no frames below its header"),
        (b"file_path\nsub/\xff.fit\n", "not UTF-8"),
        (b'file_path\n"' + b"x" * 200_000 + b'"\n', "not a table"),
    ],
)
def test_plans_in_which_zemosaic_finds_no_frame(
    tmp_path: Path, sub: list[Path], content: bytes, said: str
) -> None:
    plan = grid(tmp_path / "grid", content)
    with pytest.raises(RunFolderError, match=said) as caught:
        find_clusters(tmp_path / "grid")
    assert str(plan) in str(caught.value)


def test_what_zemosaic_passes_over_is_noted(tmp_path: Path, sub: list[Path]) -> None:
    grid(tmp_path / "grid", b"\xef\xbb\xbfexposure,file_path\n5,sub/a.fit\n5,\n")
    [found] = find_clusters(tmp_path / "grid")
    assert found.exposure_s == 20  # the first column's name is hidden
    assert any("byte order mark" in note for note in found.notes)
    assert any("1 rows" in note for note in found.notes)


def test_a_grid_plan_does_not_climb_out(tmp_path: Path, sub: list[Path]) -> None:
    write_frame(tmp_path / "secret.fit")
    grid(tmp_path / "grid", "file_path\n../secret.fit\nsub/a.fit\n/dev/zero\n")
    [found] = find_clusters(tmp_path / "grid")
    assert paths_of(found) == [sub[0]]
    assert {"../secret.fit", "/dev/zero"} == reasons(found).keys()


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    header=st.lists(
        st.sampled_from(["file_path", "path", "exposure", "batch_id", "mount", "File", "\ufeffraw"])
        | st.text(max_size=5),
        max_size=4,
    ),
    rows=st.lists(
        st.lists(
            st.sampled_from(["a.fit", "../a.fit", "/dev/zero", "1e999", "ALTAZ", '"', "\0", "\r"])
            | st.text(max_size=6),
            max_size=5,
        ),
        max_size=4,
    ),
    delimiter=st.sampled_from([",", ";", "|", "\t", " "]),
    junk=st.binary(max_size=3),
)
def test_damaged_grid_plans(
    tmp_path_factory: pytest.TempPathFactory,
    header: list[str],
    rows: list[list[str]],
    delimiter: str,
    junk: bytes,
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged-grid"
    if not folder.exists():
        write_frame(folder / "a.fit")
    text = "\n".join(delimiter.join(row) for row in [header, *rows])
    grid(folder, text.encode("utf-8", "surrogatepass") + junk)
    check_whole(folder)
