import pytest

from eventsim.config import parse_config
from eventsim.config.network_schema import NetworkConfig
from eventsim.errors import ConfigError

BASE = """\
name: x
data: {name: yin-yang}
network: {layers: 12-3}
training: {epochs: 3}
"""
IF = ["network.neuron={model: if_delta, theta: 1}"]


def test_network_config__defaults_are_those_of_the_dynamic_threshold():
    network = parse_config(BASE).network
    assert (network.t_end, network.current, network.delay) == (None, 0.0, 0.0)
    assert network.neuron.model == "relpsp"
    assert network.neuron.threshold == "dynamic"


@pytest.mark.parametrize(
    "overrides",
    [
        ["network.t_end=20", "network.current=-0.5", "network.delay=1"],
        ["network.layers=4C3-A2-3"],
        ["network.layers=[{type: pool, kind: average, size: 3, stride: 1}, "
         "{type: dense, units: 3}]"],
    ],
)  # fmt: skip
def test_network_config__what_the_static_threshold_allows(overrides):
    static = ["network.neuron={threshold: static, theta: 0.5}"]
    for neuron in (IF, static):
        assert parse_config(BASE, [*neuron, *overrides]) != parse_config(BASE, neuron)
    with pytest.raises(ConfigError, match="belongs to the static threshold"):
        parse_config(BASE, overrides)


def test_network_config__short_and_long_form_are_the_same():
    short = parse_config(BASE, [*IF, "network.layers=4C3-A2-P2-3"])
    pools = "{type: pool, kind: average, size: 2}, {type: pool}"
    long = parse_config(
        BASE,
        [*IF, f"network.layers=[{{type: conv2d, channels: 4, kernel: 3}}, {pools}, "
         "{type: dense, units: 3}]"],
    )  # fmt: skip
    assert short == long
    assert [getattr(layer, "kind", None) for layer in short.network.layers] == [
        None,
        "average",
        "earliest",
        None,
    ]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["network.t_end=5"],
            "network: t_end is 5; it belongs to the static threshold",
        ),
        (["network.current=0.5"], "network: current is 0.5; it belongs to the static"),
        (["network.delay=0.5"], "network: delay is 0.5; it belongs to the static"),
        (
            ["network.layers=4C3-A2-3"],
            "network: layers.1 is an average pool; it belongs to the static threshold, "
            "with the dynamic one use kind 'earliest'",
        ),
        ([*IF, "network.t_end=0"], "network.t_end is 0; expected greater than 0"),
        ([*IF, "network.t_end=.inf"], "network.t_end is inf"),
        ([*IF, "network.delay=-1"], "network.delay is -1; expected greater than or eq"),
        ([*IF, "network.current=.nan"], "network.current is nan"),
        (
            [*IF, "network.readout=potential_end", "loss.name=potential_cross_entropy"],
            "readout 'potential_end' needs the dynamic threshold; use 'spike_time'",
        ),
        (
            [*IF, "network.layers=[{type: pool, kind: max}, {type: dense, units: 3}]"],
            "network.layers.0.kind is 'max'; expected 'earliest' or 'average'",
        ),
    ],
)
def test_network_config__refuses_wrong_combinations(overrides, message):
    with pytest.raises(ConfigError) as caught:
        parse_config(BASE, overrides)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_network_config__every_field_is_described():
    for name, field in NetworkConfig.model_fields.items():
        assert field.description, name
