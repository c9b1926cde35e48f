from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hwmodel_.placing_builders import judge, layered
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.errors import PlacementError
from hwmodel.mapping.groups import LayerPartition, Partition, equal_runs
from hwmodel.mapping.placement import place_row_major
from hwmodel.mesh.grid import Grid
from hwmodel.placing.budget import Budget
from hwmodel.placing.place import METHODS, ORDERS, place
from hwmodel.placing.problem import Prices, Problem

SIZES = (3, 5, 2)
FLOWS = layered(SIZES, np.random.default_rng(4))


def groups(n: int) -> Partition:
    return Partition((LayerPartition(0, equal_runs(n, n), ((0, 1),), ((0, 1),)),))


def placed(grid, flows=FLOWS, **options):
    if options.get("method", "row-major") in ORDERS:
        options.pop("objective", None)
    if options.get("method") in ("greedy", "annealing"):
        options.setdefault("budget", Budget(3000))
    return place(groups(10), grid, flows, chip="test", **options)


@given(
    method=st.sampled_from(METHODS),
    casting=st.sampled_from(["multicast", "unicast"]),
    objective=st.sampled_from(["hops", "energy", "worst-link"]),
    size=st.sampled_from([(4, 4, 1), (10, 1, 1), (1, 10, 1), (3, 2, 2), (7, 9, 1)]),
    seed=st.integers(0, 9),
)
@settings(max_examples=10, deadline=None)
def test_place__says_what_it_reached(method, casting, objective, size, seed):
    grid, prices = Grid(*size, chip=(2, 2)), Prices(2.0, 3.0, 5.0, 70.0)
    options = {"casting": casting, "objective": objective, "prices": prices}
    result = placed(grid, method=method, seed=seed, **options)
    places = list(
        zip(result.mapping.x.tolist(), result.mapping.y.tolist(), strict=True)
    )
    taken = [places.count(place) for place in set(places)]
    assert max(taken) <= grid.cores_per_router
    assert all(0 <= x < grid.width and 0 <= y < grid.height for x, y in places)
    judged_by = "hops" if method in ORDERS else objective
    assert result.objective == judged_by
    problem = Problem(grid, 10, FLOWS, casting, judged_by, (0, 0), prices)
    assert result.value == judge(problem, places)[0]
    by_row = place_row_major(groups(10), grid, "test")
    rows = judge(problem, list(zip(by_row.x, by_row.y, strict=True)))[0]
    assert result.row_major == rows
    assert result.bound <= min(result.value, rows)
    if method in ("force", "greedy", "annealing"):
        assert result.gain >= 0


@pytest.mark.parametrize("size", [(4, 4, 1), (3, 2, 2)])
def test_place__row_major_is_the_published_rule(size):
    grid = Grid(*size)
    mapping = placed(grid).mapping
    expected = place_row_major(groups(10), grid, "test")
    assert mapping.x.tolist() == expected.x.tolist()
    assert mapping.y.tolist() == expected.y.tolist()


@pytest.mark.parametrize("objective", ["hops", "energy", "worst-link"])
def test_place__searches_beat_the_fixed_placements(objective):
    problem = Problem(Grid(5, 5), 10, FLOWS, "multicast", objective)
    values = {}
    for method in METHODS:
        options = {"budget": Budget(20_000)} if method == "annealing" else {}
        mapping = placed(Grid(5, 5), method=method, objective=objective, **options)
        values[method] = problem.value(mapping.mapping.x, mapping.mapping.y)
    simple = min(values[m] for m in (*ORDERS, "spectral"))
    assert values["force"] <= simple
    assert values["greedy"] <= simple
    assert values["annealing"] <= values["greedy"]


def test_place__the_input_port_counts():
    near, far = (
        placed(Grid(8, 8), method="annealing", input_port=port)
        for port in ((0, 0), (7, 7))
    )
    assert near.mapping.x.mean() < 3 < 4 < far.mapping.x.mean()


@pytest.mark.parametrize("method", list(ORDERS))
def test_place__orders_need_no_traffic(method):
    result = placed(Grid(4, 4), None, method=method)
    known = placed(Grid(4, 4), method=method)
    assert result.mapping.x.tolist() == known.mapping.x.tolist()
    assert (result.value, result.bound, result.gain) == (None, None, None)


@pytest.mark.parametrize("method", ["spectral", "force", "greedy", "annealing"])
def test_place__names_the_method_that_needs_traffic(method):
    with pytest.raises(
        PlacementError, match=rf"placement {method} looks at the traffic.*row-major"
    ):
        placed(Grid(4, 4), None, method=method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("option", "given", "takers"),
    [
        ("--objective energy", {"objective": "energy"}, METHODS[3:]),
        ("--objective hops", {"objective": "hops"}, METHODS[3:]),
        ("--placement-iterations 7", {"budget": Budget(7)}, METHODS[4:]),
        ("--placement-seconds 0.5", {"budget": Budget(None, 0.5)}, METHODS[4:]),
    ],
)
def test_place__refuses_an_option_without_effect(method, option, given, takers):
    options = {"chip": "test", "method": method, **given}
    if method in takers:
        place(groups(10), Grid(4, 4), FLOWS, **options)
        return
    for flows in (FLOWS, None):
        with pytest.raises(PlacementError) as refused:
            place(groups(10), Grid(4, 4), flows, **options)
        text = str(refused.value)
        assert text.startswith(f"{option} has no effect on placement {method};")
        assert f"--placement {', '.join(takers[:-1])} or {takers[-1]} with it" in text


def test_place__an_empty_budget_is_none():
    result = place(groups(10), Grid(4, 4), FLOWS, chip="test", budget=Budget())
    assert result.value == placed(Grid(4, 4)).value


def test_place__too_small_a_mesh_is_refused():
    with pytest.raises(PlacementError, match="needs 10 cores, the 3x3 mesh of chip"):
        placed(Grid(3, 3), method="annealing")


@pytest.mark.parametrize("objective", ["hops", "worst-link"])
def test_place__on_a_torus(objective):
    torus = Grid(4, 4, topology="triangular torus")
    result = placed(torus, method="annealing", objective=objective)
    assert result.bound <= result.value < result.row_major


def test_gain__of_silence_is_nothing():
    silent = replace(placed(Grid(4, 4)), value=0.0, row_major=0.0)
    assert silent.gain == 0
    assert replace(silent, value=30.0, row_major=40.0).gain == 0.25
