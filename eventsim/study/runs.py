"""Train the runs of a study: in this process, in several, or on a cluster."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import joblib
import numba
from joblib.externals.loky import BrokenProcessPool, get_reusable_executor

from eventsim.atomic_write import replacing
from eventsim.checkpoint import CHECKPOINT
from eventsim.config import Config, config_to_yaml
from eventsim.errors import ConfigError, EventsimError, RunError
from eventsim.run import train_run

ERROR_FILE = "error.txt"
"""In the folder of a run that failed: one line on why."""
CLUSTER_ADDRESS = {"dask": "DASK_SCHEDULER_ADDRESS", "ray": "RAY_ADDRESS"}
"""Variables with the addresses of clusters, by backend."""
SHARING_BACKENDS = ("threading", "multiprocessing", "sequential")
_ONE_RUN_PER_PROCESS = threading.Lock()


@dataclass(frozen=True)
class StudyRun:
    """One case of a study with one seed, and how far it is.

    Parameters
    ----------
    case : str
        Name of the case.
    config : Config
        What is run; holds the seed.
    folder : Path
        Run directory.
    status : str
        ``"new"``; ``"started"``: there is a checkpoint to go on from; ``"finished"``;
        ``"failed"``; ``"stopped"``: asked to end before it was finished.
    summary : dict or None
        Content of ``summary.json`` of a finished run.
    error : str
        One line on why it failed.
    """

    case: str
    config: Config
    folder: Path
    status: Literal["new", "started", "finished", "failed", "stopped"]
    summary: dict[str, Any] | None = None
    error: str = ""

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self.config.seed


class _Stop(KeyboardInterrupt):
    """The stop file is there."""


def train_in_parallel(
    runs: Sequence[StudyRun],
    *,
    data_dir: str | None,
    stop_file: Path,
    jobs: int | None,
    backend: str,
) -> Iterator[StudyRun]:
    """Train runs and yield each when it is done.

    Parameters
    ----------
    runs : sequence of StudyRun
        What to train; those that are started are resumed.
    data_dir : str or None
        Folder with the data files.
    stop_file : Path
        All runs stop after a batch when there is such a file. Unlike a signal it
        reaches the workers of a cluster.
    jobs : int or None
        Runs at the same time; None for 1 on this machine, all workers of a cluster.
    backend : str
        joblib's name: ``"loky"`` for processes of this machine, ``"dask"``, ``"ray"``,
        or another one that is registered.

    Yields
    ------
    StudyRun
        Finished, failed or stopped; in the order in which they end, if the backend
        can tell (Ray cannot: all of them when the last one has ended).

    Raises
    ------
    ConfigError
        If there is no such backend, see `require_backend`.
    RunError
        If a process that trained was killed, or no cluster answers.

    Notes
    -----
    On this machine every process uses its share of the cores: the number of threads of
    Numba divided by `jobs`. On a cluster it is what ``NUMBA_NUM_THREADS`` says there.
    Results do not depend on it. Nor does a process train two runs at once, even if a
    cluster gives it two: the threads of one are meant for all of its cores.
    """
    require_backend(backend)
    n_threads = None
    if backend == "loky":
        jobs = min(jobs or 1, max(1, len(runs)))
        n_threads = max(1, numba.config.NUMBA_NUM_THREADS // jobs)  # type: ignore[attr-defined]
    data_dir = None if data_dir is None else str(Path(data_dir).resolve())
    tasks = [
        joblib.delayed(_train_one)(
            run, run.folder.resolve(), data_dir, stop_file, n_threads
        )
        for run in runs
    ]
    with ExitStack() as stack:
        if backend == "loky" and jobs is not None and jobs > 1:
            stack.push(_end_processes)
        parallel = _parallel(jobs, backend, stack)
        try:
            if backend == "loky":
                with _ctrl_c_kept_from_children():
                    done = parallel(tasks)  # starts them and returns
            else:
                done = parallel(tasks)
            yield from done
        except BrokenProcessPool as error:
            if stop_file.exists():
                raise KeyboardInterrupt from error
            raise RunError(
                "study: a process that trained was killed, perhaps because memory ran "
                "out; give the same command again, with fewer --jobs"
            ) from error


def _train_one(
    run: StudyRun,
    folder: Path,
    data_dir: str | None,
    stop_file: Path,
    n_threads: int | None,
) -> StudyRun:
    """Train one run to its end, wherever joblib calls this."""

    def stop_if_requested() -> None:
        if stop_file.exists():
            raise _Stop

    data_dir = run.config.data.dir if data_dir is None else data_dir
    with _ONE_RUN_PER_PROCESS, _numba_threads(n_threads):
        try:
            stop_if_requested()
            (folder / ERROR_FILE).unlink(missing_ok=True)
            if (folder / CHECKPOINT).exists():
                start: dict[str, Any] = {"config_path": None, "resume": str(folder)}
            else:
                path = folder / "config.yaml"
                with replacing(path) as temporary:
                    temporary.write_text(config_to_yaml(run.config), "utf-8")
                start = {"config_path": str(path), "out": str(folder)}
            result = train_run(
                **start,
                data_dir=data_dir,
                quiet=True,
                stop_if_requested=stop_if_requested,
            )
        except _Stop:
            return replace(run, status="stopped")
        except EventsimError as error:
            return _failed(run, folder, str(error))
        except Exception as error:  # one broken run must not end all others
            told = " ".join(str(error).split())
            return _failed(run, folder, f"{type(error).__name__}: {told}")
    return replace(run, status="finished", summary=result.summary, error="")


def _failed(run: StudyRun, folder: Path, told: str) -> StudyRun:
    """Return a run that failed; its error also stays in its folder."""
    try:
        with replacing(folder / ERROR_FILE) as temporary:
            temporary.write_text(told + "\n", "utf-8")
    except RunError:
        pass  # a full disk; the error is told anyway
    return replace(run, status="failed", error=told)


def require_backend(backend: str) -> None:
    """Refuse a backend that cannot train runs, before anything is written.

    Parameters
    ----------
    backend : str
        Name of it.

    Raises
    ------
    ConfigError
        If joblib does not know it, its package is not installed, or it would train
        several runs in one process.
    """
    if backend in SHARING_BACKENDS:
        raise ConfigError(
            f"study: --backend '{backend}' cannot train several runs at once; expected "
            "loky, dask or ray"
        )
    try:
        if backend == "dask":  # joblib asks for a cluster too; that comes later
            import distributed  # noqa: F401

            return
        if backend == "ray":
            from ray.util.joblib import register_ray

            register_ray()
    except ImportError as error:
        raise ConfigError(
            f"study: --backend '{backend}' needs a package that is not installed "
            f"({error}); install {'distributed' if backend == 'dask' else 'ray'}"
        ) from error
    try:
        with joblib.parallel_config(backend=backend):
            pass
    except ValueError as error:
        reason = " ".join(str(error).split()).partition(",")[0]
        raise ConfigError(
            f"study: --backend '{backend}' cannot be used ({reason}); expected loky, "
            "dask or ray"
        ) from error


def _parallel(jobs: int | None, backend: str, stack: ExitStack) -> joblib.Parallel:
    _join_cluster(backend, stack)
    n_jobs = -1 if jobs is None else jobs
    with joblib.parallel_config(backend=backend, n_jobs=n_jobs):
        try:
            return joblib.Parallel(batch_size=1, return_as="generator_unordered")
        except ValueError:  # this backend can only give all results at the end
            return joblib.Parallel(batch_size=1)


def _join_cluster(backend: str, stack: ExitStack) -> None:
    """Connect to the cluster of the environment's address, or start one here."""
    if backend not in CLUSTER_ADDRESS:
        return
    try:
        if backend == "dask":
            _join_dask(stack)
        else:
            import ray

            ray.init(ignore_reinit_error=True)
    except OSError as error:
        variable = CLUSTER_ADDRESS[backend]
        address = os.environ.get(variable, "")
        reason = " ".join(str(error).split()).rstrip(".")
        raise RunError(
            f"study: no {backend} cluster answers ({reason}); expected one at the "
            f"address in {variable}, here {address!r}; start it, or unset the variable "
            "for one on this machine"
        ) from error


def _join_dask(stack: ExitStack) -> None:
    from distributed import Client, get_client

    try:
        get_client()
    except ValueError:  # there is none
        with _ctrl_c_kept_from_children():
            client = Client()
        stack.enter_context(client)


@contextmanager
def _numba_threads(n_threads: int | None) -> Iterator[None]:
    before = numba.get_num_threads()
    most = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    numba.set_num_threads(min(n_threads or before, most))
    try:
        yield
    finally:
        numba.set_num_threads(before)


def _end_processes(kind: type[BaseException] | None, *_: object) -> None:
    """End joblib's processes here and now; if something went wrong, kill them.

    Left alone they end when Python does, and a Ctrl-C in that moment is told with a
    traceback that nobody can catch.
    """
    with _ctrl_c_kept_from_children():
        get_reusable_executor().shutdown(wait=True, kill_workers=kind is not None)


@contextmanager
def _ctrl_c_kept_from_children() -> Iterator[None]:
    """Let processes that are started here never see Ctrl-C; they have the stop file.

    A terminal sends it to all processes of a command, and joblib's would print a
    traceback each, or die in the middle of their start. What is ignored here they
    ignore too; the price is that this process is deaf for these milliseconds.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
