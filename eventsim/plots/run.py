"""Pictures of a run: learning curves, spikes, and neurons that stay silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from eventsim.batches import encode_inputs
from eventsim.config.schema import Config
from eventsim.datasets.records import Dataset
from eventsim.engine import choose_engine
from eventsim.engine.spike_recording import SpikeRecording
from eventsim.evaluation import Evaluation
from eventsim.network import Network
from eventsim.plots.history import output_gradients, thresholds_and_silence
from eventsim.plots.style import STYLE, save
from eventsim.spikes import SpikeTrains

SAMPLES_FOR_HISTOGRAM = 200
HISTORY_PLOTS = {
    "output_gradients": output_gradients,
    "silence": thresholds_and_silence,
}


def plot_run(
    folder: Path,
    config: Config,
    dataset: Dataset,
    network: Network,
    test: Evaluation,
    history: list[dict[str, Any]],
) -> None:
    """Draw all pictures of a run.

    Parameters
    ----------
    folder : Path
        Where the PNG files go.
    config, dataset, network
        The run.
    test : Evaluation
        Measured on the test set.
    history : list of dict
        Lines of ``metrics.jsonl``.
    """
    inputs = encode_inputs(
        dataset.test.inputs[:SAMPLES_FOR_HISTOGRAM], config, np.float64
    )
    network = network.astype(np.float64)
    recording = choose_engine(network).forward(network, inputs)
    shown = _firing_layers(network)
    if network.input == "spikes":
        shown = [0, *shown]
    trains = {k: _trains_of(recording, network, k) for k in shown}
    with plt.rc_context(STYLE):
        if history:
            save(folder / "learning_curves.png", learning_curves(history))
            for name, draw in HISTORY_PLOTS.items():
                figure = draw(history)
                if figure is not None:
                    save(folder / f"{name}.png", figure)
        label = int(dataset.test.labels[0])
        save(folder / "spike_raster.png", spike_raster(network, trains, label))
        save(folder / "spike_times.png", spike_time_histograms(network, trains))
        save(folder / "inactive_neurons.png", inactive_neurons(network, test, trains))


def learning_curves(history: list[dict[str, Any]]) -> plt.Figure:
    """Draw loss, error rate and spikes per neuron over the epochs."""
    epochs = [line["epoch"] for line in history]
    figure, axes = plt.subplots(1, 3, figsize=(10, 2.9), layout="constrained")
    marker = "o" if len(epochs) < 3 else None
    for name in ("train", "validation"):
        if history[0].get(f"{name}_loss") is not None:
            losses = [line[f"{name}_loss"] for line in history]
            errors = [100 * (1 - line[f"{name}_accuracy"]) for line in history]
            axes[0].plot(epochs, losses, label=name, marker=marker)
            axes[1].plot(epochs, errors, label=name, marker=marker)
    spikes = [line["spikes_per_neuron"] for line in history]
    axes[2].plot(epochs, spikes, color="tab:green", marker=marker)
    for axis, title in zip(
        axes, ("loss", "error, %", "hidden spikes per neuron"), strict=True
    ):
        axis.set(title=title, xlabel="epoch")
        if title != "hidden spikes per neuron":
            _scale(axis)
            axis.legend(frameon=False)
    axes[2].set_ylim(bottom=0)
    return figure


def _scale(axis: plt.Axes) -> None:
    """Use a logarithmic axis if it can show the values: losses may be negative."""
    values = np.concatenate([np.asarray(line.get_ydata()) for line in axis.lines])
    if np.all(values >= 0) and np.any(values > 0):
        axis.set_yscale("log")


def spike_raster(
    network: Network, trains: dict[int, SpikeTrains], label: int
) -> plt.Figure:
    """Draw every spike of the first test sample; neuron index scaled to 0..1."""
    figure, axis = plt.subplots(figsize=(8, 3.4), layout="constrained")
    for place, (k, spikes) in enumerate(trains.items()):
        first = spikes.samples(0, 1)
        height = (first.neuron + 0.5) / first.n_neurons
        size = 3 if first.n_neurons > 50 else 22
        fired = np.unique(first.neuron).size
        several = f", {first.time.size} spikes" if first.time.size > fired else ""
        axis.scatter(
            first.time, height, s=size, color=f"C{place}", linewidths=0,
            label=f"{_short_name(network, k)}: {fired}/{first.n_neurons}{several}",
        )  # fmt: skip
    _mark_windows(axis, network)
    axis.set(
        xlabel="time (network units)",
        ylabel="neuron index, scaled",
        title=f"Spikes of the first test sample (label {label})",
        ylim=(-0.05, 1.05),
    )
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, markerscale=2)
    return figure


def spike_time_histograms(
    network: Network, trains: dict[int, SpikeTrains]
) -> plt.Figure:
    """Draw when the neurons of each layer fire, as spikes per neuron in percent."""
    n = len(trains)
    figure, axes = plt.subplots(
        n, 1, figsize=(7, 1.15 * n + 0.6), sharex=True, layout="constrained"
    )
    axes = np.atleast_1d(axes)
    edges = np.linspace(0, network.duration, 101)
    if network.has_dynamic_thresholds:
        n_windows = network.n_spiking_layers + 1
        edges = np.arange(25 * n_windows + 1) / 25 * network.time_window
        edges[:-1] -= 1e-9 * network.time_window  # a spike at its start is a window's
    for place, (axis, (k, spikes)) in enumerate(zip(axes, trains.items(), strict=True)):
        n_all = spikes.batch * spikes.n_neurons
        counts, _ = np.histogram(spikes.time, edges)
        axis.stairs(100 * counts / n_all, edges, fill=True, color=f"C{place}")
        axis.set_ylabel("%")
        share, rate = _firing_share(spikes), spikes.time.size / n_all
        several = f", {rate:.2f} spikes per neuron" if rate > share else ""
        axis.set_title(
            f"{_short_name(network, k)}: {share:.1%} fire{several}",
            loc="left",
            fontsize=8,
        )
        _mark_windows(axis, network)
    axes[-1].set_xlabel("spike time (network units)")
    return figure


def inactive_neurons(
    network: Network, test: Evaluation, trains: dict[int, SpikeTrains]
) -> plt.Figure:
    """Draw the share of silent neurons per layer, and of those that never fire."""
    layers = _firing_layers(network)
    mean = [100 * (1 - _firing_share(trains[k])) for k in layers]
    never = [100 * float(np.mean(test.spike_counts[k] == 0)) for k in layers]
    figure, axis = plt.subplots(
        figsize=(max(5.5, 0.9 * len(layers) + 2), 3), layout="constrained"
    )
    places = np.arange(len(layers))
    bars = axis.bar(places - 0.2, mean, 0.4, label="silent in a sample (mean)")
    axis.bar_label(bars, fmt="%.0f", fontsize=7)
    bars = axis.bar(places + 0.2, never, 0.4, label="never fires on the test set")
    axis.bar_label(bars, fmt="%.0f", fontsize=7)
    axis.set_xticks(places, [_short_name(network, k) for k in layers], rotation=20)
    axis.set(ylabel="inactive neurons, %", ylim=(0, 108))
    axis.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


def _firing_layers(network: Network) -> list[int]:
    """Return the layers that fire before the run ends."""
    layers = [k for k, _ in network.spiking_layers]
    return layers[:-1] if network.readout == "potential_start" else layers


def _short_name(network: Network, k: int) -> str:
    if k == 0:
        return "input"
    name = network.layers[k - 1].name
    return name[name.find("(") + 1 : -1] if name.endswith(")") else name


def _trains_of(recording: Any, network: Network, k: int) -> SpikeTrains:
    if isinstance(recording, SpikeRecording):
        return recording.trains[k]
    return SpikeTrains.from_first_spikes(recording.times(network, k))


def _firing_share(spikes: SpikeTrains) -> float:
    """Return the share of neurons that fire in a sample, mean over the samples."""
    return np.unique(spikes.key).size / (spikes.batch * spikes.n_neurons)


def _mark_windows(axis: plt.Axes, network: Network) -> None:
    if not network.has_dynamic_thresholds:
        return
    for k in range(network.n_spiking_layers + 2):
        axis.axvline(k * network.time_window, color="0.6", lw=0.6, ls=":", zorder=0)
