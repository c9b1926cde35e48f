import math

import numpy as np
import pytest
from eventsim_.neurons.scalar_driver import MODELS, dynamics_of, neuron_of

from eventsim.errors import ShapeError
from eventsim.network import Neuron
from eventsim.neurons import NEURON_MODELS, model_of
from eventsim.neurons.dynamics import UNLIMITED


def test_models__are_all_tried_here():
    assert tuple(MODELS) == NEURON_MODELS


def test_model_of__names_the_models_there_are():
    with pytest.raises(ShapeError, match=r"no model 'liff'; expected one of relpsp, "):
        model_of(Neuron("liff"))


NEEDED = [(m, name) for m in MODELS for name in MODELS[m] if name != "reset"]


@pytest.mark.parametrize("value", [None, 0.0, -1.0, math.inf, math.nan])
@pytest.mark.parametrize(("model", "name"), NEEDED)
def test_positive__refuses(model, name, value):
    with pytest.raises(
        ShapeError, match=rf"^neuron {model}: {name} is .*; expected a positive number$"
    ):
        dynamics_of(model, **{name: value})


def test_positive__refuses_a_refractory_scale_of_zero():
    with pytest.raises(ShapeError, match="refractory_scale is 0; expected a positive"):
        dynamics_of("slayer_srm", refractory_scale=0)


FOREIGN = [
    ("relpsp", {"tau_m": 2.0}),
    ("relpsp", {"refractory": 1.0}),
    ("srm_lif", {"reset": "zero"}),
    ("srm_lif", {"tau_r": 1.0}),
    ("lif", {"threshold_factor": 0.5}),
    ("lif", {"refractory_scale": 2.0}),
    ("non_leaky_if", {"tau_m": 1.0}),
    ("alpha_synapse", {"tau_m": 1.0}),
    ("slayer_srm", {"refractory": 1.0}),
    ("if_delta", {"tau_s": 1.0}),
    ("lif_delta", {"reset": "subtract"}),
]


@pytest.mark.parametrize(("model", "constants"), FOREIGN, ids=str)
def test_refuse_others__names_what_the_model_has(model, constants):
    (name, value), *_ = constants.items()
    with pytest.raises(
        ShapeError,
        match=rf"^neuron {model}: {name} is {value}, but the model has no such "
        r"constant; leave it out \(it has: .*\)$",
    ):
        dynamics_of(model, **constants)


@pytest.mark.parametrize("model", MODELS)
def test_refuse_others__the_dynamic_threshold_is_of_one_engine(model):
    neuron = Neuron(model, "dynamic", **MODELS[model])
    with pytest.raises(ShapeError, match="threshold is 'dynamic'; expected 'static'"):
        model_of(neuron).dynamics(neuron)


@pytest.mark.parametrize("value", [-0.1, math.inf, math.nan])
def test_refuse_others__a_refractory_period_is_a_time(value):
    with pytest.raises(ShapeError, match=r"refractory is .*; expected a time, not neg"):
        dynamics_of("lif", refractory=value)


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_refuse_others__a_threshold_factor_is_positive(value):
    with pytest.raises(
        ShapeError, match=r"threshold_factor is .*; expected a positive"
    ):
        dynamics_of("if_delta", threshold_factor=value)


@pytest.mark.parametrize("model", ["lif", "non_leaky_if", "alpha_synapse"])
def test_refuse_others__a_reset_is_one_of_two(model):
    with pytest.raises(
        ShapeError, match="reset is 'hard'; expected one of zero, subtract"
    ):
        dynamics_of(model, reset="hard")


@pytest.mark.parametrize("value", [0, -3, 1.5, "two"])
@pytest.mark.parametrize("model", MODELS)
def test_refuse_others__max_spikes_is_a_count(model, value):
    with pytest.raises(
        ShapeError, match=f"max_spikes is {value}; expected a whole number, at least 1"
    ):
        dynamics_of(model, max_spikes=value)


@pytest.mark.parametrize("model", MODELS)
def test_max_spikes__is_one_for_first_spike_models(model):
    is_single = model in ("relpsp", "non_leaky_if", "alpha_synapse")
    assert dynamics_of(model).max_spikes == (1 if is_single else UNLIMITED)
    assert dynamics_of(model, max_spikes=3).max_spikes == 3


@pytest.mark.parametrize("model", MODELS)
def test_dynamics__has_one_type_per_field(model):
    # Another type would compile every kernel again.
    whole = {name: 2 for name in MODELS[model] if name != "reset"}
    whole["max_spikes"] = np.int32(4)
    if model.endswith("delta"):
        whole |= {"refractory": 1, "threshold_factor": 2}
    d = dynamics_of(model, **whole)
    expected = [float] * 11 + [bool, bool, int]
    assert [type(value) for value in d] == expected


@pytest.mark.parametrize("model", MODELS)
def test_neuron_of__keeps_the_sample_constants(model):
    neuron = neuron_of(model)
    assert all(getattr(neuron, k) == v for k, v in MODELS[model].items())
