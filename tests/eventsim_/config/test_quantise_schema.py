import pytest

from eventsim.errors import ConfigError


def test_quantise__is_off_unless_asked_and_then_has_four_bits(tiny_config):
    assert tiny_config().training.quantise is None
    found = tiny_config("training.quantise={}").training.quantise
    assert (found.bits, found.per) == (4, "layer")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("bits=1", r"training\.quantise\.bits is 1; expected greater than or equal"),
        ("bits=17", r"training\.quantise\.bits is 17; expected less than or equal"),
        ("bits=4.5", r"training\.quantise\.bits is 4\.5; expected"),
        ("per=core", r"training\.quantise\.per is 'core'; expected 'layer' or 'chan"),
        ("bit=4", "unknown key 'training.quantise.bit'; did you mean 'bits'"),
    ],
)
def test_quantise__refuses_what_it_cannot_do(tiny_config, override, message):
    with pytest.raises(ConfigError, match=message):
        tiny_config(f"training.quantise.{override}")
