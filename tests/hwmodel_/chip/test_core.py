from __future__ import annotations

import pytest

from hwmodel.chip.core import CoreLimits, tightest
from hwmodel.errors import ChipError


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({}, None),
        ({"synapses": 7}, 7),
        ({"synapse_memory": 40, "weight_bits": 9}, 4),
        ({"synapses": 3, "synapse_memory": 40, "weight_bits": 9}, 3),
    ],
)
def test_most_synapses__is_the_tighter_of_number_and_memory(limits, most):
    assert CoreLimits(**limits).most_synapses == most


def test_most_inputs__is_the_tighter_of_fan_in_and_axons():
    assert CoreLimits(fan_in=5, axons=4).most_inputs == 4
    assert CoreLimits(fan_in=5).most_inputs == 5
    assert CoreLimits().most_inputs is None


def test_core_limits__memory_needs_the_bits_of_a_synapse():
    with pytest.raises(ChipError, match="synapse_memory is 40 bits, but weight_bits"):
        CoreLimits(synapse_memory=40)


def test_tightest__leaves_out_what_is_no_limit():
    assert tightest(None, 3, 2, None) == 2
    assert tightest(None) is None
