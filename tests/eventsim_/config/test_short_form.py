import pytest

from eventsim.config import parse_config
from eventsim.config.network_schema import Conv2dConfig, PoolConfig
from eventsim.config.short_form import expand_layers, parse_short_form


def test_parse_short_form__all_kinds():
    assert parse_short_form("16C5-P2-800-10") == [
        {"type": "conv2d", "channels": 16, "kernel": 5},
        {"type": "pool", "size": 2},
        {"type": "dense", "units": 800},
        {"type": "dense", "units": 10},
    ]


def test_parse_short_form__average_pools():
    assert parse_short_form("A3-10") == [
        {"type": "pool", "size": 3, "kind": "average"},
        {"type": "dense", "units": 10},
    ]


def test_parse_short_form__padding():
    assert parse_short_form("32C5p2-8C3p0-10") == [
        {"type": "conv2d", "channels": 32, "kernel": 5, "padding": 2},
        {"type": "conv2d", "channels": 8, "kernel": 3, "padding": 0},
        {"type": "dense", "units": 10},
    ]


def test_parse_short_form__repetition():
    padded = {"type": "conv2d", "channels": 256, "kernel": 3, "padding": 1}
    plain = {"type": "conv2d", "channels": 4, "kernel": 5}
    pool = {"type": "pool", "size": 2, "kind": "average"}
    layers = parse_short_form("256C3p1x3-A2-4C5x1-4C5x12")
    assert layers == [padded] * 3 + [pool] + [plain] * 13
    assert layers[0] is not layers[1]


def test_parse_short_form__builds_the_vgg11_of_the_papers():
    # Zhu et al. 2023, appendix; three pools leave 4 x 4 positions of 512 channels
    weights_of_convs = 9 * (3 * 128 + 128 * 128 + 128 * 256 + 2 * 256**2)
    weights_of_convs += 9 * (256 * 512 + 2 * 512**2)
    weights_of_dense = 512 * 4 * 4 * 2048 + 2048 * 2048 + 2048 * 10
    text = "128C3p1x2-A2-256C3p1x3-A2-512C3p1x3-A2-2048-2048-10"
    config = parse_config(
        "name: x\ndata: {name: cifar10}\ntraining: {epochs: 1}\nnetwork: {layers: "
        + text
        + ", neuron: {threshold: static, theta: 1}}"
    )
    channels, side, n_weights = 3, 32, 0
    for layer in config.network.layers:
        if isinstance(layer, Conv2dConfig):
            n_weights += layer.channels * channels * layer.kernel**2
            side += 2 * layer.padding - layer.kernel + 1
            channels = layer.channels
        elif isinstance(layer, PoolConfig):
            side //= layer.size
        else:
            n_weights += layer.units * channels * side**2
            channels, side = layer.units, 1
    assert n_weights == weights_of_convs + weights_of_dense == 28_515_712


@pytest.mark.parametrize(
    "text",
    [
        *("", "A", "a2", "10-", "-10", "p2", "C5", "5C", "1.5", "10 - 3"),
        *("8C3p", "8C3x", "8C3x0", "8C3x100", "8C3x2p1", "8C3p-1", "8C3P1", "10x2"),
    ],
)
def test_parse_short_form__refuses(text):
    with pytest.raises(ValueError, match="is not a layer; expected parts like 16C5"):
        parse_short_form(text)


def test_expand_layers__a_number_is_one_dense_layer():
    assert expand_layers(10) == [{"type": "dense", "units": 10}]


@pytest.mark.parametrize("value", [[{"type": "flatten"}], None, True, 2.5])
def test_expand_layers__leaves_the_rest(value):
    assert expand_layers(value) is value


def test_parse_short_form__dropout():
    assert parse_short_form("8C3-D-20-D0.25-10") == [
        {"type": "conv2d", "channels": 8, "kernel": 3},
        {"type": "dropout"},
        {"type": "dense", "units": 20},
        {"type": "dropout", "rate": 0.25},
        {"type": "dense", "units": 10},
    ]
    assert parse_short_form("D.5-3")[0] == {"type": "dropout", "rate": 0.5}


@pytest.mark.parametrize("text", ["D1-3", "D2.5-3", "Dx-3", "D0-3", "d-3"])
def test_parse_short_form__refuses_other_dropout(text):
    with pytest.raises(ValueError, match="is not a layer"):
        parse_short_form(text)
