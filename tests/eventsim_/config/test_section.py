import pytest
from pydantic import ValidationError

from eventsim.config.loss_schema import CountingConfig
from eventsim.config.network_schema import PoolConfig
from eventsim.config.section import Section, tag_of


class Example(Section):
    count: int = 1
    share: float = 0.5


def test_section__a_whole_number_may_stand_for_a_fraction():
    assert Example(share=2).share == 2.0


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"cuont": 1}, "extra_forbidden"),
        ({"count": 1.0}, "int_type"),
        ({"count": "1"}, "int_type"),
        ({"count": True}, "int_type"),
        ({"share": "0.5"}, "float_type"),
        ({"share": float("nan")}, "finite_number"),
        ({"share": float("inf")}, "finite_number"),
    ],
)
def test_section__converts_nothing_silently(values, kind):
    with pytest.raises(ValidationError) as caught:
        Example(**values)
    assert [error["type"] for error in caught.value.errors()] == [kind]


def test_section__is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Example().count = 2


def test_tag_of__is_the_type_or_else_the_name():
    assert tag_of(PoolConfig) == ("type", "pool")
    assert tag_of(CountingConfig) == ("name", "counting")
