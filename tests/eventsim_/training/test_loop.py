import math

import numba
import numpy as np
import pytest
from eventsim_.training_states import assert_same_state

from eventsim.build import build_network
from eventsim.config.loss_schema import LOSS_NAMES
from eventsim.engine.sweep import network as sweep
from eventsim.errors import ConfigError, RunError
from eventsim.run import load_run_dataset
from eventsim.training import (
    kept_network,
    require_trainable,
    start_training,
    train,
)
from eventsim.training import step as training_step

pytestmark = pytest.mark.usefixtures("one_thread")


def run(config, **callbacks):
    return train(config, load_run_dataset(config), **callbacks)


def test_train__learns_yin_yang(tiny_config):
    config = tiny_config(
        "data.limit_train=600", "network.layers=30-3", "training.epochs=12"
    )
    history = run(config).history
    assert history[-1]["train_loss"] < 0.8 * history[0]["train_loss"]
    # Chance is 1/3.
    assert history[-1]["train_accuracy"] > 0.6
    assert history[-1]["validation_accuracy"] > 0.5


@pytest.mark.parametrize(
    "overrides",
    [
        ["optimizer={name: sgd, lr: 0.05, momentum: 0.9, nesterov: true}"],
        ["optimizer={name: adamw, lr: 1e-2, weight_decay: 1e-2}", "precision=float64"],
        ["network.neuron={threshold: static, theta: 0.3}", "loss={beta: 10}"],
        [
            "network.readout=potential_start",
            "network.neuron.derivative_clip=11",
            "loss={name: potential_cross_entropy}",
        ],
        ["network.readout=potential_end", "loss={name: potential_cross_entropy}"],
        ["schedule={name: cosine, warmup_epochs: 1}", "optimizer.gradient_clip=1"],
    ],
    ids=["nesterov", "adamw", "static", "recipe", "potential_end", "schedule"],
)
def test_train__every_recipe_lowers_the_loss(tiny_config, overrides):
    history = run(tiny_config("training.epochs=4", *overrides)).history
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert all(0 < line["spikes_per_neuron"] < 1 for line in history)


LIF = "model: lif, tau_m: 4, tau_s: 2, theta: 1, reset: zero"


@pytest.mark.parametrize(
    "neuron",
    [
        "{" + LIF + "}",
        "{" + LIF + ", max_spikes: 1, slope_clip: 1}",
        "{model: srm_lif, tau_m: 4, tau_s: 2, theta: 1, exponential_slope: 3}",
        "{model: non_leaky_if, tau_s: 2, theta: 1}",
        "{model: alpha_synapse, tau_s: 2, theta: 1}",
        "{model: slayer_srm, tau_s: 2, tau_r: 2, theta: 1}",
        "{model: relpsp, threshold: static, theta: 1, slope_clip: 1}",
    ],
)
def test_train__every_neuron_model_lowers_the_loss(tiny_config, neuron):
    config = tiny_config(
        f"network.neuron={neuron}",
        "loss={beta: 10}",
        "training={epochs: 4, batch_size: 32, weight_mean: 25, weight_gain: 20}",
        "network.t_end=4",
    )
    history = run(config).history
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert history[-1]["spikes_per_neuron"] > 0


def counted(tiny_config, loss, *overrides):
    return tiny_config(
        f"network.neuron={{{LIF}}}",
        "network.t_end=4",
        "network.readout=weighted_count",
        f"loss={{{loss}}}",
        "training={epochs: 4, batch_size: 30, weight_mean: 25, weight_gain: 20}",
        *overrides,
    )


@pytest.mark.parametrize(
    "name", [name for name in LOSS_NAMES if name != "potential_cross_entropy"]
)
def test_train__every_loss_on_all_spikes_falls(tiny_config, name):
    history = run(counted(tiny_config, f"name: {name}")).history
    assert history[-1]["train_loss"] < history[0]["train_loss"]


def test_train__a_summed_loss_has_the_gradient_of_the_batch_and_reports_the_mean(
    tiny_config,
):
    # Four batches of 30: the sum with a thirtieth of the learning rate is the mean.
    same = ["data.limit_train=120", "precision=float64"]
    mean, total = (
        run(
            counted(
                tiny_config,
                f"name: counting, reduction: {reduction}",
                f"optimizer={{name: sgd, lr: {lr}}}",
                *same,
            )
        ).history[-1]
        for reduction, lr in (("mean", 3e-3), ("sum", 1e-4))
    )
    assert total["train_loss"] == pytest.approx(mean["train_loss"], rel=1e-9)
    assert total["validation_loss"] == pytest.approx(mean["validation_loss"], rel=1e-9)


def test_train__counts_all_spikes_of_a_neuron(tiny_config):
    config = tiny_config(
        f"network.neuron={{{LIF}}}",
        "loss={beta: 10}",
        "training={epochs: 1, batch_size: 32, weight_mean: 60}",
        "network.t_end=6",
    )
    assert run(config).history[0]["spikes_per_neuron"] > 1


def test_train__same_seed_same_bits(tiny_config):
    assert_same_state(run(tiny_config()), run(tiny_config()))


def test_train__other_seed_other_weights(tiny_config):
    one, other = run(tiny_config()), run(tiny_config("seed=1"))
    assert not np.array_equal(one.network.weights[0], other.network.weights[0])


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_train__threads_do_not_matter(tiny_config, precision):
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("this machine has one thread")
    config = tiny_config(f"precision={precision}", "training.batch_size=50")
    states = []
    for n_threads in (1, 2):
        numba.set_num_threads(n_threads)
        states.append(run(config))
    assert_same_state(*states)


def test_train__goes_on_from_a_state(tiny_config):
    whole = run(tiny_config("training.epochs=3"))
    half = run(tiny_config("training.epochs=1"))
    config = tiny_config("training.epochs=3")
    assert_same_state(train(config, load_run_dataset(config), half), whole)


def test_train__uses_the_last_partial_batch(tiny_config):
    # 150 samples in batches of 32: 4 full ones and 22 samples.
    sizes = []
    state = run(tiny_config(), on_batch=lambda _, p: sizes.append(p.n_samples))
    assert sizes == 2 * [32, 32, 32, 32, 22]
    assert state.optimizer.n_updates == 10


def test_train__a_batch_larger_than_the_set(tiny_config):
    state = run(tiny_config("training.batch_size=100000"))
    assert state.optimizer.n_updates == 2


def test_train__one_sample(tiny_config):
    config = tiny_config("data.limit_train=1", "data.n_validation=0")
    assert run(config).optimizer.n_updates == 2


def test_train__means_over_the_epoch(tiny_config):
    config = tiny_config("training.epochs=1", "optimizer.lr=1e-30")
    last = []
    state = run(config, on_batch=lambda _, p: last.append(p))
    line = state.history[0]
    assert line["train_loss"] == pytest.approx(last[-1].loss, rel=1e-12)
    assert line["train_accuracy"] * 150 == pytest.approx(
        round(line["train_accuracy"] * 150)
    )


def test_train__reports_every_epoch(tiny_config):
    seen = []
    run(tiny_config(), on_epoch=lambda s, r: seen.append((s.epoch, r.epoch)))
    assert seen == [(1, 1), (2, 2)]


def test_train__without_validation_keeps_the_last(tiny_config):
    config = tiny_config("data.n_validation=0")
    state = run(config)
    assert state.history[-1]["validation_accuracy"] is None
    network, epoch, reason = kept_network(config, state)
    assert (epoch, reason) == (2, "last epoch")
    assert network is state.network


def test_kept_network__best_validation(tiny_config):
    config = tiny_config("training.epochs=6", "optimizer.lr=0.05")
    weights = []
    state = run(
        config,
        on_epoch=lambda s, _: weights.append([w.copy() for w in s.network.weights]),
    )
    scores = [line["validation_accuracy"] for line in state.history]
    network, epoch, reason = kept_network(config, state)
    # The best, and of equals the last.
    assert epoch == max(k for k in range(1, 7) if scores[k - 1] == max(scores))
    assert reason == "best validation accuracy"
    for kept, then in zip(network.weights, weights[epoch - 1], strict=True):
        assert np.array_equal(kept, then)


def test_kept_network__of_equals_the_last(tiny_config):
    config = tiny_config("training.epochs=3", "optimizer.lr=1e-30")
    state = run(config)
    assert len({line["validation_accuracy"] for line in state.history}) == 1
    assert kept_network(config, state)[1] == 3


def test_train__the_schedule_moves_with_every_update(tiny_config):
    config = tiny_config("schedule.name=cosine")
    # Five updates in each of two epochs: the last ones after 0.8 and 1.8 epochs.
    rates = [line["lr"] for line in run(config).history]
    expected = [0.01 * 0.5 * (1 + math.cos(math.pi * done / 2)) for done in (0.8, 1.8)]
    assert rates == pytest.approx(expected)


def test_kept_network__best_test_only_if_asked(tiny_config):
    config = tiny_config("training.keep=best_test", "training.epochs=3")
    state = run(config)
    scores = [line["test_accuracy"] for line in state.history]
    _, epoch, reason = kept_network(config, state)
    assert epoch == max(k for k in range(1, 4) if scores[k - 1] == max(scores))
    assert reason == "best test accuracy"
    assert run(tiny_config()).history[0]["test_accuracy"] is None


def test_kept_network__last(tiny_config):
    config = tiny_config("training.keep=last")
    _, epoch, reason = kept_network(config, run(config))
    assert (epoch, reason) == (2, "last epoch")


def test_train__a_loss_that_is_not_finite_names_epoch_and_batch(
    tiny_config, monkeypatch
):
    calls = []

    def poisoned(*arguments):
        calls.append(1)
        loss = original(*arguments)
        # Five batches per epoch: the eighth is batch 3 of epoch 2.
        return loss.__class__(math.nan, loss.d_output) if len(calls) == 8 else loss

    original = training_step.loss_of_output
    monkeypatch.setattr(training_step, "loss_of_output", poisoned)
    with pytest.raises(RunError, match="loss is nan in epoch 2, batch 3; lower"):
        run(tiny_config("data.n_validation=0"))


def test_train__divergence_is_an_error_without_warnings(tiny_config):
    config = tiny_config(
        "optimizer={name: sgd, lr: 1e38}",
        "network.readout=potential_end",
        "loss={name: potential_cross_entropy}",
    )
    with pytest.raises(
        RunError, match=r"(loss is (nan|inf) in epoch 1|weights are NaN)"
    ):
        run(config)


def test_train__weights_that_are_not_finite(tiny_config, monkeypatch):
    config = tiny_config("training.batch_size=1000")
    state = start_training(config, load_run_dataset(config))

    def spoil(weights, gradients, lr):
        weights[0][0, 0] = np.inf

    monkeypatch.setattr(state.optimizer, "update", spoil)
    with pytest.raises(
        RunError,
        match=r"weights of layer_1 \(dense 12\) are NaN or infinite after epoch 1",
    ):
        train(config, load_run_dataset(config), state)


DIRECT = (
    "encode={coding: direct, gain: 2}",
    "network={layers: 12-3, t_end: 3, neuron: {model: lif, threshold: static, "
    "tau_m: 2, tau_s: 1, reset: zero, theta: 0.5}}",
    "loss.silence_penalty=0",
    "training.epochs=4",
)


def test_train__learns_from_input_currents(tiny_config):
    config = tiny_config(*DIRECT)
    state = train(config, load_run_dataset(config))
    losses = [line["train_loss"] for line in state.history]
    assert losses[-1] < 0.9 * losses[0]


def test_require_trainable__input_currents_drive_the_first_layer(tiny_config):
    delta = "network.neuron={model: if_delta, threshold: static, theta: 1}"
    config = tiny_config(*DIRECT[:1], delta, "network.layers=3", *DIRECT[2:3])
    require_trainable(build_network(config, (4,), 3))
    deep = tiny_config(*DIRECT[:1], delta, "network.layers=5-3", *DIRECT[2:3])
    with pytest.raises(ConfigError, match=r"layer_2 .* fires when an input arrives"):
        require_trainable(build_network(deep, (4,), 3))


def test_train__drops_anew_in_each_batch_and_nothing_in_evaluation(
    tiny_config, monkeypatch
):
    config = tiny_config(*DIRECT, "network.layers=12-D0.5-3", "training.epochs=2")
    seen, forward = [], sweep.forward

    def watch(*args, dropout=None, **options):
        seen.append(None if dropout is None else dropout[1].tobytes())
        return forward(*args, dropout=dropout, **options)

    monkeypatch.setattr(sweep, "forward", watch)
    state = train(config, load_run_dataset(config))
    n_batches = 2 * math.ceil(150 / 32)
    masks = [mask for mask in seen if mask is not None]
    assert len(masks) == n_batches
    assert len(set(masks)) == n_batches
    assert None in seen  # validation
    again = train(config, load_run_dataset(config))
    for one, other in zip(state.network.weights, again.network.weights, strict=True):
        assert one.tobytes() == other.tobytes()
