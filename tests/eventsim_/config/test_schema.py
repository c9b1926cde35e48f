import pytest

from eventsim.config import Config, parse_config
from eventsim.errors import ConfigError

BASE = """\
name: x
data: {name: yin-yang}
network: {layers: 12-3}
training: {epochs: 3}
"""


def records(schema):
    """Yield (name, object schema) of the top level and of every definition."""
    yield "Config", schema
    yield from schema["$defs"].items()


def references(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_schema__describes_every_field_and_forbids_others():
    schema = Config.model_json_schema()
    names = [name for name, _ in records(schema)]
    assert {"DataConfig", "NeuronConfig", "Conv2dConfig", "PoolConfig"} <= set(names)
    for name, record in records(schema):
        assert record["type"] == "object"
        assert record["additionalProperties"] is False, name
        assert record["description"].strip(), name
        for key, field in record["properties"].items():
            assert field.get("description", "").strip(), f"{name}.{key}"


def test_schema__references_resolve():
    schema = Config.model_json_schema()
    found = set(references(schema))
    assert found == {f"#/$defs/{name}" for name in schema["$defs"]}


def test_schema__shows_defaults_and_bounds():
    schema = Config.model_json_schema()
    lr = schema["$defs"]["OptimizerConfig"]["properties"]["lr"]
    assert lr["default"] == 1e-3
    assert lr["exclusiveMinimum"] == 0
    assert schema["required"] == ["name", "data", "network", "training"]


STATIC = ["network.neuron.threshold=static", "network.neuron.theta=0.5"]
DIRECT = ["encode.coding=direct", *STATIC]
POTENTIAL = ["network.readout=potential_end", "loss.name=potential_cross_entropy"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (STATIC[:1], "network: neuron.threshold 'static' needs neuron.theta"),
        (STATIC[1:], "neuron.theta belongs to the static threshold"),
        ([*STATIC, *POTENTIAL], "readout 'potential_end' needs the dynamic threshold"),
        (
            [*STATIC, "network.neuron.derivative_clip=11"],
            "derivative_clip needs the dynamic threshold",
        ),
        ([*STATIC, "loss.silence_penalty=1"], "silence_penalty is 1 with readout"),
        (
            [*POTENTIAL, "loss.silence_penalty=1"],
            "unknown key 'loss.silence_penalty'; known: name, beta",
        ),
        (POTENTIAL[:1], "'time_cross_entropy' does not fit network.readout"),
        (POTENTIAL[1:], "'potential_cross_entropy' does not fit network.readout"),
        (["optimizer.nesterov=true"], "nesterov needs name 'sgd' and a momentum"),
        (
            ["optimizer.nesterov=true", "optimizer.name=sgd"],
            "nesterov needs name 'sgd' and a momentum",
        ),
        (["optimizer.momentum=0.9"], "momentum belongs to 'sgd'; adam has beta1"),
        (["schedule.name=milestones"], "'milestones' and a list of milestones go"),
        (["schedule.milestones=[3]"], "'milestones' and a list of milestones go"),
        (
            ["data.augment.autoaugment=svhn"],
            "autoaugment is 'svhn'; expected 'imagenet' or 'cifar10'",
        ),
        (
            ["data.augment.shift_fill=256"],
            "shift_fill is 256; expected less than or equal to",
        ),
        (["encode.coding=direct"], "encode.coding 'direct' needs the static threshold"),
        (
            [*DIRECT, "encode.polarity=dark_first"],
            "polarity is dark_first; it does not go with coding 'direct'",
        ),
        ([*DIRECT, "encode.value_max=2"], "value_max is 2.0; it does not go with"),
        ([*DIRECT, "encode.bias_spikes=1"], "bias_spikes is 1; it does not go with"),
        (["encode.gain=2"], "gain is 2.0; it does not go with coding 'latency'"),
        ([*DIRECT, "encode.gain=0"], "encode.gain"),
        (
            ["optimizer={name: sgd, beta1: 0.8}"],
            "optimizer: beta1 is 0.8; it does not go with name 'sgd'; leave it out",
        ),
        (["schedule={name: cosine, gamma: 0.5}"], "gamma is 0.5; it does not go with"),
        (["schedule.final_fraction=0.1"], "final_fraction is 0.1; it does not go with"),
        (["schedule.warmup_epochs=99"], "warmup_epochs is 99 of"),
        (["data.augment.shift_fill=3"], "shift_fill is 3; it does not go with no"),
        (["seed=9223372036854775808"], "seed is 9223372036854775808; expected less"),
    ],
)
def test_config__inconsistent_choices_are_refused(overrides, message):
    with pytest.raises(ConfigError) as caught:
        parse_config(BASE, overrides)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "overrides",
    [
        STATIC,
        POTENTIAL,
        [*POTENTIAL, "network.neuron.derivative_clip=11"],
        ["loss.silence_penalty=1"],
        ["optimizer={name: sgd, momentum: 0.9, nesterov: true}"],
        ["schedule={name: milestones, milestones: [1, 2]}"],
        ["encode.value_max=sample"],
        ["data.augment={shift: 4, shift_fill: 128, autoaugment: cifar10}"],
        ["data.augment.flip=true", "data.augment.autoaugment=imagenet"],
        DIRECT,
        [*DIRECT, "encode.gain=0.5"],
    ],
)
def test_config__consistent_choices_pass(overrides):
    assert parse_config(BASE, overrides) != parse_config(BASE)
