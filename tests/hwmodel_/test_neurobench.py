from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hwmodel_.builders import (
    averaging_model,
    close,
    conv_model,
    counted,
    dense_model,
    two_by_two_model,
)

from eventsim.topology import Conv2d, Dense, Sparse
from hwmodel.chip.chip import CoreLimits, load_chip
from hwmodel.estimate import estimate_workload
from hwmodel.neurobench import dense_operations, neurobench
from hwmodel.report.text import to_dict
from hwmodel.traffic.counts import count
from hwmodel.workload.declared import from_declaration


def metrics(model, steps=20, capacity=40):
    workload, _, counts = counted(model, capacity)
    return neurobench(workload, counts, steps)


def test_neurobench__of_the_worked_example():
    # 2 inputs - 1 hidden - 3 outputs, weights .5 0 | 1 -1 2; 2 samples; 4 spikes meet
    # the weight that is not 0, 2 spikes meet three; 4 spikes of 4 neurons
    found = metrics(two_by_two_model())
    assert found.effective_acs == (4 * 1 + 2 * 3) / 2
    assert found.effective_macs == 0
    assert found.connection_sparsity == 1 / 5
    assert found.activation_sparsity == close(1 - 2 / (4 * 20))
    assert found.spikes_per_neuron == 2 / 4
    assert found.dense == 20 * (2 * 1 + 1 * 3)
    assert found.footprint == (5 + 4) * 8
    assert found.membrane_updates_events == 5
    assert found.membrane_updates_steps == 20 * 4
    assert (found.steps, found.step_windows, found.notes) == (20, 0.1, ())


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("stride", [1, 2])
def test_dense_operations__count_each_tap_inside_the_map(padding, stride):
    topology = Conv2d((5, 6, 2), 3, (3, 2), stride, padding)
    height, width, _ = topology.output_shape
    taps = 0
    for y in range(height):
        for x in range(width):
            for ky in range(3):
                for kx in range(2):
                    row, column = y * stride - padding + ky, x * stride - padding + kx
                    taps += 0 <= row < 5 and 0 <= column < 6
    assert dense_operations(topology) == taps * 2 * 3


def test_dense_operations__of_dense_and_sparse_layers():
    assert dense_operations(Dense((2, 3, 1), 5)) == 30
    pre, post = np.array([0, 0, 1]), np.array([1, 1, 0])
    assert dense_operations(Sparse((2,), 2, pre, post)) == 3


@pytest.mark.parametrize("seed", range(3))
def test_neurobench__acs_are_the_non_zero_synapses_met(seed):
    model = dense_model([6, 5, 4], np.random.default_rng(seed))
    weights = [layer.weight for layer in model.network.layers]
    met = sum(
        spikes @ (weight != 0).sum(axis=1)
        for spikes, weight in zip(model.activity.spike_counts, weights, strict=False)
    )
    assert metrics(model).effective_acs == met / 5


def test_neurobench__copies_of_neurons_change_nothing():
    model = dense_model([6, 5, 9], np.random.default_rng(0))
    copied = CoreLimits(neurons=4, target_cores=1)
    _, _, counts = counted(model, copied)
    assert sum(layer.copy_sops for layer in counts.layers) > 0
    assert metrics(model, capacity=copied) == metrics(model)


def test_neurobench__zeros_of_a_kernel_count_once():
    model = conv_model(np.random.default_rng(0))
    weights = [
        layer.weight for layer in model.network.layers if layer.weight is not None
    ]
    zeros = sum((weight == 0).sum() for weight in weights)
    assert metrics(model).connection_sparsity == zeros / sum(w.size for w in weights)


def test_neurobench__more_spikes_than_steps_is_unknown_not_negative():
    model = dense_model([3, 2], np.random.default_rng(0), n_samples=1, max_spikes=9)
    found = metrics(model, steps=1)
    assert found.activation_sparsity is None
    assert "shorter steps" in found.notes[0]


def test_neurobench__average_pools_and_currents_are_unknown():
    found = metrics(averaging_model(np.random.default_rng(0)), capacity=99)
    assert (found.effective_acs, found.effective_macs) == (None, None)
    assert "fed by an average pool" in found.notes[0]
    workload, mapping, _ = counted(two_by_two_model(), 40)
    silent = tuple(0 * spikes for spikes in workload.spikes_in[:1])
    driven = replace(
        workload,
        input="currents",
        spikes_in=(*silent, *workload.spikes_in[1:]),
        n_input_spikes=0,
    )
    found = neurobench(driven, count(driven, mapping), 20)
    assert (found.effective_acs, found.effective_macs) == (2 * 3 / 2, None)
    assert "fed by currents" in found.notes[0]


def test_neurobench__declared_weights_have_no_footprint():
    declared = {
        **{"name": "net", "source": "test", "input_shape": [4], "windows": 2},
        "input_spikes_per_neuron": 0.5,
        "layers": [{"type": "dense", "units": 2, "spikes_per_neuron": 1}],
    }
    estimate = estimate_workload(from_declaration(declared), load_chip("canmore"))
    found = to_dict(estimate)["neurobench"]
    assert found["footprint"] is None
    assert found["effective_acs"] == 4 * 0.5 * 2
    assert found["notes"] == ["no footprint: the weights are declared, not stored"]
