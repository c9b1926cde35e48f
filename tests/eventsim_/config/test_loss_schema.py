from pathlib import Path

import pytest
from pydantic import TypeAdapter

from eventsim.config import Config, config_to_yaml, load_config, parse_config
from eventsim.config.loss_schema import (
    LOSS_NAMES,
    LossConfig,
    PotentialCrossEntropyConfig,
    TimeCrossEntropyConfig,
)
from eventsim.config.section import tag_of
from eventsim.errors import ConfigError

EXAMPLES = Path(__file__).parents[3] / "examples"
BASE = """\
name: x
data: {name: yin-yang}
network:
  layers: 12-3
  readout: spike_count
  neuron: {model: lif, theta: 1, tau_m: 4, tau_s: 2, reset: zero}
training: {epochs: 3}
"""
OF_SPIKES = [name for name in LOSS_NAMES if name != "potential_cross_entropy"]
ONLY_SPIKES = [name for name in OF_SPIKES if name != "time_cross_entropy"]


def refused(*overrides, text=BASE):
    with pytest.raises(ConfigError) as caught:
        parse_config(text, overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_loss__names_are_those_of_the_sections():
    assert list(LOSS_NAMES) == [
        "time_cross_entropy",
        "potential_cross_entropy",
        "counting",
        "enhanced_counting",
        "van_rossum",
        "temporal_efficient",
        "spike_timing",
        "spike_rate",
        "spikemax",
        "spikemax_g",
        "spikemax_s",
    ]
    for name in LOSS_NAMES:
        section = TypeAdapter(LossConfig).validate_python({"name": name})
        assert section.name == name
        assert tag_of(type(section)) == ("name", name)


def test_loss__without_a_name_is_on_spike_times():
    assert parse_config(BASE).loss == TimeCrossEntropyConfig()
    config = parse_config(BASE + "loss: {beta: 40}\n")
    assert config.loss == TimeCrossEntropyConfig(beta=40.0)
    assert parse_config(BASE, ["loss.t_unfired=20"]).loss.t_unfired == 20


@pytest.mark.parametrize("name", OF_SPIKES)
def test_loss__name_alone_is_enough_and_survives_yaml(name):
    config = parse_config(BASE, [f"loss.name={name}"])
    assert config.loss.name == name
    assert parse_config(config_to_yaml(config)) == config


@pytest.mark.parametrize("name", OF_SPIKES)
def test_loss__unknown_keys_are_refused_and_the_known_ones_named(name):
    message = refused(f"loss.name={name}", "loss.zzz=1")
    assert "unknown key 'loss.zzz'; known: name, " in message


def test_loss__leftover_keys_of_another_loss_are_refused():
    example = EXAMPLES / "yinyang_lif_tiny.yaml"
    count = "network.readout=spike_count"
    with pytest.raises(ConfigError, match=r"unknown key 'loss\.beta'; known: name, re"):
        load_config(example, [count, "loss.name=spikemax_g"])
    config = load_config(example, [count, "loss={name: spikemax_g}"])
    assert config.loss.epsilon == 1e-2


@pytest.mark.parametrize("name", OF_SPIKES)
def test_loss__set_name_on_an_example_without_other_loss_keys(name, tmp_path):
    text = (EXAMPLES / "yinyang_lif_tiny.yaml").read_text()
    path = tmp_path / "c.yaml"
    path.write_text(text.replace("loss: {name: time_cross_entropy, beta: 20}\n", ""))
    overrides = ["network.readout=weighted_count", f"loss.name={name}"]
    assert load_config(path, overrides).loss.name == name


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["loss.name=tet"],
            "loss.name is 'tet'; expected one of time_cross_entropy, p",
        ),
        (["loss.name=3"], "loss.name is '3'; expected one of time_cross_entropy"),
        (["loss=3"], "loss is 3; expected a section with keys such as {name: "),
        (["loss="], "loss is null; expected a section with keys"),
        (["loss.beta=0"], "loss.beta is 0; expected greater than 0"),
        (["loss.t_unfired=-1"], "loss.t_unfired is -1; expected greater than 0"),
        (
            ["loss={name: counting, target_label: 0}"],
            "loss.target_label is 0; expected greater than 0",
        ),
        (
            ["loss={name: counting, clip: 1}"],
            "loss.clip is 1; expected a boolean",
        ),
        (
            ["loss={name: van_rossum, gradient: x}"],
            "loss.gradient is 'x'; expected 'linearised' or 'exact'",
        ),
        (
            ["loss={name: spikemax, epsilon: 0}"],
            "loss.epsilon is 0; expected greater than 0",
        ),
        (
            ["loss={name: spikemax, windw: 1}"],
            "unknown key 'loss.windw'; did you mean 'window'?",
        ),
        (
            ["loss={name: spike_timing, reduction: max}"],
            "loss.reduction is 'max'; expected 'mean' or 'sum'",
        ),
    ],
)
def test_loss__wrong_values_are_named_in_one_line(overrides, message):
    assert message in refused(*overrides)


STATIC = BASE.replace("spike_count", "spike_time")
DYNAMIC = BASE.replace(
    "{model: lif, theta: 1, tau_m: 4, tau_s: 2, reset: zero}", "{model: relpsp}"
)


@pytest.mark.parametrize("name", ONLY_SPIKES)
def test_loss__on_all_spikes_needs_a_readout_of_all_spikes(name):
    wrong = f"loss.name '{name}' does not fit network.readout"
    assert wrong in refused(f"loss.name={name}", text=STATIC)
    potential = DYNAMIC.replace("spike_count", "potential_start")
    assert wrong in refused(f"loss.name={name}", text=potential)


@pytest.mark.parametrize("readout", ["spike_count", "weighted_count"])
def test_loss__on_potentials_needs_potentials(readout):
    overrides = [f"network.readout={readout}", "loss.name=potential_cross_entropy"]
    assert "'potential_cross_entropy' does not fit" in refused(*overrides)


def test_loss__penalty_needs_first_spikes_and_the_dynamic_threshold():
    for text in (BASE, STATIC):
        message = refused("loss.silence_penalty=1", text=text)
        assert "loss.silence_penalty is 1 with readout 'spike_" in message
        assert "expected 'spike_time' and the dynamic threshold; leave it" in message
    dynamic = DYNAMIC.replace("spike_count", "spike_time")
    assert parse_config(dynamic, ["loss.silence_penalty=1"]).loss.silence_penalty == 1


def test_loss__json_schema_tells_the_sections_apart():
    schema = Config.model_json_schema()
    choices = [choice["$ref"] for choice in schema["properties"]["loss"]["oneOf"]]
    assert len(choices) == len(LOSS_NAMES)
    for choice, name in zip(choices, LOSS_NAMES, strict=True):
        section = schema["$defs"][choice.rsplit("/", 1)[1]]
        assert section["properties"]["name"]["const"] == name
        # A section without a name is that of the first loss, and of no other.
        assert ("name" in section.get("required", [])) == (name != LOSS_NAMES[0])


def test_loss__sections_have_only_their_own_fields():
    assert list(TimeCrossEntropyConfig.model_fields) == [
        "name",
        "beta",
        "t_unfired",
        "silence_penalty",
    ]
    assert list(PotentialCrossEntropyConfig.model_fields) == ["name", "beta"]
