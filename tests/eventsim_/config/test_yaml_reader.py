import pytest

from eventsim.config.yaml_reader import read_yaml, write_yaml
from eventsim.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        ("-2.5e+3", -2500.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("010", 10),
        ("-7", -7),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        (".inf", float("inf")),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("800-10", "800-10"),
        ("'1'", "1"),
    ],
)
def test_read_yaml__scalars_of_yaml_1_2(text, value):
    found = read_yaml(text, "x")
    assert found == value
    assert type(found) is type(value)


def test_read_yaml__nan():
    found = read_yaml(".nan", "x")
    assert found != found


def test_read_yaml__nested():
    text = "a:\n  - {b: 1, c: [x, 2.0]}\n  - d\n"
    assert read_yaml(text, "x") == {"a": [{"b": 1, "c": ["x", 2.0]}, "d"]}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a: 1\na: 2", "^config, line 2, column 1: not valid YAML: key 'a' appears"),
        ("b:\n  a: 1\n  a: 2", "line 3, column 3: .* key 'a' appears twice"),
        ("{a: 1, a: 2}", "line 1, column 8: .* key 'a' appears twice"),
        ("a: 1\n\tb: 2", r"line 2, column 1: .*'\\t' that cannot start any token"),
        ("a: [1, 2", "line 1, column 9: not valid YAML: expected ',' or ']'"),
        ("a: 'x", "line 1, column 6: not valid YAML: found unexpected end"),
        ("[1]: 2", "line 1, column 1: not valid YAML: a key must be a plain word"),
        ("null: 2", "line 1, column 1: not valid YAML: a key must be a plain word"),
        ("a: !!python/object:os.system x", "line 1, column 4: .*constructor for"),
        ("a: 1\n--- \nb: 1", "line 2, column 1: .*another document"),
        ("a: \x00", "not valid YAML"),
    ],
)
def test_read_yaml__refuses(text, match):
    with pytest.raises(ConfigError, match=match) as caught:
        read_yaml(text, "config")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "1e-3",
        "010",
        "1_000",
        "no",
        "true",
        "null",
        "",
        ".5",
        "x: y",
        "ä",
        "a\nb",
        "12:3",
        1e-07,
        1e300,
        0.1,
        -3,
        True,
        False,
        None,
        [],
        {},
        ["1e-3", 0.001],
        {"a": {"b": []}},
    ],
)
def test_write_yaml__reads_back(value):
    assert read_yaml(write_yaml({"k": value}), "x") == {"k": value}
