import re
import typing
from dataclasses import fields
from pathlib import Path

import pytest

from eventsim.config import config_to_yaml, parse_config
from eventsim.config.neuron_schema import CONSTANT_FIELDS, CONSTANTS, NeuronConfig
from eventsim.errors import ConfigError, ShapeError
from eventsim.network import Neuron
from eventsim.neurons import NEURON_MODELS, model_of

BASE = """\
name: x
data: {name: yin-yang}
network: {layers: 12-3}
training: {epochs: 3}
"""

VALUES = {
    "tau_m": 4.0,
    "tau_s": 2.0,
    "tau_r": 1.5,
    "reset": "subtract",
    "max_spikes": 3,
    "refractory": 0.25,
    "threshold_factor": 0.5,
    "refractory_scale": 2.5,
}

with_model = pytest.mark.parametrize("model", NEURON_MODELS)


def parse(model, names, **changes):
    chosen = {name: VALUES[name] for name in names} | {"theta": 0.7} | changes
    overrides = [f"network.neuron.{name}={value}" for name, value in chosen.items()]
    return parse_config(BASE, [f"network.neuron.model={model}", *overrides])


def relpsp_is_static(model):
    return {"threshold": "static"} if model == "relpsp" else {}


def test_constants__name_every_model_and_every_field():
    literal = NeuronConfig.model_fields["model"].annotation
    assert tuple(CONSTANTS) == typing.get_args(literal) == NEURON_MODELS
    of_neuron = {field.name for field in fields(Neuron)} - {"model", "threshold"}
    assert set(CONSTANT_FIELDS) == set(VALUES) == of_neuron


@with_model
def test_constants__are_those_that_the_model_s_file_reads(model):
    needed, allowed = CONSTANTS[model]
    constants = {name: VALUES[name] for name in needed + allowed}
    dynamics = model_of(Neuron(model)).dynamics
    assert dynamics(Neuron(model, "static", **constants))
    for name in set(CONSTANT_FIELDS) - set(constants):
        with pytest.raises(ShapeError, match=f"{name} is .*no such constant"):
            dynamics(Neuron(model, "static", **constants, **{name: VALUES[name]}))
    for name in set(needed) - {"reset"}:
        fewer = {key: value for key, value in constants.items() if key != name}
        with pytest.raises(ShapeError, match=f"{name} is None"):
            dynamics(Neuron(model, "static", **fewer))


@with_model
def test_neuron_config__takes_what_the_model_has(model):
    needed, allowed = CONSTANTS[model]
    for names in (needed, needed + allowed):
        config = parse(model, names, **relpsp_is_static(model))
        neuron = config.network.neuron
        assert neuron.threshold == "static"
        for name in CONSTANT_FIELDS:
            default = NeuronConfig.model_fields[name].default
            expected = VALUES[name] if name in names else default
            assert getattr(neuron, name) == expected
        assert parse_config(config_to_yaml(config)) == config


@with_model
def test_neuron_config__refuses_what_the_model_has_not(model):
    needed, allowed = CONSTANTS[model]
    for name in set(CONSTANT_FIELDS) - {*needed, *allowed}:
        with pytest.raises(ConfigError) as caught:
            parse(model, (*needed, name), **relpsp_is_static(model))
        message = str(caught.value)
        assert f"network.neuron: {name} is {VALUES[name]}, but model" in message
        assert "\n" not in message


@with_model
def test_neuron_config__asks_for_what_the_model_needs(model):
    needed, _ = CONSTANTS[model]
    for name in needed:
        fewer = [other for other in needed if other != name]
        with pytest.raises(ConfigError, match=f"'{model}' needs {name}; add it"):
            parse(model, fewer)
    chosen = [f"network.neuron.{name}={VALUES[name]}" for name in needed]
    chosen += ["network.neuron.threshold=static"]
    with pytest.raises(ConfigError, match=r"network: neuron\..* needs neuron\.theta"):
        parse_config(BASE, [f"network.neuron.model={model}", *chosen])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["model=if_delta", "theta=1", "tau_s=2"],
            "network.neuron: tau_s is 2.0, but model 'if_delta' has no such constant; "
            "leave it out (it has: refractory, threshold_factor, max_spikes)",
        ),
        (
            ["model=lif", "theta=1", "tau_m=2", "tau_s=1"],
            "network.neuron: model 'lif' needs reset; add it",
        ),
        (
            ["model=lif_delta", "tau_m=2"],
            "network: neuron.model 'lif_delta' needs neuron.theta",
        ),
        (
            ["model=if_delta", "theta=1", "threshold=dynamic"],
            "model 'if_delta' with threshold 'dynamic'; expected 'static'",
        ),
        (
            ["max_spikes=1"],
            "max_spikes is 1, but model 'relpsp' with the dynamic threshold has no "
            "such constant; leave it out (it has: none)",
        ),
        (
            ["model=if_delta", "theta=1", "derivative_clip=11"],
            "neuron.derivative_clip needs the dynamic threshold",
        ),
        (
            ["slope_clip=2"],
            "slope_clip is 2 with the dynamic threshold; expected none, there",
        ),
        (["model=if_delta", "theta=1", "slope_clip=0"], "slope_clip is 0; expected"),
        (
            ["model=if_delta", "theta=1", "exponential_slope=2"],
            "exponential_slope is 2, but model 'if_delta' has no such option",
        ),
        (["model=lif", "tau_m=0"], "network.neuron.tau_m is 0; expected greater than"),
        (["model=lif", "tau_m=.inf"], "network.neuron.tau_m is inf"),
        (["model=if_delta", "refractory=-1"], "network.neuron.refractory is -1"),
        (["model=if_delta", "max_spikes=0"], "network.neuron.max_spikes is 0"),
        (["model=if_delta", "max_spikes=1.5"], "network.neuron.max_spikes is 1.5"),
        (
            ["model=lif", "reset=half"],
            "network.neuron.reset is 'half'; expected 'zero'",
        ),
        (
            ["model=izhikevich"],
            "network.neuron.model is 'izhikevich'; expected 'relpsp'",
        ),
        (["model=lif", "tau=1"], "unknown key 'network.neuron.tau'; did you mean"),
        (["reset=zero"], "reset is zero, but model 'relpsp'"),
    ],
)
def test_neuron_config__refuses_wrong_combinations(overrides, message):
    with pytest.raises(ConfigError) as caught:
        parse_config(BASE, [f"network.neuron.{change}" for change in overrides])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_constants__are_those_of_the_reference_page():
    page = Path(__file__).parents[3] / "docs/reference/config.md"
    rows = re.findall(
        r"^\| `(\w+)`(?:, static threshold)? \| `theta`(.*?) \|(.*)\|$",
        page.read_text("utf-8"),
        re.M,
    )
    found = {
        model: tuple(tuple(re.findall(r"`(\w+)`", part)) for part in parts)
        for model, *parts in rows
    }
    assert found == CONSTANTS
