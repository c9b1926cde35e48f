"""What the commands ``evaluate``, ``simulate`` and ``gradcheck`` do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate
from tqdm import tqdm

from eventsim.batches import SAMPLES_AT_ONCE, encode_inputs
from eventsim.build import build_network
from eventsim.config import Config, load_config
from eventsim.datasets import Dataset
from eventsim.engine import choose_engine, engine_name, record
from eventsim.engine.queue.circuit_checks import MAX_EVENTS
from eventsim.errors import ConfigError, RunError, SimulationLimitError
from eventsim.evaluation import evaluate, sparsity
from eventsim.gradcheck import gradcheck
from eventsim.model_file import read_model, write_model
from eventsim.network import Network
from eventsim.run import load_run_dataset
from eventsim.spike_file import load_npz, save_npz
from eventsim.spikes import SpikeTrains, join_samples
from eventsim.trained_model import config_of, require_fit
from eventsim.training import start_training

TOLERANCE = 1e-6


def evaluate_model(
    path: str,
    data_dir: str | None,
    engine: str,
    *,
    max_events: int = MAX_EVENTS,
    write: bool,
    quiet: bool,
) -> dict[str, Any]:
    """Measure a model on the test set of its configuration, in float64.

    Parameters
    ----------
    path : str
        Model file or run directory.
    data_dir : str or None
        Folder with the data files.
    engine : str
        ``"auto"``, ``"window"``, ``"sweep"`` or ``"queue"``.
    max_events : int
        The queue engine's bound on arrivals plus spikes of one sample.
    write : bool
        Store the measured activity in the model file.
    quiet : bool
        No progress bar.

    Returns
    -------
    dict
        Accuracy, loss, decision time, spikes and sparsity.

    Raises
    ------
    EventsimError
        If the model has no configuration, the data do not fit, or a sample has too
        many events.
    """
    model = read_model(path)
    config = config_of(path, model)
    dataset = load_run_dataset(config, data_dir)
    require_fit(path, model.network, dataset.input_shape, config)
    with tqdm(
        total=len(dataset.test),
        desc="test (float64)",
        unit="sample",
        leave=False,
        disable=True if quiet else None,
    ) as bar:
        try:
            test = evaluate(
                model.network,
                dataset.test,
                config,
                engine=engine,
                max_events=max_events,
                on_batch=bar.update,
            )
        except SimulationLimitError as error:
            raise _in_options(error) from error
    if write:
        file = Path(path) / "model.h5" if Path(path).is_dir() else Path(path)
        activity = test.activity(model.network, "test")
        write_model(file, replace(model, activity=activity))
    spikes = sparsity(model.network, test)
    return {
        "model": str(path),
        "dataset": dataset.name,
        "dataset_source": dataset.source,
        "offline_fallback": dataset.offline_fallback,
        "n_samples": test.n_samples,
        "accuracy": test.accuracy,
        "loss": test.loss,
        "undecided": test.undecided,
        "tied": test.tied,
        "mean_decision_time": test.mean_decision_time,
        "spikes_per_sample": spikes.spikes_per_sample,
        "sparsity": spikes.all_layers,
        "sparsity_hidden": spikes.hidden,
    }


def simulate_model(
    path: str,
    spikes: str,
    out: str,
    *,
    engine: str = "auto",
    t_end: float | None = None,
    layer: int | None = None,
    max_spikes: int,
    max_events: int = MAX_EVENTS,
    quiet: bool = False,
) -> dict[str, Any]:
    """Run a model on the spikes of a file and write those of all layers.

    Parameters
    ----------
    path : str
        Model file or run directory; it needs no configuration.
    spikes : str
        File that `eventsim.load_npz` reads.
    out : str
        File to write, as `eventsim.save_npz` does; layer 0 is the input. It is
        written only if the run succeeds.
    engine : str
        ``"auto"``, ``"window"``, ``"sweep"`` or ``"queue"``.
    t_end : float or None
        End of the run instead of the model's own.
    layer : int or None
        Which layer of the file to take, if it holds several.
    max_spikes : int
        Bound on the spikes of all layers and samples together, without the input.
    max_events : int
        The queue engine's bound on arrivals plus spikes of one sample.
    quiet : bool
        No progress bar.

    Returns
    -------
    dict
        Engine, time, and for every layer spikes, grazing crossings and silent
        neurons (summed over the samples).

    Raises
    ------
    EventsimError
        If a file cannot be read or written, the spikes do not fit the model, or
        there are too many.
    """
    network = read_model(path).network
    if t_end is not None:
        network = replace(network, t_end=t_end)
    name = engine_name(choose_engine(network, engine))
    if Path(out).exists() and Path(out).samefile(spikes):
        raise RunError(f"simulate: --out '{out}' is the input; expected another file")
    inputs = load_npz(spikes, prod(network.input_shape), layer=layer)
    start = time.perf_counter()
    trains, counts = _record_in_parts(
        network, inputs, engine, max_spikes, max_events, quiet
    )
    seconds = time.perf_counter() - start
    save_npz(out, trains)
    layers = [
        {
            "layer": k,
            "name": "input" if k == 0 else network.layers[k - 1].name,
            "neurons": train.n_neurons,
            "spikes": train.time.size,
            "grazing": int(grazing),
            "silent": int(silent),
        }
        for k, (train, (grazing, silent)) in enumerate(zip(trains, counts, strict=True))
    ]
    return {
        "model": str(path),
        "out": str(out),
        "engine": name,
        "n_samples": inputs.batch,
        "t_end": network.duration,
        "spikes": sum(int(train.time.size) for train in trains[1:]),
        "seconds": seconds,
        "layers": layers,
    }


def _record_in_parts(
    network: Network,
    inputs: SpikeTrains,
    engine: str,
    max_spikes: int,
    max_events: int,
    quiet: bool,
) -> tuple[list[SpikeTrains], np.ndarray]:
    """Return the spikes of every layer, and its grazing crossings and silences."""
    parts: list[tuple[SpikeTrains, ...]] = []
    counts = np.zeros((len(network.layers) + 1, 2), np.int64)
    left = max_spikes
    with tqdm(
        total=inputs.batch,
        desc="simulate (float64)",
        unit="sample",
        leave=False,
        disable=True if quiet else None,
    ) as bar:
        for first in range(0, inputs.batch, SAMPLES_AT_ONCE):
            part = inputs.samples(first, first + SAMPLES_AT_ONCE)
            last = first + part.batch - 1
            try:
                recording = record(
                    network,
                    part,
                    engine,
                    max_spikes=max(left, 1),
                    max_events=max_events,
                )
            except SimulationLimitError as error:
                # The queue has another bound, and leaves a recording.
                if not isinstance(error.partial, tuple):
                    raise _in_options(error) from error
                name = network.layers[len(error.partial) - 1].name
                raise _too_many_spikes(max_spikes, last, f" in {name}") from error
            parts.append(recording.trains)
            silent = [recording.n_silent(k) for k in range(len(counts))]
            counts += np.stack([recording.n_grazing, silent], axis=1)
            left -= sum(train.time.size for train in recording.trains[1:])
            if left < 0:
                raise _too_many_spikes(max_spikes, last)
            bar.update(part.batch)
    return [join_samples(same) for same in zip(*parts, strict=True)], counts


def _too_many_spikes(
    max_spikes: int, sample: int, where: str = ""
) -> SimulationLimitError:
    return SimulationLimitError(
        f"simulate: more than {max_spikes} spikes up to sample {sample}{where}; "
        "expected fewer; raise --max-spikes, or look for weights or currents that are "
        "far too large"
    )


def _in_options(error: SimulationLimitError) -> SimulationLimitError:
    """Return the error of the queue with its bound called as on the command line."""
    text = str(error).replace("raise max_events", "raise --max-events")
    return SimulationLimitError(text, error.partial)


def format_simulation(result: dict[str, Any]) -> str:
    """Return the result of `simulate_model` as a table."""
    rows = [
        [
            layer["name"],
            layer["neurons"],
            layer["spikes"],
            layer["spikes"] / result["n_samples"],
            layer["silent"] / result["n_samples"],
            layer["grazing"],
        ]
        for layer in result["layers"]
    ]
    headers = ["layer", "neurons", "spikes", "per sample", "silent", "grazing"]
    return (
        f"{tabulate(rows, headers=headers, floatfmt='.6g')}\n\n"
        f"{result['n_samples']} samples up to time {result['t_end']:g}, engine "
        f"{result['engine']}, {result['seconds']:.3g} s; written to {result['out']}"
    )


def _before_training(config: Config, dataset: Dataset) -> Network:
    """Return the network that training would begin with."""
    training = config.training
    if training.standardise is None and training.target_rate is None:
        return build_network(config, dataset.input_shape, dataset.n_classes)
    return start_training(config, dataset).network


def check_gradients(
    path: str,
    data_dir: str | None,
    overrides: Sequence[str],
    engine: str,
    n_samples: int,
    n_entries: int,
) -> tuple[dict[str, Any], str]:
    """Check the gradients of a configuration's network or of a model.

    A configuration's network is that of training before the first update.

    Parameters
    ----------
    path : str
        Configuration file, model file or run directory.
    data_dir : str or None
        Folder with the data files.
    overrides : sequence of str
        ``KEY=VALUE`` entries; only for a configuration file.
    engine : str
        ``"auto"``, ``"window"``, ``"sweep"`` or ``"queue"``.
    n_samples, n_entries : int
        Batch size; derivatives per layer, and per layer and kind of parameter.

    Returns
    -------
    report : dict
        Worst relative error per layer, and per kind of parameter with static
        thresholds, and whether all are below 1e-6.
    text : str
        The same as a table.
    """
    is_config = Path(path).suffix in (".yaml", ".yml")
    if is_config:
        config = load_config(path, overrides)
        dataset = load_run_dataset(config, data_dir)
        network = _before_training(config, dataset)
    else:
        if overrides:
            raise ConfigError("gradcheck: --set goes with a CONFIG file, not a MODEL")
        model = read_model(path)
        config = config_of(path, model)
        dataset = load_run_dataset(config, data_dir)
        network = model.network
        require_fit(path, network, dataset.input_shape, config)
    part = dataset.train.take(np.arange(min(n_samples, len(dataset.train))))
    report = gradcheck(
        network,
        encode_inputs(part.inputs, config, np.float64),
        part.labels,
        config.loss,
        engine=engine,
        n_entries=n_entries,
        seed=config.seed,
    )
    worst = report.worst_relative_error
    result = {
        "engine": report.engine,
        "n_samples": len(part),
        "loss": report.loss,
        "worst_relative_error": worst,
        "tolerance": TOLERANCE,
        "passed": worst <= TOLERANCE and not report.unchecked,
        "unchecked": list(report.unchecked),
        "without_effect": list(report.without_effect),
        "layers": [dict(vars(check)) for check in report.layers],
        "parameters": [dict(vars(check)) for check in report.parameters],
        "note": report.note,
    }
    return result, _gradcheck_text(result)


def _gradcheck_text(result: dict[str, Any]) -> str:
    """Return the report of `check_gradients` as a table and a verdict."""
    table = tabulate(
        [list(row.values()) for row in result["layers"] + result["parameters"]],
        headers=[
            "derivatives of",
            "worst relative error",
            "checked",
            "skipped (kink)",
            "largest",
        ],
        floatfmt=".2e",
    )
    verdict = "passed" if result["passed"] else "FAILED"
    if result["unchecked"]:
        verdict += (
            f" (not checked: {', '.join(result['unchecked'])}: every derivative is 0 "
            "or has a kink too close by; is the layer silent?)"
        )
    if result["without_effect"]:
        verdict += f" (without effect here: {', '.join(result['without_effect'])})"
    return (
        f"{table}\n\n{verdict}: worst relative error "
        f"{result['worst_relative_error']:.2e}, tolerance {TOLERANCE:.0e}; engine "
        f"{result['engine']}, {result['n_samples']} samples. {result['note']}"
    )
