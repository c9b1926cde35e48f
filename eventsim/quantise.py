"""What the command ``quantise`` does: round a trained model, fine-tune it, measure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

import eventsim
from eventsim.atomic_write import replacing
from eventsim.config import Config, changed_keys, config_to_yaml, parse_config
from eventsim.config.loading import Setting
from eventsim.datasets import Dataset
from eventsim.errors import ConfigError, ModelFileError, RunError
from eventsim.evaluation import Evaluation, evaluate, sparsity
from eventsim.model_file import ModelFile, read_model, write_model
from eventsim.network import Network
from eventsim.progress import EpochBars
from eventsim.quantisation import Per, largest_level, on_exact_grid, quantised
from eventsim.run import RunResult, load_run_dataset
from eventsim.trained_model import config_of, require_fit
from eventsim.training import fine_tuning_state, kept_network, train

OF_OTHER_WEIGHTS = ("train_accuracy", "validation_accuracy", "kept_epoch", "kept_by")
"""What is true of the weights before only; it does not go into the new model."""
OF_THE_MODEL = ("network.", "encode.", "data.name", "data.normalise")
"""Settings that the trained weights belong to."""


def quantise_model(
    path: str,
    bits: int,
    per: Per = "layer",
    *,
    fine_tune: int = 0,
    overrides: Sequence[str] = (),
    data_dir: str | None = None,
    out: str | None = None,
    quiet: bool = False,
) -> RunResult:
    """Round the weights of a trained model and write it with its measured accuracy.

    Parameters
    ----------
    path : str
        Model file or run directory.
    bits : int
        From 2 to 16; the weights get ``2**bits - 1`` levels.
    per : {"layer", "channel"}
        What has a step of its own.
    fine_tune : int, default 0
        Epochs of training with rounded weights (straight-through gradients).
    overrides : sequence of str
        ``KEY=VALUE`` entries for the configuration of fine-tuning.
    data_dir : str, optional
        Folder with the data files.
    out : str, optional
        Folder to write; by default one in the model's own.
    quiet : bool, default False
        No progress bars.

    Returns
    -------
    RunResult
        Folder, and summary: what was measured on the test set in float64 before, after
        rounding, and at the end.

    Raises
    ------
    EventsimError
        If bits are out of range, the model holds no configuration or is quantised
        already, the data do not fit, or the folder holds a model.
    """
    largest_level(bits)
    model = read_model(path)
    if any(layer.weight_step is not None for layer in model.network.layers):
        raise ModelFileError(
            f"model file '{path}' is quantised already; expected one with its weights "
            "in full precision; start from the model that it was made from"
        )
    folder = _new_folder(path, out, f"{bits}bit-{per}" + "-tuned" * bool(fine_tune))
    config = config_of(path, model)
    if overrides and not fine_tune:
        raise ConfigError("quantise: --set goes with --fine-tune")
    tuning = _tuning_config(model, config, bits, per, fine_tune, overrides)
    dataset = load_run_dataset(tuning, data_dir)
    require_fit(path, model.network, dataset.input_shape, config)

    def measured(network: Network, what: str) -> Evaluation:
        with tqdm(
            total=len(dataset.test),
            desc=f"test, {what}",
            unit="sample",
            leave=False,
            disable=True if quiet else None,
        ) as bar:
            return evaluate(network, dataset.test, config, on_batch=bar.update)

    before = measured(model.network, "before")
    network = quantised(model.network.astype("float64"), bits, per)
    after = measured(network, "rounded")
    facts: dict[str, Any] = {
        "quantise_bits": bits,
        "quantise_per": per,
        "quantise_accuracy_before": before.accuracy,
        "quantise_accuracy_rounded": after.accuracy,
        "quantise_epochs": fine_tune,
    }
    if fine_tune:
        network = _fine_tuned(model.network, tuning, dataset, quiet)
        after = measured(network, "fine-tuned")
    summary = _summary(model, dataset, network, after) | facts
    text = config_to_yaml(tuning) if fine_tune else model.config
    activity = after.activity(network, "test")
    folder.mkdir(parents=True, exist_ok=True)
    write_model(folder / "model.h5", ModelFile(network, text, summary, activity))
    with replacing(folder / "summary.json") as temporary:
        temporary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return RunResult(folder, summary)


def _new_folder(path: str, out: str | None, name: str) -> Path:
    """Return the folder to write; refuse one that holds a model."""
    own = Path(path) if Path(path).is_dir() else Path(path).parent
    folder = own / name if out is None else Path(out)
    if (folder / "model.h5").exists():
        raise RunError(
            f"quantise: '{folder}' already holds a model; expected a new folder; "
            "choose another with --out"
        )
    return folder


def _tuning_config(
    model: ModelFile,
    config: Config,
    bits: int,
    per: Per,
    epochs: int,
    overrides: Sequence[str],
) -> Config:
    """Return the configuration of fine-tuning: weights and thresholds are given."""
    if not epochs:
        return config
    where = "quantise --fine-tune"
    fixed = {
        "epochs": epochs,
        "quantise": {"bits": bits, "per": per},
        "standardise": None,
        "target_rate": None,
    }
    settings = [Setting(f"training.{key}", v, where) for key, v in fixed.items()]
    settings.append(Setting("optimizer.norm_decay", None, where))
    settings.append(Setting("schedule.warmup_epochs", 0.0, where))
    tuning = parse_config(model.config, [*settings, *overrides], where=where)
    training = tuning.training.model_dump()
    wrong = [f"training.{key}" for key, v in fixed.items() if training[key] != v]
    wrong += [k for k in changed_keys(config, tuning) if k.startswith(OF_THE_MODEL)]
    if wrong:
        raise ConfigError(
            f"quantise: --set cannot change '{wrong[0]}', which the model or another "
            "option gives; expected settings of optimizer, schedule, loss, training or "
            "data"
        )
    return tuning


def _fine_tuned(
    network: Network, config: Config, dataset: Dataset, quiet: bool
) -> Network:
    state = fine_tuning_state(network, config, dataset)
    with EpochBars(config, dataset, quiet) as bars:
        train(
            config,
            dataset,
            state,
            on_batch=bars.batch_done,
            on_epoch=lambda _, result: bars.epoch_done(result),
        )
    return on_exact_grid(kept_network(config, state)[0])


def _summary(
    model: ModelFile, dataset: Dataset, network: Network, test: Evaluation
) -> dict[str, Any]:
    """Return the model's provenance with what was measured on the new weights."""
    kept = {k: v for k, v in model.provenance.items() if k not in OF_OTHER_WEIGHTS}
    spikes = sparsity(network, test)
    return kept | {
        "test_accuracy": test.accuracy,
        "test_loss": test.loss,
        "undecided": test.undecided,
        "tied": test.tied,
        "mean_decision_time": test.mean_decision_time,
        "spikes_per_sample": spikes.spikes_per_sample,
        "sparsity": spikes.all_layers,
        "sparsity_hidden": spikes.hidden,
        "dataset": dataset.name,
        "dataset_source": dataset.source,
        "dataset_note": dataset.note,
        "offline_fallback": dataset.offline_fallback,
        "n_test": len(dataset.test),
        "version": eventsim.__version__,
    }


def format_result(result: RunResult) -> str:
    """Return the text that ``eventsim quantise`` prints."""
    found = result.summary
    per = found["quantise_per"]
    lines = [
        f"test accuracy on {found['n_test']:,} samples",
        f"  before       {found['quantise_accuracy_before']:.2%}",
        f"  rounded      {found['quantise_accuracy_rounded']:.2%}"
        f"  ({found['quantise_bits']} bits, one step per {per})",
    ]
    epochs = found["quantise_epochs"]
    if epochs:
        word = "epoch" if epochs == 1 else "epochs"
        lines.append(f"  fine-tuned   {found['test_accuracy']:.2%}  ({epochs} {word})")
    if found["offline_fallback"]:
        lines.append(f"NOTE: {found['dataset_note']}")
    model = result.folder / "model.h5"
    lines.append(f"written to {model}")
    lines.append(f"next: hwmodel estimate {model} --chip canmore")
    return "\n".join(lines)
