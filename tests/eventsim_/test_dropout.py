import numpy as np
import pytest
from eventsim_.gathered_layers import static
from eventsim_.spiking_networks import random_network

from eventsim.dropout import DROPOUT_STREAM, draw_masks, masks_of, training_masks
from eventsim.errors import ShapeError
from eventsim.network import Layer, Network
from eventsim.topology import Conv2d, Dense, Dropout


def network_of(*rates):
    """Return a map of 5 channels, dropout, 4 units, dropout, 2 units."""
    neuron = static("lif", tau_m=2.0, tau_s=1.0)
    conv, middle, last = (
        Conv2d((3, 4, 1), 5, (1, 1)),
        Dense((3, 4, 5), 4),
        Dense((4,), 2),
    )

    def layer(name, topology):
        weight, theta = np.ones(topology.weight_shape), np.ones(topology.n_features)
        return Layer(name, topology, neuron, weight, theta)

    layers = (
        layer("conv", conv),
        Layer("drop_1", Dropout(conv.output_shape, rates[0])),
        layer("middle", middle),
        Layer("drop_2", Dropout((4,), rates[1])),
        layer("last", last),
    )
    return Network((3, 4, 1), layers, t_end=3.0)


def test_draw_masks__one_entry_for_each_channel_or_unit():
    rng = np.random.default_rng(0)
    masks = draw_masks(network_of(0.25, 0.6), 4000, rng)
    assert [None if m is None else m.shape for m in masks] == [
        None,
        (4000, 5),
        None,
        (4000, 4),
        None,
    ]
    # Five standard errors of a share of n: 5 sqrt(p (1 - p) / n).
    assert masks[1].mean() == pytest.approx(0.75, abs=5 * 0.433 / np.sqrt(20000))
    assert masks[3].mean() == pytest.approx(0.4, abs=5 * 0.49 / np.sqrt(16000))
    pairs = np.corrcoef(masks[1].T)
    assert np.abs(pairs - np.eye(5)).max() < 5 / np.sqrt(4000)


def test_draw_masks__a_rate_of_0_keeps_all():
    assert draw_masks(network_of(0.0, 0.5), 50, np.random.default_rng(0))[1].all()


def test_training_masks__depend_on_seed_epoch_and_batch_alone():
    network = network_of(0.5, 0.5)
    seen = {
        (seed, epoch, number): training_masks(
            network, 20, seed=seed, epoch=epoch, number=number
        )["dropout"][1].tobytes()
        for seed in (0, 1)
        for epoch in (1, 2)
        for number in (1, 2)
    }
    assert len(set(seen.values())) == 8
    again = training_masks(network, 20, seed=1, epoch=2, number=1)["dropout"]
    assert again[1].tobytes() == seen[1, 2, 1]
    rng = np.random.default_rng([1, DROPOUT_STREAM, 2, 1])
    assert np.array_equal(draw_masks(network, 20, rng)[3], again[3])


def test_training_masks__are_none_without_dropout():
    network = random_network("conv", ["lif"], 0)
    assert training_masks(network, 20, seed=0, epoch=1, number=1) == {}


def test_masks_of__refuses_masks_that_do_not_fit():
    network = network_of(0.5, 0.5)
    assert masks_of(network, None) == [None] * 5
    with pytest.raises(ShapeError, match="2 masks for a network of 5 layers"):
        masks_of(network, [None, None])
    with pytest.raises(ShapeError, match=r"a mask for conv, .* kind 'conv2d'"):
        masks_of(network, [np.ones((1, 5), bool), None, None, None, None])
