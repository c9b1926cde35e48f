from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hwmodel_.builders import conv_model, dense_model, two_by_two_model

from hwmodel.chip.chip import load_chip
from hwmodel.errors import WorkloadError
from hwmodel.estimate import estimate_model, estimate_workload
from hwmodel.export import replay
from hwmodel.export.replay import replay_run, spread_spikes
from hwmodel.traffic.senders import HOST
from hwmodel.workload.workload import from_model


def estimate(model, *sets, **options):
    chip = load_chip("canmore", ["core.neurons=14", *sets])
    return estimate_model(model, chip, casting="unicast", **options)


@pytest.mark.parametrize("steps", [1, 2, 7, 20])
def test_spread_spikes__all_are_there_and_even(steps):
    for count in range(steps + 1):
        fires = spread_spikes(count, steps)
        assert (fires.sum(), fires.size) == (count, steps)
        if count > 1:
            gaps = np.diff(np.nonzero(fires)[0])
            assert gaps.max() - gaps.min() <= 1


def test_replay_run__inferences_that_repeat_are_left_out():
    workload = from_model(two_by_two_model())  # 2 samples, spikes 4 6 | 2 | 1 0 1
    doubled = replace(
        workload,
        n_samples=6,
        spikes_in=tuple(3 * spikes for spikes in workload.spikes_in),
        spikes_out=tuple(3 * spikes for spikes in workload.spikes_out),
        n_input_spikes=3 * workload.n_input_spikes,
    )
    chip = load_chip("canmore", ["energy.spike=1pJ:marginal"])
    run = replay_run(estimate_workload(doubled, chip, casting="unicast"))
    assert (run.inferences, run.steps) == (2, 40)
    assert [group.name for group in run.groups] == [
        *("layer1_inputs", "layer1", "layer1_fired"),
        *("layer2_inputs", "layer2", "layer2_fired"),
    ]
    assert run.groups[0].spikes.tolist() == [4, 6]
    assert run.groups[0].core.tolist() == [HOST, HOST]
    assert run.groups[1].spikes is None
    assert run.groups[5].spikes.tolist() == [1, 0, 1]


def test_replay_run__a_pooled_input_is_on_the_core_of_its_first_neuron():
    found = estimate(conv_model(np.random.default_rng(0)))
    run = replay_run(found)
    conv, pool = found.workload.layers[1].passes[0].input_shape, 2
    core = found.mapping.partition.layers[0].core_of_neuron.reshape(conv)
    pooled = next(group for group in run.groups if group.name == "layer3_inputs")
    shape = found.workload.layers[1].topology.input_shape
    for y, x, c in np.ndindex(shape):
        place = (y * shape[1] + x) * shape[2] + c
        assert pooled.core[place] == core[y * pool, x * pool, c]


def test_replay_run__refuses_more_than_a_spike_a_step():
    model = dense_model([3, 2], np.random.default_rng(0), n_samples=1, max_spikes=9)
    with pytest.raises(WorkloadError, match=r"fires \d times in 2 steps; expected at"):
        replay_run(estimate(model, steps_per_window=1))


def test_replay_run__refuses_what_makes_huge_files(monkeypatch):
    found = estimate(conv_model(np.random.default_rng(0)))
    monkeypatch.setattr(replay, "MOST_SPIKE_ENTRIES", 100)
    with pytest.raises(WorkloadError, match=r"take \d+ entries; expected at most 100"):
        replay_run(found)
    monkeypatch.setattr(replay, "MOST_SYNAPSES", 100)
    with pytest.raises(WorkloadError, match="synapses; expected at most 100"):
        replay_run(found)


def test_replay_run__copies_are_neurons_of_their_own():
    # 3 neurons with a copy each, 2 to a core; behind them 6 on 3 cores of 2
    model = dense_model([2, 3, 6], np.random.default_rng(0), 0.0)
    sets = ["core.neurons=4", "core.synapses=8", "core.target_cores=2"]
    chip = load_chip("canmore", [*sets, "energy.spike=1pJ:marginal"])
    found = estimate_model(model, chip, casting="unicast")
    assert found.mapping.partition.copies_per_core.tolist() == [2, 1, 0, 0, 0]
    run = replay_run(found)
    groups = {group.name: group for group in run.groups}
    assert groups["layer1_inputs"].core.tolist() == [HOST, HOST]
    for name in ("layer1", "layer1_fired", "layer2_inputs"):
        assert groups[name].core.tolist() == [0, 0, 0, 0, 1, 1]
    spikes = np.repeat(found.workload.spikes_out[0], 2).tolist()
    assert groups["layer1_fired"].spikes.tolist() == spikes
    assert groups["layer2_inputs"].spikes.tolist() == spikes
    # every neuron and copy has both inputs
    first, second = run.synapses
    pairs = sorted(zip(first.pre.tolist(), first.post.tolist(), strict=True))
    assert pairs == [(pre, post) for pre in range(2) for post in range(6)]
    # of two copies one reaches the neurons 0 to 3, the other 4 and 5
    pairs = sorted(zip(second.pre.tolist(), second.post.tolist(), strict=True))
    assert pairs == sorted(
        (2 * neuron + (post > 3), post) for neuron in range(3) for post in range(6)
    )
    weight = model.network.layers[1].weight
    assert second.weight.tolist() == weight[second.pre // 2, second.post].tolist()
