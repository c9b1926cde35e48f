from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hwmodel_.builders import close
from hwmodel_.early_exit.exit_reports import (
    CANMORE,
    NETWORK,
    POOR,
    REPORT,
    STEPPED,
    TRACE,
    named,
    priced,
)
from hwmodel_.early_exit.exit_setups import STEP, STEPS, TRAVEL, priced_chip

from eventsim.errors import ConfigError
from hwmodel.early_exit.analysis import N_TIMES
from hwmodel.early_exit.decisions import accuracy_at, decided_runs
from hwmodel.early_exit.spending import spending_until


@pytest.mark.parametrize("chip", [0, 1])
def test_price_exits__points_are_what_was_decided_and_spent(chip):
    found, runs = REPORT.chips[chip], decided_runs([], NETWORK, TRACE)
    assert [(p.policy, p.value) for p in found.points] == [
        (run.policy, run.value) for run in runs
    ]
    for point, run in zip(found.points, runs, strict=True):
        times = run.decisions.time[None]
        spent = spending_until(found.full, NETWORK, TRACE, times, STEPS)
        energy = np.sort(spent.energy[0])
        assert point.mean_energy == close(energy.mean())
        assert point.energy.total == close(energy.mean())
        # of 12 samples: the 6th, the 12th, the 12th
        levels = point.median_energy, point.p95_energy, point.p99_energy
        assert levels == (energy[5], energy[11], energy[11])
        spent_share = energy.mean() / found.full.energy.total
        assert point.saved == pytest.approx(1 - spent_share, abs=1e-12)
        assert point.in_flight == spent.in_flight.mean()
        assert point.accuracy == run.accuracy
        assert point.undecided == run.undecided
        assert point.mean_time == run.decisions.time.mean()
        assert point.mean_windows == point.mean_time / NETWORK.time_window
        assert point.mean_steps == spent.steps.mean()


def test_price_exits__full_run_is_the_estimate():
    for chip in REPORT.chips:
        full = chip.points[0]
        assert (full.policy, full.saved, full.in_flight) == ("full_run", 0.0, 0.0)
        assert full.mean_energy == close(chip.full.energy.total)
        assert full.latency == chip.full.latency.seconds
        assert full.mean_steps == chip.full.latency.steps


def test_price_exits__latency_is_unknown_where_a_step_is():
    stepped, canmore = REPORT.chips
    assert [p.latency for p in stepped.points] == [
        close(p.mean_steps * STEP) for p in stepped.points
    ]
    assert {p.latency for p in canmore.points} == {None}
    assert stepped.travel == "packets travel as over an empty mesh"
    assert canmore.travel.endswith("in no time: timing.step and timing.hop unknown")
    assert all(p.in_flight == 0 for p in canmore.points)
    assert any(p.in_flight > 0 for p in stepped.points)


def test_price_exits__curves_go_from_nothing_to_the_full_run():
    assert REPORT.times.tolist() == (np.arange(N_TIMES + 1) / N_TIMES * 2.0).tolist()
    assert REPORT.accuracy.tolist() == (
        accuracy_at(NETWORK, TRACE, REPORT.times).tolist()
    )
    for chip in REPORT.chips:
        assert chip.curve_energy[-1] == close(chip.full.energy.total)
        assert (np.diff(chip.curve_energy) >= 0).all()
        assert chip.curve_steps[[0, -1]].tolist() == [0, chip.full.latency.steps]
        assert chip.curve_in_flight[-1] == 0
        (same,) = [p for p in chip.points if (p.policy, p.value) == ("fixed_time", 1.0)]
        assert chip.curve_energy[N_TIMES // 2] == close(same.mean_energy)


def test_price_exits__marks_the_front_of_each_chip_and_of_all():
    cheap = named(priced_chip("energy.static=1nW", *TRAVEL), "cheap")
    report = priced([STEPPED, cheap])
    keys = []
    for chip in report.chips:
        own = [(p.mean_energy, -p.accuracy, p.mean_steps) for p in chip.points]
        keys.append([(e, a, steps * STEP) for e, a, steps in own])
        assert [p.is_best for p in chip.points] == [unbeaten(k, own) for k in own]
    both = [*keys[0], *keys[1]]
    marked = [p.is_best_of_all for chip in report.chips for p in chip.points]
    assert marked == [unbeaten(k, both) for k in both]
    # the same run costs less on the other chip, so none of the first is left
    assert not any(marked[: len(keys[0])])
    assert any(marked)


def unbeaten(own, others):
    return not any(
        all(a <= b for a, b in zip(other, own, strict=True)) and other != own
        for other in others
    )


def test_price_exits__without_a_latency_a_chip_is_on_its_own_front_only():
    stepped, canmore = REPORT.chips
    assert any(p.is_best for p in canmore.points)
    assert not any(p.is_best_of_all for p in canmore.points)
    assert [p.is_best_of_all for p in stepped.points] == [
        p.is_best for p in stepped.points
    ]
    (alone,) = priced([CANMORE]).chips
    assert not any(p.is_best_of_all for p in alone.points)


def test_price_exits__a_chip_without_a_price_does_not_lose_the_others():
    small = named(CANMORE, "small")
    small = replace(small, mesh=replace(small.mesh, width=1, height=1))
    good = priced_chip()
    report = priced([POOR, good, small], ["leader"])
    assert [chip.full.chip.name for chip in report.chips] == ["truenorth"]
    (first, why), (second, no_room) = report.not_priced
    assert (first, second) == ("poor", "small")
    assert "energy.hop is unknown" in why
    assert "the 1x1 mesh of chip small has 1" in no_room
    assert priced([POOR]).chips == ()


def test_price_exits__refuses_what_is_wrong_for_every_chip():
    with pytest.raises(ConfigError, match="there is no policy 'fastest'"):
        priced([priced_chip()], ["fastest"])
