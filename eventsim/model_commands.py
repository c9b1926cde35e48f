"""What the commands ``evaluate`` and ``simulate`` do."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate
from tqdm import tqdm

from eventsim.batches import SAMPLES_AT_ONCE
from eventsim.engine import choose_engine, engine_name, record
from eventsim.engine.queue.circuit_checks import MAX_EVENTS
from eventsim.engine.sweep.gathered_sweep import MAX_SPIKES
from eventsim.errors import RunError, SimulationLimitError
from eventsim.evaluation import OnTrains, evaluate, sparsity
from eventsim.model_file import read_model, write_model
from eventsim.network import Network
from eventsim.run import load_run_dataset
from eventsim.spike_file import load_npz
from eventsim.spikes import SpikeTrains
from eventsim.trace_file import BYTES_PER_SPIKE, TraceWriter, writing_trace
from eventsim.trained_model import config_of, require_fit


def evaluate_model(
    path: str,
    data_dir: str | None,
    engine: str,
    *,
    n_samples: int | None = None,
    trace: str | None = None,
    max_spikes: int = MAX_SPIKES,
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
    n_samples : int or None
        Take the first so many samples of the test set, if it has more; None: all.
    trace : str or None
        File for the spikes of the input and of all layers, and the labels.
    max_spikes : int
        Bound on the spikes of the trace.
    max_events : int
        The queue engine's bound on arrivals plus spikes of one sample.
    write : bool
        Store the measured activity in the model file.
    quiet : bool
        No progress bar.

    Returns
    -------
    dict
        Accuracy, loss, decision time, spikes and sparsity; of a trace its file, spikes
        and size.

    Raises
    ------
    EventsimError
        If the model has no configuration, the data do not fit, a sample has too many
        events, or the trace has too many spikes or cannot be written.
    """
    model = read_model(path)
    config = config_of(path, model)
    dataset = load_run_dataset(config, data_dir)
    require_fit(path, model.network, dataset.input_shape, config)
    samples = dataset.test
    if n_samples is not None:
        samples = samples.take(np.arange(min(n_samples, len(samples))))
    with ExitStack() as stack:
        writer = None
        if trace is not None:
            duration = model.network.duration
            writer = stack.enter_context(writing_trace(trace, model.network, duration))
        bar = stack.enter_context(_progress(len(samples), "test", quiet))
        try:
            test = evaluate(
                model.network,
                samples,
                config,
                engine=engine,
                max_events=max_events,
                on_batch=bar.update,
                on_trains=None if writer is None else _adding(writer, max_spikes),
            )
        except SimulationLimitError as error:
            raise _in_options(error) from error
    if write:
        file = Path(path) / "model.h5" if Path(path).is_dir() else Path(path)
        activity = test.activity(model.network, "test")
        write_model(file, replace(model, activity=activity))
    spikes = sparsity(model.network, test)
    result = {
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
    if trace is not None and writer is not None:
        size = Path(trace).stat().st_size
        result |= {"trace": trace, "trace_spikes": writer.n_spikes, "trace_bytes": size}
    return result


def _adding(writer: TraceWriter, max_spikes: int) -> OnTrains:
    """Return what adds a batch to a trace, until there are too many spikes."""

    def add(trains: tuple[SpikeTrains, ...], labels: np.ndarray) -> None:
        writer.add(trains, labels)
        if writer.n_spikes > max_spikes:
            raise SimulationLimitError(
                f"evaluate: the trace has more than {max_spikes} spikes up to sample "
                f"{writer.n_samples - 1}; expected fewer; take fewer samples with "
                f"--samples, or raise --max-spikes ({BYTES_PER_SPIKE} bytes each)"
            )

    return add


def _progress(n_samples: int, what: str, quiet: bool) -> Any:
    return tqdm(
        total=n_samples,
        desc=f"{what} (float64)",
        unit="sample",
        leave=False,
        disable=True if quiet else None,
    )


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
        Trace to write; layer 0 is the input. It is written only if the run succeeds.
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
    with writing_trace(out, network, _end_of_last_window(network)) as writer:
        counts = _record_in_parts(
            network, inputs, engine, max_spikes, max_events, writer, quiet
        )
        seconds = time.perf_counter() - start
    layers = [
        {
            "layer": k,
            "name": "input" if k == 0 else network.layers[k - 1].name,
            "neurons": network.layers[k - 1].n_neurons if k else inputs.n_neurons,
            "spikes": int(spikes),
            "grazing": int(grazing),
            "silent": int(silent),
        }
        for k, (spikes, grazing, silent) in enumerate(counts)
    ]
    return {
        "model": str(path),
        "out": str(out),
        "engine": name,
        "n_samples": inputs.batch,
        "t_end": network.duration,
        "spikes": int(counts[1:, 0].sum()),
        "seconds": seconds,
        "layers": layers,
    }


def _end_of_last_window(network: Network) -> float:
    """Return when a run ends that shows the output layer's spikes in any case."""
    if network.readout == "potential_start":
        return network.duration + network.time_window
    return network.duration


def _record_in_parts(
    network: Network,
    inputs: SpikeTrains,
    engine: str,
    max_spikes: int,
    max_events: int,
    writer: TraceWriter,
    quiet: bool,
) -> np.ndarray:
    """Return spikes, grazing crossings and silences of every layer."""
    counts = np.zeros((len(network.layers) + 1, 3), np.int64)
    left = max_spikes
    with _progress(inputs.batch, "simulate", quiet) as bar:
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
            writer.add(recording.trains)
            spikes = [train.time.size for train in recording.trains]
            silent = [recording.n_silent(k) for k in range(len(counts))]
            counts += np.stack([spikes, recording.n_grazing, silent], axis=1)
            left -= sum(spikes[1:])
            if left < 0:
                raise _too_many_spikes(max_spikes, last)
            bar.update(part.batch)
    return counts


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
