"""With ZECOVERAGE_REQUIRE_WINDOW=1, window tests cannot go missing unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = (Path(__file__).parent / "conftest.py").read_text(encoding="utf-8")


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Run a test module under our conftest and return what came of it."""

    def run(module: str, *, required: bool = True) -> pytest.RunResult:
        monkeypatch.setenv("ZECOVERAGE_REQUIRE_WINDOW", "1" if required else "0")
        # The hooks alone: no display and no napari in the inner runs.
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        pytester.makeconftest(CONFTEST)
        pytester.makeini("[pytest]\nmarkers = window: needs a window")
        pytester.makepyfile(module)
        return pytester.runpytest_inprocess()

    return run


PASSES = """
    import pytest

    @pytest.mark.window
    def test_window(): pass
"""

SKIPS = """
    @pytest.mark.window
    def test_other_window(): pytest.skip("no display")
"""

NOT_A_WINDOW = """
    import pytest

    def test_core(): pass
    def test_data(): pytest.skip("no data")
"""


def test_passing_window_test_is_fine(run) -> None:
    result = run(PASSES)
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK


def test_skipped_window_test_fails(run) -> None:
    result = run(PASSES + SKIPS)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*a window test was skipped: Skipped: no display*"])


def test_window_test_skipped_by_mark_fails(run) -> None:
    result = run(
        PASSES.replace("@pytest.mark.window", "@pytest.mark.window\n    @pytest.mark.skip")
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*a window test was skipped*"])


def test_run_without_window_tests_fails(run) -> None:
    result = run(NOT_A_WINDOW)
    result.assert_outcomes(passed=1, skipped=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*no window test passed*"])


def test_module_that_skips_itself_fails(run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_whole="import pytest; pytest.importorskip('no_such_binding')")
    result = run(PASSES)
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*a whole module was skipped*no_such_binding*"])


def test_viewer_fixture_makes_a_window_test(run) -> None:
    result = run(
        """
        import pytest

        @pytest.fixture
        def make_napari_viewer(): pytest.skip("no OpenGL")
        def test_viewer(make_napari_viewer): pass
        """
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*a window test was skipped: Skipped: no OpenGL*"])


def test_skips_are_allowed_where_no_window_is_required(run) -> None:
    result = run(NOT_A_WINDOW + SKIPS, required=False)
    result.assert_outcomes(passed=1, skipped=2)
    assert result.ret == pytest.ExitCode.OK
