"""A training run on disk: folder, checkpoints, metrics, model, summary, pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tqdm import tqdm

import eventsim
from eventsim.atomic_write import replacing
from eventsim.checkpoint import (
    CHECKPOINT,
    load_checkpoint,
    require_checkpoint,
    save_checkpoint,
    saved_epoch,
)
from eventsim.config import Config, changed_keys, config_to_yaml, load_config
from eventsim.datasets import Dataset, load
from eventsim.errors import ConfigError, RunError
from eventsim.evaluation import Evaluation, evaluate, sparsity
from eventsim.interrupt import deferred_interrupt
from eventsim.jit import is_first_start
from eventsim.model_file import ModelFile, write_model
from eventsim.network import Network
from eventsim.progress import EpochBars, say
from eventsim.training import (
    BatchProgress,
    EpochResult,
    TrainingState,
    kept_network,
    start_training,
    train,
)


@dataclass(frozen=True)
class RunResult:
    """Where a finished run lies and what it reached.

    Parameters
    ----------
    folder : Path
        Run directory.
    summary : dict
        Content of ``summary.json``.
    """

    folder: Path
    summary: dict[str, Any]


def load_run_dataset(config: Config, data_dir: str | None = None) -> Dataset:
    """Load the data set of a configuration; `data_dir` overrides ``data.dir``."""
    data = config.data
    return load(
        data.name,
        data_dir=data_dir if data_dir is not None else data.dir,
        offline_fallback=data.offline_fallback,
        n_validation=data.n_validation,
        limit_train=data.limit_train,
        limit_test=data.limit_test,
    )


def train_run(
    config_path: str | None,
    *,
    overrides: Sequence[str] = (),
    out: str | None = None,
    resume: str | None = None,
    data_dir: str | None = None,
    quiet: bool = False,
    stop_if_requested: Callable[[], None] | None = None,
) -> RunResult:
    """Train from a configuration file and leave a complete run directory.

    Parameters
    ----------
    config_path : str or None
        YAML file; None takes the configuration of the run to resume.
    overrides : sequence of str
        ``KEY=VALUE`` entries.
    out : str, optional
        Run directory; by default the first free of ``runs/NAME``, ``runs/NAME-2``.
    resume : str, optional
        Run directory to go on with.
    data_dir : str, optional
        Folder with the data files.
    quiet : bool, default False
        No progress bars.
    stop_if_requested : callable, optional
        Called between batches; raises KeyboardInterrupt to end the run there. Whoever
        gives it handles Ctrl-C, and tells about that and about stand-in data.

    Returns
    -------
    RunResult
        Folder and summary.

    Raises
    ------
    EventsimError
        With one line on what is wrong with configuration, data or folder.
    KeyboardInterrupt
        After Ctrl-C; the last finished epoch is in the checkpoint.
    """
    if resume is not None:
        if config_path is not None or out is not None:
            raise ConfigError(
                "train: --resume goes without CONFIG and --out; the run directory has "
                "its own config.yaml"
            )
        folder = Path(resume)
        require_checkpoint(folder)
        config = load_config(folder / "config.yaml", overrides)
        _require_resumable(load_config(folder / "config.yaml"), config)
    elif config_path is None:
        raise ConfigError("train: expected a CONFIG file or --resume DIR")
    else:
        config = load_config(config_path, overrides)
        _refuse_taken(out)
    dataset = load_run_dataset(config, data_dir)
    is_alone = stop_if_requested is None
    if is_alone:
        _announce(dataset, quiet)
    if resume is None:
        state = start_training(config, dataset)
        folder = _new_folder(config, out)
        _write_text(folder / "config.yaml", config_to_yaml(config))
        save_checkpoint(folder, state)
    else:
        state = load_checkpoint(folder, config, dataset)
        _require_epochs_left(folder, config, state.epoch)
        _write_text(folder / "config.yaml", config_to_yaml(config))
        if not quiet:
            say(f"resuming {folder} after epoch {state.epoch}")
    if is_first_start() and not quiet:
        say("first start: compiling kernels, once, for about half a minute ...")
    stopping = _stopping(stop_if_requested)
    with EpochBars(config, dataset, quiet) as bars, stopping as stop:

        def after_batch(epoch: int, progress: BatchProgress) -> None:
            bars.batch_done(epoch, progress)
            stop()

        def after_epoch(state: TrainingState, result: EpochResult) -> None:
            save_checkpoint(folder, state)
            _write_history(folder, state)
            bars.epoch_done(result)
            stop()

        try:
            train(config, dataset, state, on_batch=after_batch, on_epoch=after_epoch)
            bars.close()
            return _finish(folder, config, dataset, state, quiet, stop)
        except KeyboardInterrupt:
            bars.close()
            if is_alone:
                data = "" if data_dir is None else f" --data-dir {data_dir}"
                say(
                    f"interrupted; epoch {saved_epoch(folder)} is in "
                    f"{folder / CHECKPOINT}; go on with: eventsim train --resume "
                    f"{folder}{data}"
                )
            raise


def _stopping(
    given: Callable[[], None] | None,
) -> AbstractContextManager[Callable[[], None]]:
    if given is not None:
        return nullcontext(given)
    return deferred_interrupt(
        lambda: say("Ctrl-C: stopping at the next safe place; again to stop at once")
    )


def _require_resumable(before: Config, after: Config) -> None:
    """Refuse settings that would make one run out of two different ones."""
    allowed = {"training.epochs", "data.dir"}
    if after.training.keep == "last":
        allowed.add("training.keep")
    for key in changed_keys(before, after):
        if key not in allowed:
            raise ConfigError(
                f"train: --resume cannot change '{key}'; expected the settings that "
                "the run started with, except training.epochs and training.keep=last; "
                "start a new run instead"
            )


def _require_epochs_left(folder: Path, config: Config, done: int) -> None:
    if config.training.epochs < done:
        raise ConfigError(
            f"train: training.epochs is {config.training.epochs} and {done} epochs of "
            f"'{folder}' are done; expected at least {done}"
        )


def _finish(
    folder: Path,
    config: Config,
    dataset: Dataset,
    state: TrainingState,
    quiet: bool,
    stop_if_requested: Callable[[], None],
) -> RunResult:
    """Measure the kept network on the test set and write model, summary, pictures."""
    network, epoch, reason = kept_network(config, state)
    with tqdm(
        total=len(dataset.test),
        desc="test (float64)",
        unit="sample",
        leave=False,
        disable=None if not quiet else True,
    ) as bar:

        def after_batch(n_samples: int) -> None:
            bar.update(n_samples)
            stop_if_requested()

        test = evaluate(network, dataset.test, config, on_batch=after_batch)
    summary = _summary(config, dataset, state, network, test, epoch, reason)
    activity = test.activity(network, "test")
    write_model(
        folder / "model.h5",
        ModelFile(network, config_to_yaml(config), summary, activity),
    )
    _write_history(folder, state)
    _write_text(folder / "summary.json", json.dumps(summary, indent=2) + "\n")
    from eventsim.plots import plot_run

    plot_run(folder / "plots", config, dataset, network, test, state.history)
    return RunResult(folder, summary)


def _summary(
    config: Config,
    dataset: Dataset,
    state: TrainingState,
    network: Network,
    test: Evaluation,
    epoch: int,
    reason: str,
) -> dict[str, Any]:
    spikes = sparsity(network, test)
    kept = state.history[epoch - 1] if epoch else {}
    speeds = [float(line["samples_per_second"]) for line in state.history]
    summary = {
        "name": config.name,
        "test_accuracy": test.accuracy,
        "test_loss": test.loss,
        "undecided": test.undecided,
        "tied": test.tied,
        "mean_decision_time": test.mean_decision_time,
        "train_accuracy": kept.get("train_accuracy"),
        "validation_accuracy": kept.get("validation_accuracy"),
        "epochs": state.epoch,
        "kept_epoch": epoch,
        "kept_by": reason,
        "samples_per_second": median(speeds) if speeds else None,
        "spikes_per_sample": spikes.spikes_per_sample,
        "sparsity": spikes.all_layers,
        "sparsity_hidden": spikes.hidden,
        "dataset": dataset.name,
        "dataset_source": dataset.source,
        "dataset_note": dataset.note,
        "offline_fallback": dataset.offline_fallback,
        "n_train": len(dataset.train),
        "n_validation": len(dataset.validation),
        "n_test": len(dataset.test),
        "seed": config.seed,
        "version": eventsim.__version__,
    }
    if config.training.quantise is not None:
        summary["quantise_bits"] = config.training.quantise.bits
        summary["quantise_per"] = config.training.quantise.per
    return {key: value for key, value in summary.items() if value is not None}


def _announce(dataset: Dataset, quiet: bool) -> None:
    if dataset.note:
        say(f"NOTE: {dataset.note}")
    if not quiet:
        say(
            f"data: {dataset.name} from {dataset.source}: {len(dataset.train)} train, "
            f"{len(dataset.validation)} validation, {len(dataset.test)} test"
        )


def _new_folder(config: Config, out: str | None) -> Path:
    """Make the run directory; by default one that is free."""
    if out is not None:
        folder = Path(out)
    else:
        base = Path("runs") / config.name
        folder, number = base, 1
        while folder.exists() and any(folder.iterdir()):
            number += 1
            folder = base.with_name(f"{config.name}-{number}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"train: cannot make the folder '{folder}': {error.strerror}; expected a "
            "place that can be written to; choose another with --out"
        ) from error
    return folder


def _refuse_taken(out: str | None) -> None:
    """Never write over a folder with a run in it."""
    if out is None:
        return
    folder = Path(out)
    if any((folder / name).exists() for name in (CHECKPOINT, "model.h5")):
        raise RunError(
            f"train: '{folder}' already holds a run; expected a new folder; use "
            f"--resume {folder} to go on with it, or another --out"
        )


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _write_history(folder: Path, state: TrainingState) -> None:
    lines = "".join(json.dumps(line) + "\n" for line in state.history)
    _write_text(folder / "metrics.jsonl", lines)
