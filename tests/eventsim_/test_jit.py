import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from eventsim import jit


@jit.jit()
def _is_never(t):
    return t == np.inf, np.isnan(t), t < 1e300


def test_jit__infinity_and_nan_keep_their_meaning():
    assert _is_never(np.inf) == (True, False, False)
    assert _is_never(np.nan) == (False, True, False)
    assert _is_never(0.0) == (False, False, True)


def test_jit__never_assumes_finite_numbers():
    assert not jit.FAST_FLAGS & {"fast", "nnan", "ninf", "afn"}


@jit.jit()
def _quotient(a, b):
    return a / b


def test_jit__division_by_zero_is_infinite():
    assert _quotient(1.0, 0.0) == np.inf


def test_single_threaded_blas__inside_only():
    controller = jit._blas()
    before = [pool["num_threads"] for pool in controller.info()]
    with jit.single_threaded_blas():
        blas = [p for p in controller.info() if p["user_api"] == "blas"]
        assert blas
        assert all(pool["num_threads"] == 1 for pool in blas)
    assert [pool["num_threads"] for pool in controller.info()] == before


def cache_folder_of_a_process(**environment):
    code = (
        "import numba, eventsim.jit as j\n"
        "print(j._CACHE, numba.config.CACHE_DIR, j.is_first_start(), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", **environment},
    )
    return done.stdout.splitlines()


def test_cache__is_in_the_users_cache_named_by_a_hash(tmp_path):
    cache, numba_cache, is_first = cache_folder_of_a_process(
        XDG_CACHE_HOME=str(tmp_path), HOME=str(tmp_path)
    )
    assert cache == numba_cache
    assert is_first == "True"
    assert tmp_path in Path(cache).parents
    assert Path(cache).name == f"kernels-{jit._source_hash()}"


def test_cache__can_be_switched_off(tmp_path):
    cache, _, is_first = cache_folder_of_a_process(
        XDG_CACHE_HOME=str(tmp_path), HOME=str(tmp_path), EVENTSIM_NUMBA_CACHE="0"
    )
    assert (cache, is_first) == ("None", "True")
    assert list(tmp_path.iterdir()) == []


def test_cache__a_place_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    cache, *_ = cache_folder_of_a_process(
        XDG_CACHE_HOME=str(tmp_path / "file"), HOME=str(tmp_path / "file")
    )
    assert cache == "None"


def test_cache__numbas_own_variable_wins(tmp_path):
    _, numba_cache, _ = cache_folder_of_a_process(
        XDG_CACHE_HOME=str(tmp_path),
        HOME=str(tmp_path),
        NUMBA_CACHE_DIR=str(tmp_path / "mine"),
    )
    assert numba_cache == str(tmp_path / "mine")


@pytest.mark.parametrize("folder", jit.KERNEL_FOLDERS)
def test_source_hash__covers_every_file_with_kernels(folder):
    package = Path(jit.__file__).parent
    with_kernels = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if "@jit(" in path.read_text()
    }
    assert folder in with_kernels
    assert with_kernels <= set(jit.KERNEL_FOLDERS)


def test_kernels__are_compiled_only_by_our_decorator():
    package = Path(jit.__file__).parent
    for path in package.rglob("*.py"):
        if path != Path(jit.__file__):
            assert "njit" not in path.read_text(), path
    assert numba.config.DISABLE_JIT in (0, 1)


@jit.jit(borrows=True)
def _total_of(pair):
    total = 0.0
    for k in range(pair[0].size):
        total += pair[0][k] * pair[1][k]
    return total


@jit.jit(borrows=True)
def _with_new_array(x):
    return np.zeros(x.size).sum()


def test_jit__a_function_that_borrows_leaves_its_arrays_alone():
    x, y = np.arange(3.0), np.ones(3)
    before = sys.getrefcount(x), sys.getrefcount(y)
    assert _total_of((x, y)) == 3.0
    assert (sys.getrefcount(x), sys.getrefcount(y)) == before


def test_jit__a_function_that_borrows_cannot_make_arrays():
    with pytest.raises(numba.core.errors.TypingError, match="array"):
        _with_new_array(np.ones(3))
