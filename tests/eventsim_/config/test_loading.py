import pytest
import yaml

from eventsim.config import Config, config_to_yaml, load_config, parse_config
from eventsim.config.loading import Setting
from eventsim.errors import ConfigError

BASE = """\
name: x
data: {name: yin-yang}
network: {layers: 12-3}
training: {epochs: 3}
"""


def refused(*overrides, text=BASE):
    with pytest.raises(ConfigError) as caught:
        parse_config(text, overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_config_to_yaml__round_trip_shows_every_default():
    config = parse_config(BASE, ["optimizer.lr=1e-7", "data.normalise=null"])
    text = config_to_yaml(config)
    assert parse_config(text) == config
    assert yaml.safe_load(text) == config.model_dump()

    def check(shown, section):
        assert set(shown) == set(type(section).model_fields)
        for key, value in shown.items():
            if isinstance(value, dict):
                check(value, getattr(section, key))

    check(yaml.safe_load(text), config)


@pytest.mark.parametrize("lr", ["1e-7", "1e+5", "0.1", "3", "1E-20", "123456789.5"])
def test_config_to_yaml__numbers_survive(lr):
    config = parse_config(BASE, [f"optimizer.lr={lr}"])
    assert parse_config(config_to_yaml(config)).optimizer.lr == float(lr)


@pytest.mark.parametrize("text", ["no", "1e-3", "010", "null", "ä: {b}", "- x", "'"])
def test_config_to_yaml__text_stays_text(text):
    quoted = text.replace("'", "''")
    config = parse_config(BASE, [f"description='{quoted}'"])
    assert parse_config(config_to_yaml(config)).description == text


def test_load_config__reads_a_file(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(BASE)
    assert load_config(path) == parse_config(BASE)
    assert load_config(str(path), ["seed=7"]).seed == 7


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda path: None, "cannot be read: No such file"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.write_bytes(b"\xff\xfe\xfa"), "it is not UTF-8 text"),
        (lambda path: path.write_text(""), "got null at the top level"),
        (lambda path: path.write_text("- a"), r"got \['a'\] at the top level"),
        (lambda path: path.write_text("a: [1"), "line 1, column 6: not valid YAML"),
    ],
)
def test_load_config__names_the_file(tmp_path, make, match):
    path = tmp_path / "c.yaml"
    make(path)
    with pytest.raises(ConfigError, match=f"^config '.*c.yaml'.*{match}"):
        load_config(path)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sed=1", "unknown key 'sed'; did you mean 'seed'?"),
        ("training.epoch=1", "unknown key 'training.epoch'; did you mean 'epochs'?"),
        ("data.augment.shfit=1", "key 'data.augment.shfit'; did you mean 'shift'?"),
        ("data.normalise.men=1", "key 'data.normalise.men'; did you mean 'mean'?"),
        ("network.neuron.teta=1", "'network.neuron.teta'; did you mean 'theta'?"),
        ("network.layers.0.unit=1", "'network.layers.0.unit'; did you mean 'units'?"),
        ("zzz=1", "unknown key 'zzz'; known: name, description, seed"),
        (
            "encode.qqq=1",
            "'encode.qqq'; known: coding, gain, value_max",
        ),
    ],
)
def test_parse_config__unknown_key_names_the_nearest(override, message):
    overrides = [override]
    if "normalise" in override:
        overrides.insert(0, "data.normalise={mean: [0.1], std: [1.0]}")
    assert message in refused(*overrides)


@pytest.mark.parametrize("kind", ["conv2d", "pool", "flatten"])
def test_parse_config__unknown_key_in_each_kind_of_layer(kind):
    needed = ", channels: 2, kernel: 3" if kind == "conv2d" else ""
    layers = f"network.layers=[{{type: {kind}{needed}, zzz: 1}}]"
    assert "unknown key 'network.layers.0.zzz'; known: type" in refused(layers)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs=2.5", "training.epochs is 2.5; expected an integer"),
        ("training.epochs='2'", "training.epochs is '2'; expected an integer"),
        ("training.epochs=true", "training.epochs is true; expected an integer"),
        ("training.epochs=", "training.epochs is null; expected an integer"),
        ("training.epochs=0", "is 0; expected greater than or equal to 1"),
        ("training.epochs=-3", "is -3; expected greater than or equal to 1"),
        ("optimizer.lr=.nan", "optimizer.lr is nan; expected a finite number"),
        ("optimizer.lr=.inf", "optimizer.lr is inf; expected a finite number"),
        ("optimizer.lr=-1", "optimizer.lr is -1; expected greater than 0"),
        ("optimizer.lr=0", "optimizer.lr is 0; expected greater than 0"),
        ("optimizer.lr=fast", "optimizer.lr is 'fast'; expected a number"),
        ("optimizer.momentum=1", "is 1; expected less than 1"),
        ("network.time_window=.nan", "time_window is nan; expected a finite number"),
        ("loss.beta=-.inf", "loss.beta is -inf; expected"),
        ("data.augment.flip=1", "data.augment.flip is 1; expected a boolean"),
        ("data.augment.flip=no", "data.augment.flip is 'no'; expected a boolean"),
        ("name=3", "name is 3; expected a string"),
        ("name=''", "name is ''; expected letters, digits and ._+-"),
        ("name=a/../b", "name is 'a/../b'; expected letters, digits"),
        ("name=-x", "name is '-x'; expected letters, digits"),
        ("data=3", "data is 3; expected a section with keys"),
        ("optimizer=", "optimizer is null; expected a section with keys: name, lr, "),
        (
            "training.supervisory_spike=always",
            "training.supervisory_spike is 'always'; expected a section with keys: w",
        ),
        (
            "encode.value_max=x",
            "encode.value_max is 'x'; expected a number or 'sample'",
        ),
        ("encode.value_max=-1", "encode.value_max: must be positive, got -1"),
        (
            "precision=float16",
            "precision is 'float16'; expected 'float32' or 'float64'",
        ),
        ("network.layers=[]", "network.layers is []; expected"),
        ("network.layers=", "network.layers is null; expected a list"),
        ("network.layers.0=1", "network.layers.0 is 1; expected a section with keys"),
        ("network.layers.0.units=0", "network.layers.0.units is 0; expected greater"),
        ("network.layers=3x-5", "network.layers: '3x' is not a layer"),
        ("network.layers=[{units: 3}]", "network.layers.0 is {'units': 3}; expected"),
        (
            "network.layers=[{type: foo}]",
            "type is 'foo'; expected one of dense, conv2d",
        ),
    ],
)
def test_parse_config__wrong_value_names_field_value_and_rule(override, message):
    assert message in refused(override)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        ("x", "network.layers.0.kernel is 'x'; expected an integer or a list"),
        ("0", "kernel: expected a positive number or [height, width], got 0"),
        ("[3]", "kernel: expected a positive number or [height, width], got [3]"),
        ("[3, 0]", "kernel: expected a positive number or [height, width], got [3, 0]"),
    ],
)
def test_parse_config__wrong_kernel(kernel, message):
    layers = f"network.layers=[{{type: conv2d, channels: 2, kernel: {kernel}}}]"
    assert message in refused(layers)


def test_parse_config__counts_further_problems():
    assert refused("seed=-1", "optimizer.lr=0").endswith("(and 1 more)")


@pytest.mark.parametrize("key", ["name", "data", "network", "training"])
def test_parse_config__missing_section(key):
    lines = [line for line in BASE.splitlines() if not line.startswith(key)]
    assert f"'{key}' is missing; add it" in refused(text="\n".join(lines))


def test_parse_config__set_reaches_everything():
    config = parse_config(
        BASE,
        [
            "training.epochs=9",
            "network.layers.0.units=7",
            "data.augment={shift: 2, flip: true}",
            "schedule.milestones=[1, 2]",
            "schedule.name=milestones",
            " optimizer.lr =1e-2",
            "description=a=b",
        ],
    )
    assert config.training.epochs == 9
    assert [layer.units for layer in config.network.layers] == [7, 3]
    assert (config.data.augment.shift, config.data.augment.flip) == (2, True)
    assert config.schedule.milestones == [1, 2]
    assert (config.optimizer.lr, config.description) == (0.01, "a=b")


def test_parse_config__set_layers_in_short_form_then_one_of_them():
    overrides = ["network.layers=4C3-P2-20-3", "network.layers.2.units=30"]
    layers = parse_config(BASE, overrides).network.layers
    assert [layer.type for layer in layers] == ["conv2d", "pool", "dense", "dense"]
    assert layers[2].units == 30


def test_parse_config__layers_in_long_and_short_form_are_equal():
    long = "network.layers=[{type: dense, units: 12}, {type: dense, units: 3}]"
    assert parse_config(BASE, [long]) == parse_config(BASE)
    one = parse_config(BASE, ["network.layers=10"])
    assert one == parse_config(BASE, ["network.layers='10'"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs", "--set 'training.epochs': expected KEY=VALUE, for example"),
        ("=3", "--set '=3': expected KEY=VALUE"),
        ("", "--set '': expected KEY=VALUE"),
        (
            "network.layers.5.units=1",
            "'5' is not a place in a list of 2; expected 0 to",
        ),
        ("network.layers.x.units=1", "'x' is not a place in a list of 2"),
        ("network.layers.-1.units=1", "'-1' is not a place in a list of 2"),
        ("name.x=1", "'name' holds the value 'x'; expected a section with keys"),
        ("seed=[1", "--set seed, line 1, column 3: not valid YAML"),
        ("network.layers=3x", "--set 'network.layers=3x': network.layers: '3x' is not"),
        ("a..b=1", "unknown key 'a'"),
    ],
)
def test_parse_config__malformed_set(override, message):
    assert message in refused(override)


@pytest.mark.parametrize("name", list(Config.model_fields))
def test_parse_config__is_frozen(name):
    config = parse_config(BASE)
    with pytest.raises(ValueError, match="frozen"):
        setattr(config, name, None)


def test_parse_config__a_setting_is_an_override_already_read():
    layers = [{"type": "dense", "units": 5}, {"type": "dense", "units": 3}]
    given = Setting("network.layers", layers, "here")
    config = parse_config(BASE, [given, "network.layers.0.units=7"])
    assert config.network.layers[0].units == 7
    assert layers[0]["units"] == 5, "a later override must not change the setting"
    assert parse_config(BASE, ["network.layers.0.units=7", given]).network.layers[
        0
    ].units == 5  # fmt: skip


def test_parse_config__a_setting_says_where_it_is_from():
    given = Setting("network.layers.9.units", 3, "file 'x', line 3")
    with pytest.raises(ConfigError, match=r"^file 'x', line 3: '9' is not a place in"):
        parse_config(BASE, [given])
    with pytest.raises(ConfigError, match=r"^file 'y': 'name' holds the value 'x'; ex"):
        parse_config(BASE, [Setting("name.x", 3, "file 'y'")])
