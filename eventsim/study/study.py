"""A study: cases over seeds, each an ordinary run, in parallel and resumable."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eventsim.checkpoint import CHECKPOINT
from eventsim.config import Config, changed_keys, load_config
from eventsim.config.loading import validated
from eventsim.config.schema import DataConfig
from eventsim.config.study_loading import StudyCase, load_study, study_cases
from eventsim.config.study_schema import StudyConfig
from eventsim.datasets import Dataset
from eventsim.errors import EventsimError, RunError
from eventsim.interrupt import deferred_interrupt
from eventsim.progress import say
from eventsim.run import load_run_dataset
from eventsim.study.runs import StudyRun, train_in_parallel
from eventsim.training import start_training

STOP_FILE = ".stop"
KEYS_WITHOUT_EFFECT = {"name", "description", "data.dir"}


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
    """

    config: StudyConfig
    folder: Path
    cases: list[StudyCase]
    runs: list[StudyRun]


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
    cases = study_cases(path, config, overrides)
    folder = Path(out) if out is not None else Path("runs") / config.name
    if (folder / CHECKPOINT).exists():
        raise RunError(
            f"study: '{folder}' holds a single run; expected a folder of its own for "
            "the study; choose another with --out"
        )
    runs = [
        _look(case, case.config.model_copy(update={"seed": seed}), folder)
        for seed in config.seeds
        for case in cases
    ]
    return Study(config, folder, cases, runs)


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
        If a run cannot start because of its data or its network. Then none is
        started.
    KeyboardInterrupt
        After Ctrl-C; the finished epochs of each run are in its checkpoint.
    """
    todo = [run for run in study.runs if run.status != "finished"]
    done = {run.folder: run for run in study.runs if run.status == "finished"}
    _require_starts(todo, data_dir)
    stop_file = _make_folder(study.folder) / STOP_FILE
    stop_file.unlink(missing_ok=True)

    def ask_to_stop() -> None:
        stop_file.touch()
        say("Ctrl-C: stopping all runs after this batch; again to stop at once")

    try:
        with deferred_interrupt(ask_to_stop):
            for run in train_in_parallel(
                todo,
                data_dir=data_dir,
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


def _look(case: StudyCase, config: Config, folder: Path) -> StudyRun:
    """Find out how far a run is; refuse a folder that holds another one."""
    run = StudyRun(case.name, config, folder / case.name / f"seed-{config.seed}", "new")
    stored, summary = run.folder / "config.yaml", run.folder / "summary.json"
    if not (summary.exists() or (run.folder / CHECKPOINT).exists()):
        return run
    before = load_config(stored)
    for key in changed_keys(before, config):
        if key not in KEYS_WITHOUT_EFFECT:
            raise RunError(
                f"study: '{run.folder}' holds a run with another '{key}', got "
                f"{_value(config, key)}; expected {_value(before, key)} as in its "
                "config.yaml; choose another --out, or remove that folder to train it "
                "anew"
            )
    if not summary.exists():
        return replace(run, status="started")
    try:
        return replace(
            run, status="finished", summary=json.loads(summary.read_text("utf-8"))
        )
    except (OSError, ValueError) as error:
        raise RunError(
            f"study: '{summary}' cannot be read ({error}); expected what a finished "
            "run wrote; remove it to finish that run again"
        ) from error


def _value(config: Config, key: str) -> str:
    """Return what stands at a dotted name; it may be missing in one of two configs."""
    at: Any = config.model_dump()
    for part in key.split("."):
        at = at.get(part) if isinstance(at, dict) else None
    text = repr(at)
    return text if len(text) <= 60 else text[:57] + "..."


def _require_starts(runs: list[StudyRun], data_dir: str | None) -> None:
    """Build each case's network for its data, so that no run fails at its start.

    Data are also downloaded here, once.
    """
    first = {run.case: run for run in reversed(runs)}
    seen: list[tuple[DataConfig, Dataset]] = []
    for run in reversed(first.values()):
        try:
            known = [dataset for data, dataset in seen if data == run.config.data]
            dataset = known[0] if known else load_run_dataset(run.config, data_dir)
            if not known:
                seen.append((run.config.data, dataset))
            start_training(run.config, dataset)
        except EventsimError as error:
            raise type(error)(f"study, case '{run.case}': {error}") from error
