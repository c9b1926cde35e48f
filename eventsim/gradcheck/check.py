"""Compare the engines' derivatives with differences of the loss.

The loss is smooth as long as every neuron fires as often as it did, each time of the
same kind and at the same place among its inputs, and every pool passes the same
spike. Differences are therefore taken inside such a region: a step that leaves it is
made smaller, and an entry without any usable step is skipped and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType

import numpy as np

from eventsim.config.loss_schema import (
    LossConfig,
    PotentialCrossEntropyConfig,
    TimeCrossEntropyConfig,
)
from eventsim.encode import activations_to_times
from eventsim.engine import choose_engine, engine_name
from eventsim.engine.layer_dynamics import dynamics_of
from eventsim.engine.spike_gradients import SpikeGradients, d_output_spikes
from eventsim.engine.sweep import network as sweep
from eventsim.errors import ShapeError
from eventsim.gradcheck.comparison import Start, compare
from eventsim.gradcheck.probe import Probe, by_neuron
from eventsim.gradcheck.report import (
    LINEAR_NOTE,
    NOTE,
    DerivativeCheck,
    GradcheckReport,
    merge,
)
from eventsim.gradcheck.variables import (
    Variable,
    constants_of,
    current_variable,
    input_variable,
    own_copy,
    parameter_variables,
    weight_variables,
)
from eventsim.network import Network
from eventsim.objective import has_true_gradient
from eventsim.spikes import SpikeTrains


def gradcheck(
    network: Network,
    activation: np.ndarray,
    labels: np.ndarray,
    loss: LossConfig | None = None,
    *,
    engine: str = "auto",
    n_entries: int = 40,
    seed: int = 0,
) -> GradcheckReport:
    """Check exact gradients against central differences, in float64.

    Each layer's largest derivatives are checked, random ones, random ones that are
    zero, and one random direction through all of the layer's weights; the same for
    the input times or currents. Differences are extrapolated to step 0 [1]_.

    A loss whose gradient is not the derivative of its value (Theorem 4.1 of Zhu et
    al. 2023) is evaluated once. The derivatives d_k that it gives the output spikes are
    then held fixed, and the linear loss ``sum_k d_k t_k`` is checked in its place: this
    checks the engine's part of the gradient. The report's note says so.

    With static thresholds the same is done for thresholds, constant currents and
    delays; time constants and refractory periods are checked one by one. What a
    network does not have is not listed.

    Parameters
    ----------
    network : Network
        What to check; not changed.
    activation : ndarray, shape (batch, *input shape), dimensionless
        Input spikes as activations in [0, 1] or, for networks whose input they are,
        currents; a small batch is enough.
    labels : ndarray, shape (batch,), int
        True classes.
    loss : LossConfig, optional
        Loss and its constants; by default the cross-entropy of what is read, spike
        times or potentials.
    engine : {"auto", "window", "sweep", "queue"}, default "auto"
        Engine to check.
    n_entries : int, default 40
        Derivatives checked per layer, and per layer and kind of parameter; positive.
    seed : int, default 0
        Choice of entries and directions.

    Returns
    -------
    GradcheckReport
        Worst relative error per layer and per kind of parameter.

    Raises
    ------
    ShapeError
        If the arrays do not fit the network or the engine cannot run it.
    ConfigError
        If there is no such engine.

    References
    ----------
    .. [1] C. J. F. Ridders, Advances in Engineering Software 4(2), 1982.
    """
    if n_entries < 1:
        raise ShapeError(f"gradcheck: n_entries is {n_entries}; expected at least 1")
    if labels.shape != activation.shape[:1]:
        raise ShapeError(
            f"gradcheck: labels have shape {labels.shape}; expected "
            f"{activation.shape[:1]}, one per sample"
        )
    probe = Probe(
        engine=choose_engine(network, engine),
        network=own_copy(network),
        activation=np.array(activation, np.float64, order="C"),
        labels=labels,
        loss=_default_loss(network) if loss is None else loss,
    )
    recording, value = probe.run()
    note = NOTE
    if not has_true_gradient(probe.loss):
        held = value.d_output[by_neuron(recording.trains[-1])]
        probe = replace(probe, held=held)
        note += LINEAR_NOTE.format(probe.loss.name)
    rng = np.random.default_rng(seed)
    layers = _check_layers(probe, n_entries, rng)
    parameters = _check_parameters(probe, n_entries, rng)
    return GradcheckReport(
        engine_name(probe.engine),
        value.value,
        tuple(layers),
        tuple(parameters),
        _jumping_layers(network),
        note,
    )


def _default_loss(network: Network) -> LossConfig:
    if network.readout.startswith("potential"):
        return PotentialCrossEntropyConfig(name="potential_cross_entropy")
    return TimeCrossEntropyConfig()


def _jumping_layers(network: Network) -> tuple[str, ...]:
    """Return the names of the layers with instantaneous synapses."""
    return tuple(
        layer.name
        for _, layer in network.spiking_layers
        if layer.neuron is not None
        and layer.neuron.threshold == "static"
        and dynamics_of(layer).kick != 0
    )


def _check_layers(
    probe: Probe, n_entries: int, rng: np.random.Generator
) -> list[DerivativeCheck]:
    """Return the checks of each layer's weights and of the input."""
    recording, value = probe.run()
    gradients = probe.engine.backward(
        probe.network,
        recording,
        value.d_output,
        d_potential_end=value.d_potential_end,
        with_input=True,
    )
    by_input = (
        current_variable(probe.activation, gradients.input_currents)
        if probe.network.input == "currents"
        else input_variable(probe.network, probe.activation, gradients.input_times)
    )
    variables = [*weight_variables(probe.network, gradients.weights), by_input]
    start = Start(probe.state(recording), value.value)
    return [compare(probe, v, start, n_entries, rng) for v in variables]


def _check_parameters(
    probe: Probe, n_entries: int, rng: np.random.Generator
) -> list[DerivativeCheck]:
    """Return a check of each kind of parameter, over all layers."""
    if probe.network.has_dynamic_thresholds:
        return []
    engine = _multi_spike_engine(probe.engine)
    probe = replace(probe, engine=engine, constants=constants_of(probe.network))
    variables = parameter_variables(
        probe.network, probe.constants, _differentiate_by_all(probe)
    )
    recording, value = probe.run()
    start = Start(probe.state(recording), value.value)
    checks = [compare(probe, v, start, n_entries, rng) for v in variables]
    return [
        merge(kind, [check for check in checks if check.name == kind])
        for kind in _kinds_in_order(variables)
    ]


def _multi_spike_engine(engine: ModuleType) -> ModuleType:
    """Return the engine itself or, if it knows first spikes only, the sweep."""
    return engine if hasattr(engine, "backward_spikes") else sweep


def _differentiate_by_all(probe: Probe) -> SpikeGradients:
    if probe.network.input == "currents":
        recording = probe.engine.forward_spikes(
            probe.network, None, currents=probe.activation
        )
    else:
        times = activations_to_times(probe.activation, probe.network.time_window)
        spikes = SpikeTrains.from_first_spikes(times.reshape(len(times), -1))
        recording = probe.engine.forward_spikes(probe.network, spikes)
    d_output = probe.loss_of(recording).d_output
    return probe.engine.backward_spikes(
        probe.network, recording, d_output_spikes(recording, d_output)
    )


def _kinds_in_order(variables: Sequence[Variable]) -> list[str]:
    return list(dict.fromkeys(variable.name for variable in variables))
