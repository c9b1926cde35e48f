import numpy as np
import pytest

plt = pytest.importorskip("matplotlib.pyplot")

from eventsim.build import build_network  # noqa: E402
from eventsim.datasets import Dataset, Split  # noqa: E402
from eventsim.evaluation import evaluate  # noqa: E402
from eventsim.plots import run as plots  # noqa: E402
from eventsim.spikes import SpikeTrains  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

NETS = {
    "1 layer": "3",
    "3 layers": "20-10-3",
    "5 layers": "60-10-5-5-3",
    "conv": "4C3-P2-3C3-P2-20-10-3",
}
HISTORY = [
    {
        "epoch": k,
        "train_loss": 1.0 / k,
        "train_accuracy": 1 - 0.5 / k,
        "validation_loss": 1.2 / k,
        "validation_accuracy": 1 - 0.6 / k,
        "spikes_per_neuron": 0.3,
    }
    for k in (1, 2, 3, 4)
]


@pytest.fixture
def dataset():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (12, 12, 12, 1), dtype=np.uint8)
    split = Split(images, np.arange(12) % 3)
    return Dataset("x", 3, (12, 12, 1), split, split, split, "made")


def draw(folder, config, dataset, network, history):
    test = evaluate(network, dataset.test, config)
    plots.plot_run(folder, config, dataset, network, test, history)


@pytest.mark.parametrize("layers", NETS.values(), ids=NETS)
def test_plot_run__draws_every_net(tiny_config, dataset, tmp_path, layers):
    readout = "potential_start" if layers == NETS["3 layers"] else "spike_time"
    name = "time" if readout == "spike_time" else "potential"
    config = tiny_config(
        f"network={{layers: '{layers}', readout: {readout}}}",
        f"loss={{name: {name}_cross_entropy}}",
        "encode.bias_spikes=0",
    )
    network = build_network(config, dataset.input_shape, 3)
    draw(tmp_path, config, dataset, network, HISTORY[:1])
    for picture in (
        "learning_curves",
        "spike_raster",
        "spike_times",
        "inactive_neurons",
    ):
        image = plt.imread(tmp_path / f"{picture}.png")
        assert min(image.shape[:2]) > 200
        assert image[..., :3].std() > 0.01
    assert plt.get_fignums() == []


def test_plot_run__a_net_that_is_all_silent(tiny_config, dataset, tmp_path):
    config = tiny_config("encode.bias_spikes=0")
    network = build_network(config, dataset.input_shape, 3)
    network = network.with_weights([-np.abs(w) - 1 for w in network.weights])
    draw(tmp_path, config, dataset, network, HISTORY)
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"validation_loss": None, "validation_accuracy": None},
        {"train_loss": 0.0, "train_accuracy": 1.0},
        {"validation_loss": 0.0, "validation_accuracy": 1.0},
    ],
    ids=["both", "no validation", "perfect training", "perfect validation"],
)
@pytest.mark.parametrize("n_epochs", [1, 4])
def test_learning_curves__any_history(changes, n_epochs, tmp_path):
    history = [{**line, **changes} for line in HISTORY[:n_epochs]]
    figure = plots.learning_curves(history)
    figure.savefig(tmp_path / "x.png")
    expected = 1 if changes.get("validation_loss", 1) is None else 2
    assert len(figure.axes[0].lines) == expected
    error = figure.axes[1].lines[0].get_ydata()
    assert error == pytest.approx([100 * (1 - h["train_accuracy"]) for h in history])
    plt.close(figure)


@pytest.mark.parametrize(
    ("losses", "scale"),
    [
        ([0.5, 0.1, 0.01, 0.001], "log"),
        ([0.5, 0.1, 0.0, 0.0], "log"),
        ([0.5, 0.1, -0.01, -0.02], "linear"),
        ([0.0, 0.0, 0.0, 0.0], "linear"),
    ],
)
def test_learning_curves__show_losses_that_are_not_positive(losses, scale, tmp_path):
    # The enhanced counting loss is negative near its optimum.
    history = [
        {**line, "train_loss": loss, "validation_loss": loss}
        for line, loss in zip(HISTORY, losses, strict=True)
    ]
    figure = plots.learning_curves(history)
    figure.savefig(tmp_path / "x.png")
    assert figure.axes[0].get_yscale() == scale
    assert figure.axes[1].get_yscale() == "log"
    plt.close(figure)


def test_spike_raster__shows_the_spikes_of_the_first_sample(tiny_config, dataset):
    network = build_network(tiny_config("encode.bias_spikes=0"), dataset.input_shape, 3)
    times = {0: np.array([[0.2, np.inf, 0.7], [0.1, 0.1, 0.1]]), 1: np.array([[1.5]])}
    trains = {k: SpikeTrains.from_first_spikes(t) for k, t in times.items()}
    figure = plots.spike_raster(network, trains, 2)
    drawn = [c.get_offsets()[:, 0].tolist() for c in figure.axes[0].collections]
    assert drawn == [[0.2, 0.7], [1.5]]
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["input: 2/3", "dense 12: 1/1"]
    plt.close(figure)


def test_spike_raster__shows_every_spike_of_a_neuron(tiny_config, dataset):
    network = build_network(tiny_config("encode.bias_spikes=0"), dataset.input_shape, 3)
    several = SpikeTrains(
        np.array([0.1, 0.4, 0.5]), np.array([1, 1, 0], np.int32), np.array([0, 3]), 4
    )
    figure = plots.spike_raster(network, {1: several}, 0)
    (drawn,) = [c.get_offsets()[:, 0].tolist() for c in figure.axes[0].collections]
    assert drawn == [0.1, 0.4, 0.5]
    (label,) = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert label == "dense 12: 2/4, 3 spikes"
    plt.close(figure)


def test_inactive_neurons__heights_by_hand(tiny_config):
    config = tiny_config()
    network = build_network(config, (4,), 3)
    counts = (np.zeros(5, int), np.array([4] * 6 + [1] * 3 + [0] * 3), np.full(3, 2))
    test = type("Test", (), {"spike_counts": counts, "n_samples": 4})
    # In one of two samples 9 of 12 neurons fire, one of them twice; outputs: all, none.
    neuron = np.array([0, 0, *range(1, 9)], np.int32)
    trains = {
        1: SpikeTrains(np.arange(10.0), neuron, np.array([0, 10, 10]), 12),
        2: SpikeTrains(
            np.arange(3.0), np.arange(3, dtype=np.int32), np.array([0, 3, 3]), 3
        ),
    }
    figure = plots.inactive_neurons(network, test, trains)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == pytest.approx([100 * 15 / 24, 50, 25, 0])
    plt.close(figure)


def test_plot_run__input_currents_have_no_spikes_to_draw(
    tiny_config, dataset, tmp_path, monkeypatch
):
    config = tiny_config(
        "encode={coding: direct}",
        "network={layers: 5-3, neuron: {threshold: static, theta: 1}}",
        "loss.silence_penalty=0",
    )
    drawn = []
    monkeypatch.setattr(
        plots, "spike_raster", lambda network, times, label: drawn.append(list(times))
    )
    monkeypatch.setattr(plots, "save", lambda path, figure: plt.close("all"))
    network = build_network(config, dataset.input_shape, 3)
    draw(tmp_path, config, dataset, network, HISTORY)
    assert drawn == [[1, 2]]
