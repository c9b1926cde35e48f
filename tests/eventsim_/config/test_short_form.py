import pytest

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


@pytest.mark.parametrize(
    "text", ["", "A", "a2", "10-", "-10", "p2", "C5", "5C", "1.5", "10 - 3"]
)
def test_parse_short_form__refuses(text):
    with pytest.raises(ValueError, match="is not a layer; expected parts like 16C5"):
        parse_short_form(text)


def test_expand_layers__a_number_is_one_dense_layer():
    assert expand_layers(10) == [{"type": "dense", "units": 10}]


@pytest.mark.parametrize("value", [[{"type": "flatten"}], None, True, 2.5])
def test_expand_layers__leaves_the_rest(value):
    assert expand_layers(value) is value
