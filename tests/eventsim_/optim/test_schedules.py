import math

import pytest

from eventsim.config.schema import ScheduleConfig
from eventsim.optim import learning_rate


def rates(n_epochs=10, **options):
    config = ScheduleConfig(**options)
    return [
        learning_rate(config, 0.5, epoch, n_epochs) for epoch in range(n_epochs + 1)
    ]


def test_learning_rate__constant():
    assert rates() == [0.5] * 11


def test_learning_rate__milestones_act_from_that_epoch_on():
    found = rates(name="milestones", milestones=[2, 5], gamma=0.1)
    expected = [0.5] * 2 + [0.05] * 3 + [0.005] * 6
    assert found == pytest.approx(expected)


def test_learning_rate__cosine_falls_from_first_to_last():
    found = rates(name="cosine", final_fraction=0.1)
    assert found[0] == pytest.approx(0.5)
    assert found[10] == pytest.approx(0.05)
    for epoch, rate in enumerate(found):
        fall = (1 + math.cos(math.pi * epoch / 10)) / 2
        assert rate == pytest.approx(0.05 + 0.45 * fall)


def test_learning_rate__stays_at_the_end_of_the_cosine():
    config = ScheduleConfig(name="cosine")
    assert learning_rate(config, 0.5, 12, 10) == pytest.approx(0, abs=1e-16)


@pytest.mark.parametrize(
    ("epoch", "share"), [(0, 0), (0.5, 0.25), (1, 0.5), (2, 1), (3, 1)]
)
def test_learning_rate__warm_up_rises_with_every_update(epoch, share):
    config = ScheduleConfig(warmup_epochs=2.0)
    assert learning_rate(config, 0.5, epoch, 10) == pytest.approx(0.5 * share)


def test_learning_rate__warm_up_multiplies_the_schedule():
    config = ScheduleConfig(
        name="milestones", milestones=[1], gamma=0.5, warmup_epochs=4
    )
    assert learning_rate(config, 0.8, 1, 10) == pytest.approx(0.8 * 0.5 * 0.25)
