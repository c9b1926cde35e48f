"""The one place with Numba's flags, its disk cache and the BLAS thread count.

Flags: ``contract``, ``reassoc``, ``arcp`` and ``nsz`` let LLVM use fused
multiply-add and vector reductions. The flags that assume away NaN and infinity
stay off, because infinity means "never spikes".

Cache: Numba notices a change in the file of a cached function but not in files
that function calls into. The cache therefore lives in a folder named by a hash
of all kernel sources and of the versions that shape machine code, so that any
change starts a new folder. ``EVENTSIM_NUMBA_CACHE=0`` turns the cache off.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numba
import scipy.linalg.cython_blas  # noqa: F401  loads the BLAS that kernels call
from pooch import os_cache
from threadpoolctl import ThreadpoolController

FAST_FLAGS = frozenset({"contract", "reassoc", "arcp", "nsz"})
KERNEL_FOLDERS = ("engine", "neurons", "optim")
STALE_SECONDS = 30 * 24 * 3600


def _source_hash() -> str:
    digest = hashlib.sha256()
    package = Path(__file__).parent
    paths = [Path(__file__)]
    for folder in KERNEL_FOLDERS:
        paths += sorted((package / folder).rglob("*.py"))
    for path in paths:
        digest.update(path.relative_to(package).as_posix().encode())
        digest.update(path.read_bytes())
    for name in ("numba", "llvmlite", "numpy", "scipy"):
        digest.update(version(name).encode())
    digest.update(sys.version.encode())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path | None:
    """Return a folder that can be written to, or None to run without a cache."""
    if os.environ.get("EVENTSIM_NUMBA_CACHE", "1") == "0":
        return None
    folder = Path(os_cache("eventsim")) / f"kernels-{_source_hash()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_stale(folder)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def _remove_stale(current: Path) -> None:
    """Remove kernel folders of other versions that nobody used for a month."""
    current.touch()
    for folder in current.parent.glob("kernels-*"):
        if folder != current and time.time() - folder.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


_CACHE = _cache_folder()
if _CACHE is not None and not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = str(_CACHE)  # type: ignore[attr-defined]


def is_first_start() -> bool:
    """Tell whether kernels still have to be compiled on this machine."""
    return _CACHE is None or not any(_CACHE.rglob("*.nbi"))


def jit(
    *,
    parallel: bool = False,
    inline: bool = False,
    borrows: bool = False,
    as_written: bool = False,
) -> Callable[..., Any]:
    """Return the decorator that every kernel of this package uses.

    Parameters
    ----------
    parallel : bool, default False
        Allow ``numba.prange``.
    inline : bool, default False
        Ask LLVM to inline the function into its callers.
    borrows : bool, default False
        Do not count references to arrays, each of which costs an atomic operation. For
        functions that are called millions of times; they can neither create arrays nor
        return one.
    as_written : bool, default False
        Without the flags: every operation is rounded by itself, as in NumPy. For
        comparisons that must come out alike in both.

    Returns
    -------
    callable
        A configured ``numba.njit``.
    """
    # An option of Numba (0.60 to 0.68) that is neither in its manual nor its types.
    options: dict[str, Any] = {"_nrt": not borrows}
    return numba.njit(
        parallel=parallel,
        cache=_CACHE is not None,
        fastmath=False if as_written else set(FAST_FLAGS),
        error_model="numpy",
        nogil=True,
        forceinline=inline,
        **options,
    )


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def single_threaded_blas() -> Any:
    """Return a context in which BLAS uses one thread.

    Kernels call BLAS from inside parallel loops, so a second pool of threads
    would only fight with Numba's for the same cores.
    """
    return _blas().limit(limits=1, user_api="blas")
