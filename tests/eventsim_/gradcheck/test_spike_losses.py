"""Networks that are read by all output spikes, whatever the gradient of the loss is."""

import dataclasses

import numpy as np
import pytest
from eventsim_.spiking_networks import random_network
from pydantic import TypeAdapter

from eventsim.config.loss_schema import LOSS_NAMES, LossConfig
from eventsim.engine.sweep import network as sweep
from eventsim.gradcheck import gradcheck
from eventsim.objective import loss_of_trains

pytestmark = pytest.mark.usefixtures("one_thread")


def counted(seed=4):
    """Return a network that is read by all output spikes, its input and labels."""
    network = random_network("dense", ["srm_lif held"], seed, t_end=4.0)
    activation = np.random.default_rng(0).random((3, 6))
    return dataclasses.replace(network, readout="spike_count"), activation, np.arange(3)


def section(name, **fields):
    return TypeAdapter(LossConfig).validate_python({"name": name, **fields})


SPIKE_LOSSES = [n for n in LOSS_NAMES if n != "potential_cross_entropy"]


@pytest.mark.parametrize("name", SPIKE_LOSSES)
def test_gradcheck__passes_for_every_loss_on_all_spikes(name):
    loss = section(name)
    case = counted()
    report = gradcheck(*case, loss, n_entries=2)
    assert report.worst_relative_error <= 1e-6
    assert report.unchecked == ()
    assert report.n_checked >= 20
    # The report shows the loss itself, and says what was differentiated.
    recording = sweep.forward(case[0], case[1])
    value = loss_of_trains(recording.trains[-1], case[2], loss, 4.0).value
    assert report.loss == pytest.approx(value, rel=1e-12)
    is_linear = name not in ("time_cross_entropy", "spike_timing")
    assert (f"the loss '{name}' is by definition not" in report.note) == is_linear


def test_gradcheck__an_exact_gradient_of_a_loss_is_checked_itself(monkeypatch):
    loss = section("van_rossum", gradient="exact")
    report = gradcheck(*counted(), loss, n_entries=2)
    assert report.worst_relative_error <= 1e-6
    assert report.note == gradcheck(*counted(), n_entries=1).note
    # The linearised gradient would be found out.
    monkeypatch.setattr("eventsim.gradcheck.check.has_true_gradient", lambda _: True)
    report = gradcheck(*counted(), section("van_rossum"), n_entries=2)
    assert report.worst_relative_error > 0.01


def test_gradcheck__finds_a_wrong_derivative_below_a_linearised_loss(monkeypatch):
    right = sweep.backward

    def wrong(*arguments, **options):
        gradients = right(*arguments, **options)
        gradients.weights[0][...] *= 1 + 1e-5
        return gradients

    monkeypatch.setattr(sweep, "backward", wrong)
    report = gradcheck(*counted(), section("spikemax_s"), n_entries=4)
    errors = [layer.worst_relative_error for layer in report.layers]
    assert errors[0] == pytest.approx(1e-5, rel=0.02)
    assert max(errors[1:]) <= 1e-6
