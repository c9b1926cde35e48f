"""A network that is dead at first comes alive with the remedies of the documentation.

The thresholds are ten times what the inputs can reach: no hidden neuron fires, no
output has a spike time, and without help there is no gradient at all.
"""

import pytest

from eventsim.run import load_run_dataset
from eventsim.training import train

pytestmark = pytest.mark.usefixtures("one_thread")

DEAD = [
    "network.neuron={model: srm_lif, tau_m: 4, tau_s: 2, theta: 60, slope_clip: 1}",
    "network.readout=spike_count",
    "network.t_end=4",
    "network.layers=30-3",
    "loss={name: enhanced_counting, target_label: 3, target_other: 0}",
    "training.weight_gain=60",
    "training.epochs=1",
]


def history_of(tiny_config, *overrides):
    config = tiny_config(*DEAD, *overrides)
    return train(config, load_run_dataset(config)).history


def test_dead_network__stays_dead_without_help(tiny_config):
    (line,) = history_of(tiny_config)
    assert line["undecided"] == 1
    assert set(line["silent"].values()) == {1.0}
    assert line["positive_share"] is None


def test_target_rate__wakes_all_layers_before_the_first_update(tiny_config):
    (line,) = history_of(tiny_config, "training.target_rate=0.5")
    assert 0.25 < line["spikes_per_neuron"] < 1
    assert line["undecided"] < 0.7
    assert max(line["silent"].values()) < 1


def test_wake_silent__wakes_the_network_epoch_by_epoch(tiny_config):
    lines = history_of(
        tiny_config, "training.wake_silent=0.4", "training.epochs=6",
        "data.limit_train=100",
    )  # fmt: skip
    assert lines[0]["undecided"] == 1
    assert lines[-1]["undecided"] < 0.7
    # They fall while nothing fires, by the factor, and stay where something does.
    first = [line["thresholds"]["layer_1 (dense 30)"] for line in lines]
    assert first[1] == pytest.approx(0.4 * first[0])
    assert first[-1] == pytest.approx(first[-2], rel=0.2)


def test_supervisory_spike__wakes_silent_outputs(tiny_config):
    # The hidden layer fires; the outputs are out of reach of their thresholds.
    config = tiny_config(
        *DEAD, "training.target_rate=0.5", "training.epochs=8",
        "data.limit_train=150", "optimizer={name: adam, lr: 0.05}",
    )  # fmt: skip

    def undecided(with_help):
        chosen = config
        if with_help:
            rule = tiny_config(
                *DEAD, "training.supervisory_spike.when=if_silent"
            ).training.supervisory_spike
            training = config.training.model_copy(update={"supervisory_spike": rule})
            chosen = config.model_copy(update={"training": training})
        dataset = load_run_dataset(chosen)
        state = start_with_dead_outputs(chosen, dataset)
        return train(chosen, dataset, state).history[-1]["undecided"]

    assert undecided(with_help=False) == 1
    assert undecided(with_help=True) < 0.2


def start_with_dead_outputs(config, dataset):
    from eventsim.training import start_training

    state = start_training(config, dataset)
    state.network.layers[-1].theta[:] *= 40
    return state
