from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hwmodel_.builders import close, counted, dense_model
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.chip.chip import Chip, load_chip
from hwmodel.cost.bill import Bill, bill_of
from hwmodel.cost.latency import latency
from hwmodel.cost.uncertainty import uncertainty


def bounded(**bounds: tuple[float, float] | None) -> Chip:
    """CanMore with bounds on some energy constants, given in units of the value."""
    chip = load_chip("canmore")
    changed = {}
    for name, pair in bounds.items():
        constant = getattr(chip.energy, name)
        if pair is not None:
            low, high = (constant.value * factor for factor in pair)
            changed[name] = replace(constant, low=low, high=high)
    return replace(chip, energy=replace(chip.energy, **changed))


def bill(chip: Chip) -> Bill:
    _, _, counts = counted(dense_model([9, 8, 7, 3], np.random.default_rng(1)), 2)
    return bill_of(chip, counts, "unicast", latency(3.0, 10, chip))


def total_with(chip: Chip, sop: float, hop: float, static: float) -> float:
    """The total by Eq. 12, written out."""
    sops, hops = bill(chip).counts.sum(axis=0)
    e = chip.energy
    return sop * e.sop.value * sops + hop * e.hop.value * hops + static * e.static.value


FACTOR = st.tuples(st.floats(0, 1), st.floats(1, 5))


@given(sop=FACTOR, hop=FACTOR, static=FACTOR)
@settings(max_examples=40, deadline=None)
def test_uncertainty__bounds_are_those_of_all_corners(sop, hop, static):
    chip = bounded(sop=sop, hop=hop, static=static)
    corners = [total_with(chip, a, b, c) for a in sop for b in hop for c in static]
    result = uncertainty(chip, bill(chip), n_draws=200)
    assert result.low <= result.total <= result.high
    assert result.low == close(min(corners))
    assert result.high == close(max(corners))
    slack = 1e-12 * result.high
    draws = result.draws
    assert result.low - slack <= draws.p5 <= draws.p50 <= draws.p95
    assert draws.p95 <= result.high + slack


def test_uncertainty__names_what_matters_most_first():
    chip = bounded(sop=(0.99, 1.01), hop=(0.1, 3.0))
    result = uncertainty(chip, bill(chip))
    names = [s.constant for s in result.swings]
    assert names == ["energy.hop", "energy.sop", "energy.static"]
    hop = result.swings[0]
    assert hop.low == close(total_with(chip, 1, 0.1, 1))
    assert hop.high == close(total_with(chip, 1, 3.0, 1))
    assert sum(s.share for s in result.swings) == close(1.0)
    assert result.without_bounds == ("energy.static",)


def test_uncertainty__without_bounds_the_total_is_exact():
    chip = load_chip("canmore")
    result = uncertainty(chip, bill(chip), n_draws=10)
    total = total_with(chip, 1, 1, 1)
    assert (result.low, result.high) == (close(total), close(total))
    assert result.draws.deviation == pytest.approx(0, abs=1e-20)
    assert all(s.low is None for s in result.swings)


def test_uncertainty__draws_have_the_mean_of_their_triangles():
    chip = bounded(sop=(0.5, 3.0), hop=(0.2, 1.0))
    draws = uncertainty(chip, bill(chip), n_draws=40_000, seed=3).draws
    # the mean of a triangle is a third of the sum of its corners
    expected = total_with(chip, (0.5 + 1 + 3) / 3, (0.2 + 1 + 1) / 3, 1)
    assert draws.mean == pytest.approx(expected, rel=0.01)


def test_uncertainty__a_seed_fixes_the_draws():
    chip = bounded(sop=(0.5, 3.0))
    first, again, other = (
        uncertainty(chip, bill(chip), 50, seed).draws for seed in (1, 1, 2)
    )
    assert first == again
    assert first.mean != other.mean


def test_uncertainty__a_step_with_bounds_moves_a_static_power():
    chip = load_chip("spinnaker", ["energy.neuron_update=0J", "energy.router=0J"])
    step = replace(chip.timing.step, low=0.5e-3, high=2e-3)
    chip = replace(chip, timing=replace(chip.timing, step=step))
    swings = {s.constant: s for s in uncertainty(chip, bill(chip)).swings}
    swing = swings["timing.step"]
    # 0.36 W over 30 steps between 0.5 and 2 ms
    assert swing.high - swing.low == close(0.36 * 30 * 1.5e-3)
    assert swing.share == swings["energy.static"].share
