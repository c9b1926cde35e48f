"""A study: cases over seeds, each an ordinary run, in parallel and resumable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eventsim.checkpoint import CHECKPOINT
from eventsim.config.loading import validated
from eventsim.config.schema import DataConfig
from eventsim.config.study_loading import StudyCase, load_study, study_cases
from eventsim.config.study_schema import StudyConfig
from eventsim.datasets import Dataset
from eventsim.errors import EventsimError, RunError
from eventsim.interrupt import deferred_interrupt
from eventsim.progress import say
from eventsim.run import load_run_dataset
from eventsim.study.lock import only_command_in
from eventsim.study.look import look, require_trained_on
from eventsim.study.runs import StudyRun, require_backend, train_in_parallel
from eventsim.study.settings import require_clear_settings
from eventsim.training import start_training

STOP_FILE = ".stop"


@dataclass(frozen=True)
class Study:
    """A study file with all its cases and runs.

    Parameters
    ----------
    config : StudyConfig
        Content of the file, with the seeds that are run.
    folder : Path
        Where the folders of the cases lie, and the table and picture of all.
    cases : list of StudyCase
        In the order of the file.
    runs : list of StudyRun
        Every case with every seed; all cases with the first seed come first.
    overrides : tuple of str
        ``KEY=VALUE`` entries of the command line.
    data_dir : str or None
        Folder with the data files, if one was given.
    """

    config: StudyConfig
    folder: Path
    cases: list[StudyCase]
    runs: list[StudyRun]
    overrides: tuple[str, ...] = ()
    data_dir: str | None = None


def open_study(
    path: str | Path,
    *,
    overrides: Sequence[str] = (),
    seeds: Sequence[int] | None = None,
    out: str | Path | None = None,
) -> Study:
    """Read a study and see how far each of its runs is; trains and writes nothing.

    Parameters
    ----------
    path : str or Path
        Study file.
    overrides : sequence of str
        ``KEY=VALUE`` entries for all runs.
    seeds : sequence of int, optional
        Instead of those of the file.
    out : str or Path, optional
        Folder of the study, by default ``runs/NAME``.

    Returns
    -------
    Study
        Cases with checked configurations, and runs.

    Raises
    ------
    EventsimError
        If the file or a configuration is wrong, or a folder holds a run with other
        settings.
    """
    config = load_study(path)
    if seeds is not None:
        config = validated(
            StudyConfig, {**config.model_dump(), "seeds": list(seeds)}, "study, --seeds"
        )
    require_clear_settings(path, config, overrides)
    cases = study_cases(path, config, overrides)
    folder = Path(out) if out is not None else Path("runs") / config.name
    if (folder / CHECKPOINT).exists():
        raise RunError(
            f"study: '{folder}' holds a single run; expected a folder of its own for "
            "the study; choose another with --out"
        )
    runs = [
        look(
            case.name,
            case.config.model_copy(update={"seed": seed}),
            folder / case.name / f"seed-{seed}",
        )
        for seed in config.seeds
        for case in cases
    ]
    return Study(config, folder, cases, runs, tuple(overrides))


def run_study(
    study: Study,
    *,
    data_dir: str | None = None,
    jobs: int | None = None,
    backend: str = "loky",
    on_run: Callable[[StudyRun], None] = lambda run: None,
) -> Study:
    """Train what is not finished yet.

    Parameters
    ----------
    study : Study
        From `open_study`.
    data_dir : str, optional
        Folder with the data files.
    jobs : int, optional
        Runs at the same time: by default 1 on this machine, and on a cluster as many
        as it has workers.
    backend : str, default "loky"
        joblib's name of where runs are trained: processes of this machine (loky), a
        Dask or Ray cluster, or another backend that is registered with joblib.
    on_run : callable, optional
        Called with each run that finished or failed, in the order in which they do.

    Returns
    -------
    Study
        The same with the state of all runs, each finished or failed.

    Raises
    ------
    EventsimError
        If a run cannot start because of its data or its network, there is no such
        backend, or another command trains in the folder. Then none is started.
    KeyboardInterrupt
        After Ctrl-C; the finished epochs of each run are in its checkpoint.
    """
    study = replace(study, data_dir=data_dir)
    require_backend(backend)
    _require_starts(study)
    folder = _make_folder(study.folder)
    with only_command_in(folder):
        # Another command may have trained here since the folder was looked at.
        study = replace(
            study, runs=[look(run.case, run.config, run.folder) for run in study.runs]
        )
        return _run_alone(study, folder / STOP_FILE, jobs, backend, on_run)


def _run_alone(
    study: Study,
    stop_file: Path,
    jobs: int | None,
    backend: str,
    on_run: Callable[[StudyRun], None],
) -> Study:
    todo = [run for run in study.runs if run.status != "finished"]
    done = {run.folder: run for run in study.runs if run.status == "finished"}
    stop_file.unlink(missing_ok=True)

    def ask_to_stop() -> None:
        stop_file.touch()
        say("Ctrl-C: stopping all runs at the next safe place; again to stop at once")

    try:
        with deferred_interrupt(ask_to_stop):
            for run in train_in_parallel(
                todo,
                data_dir=study.data_dir,
                stop_file=stop_file,
                jobs=jobs,
                backend=backend,
            ):
                if run.status != "stopped":
                    done[run.folder] = run
                    on_run(run)
            stop_file.unlink(missing_ok=True)
            if len(done) < len(study.runs):
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        n_finished = sum(run.status == "finished" for run in done.values())
        say(
            f"interrupted; {n_finished} of {len(study.runs)} runs are finished in "
            f"{study.folder}; to go on, give the same command again"
        )
        raise
    return replace(study, runs=[done[run.folder] for run in study.runs])


def _make_folder(folder: Path) -> Path:
    """Make the folder of a study and return its absolute path."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"study: cannot make the folder '{folder}': {error.strerror}; expected a "
            "place that can be written to; choose another with --out"
        ) from error
    return folder.resolve()


def _require_starts(study: Study) -> None:
    """Build each case's network for its data, so that no run fails at its start.

    Data are also downloaded here, once. Where they are loaded anyway, or a folder for
    them is given, finished runs must have been trained on the same.
    """
    todo = [run for run in study.runs if run.status != "finished"]
    first = {run.case: run for run in reversed(todo)}
    loaded: list[tuple[DataConfig, Dataset]] = []
    described: list[tuple[DataConfig, str]] = []

    def start(run: StudyRun) -> str:
        data = run.config.data
        known = [dataset for other, dataset in loaded if other == data]
        dataset = known[0] if known else load_run_dataset(run.config, study.data_dir)
        if not known:
            loaded.append((data, dataset))
        state = start_training(run.config, dataset)
        described.append((data, state.data))
        return state.data

    finished = [run for run in study.runs if run.status == "finished"]
    for run in [*reversed(first.values()), *finished]:
        try:
            if run.status != "finished":
                start(run)
                continue
            same = [text for data, text in described if data == run.config.data]
            if same or study.data_dir is not None:
                require_trained_on(run, same[0] if same else start(run))
        except EventsimError as error:
            raise type(error)(f"study, case '{run.case}': {error}") from error
