import numpy as np
import pytest
from eventsim_.builders import build, dense
from eventsim_.gathered_layers import static

from eventsim.datasets import Split
from eventsim.errors import ConfigError, DataError
from eventsim.evaluation import evaluate, sparsity
from eventsim.network import Layer, Network
from eventsim.topology import Dense

pytestmark = pytest.mark.usefixtures("one_thread")

# Hidden: a0 a copy of the input with weight 1, a1 always silent.
# Output: y0 and y1 from a0, y2 silent.
WEIGHTS = [
    np.array([[1.0, -1.0], [1.0, -1.0]]),
    np.array([[1.0, 0.5, -1.0], [1.0, 1.0, 1.0]]),
]


def make(weights=WEIGHTS, readout="spike_time"):
    return build(
        (2,), [dense(2), dense(3)], weights=lambda _, k: weights[k], readout=readout
    )


@pytest.fixture
def config(tiny_config):
    return tiny_config("encode.bias_spikes=0", "loss.silence_penalty=0")


SPLIT = Split(np.array([[1.0, 0.5], [0.5, 0.0], [0.0, 0.0]]), np.array([0, 1, 2]))


def test_evaluate__counts_by_hand(config):
    seen = evaluate(make(), SPLIT, config)
    # Sample 2 is empty: no spike at all, undecided. In the others a0 fires, a1 not,
    # and y0 (weight 1) fires before y1 (weight 0.5).
    assert [counts.tolist() for counts in seen.spike_counts] == [
        [2, 1],
        [2, 0],
        [2, 2, 0],
    ]
    assert seen.n_samples == 3
    assert seen.accuracy == pytest.approx(1 / 3)
    assert seen.undecided == pytest.approx(1 / 3)
    assert seen.tied == 0
    activity = seen.activity(make(), "test")
    assert (activity.n_samples, activity.split, activity.decision_time) == (
        3,
        "test",
        3,
    )


def test_evaluate__decision_times_by_the_membrane_equation(config):
    seen = evaluate(make(), SPLIT, config)
    # All inputs with weight 1 precede a window, so at its start the potential is
    # the sum of the activations, u, and it rises with slope n, their number. It meets
    # the threshold 1 - x at x = (1 - u) / (1 + n), at once if u >= 1; the activation
    # passed on is 1 - x. The output's window starts at 2, so it fires at 2 + x.
    first = []
    for a, b in SPLIT.inputs[:2]:
        fired = [v for v in (a, b) if v > 0]
        u, slope = sum(fired), len(fired)
        hidden = 1.0 if u >= 1 else 1 - (1 - u) / (1 + slope)
        out = 1.0 if hidden >= 1 else 1 - (1 - hidden) / 2
        first.append(3 - out)
    assert seen.mean_decision_time == pytest.approx((sum(first) + 3.0) / 3, abs=1e-12)


def test_evaluate__ties_are_counted_and_go_to_the_lowest_class(config):
    tied = [WEIGHTS[0], np.array([[0.5, 0.5, -1.0], [0.5, 0.5, 1.0]])]
    seen = evaluate(make(tied), SPLIT, config)
    assert seen.tied == pytest.approx(2 / 3)
    assert seen.accuracy == pytest.approx(1 / 3)


def test_evaluate__potentials_have_no_undecided_samples(tiny_config):
    config = tiny_config(
        "encode.bias_spikes=0",
        "loss={name: potential_cross_entropy}",
        "network.readout=potential_start",
    )
    seen = evaluate(make(readout="potential_start"), SPLIT, config)
    assert (seen.undecided, seen.tied, seen.mean_decision_time) == (0, 0, 2.0)


def test_evaluate__batches_report_their_size(config):
    n = 1203
    split = Split(np.full((n, 2), 0.5), np.zeros(n, np.int64))
    sizes = []
    seen = evaluate(make(), split, config, on_batch=sizes.append)
    assert sum(sizes) == seen.n_samples == n
    assert len(sizes) > 1
    assert seen.spike_counts[0].tolist() == [n, n]
    assert seen.accuracy == 1


def test_evaluate__engines_agree(config):
    window, sweep = (
        evaluate(make(), SPLIT, config, engine=name) for name in ("window", "sweep")
    )
    assert window.loss == pytest.approx(sweep.loss, rel=1e-12)
    assert window.mean_decision_time == pytest.approx(sweep.mean_decision_time)
    for a, b in zip(window.spike_counts, sweep.spike_counts, strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("engine", ["sweep", "queue"])
def test_evaluate__counts_every_spike_and_decides_by_the_first(config, engine):
    # A current of 2 drives u = 2 (1 - exp(-t)) to 1 every ln 2; nothing connects.
    neuron = static("lif", tau_m=1.0, tau_s=1.0, reset="zero")
    layer = Layer(
        "out",
        Dense((2,), 3),
        neuron,
        np.zeros((2, 3)),
        np.ones(3),
        current=np.array([0.5, 2.0, 1.5]),
    )
    network = Network((2,), (layer,), t_end=3.0)
    seen = evaluate(network, SPLIT, config, engine=engine)
    # ln 2 and ln 3: four and two times before 3.
    assert seen.spike_counts[1].tolist() == [0, 12, 6]
    assert seen.mean_decision_time == pytest.approx(np.log(2), rel=1e-12)
    assert (seen.undecided, seen.tied, seen.accuracy) == (0, 0, pytest.approx(1 / 3))
    assert sparsity(network, seen).spikes_per_sample == 6
    assert seen.activity(network, "test").decision_time == 3.0


def test_evaluate__refuses_an_empty_set(config):
    empty = SPLIT.take(np.array([], int))
    with pytest.raises(DataError, match="set of samples is empty; expected at least"):
        evaluate(make(), empty, config)


def test_evaluate__refuses_an_unknown_engine(config):
    with pytest.raises(ConfigError, match="there is no 'fast'; expected one of auto"):
        evaluate(make(), SPLIT, config, engine="fast")


def test_sparsity__by_hand(config):
    network = make()
    found = sparsity(network, evaluate(network, SPLIT, config))
    # Hidden: 2 spikes of 2 neurons in 3 samples; output: 4 spikes of 3 neurons.
    assert found.hidden == pytest.approx(2 / 2 / 3)
    assert found.spikes_per_sample == pytest.approx(6 / 3)
    # Wei et al. count every output neuron as one spike.
    assert found.all_layers == pytest.approx((2 / 3 + 3) / 5)


@pytest.mark.parametrize(
    ("readout", "n_output"), [("potential_start", 0), ("potential_end", 4)]
)
def test_evaluate__counts_output_spikes_before_the_decision(
    tiny_config, readout, n_output
):
    config = tiny_config(
        "encode.bias_spikes=0",
        "loss={name: potential_cross_entropy}",
        f"network.readout={readout}",
    )
    network = make(readout=readout)
    evaluation = evaluate(network, SPLIT, config)
    assert evaluation.spike_counts[-1].sum() == n_output
    found = sparsity(network, evaluation)
    assert found.spikes_per_sample == pytest.approx((2 + n_output) / 3)


def test_evaluate__input_currents_count_no_spikes(tiny_config):
    config = tiny_config(
        "encode={coding: direct, gain: 2}",
        "network.neuron={threshold: static, theta: 1}",
        "loss.silence_penalty=0",
    )
    # Ramps: slope 2 x through weight 1; the output rises with slope 1 behind it.
    layers = (
        Layer("hidden", Dense((2,), 2), static("relpsp"), np.eye(2), np.ones(2)),
        Layer("out", Dense((2,), 3), static("relpsp"), np.eye(2, 3), np.ones(3)),
    )
    network = Network((2,), layers, t_end=4.0, input="currents")
    seen = evaluate(network, SPLIT, config)
    # Slopes 2, 1 | 1, 0 | 0, 0: first spikes at 0.5, 1 | 1 and one later.
    assert [counts.tolist() for counts in seen.spike_counts] == [
        [0, 0],
        [2, 1],
        [2, 1, 0],
    ]
    assert seen.mean_decision_time == pytest.approx((1.5 + 2 + 4) / 3)
    assert seen.activity(network, "test").spike_counts[0].tolist() == [0, 0]
    queue = evaluate(network, SPLIT, config, engine="queue")
    assert queue.mean_decision_time == pytest.approx(seen.mean_decision_time)


def test_evaluate__reports_the_mean_of_a_summed_loss(tiny_config):
    neuron = static("lif", tau_m=1.0, tau_s=1.0, reset="zero")
    current = np.array([0.5, 2.0, 1.5])
    zeros, ones = np.zeros((2, 3)), np.ones(3)
    layer = Layer("out", Dense((2,), 3), neuron, zeros, ones, current=current)
    network = Network((2,), (layer,), 1.0, "spike_count", 3.0)
    seen = [
        evaluate(
            network,
            SPLIT,
            tiny_config(
                "encode.bias_spikes=0",
                "network.neuron={model: non_leaky_if, theta: 1, tau_s: 1}",
                "network.readout=spike_count",
                f"loss={{name: spike_rate, reduction: {reduction}}}",
            ),
        ).loss
        for reduction in ("mean", "sum")
    ]
    assert seen[1] == pytest.approx(seen[0], rel=1e-14)
    # The counts of each sample are 0, 4 and 2.
    rates = np.array([0, 4, 2]) / 3
    wanted = np.where(np.eye(3)[SPLIT.labels], 0.2, 0.04)
    assert seen[0] == pytest.approx(np.sum((rates - wanted) ** 2) / 3, rel=1e-12)
