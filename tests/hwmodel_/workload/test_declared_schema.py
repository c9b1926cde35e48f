from __future__ import annotations

from fractions import Fraction

import pytest
from pydantic import ValidationError

from hwmodel.workload.declared_schema import WorkloadSpec, first_mistake

RAW = {
    "name": "net",
    "source": "made up",
    "input_shape": [2],
    "input_spikes_per_neuron": 1,
    "windows": 1,
    "density": 0.5,
    "spikes_per_neuron": 0.1,
    "layers": [
        {"type": "dense", "units": 2, "spikes_per_neuron": 0, "density": 1},
        {"type": "dense", "units": 2},
    ],
}


def test_workload_spec__a_layer_overrides_what_holds_for_all():
    spec = WorkloadSpec.model_validate(RAW)
    own, common = spec.layers
    assert (spec.rate_of(own), spec.density_of(own)) == (0, 1)
    assert (spec.rate_of(common), spec.density_of(common)) == (Fraction(1, 10), 0.5)


def test_workload_spec__rates_are_the_decimals_that_were_written():
    spec = WorkloadSpec.model_validate(RAW | {"spikes_per_neuron": 0.4387})
    assert spec.spikes_per_neuron == Fraction(4387, 10**4)


def test_workload_spec__a_kernel_may_be_one_side():
    conv = {"type": "conv2d", "channels": 1, "kernel": 3}
    spec = WorkloadSpec.model_validate(RAW | {"layers": [conv]})
    assert spec.layers[0].kernel == [3, 3]


def test_first_mistake__a_wrong_key_comes_before_a_missing_one():
    raw = {key: value for key, value in RAW.items() if key != "windows"} | {"window": 1}
    with pytest.raises(ValidationError) as caught:
        WorkloadSpec.model_validate(raw)
    message = first_mistake(caught.value)
    assert message == "window is not a known key; did you mean 'windows'?"
