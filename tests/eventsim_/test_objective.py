import numpy as np
import pytest
from eventsim_.losses.output_spikes import by_masses, by_times, random_case
from pydantic import TypeAdapter

from eventsim import losses
from eventsim.config.loss_schema import LOSS_NAMES, LossConfig
from eventsim.errors import ConfigError
from eventsim.losses import CountTargets, regular_times
from eventsim.objective import (
    has_true_gradient,
    loss_of_trains,
    require_fitting_loss,
    unfired_time,
)

DURATION = 2.0
OF_SPIKES = [name for name in LOSS_NAMES if name != "potential_cross_entropy"]


def section(name, **fields):
    return TypeAdapter(LossConfig).validate_python({"name": name, **fields})


LENGTH = {"duration": DURATION}
SUM = {"reduction": "sum"}
DIRECT = [
    ("time_cross_entropy", {}, {"t_unfired": 2.0, "beta": 1.0}),
    ("time_cross_entropy", {"t_unfired": 8.0, "beta": 3.0}, None),
    ("counting", {}, {**LENGTH, "targets": CountTargets(5, 1)}),
    (
        "counting",
        {"target_label": 3.0, "target_other": 2.0, "clip": False, "scale_labels": True},
        {**LENGTH, "targets": CountTargets(3, 2, False, True)},
    ),
    ("enhanced_counting", SUM, {**LENGTH, **SUM, "targets": CountTargets(5, 1)}),
    (
        "van_rossum",
        {},
        {**LENGTH, "targets": np.array([0.8, 1.2, 1.6, 2.0]), "tau": 1.0},
    ),
    (
        "van_rossum",
        {"interval": 0.5, "tau": 0.3, "gradient": "exact", **SUM},
        {
            **LENGTH,
            **SUM,
            "targets": np.array([1.0, 1.5, 2.0]),
            "tau": 0.3,
            "gradient": "exact",
        },
    ),
    ("temporal_efficient", {}, {**LENGTH, "window": 0.4}),
    ("temporal_efficient", {"window": 1.5, **SUM}, {**LENGTH, "window": 1.5, **SUM}),
    ("spike_timing", {}, {**LENGTH, "targets": np.array([0.6, 1.0, 1.4, 1.8])}),
    (
        "spike_timing",
        {"first_target": 0.25, "interval": 0.5, "push": 0.1, **SUM},
        {**LENGTH, **SUM, "targets": regular_times(0.25, 0.5, 2.0), "push": 0.1},
    ),
    ("spike_rate", {}, {**LENGTH, "rate_label": 0.2, "rate_other": 0.04}),
    (
        "spike_rate",
        {"rate_label": 3.0, "rate_other": 0.0, **SUM},
        {**LENGTH, "rate_label": 3.0, "rate_other": 0.0, **SUM},
    ),
    ("spikemax", {}, {**LENGTH, "window": 0.2}),
    (
        "spikemax",
        {"window": 0.7, "epsilon": 0.1, **SUM},
        {**LENGTH, "window": 0.7, "epsilon": 0.1, **SUM},
    ),
    ("spikemax_g", {}, {}),
    ("spikemax_g", {"epsilon": 0.1, **SUM}, None),
    ("spikemax_s", {}, LENGTH),
    ("spikemax_s", {"scores": "rate", **SUM}, {**LENGTH, "scores": "rate", **SUM}),
]


@pytest.mark.parametrize(("name", "fields", "arguments"), DIRECT)
def test_loss_of_trains__is_the_named_loss(name, fields, arguments):
    """Without `arguments` the function takes what the section says."""
    spikes, labels = random_case(6)
    arguments = fields if arguments is None else arguments
    expected = getattr(losses, name)(spikes, labels, **arguments)
    found = loss_of_trains(spikes, labels, section(name, **fields), DURATION)
    assert found.value == pytest.approx(expected.value, rel=1e-12)
    assert found.per_sample == pytest.approx(expected.per_sample, rel=1e-12)
    np.testing.assert_allclose(
        found.d_output, expected.d_output, rtol=1e-12, atol=1e-15
    )


def test_loss_of_trains__all_names_are_tried_here():
    assert {name for name, *_ in DIRECT} == set(OF_SPIKES)


@pytest.mark.parametrize("name", OF_SPIKES)
def test_has_true_gradient__says_what_the_gradient_is(name):
    for seed in (7, 8):
        spikes, labels = random_case(seed)
        loss = section(name)

        def value(spikes, labels=labels, loss=loss):
            return loss_of_trains(spikes, labels, loss, DURATION).value

        found = loss_of_trains(spikes, labels, loss, DURATION).d_output
        if has_true_gradient(loss):
            np.testing.assert_allclose(found, by_times(value, spikes), atol=1e-8)
        else:
            np.testing.assert_allclose(found, -by_masses(value, spikes), atol=1e-8)


def test_has_true_gradient__follows_the_option_of_van_rossum():
    assert has_true_gradient(section("van_rossum", gradient="exact"))
    assert not has_true_gradient(section("van_rossum"))
    assert has_true_gradient(section("potential_cross_entropy"))


def test_unfired_time__is_the_end_of_the_run_unless_given():
    assert unfired_time(section("time_cross_entropy"), 3.0) == 3.0
    assert unfired_time(section("time_cross_entropy", t_unfired=12.0), 3.0) == 12.0


def test_loss_of_trains__refuses_a_loss_on_potentials():
    spikes, labels = random_case(0)
    with pytest.raises(ConfigError, match="'potential_cross_entropy' does not go with"):
        loss_of_trains(spikes, labels, section("potential_cross_entropy"), DURATION)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (
            section("time_cross_entropy", t_unfired=1.9),
            r"t_unfired is 1\.9 in a run of 2",
        ),
        (section("spike_timing", first_target=2.1), r"first_target is 2\.1 in a run"),
        (section("van_rossum", interval=1.1), r"first_target is 2\.2 in a run"),
    ],
)
def test_require_fitting_loss__refuses_what_the_run_is_too_short_for(loss, message):
    with pytest.raises(ConfigError, match=message):
        require_fitting_loss(loss, DURATION)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_require_fitting_loss__takes_the_defaults(name):
    require_fitting_loss(section(name), DURATION)


def test_require_fitting_loss__takes_the_end_of_the_run():
    require_fitting_loss(section("time_cross_entropy", t_unfired=2.0), DURATION)
    require_fitting_loss(section("spike_timing", first_target=2.0), DURATION)
