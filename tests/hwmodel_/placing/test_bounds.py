from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hwmodel_.placing_builders import every_value, layered
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.mesh.grid import Grid
from hwmodel.placing.bounds import lower_bound
from hwmodel.placing.problem import Prices, Problem
from hwmodel.traffic.flows import Flows
from hwmodel.traffic.senders import HOST

CASES = list(product(("multicast", "unicast"), ("hops", "energy", "worst-link")))
GRIDS = [
    Grid(3, 2),
    Grid(2, 3),
    Grid(5, 1),
    Grid(3, 1, 2),
    Grid(2, 3, topology="triangular torus"),
    Grid(3, 1, 2, topology="triangular torus"),
    Grid(3, 2, 1, (2, 1)),
    Grid(4, 1, 2, (1, 1)),
    Grid(3, 2, 1, (1, 2)),
    Grid(2, 3, 1, (1, 1), "triangular torus"),
    Grid(3, 2, 1, (1, 2), "triangular torus"),
]
PRICES = [Prices(2.0, 3.0), Prices(2.0, 3.0, 5.0), Prices(3.0, 2.0, 1.0, 7.0)]


@given(
    case=st.sampled_from(CASES),
    grid=st.sampled_from(GRIDS),
    sizes=st.sampled_from([(1, 1, 2), (2, 2), (1, 3), (3, 1), (1, 1, 1, 1)]),
    density=st.sampled_from([0.5, 1.0]),
    prices=st.sampled_from(PRICES),
    seed=st.integers(0, 999),
)
@settings(max_examples=25, deadline=None)
def test_lower_bound__is_below_every_placement(
    case, grid, sizes, density, prices, seed
):
    rng = np.random.default_rng(seed)
    port = (int(rng.integers(grid.width)), int(rng.integers(grid.height)))
    flows = layered(sizes, rng, density)
    problem = Problem(grid, 4, flows, *case, port, prices)
    best = min(every_value(problem))[0]
    assert 0 <= lower_bound(problem) <= best


def chain(n, casting):
    """Core 0 sends 10 packets to core 1, core 1 to core 2, and so on."""
    flows = [
        Flows(range(i, i + 1), np.array([i - 1]), np.array([[True]]), np.array([10]))
        for i in range(1, n)
    ]
    return Problem(Grid(4, 4), n, tuple(flows), casting)


@pytest.mark.parametrize("casting", ["unicast", "multicast"])
def test_lower_bound__of_a_chain_is_reached(casting):
    assert lower_bound(chain(6, casting)) == 50


def test_lower_bound__of_a_star_counts_the_four_neighbours():
    # 8 partners: 4 at distance 1 and 4 at distance 2, the heaviest closest
    packets = np.arange(1, 9)
    rows = np.eye(8, dtype=bool)
    flow = Flows(range(1, 9), np.zeros(8, dtype=np.int64), rows, packets)
    problem = Problem(Grid(5, 5), 9, (flow,), "unicast")
    of_centre = (5 + 6 + 7 + 8) * 1 + (1 + 2 + 3 + 4) * 2
    # half from the centre, half from the partners, each at a distance of 1
    assert lower_bound(problem) == (of_centre + 36) / 2


def test_lower_bound__of_a_tree_is_one_link_a_target():
    flow = Flows(range(1, 6), np.array([0]), np.ones((1, 5), bool), np.array([7]))
    assert lower_bound(Problem(Grid(5, 5), 6, (flow,), "multicast")) == 35


def test_lower_bound__input_starts_at_the_port():
    # in the corner: one core on the port's router, two at distance 1
    flow = Flows(range(3), np.full(3, HOST), np.eye(3, dtype=bool), np.array([5, 9, 1]))
    assert lower_bound(Problem(Grid(5, 5), 3, (flow,), "unicast")) == 0 + 5 + 1


def test_lower_bound__of_the_busiest_link_shares_what_leaves_a_core():
    flow = Flows(range(1, 9), np.zeros(8, dtype=np.int64), np.eye(8, dtype=bool),
                 np.full(8, 10))  # fmt: skip
    problem = Problem(Grid(9, 9), 9, (flow,), "unicast", "worst-link")
    assert lower_bound(problem) == 20


def test_lower_bound__pays_crossings_where_every_link_is_one():
    chips = replace(chain(6, "unicast"), objective="energy")
    chips = replace(chips, grid=Grid(4, 4, 1, (1, 1)), prices=Prices(2, 3, 10, 100))
    assert lower_bound(chips) == 50 * (2 + 10) + 6 * 100


def test_lower_bound__pays_for_the_fewest_chips():
    # 5 x 4 routers in chips of 2 x 2: of the six the last two are cut off to 1 x 2
    prices = Prices(2.0, 3.0, chip=100.0)
    for n_cores, chips in ((1, 1), (4, 1), (5, 2), (16, 4), (17, 5), (20, 6)):
        grid = Grid(5, 4, 1, (2, 2))
        silent = Problem(grid, n_cores, (), "unicast", "energy", prices=prices)
        assert lower_bound(silent) == chips * 100


def test_lower_bound__without_traffic_or_links_is_zero():
    for objective in ("hops", "worst-link"):
        assert lower_bound(Problem(Grid(1, 1), 1, (), "unicast", objective)) == 0


@given(seed=st.integers(0, 99), case=st.sampled_from(CASES))
@settings(max_examples=10, deadline=None)
def test_lower_bound__holds_on_the_torus(seed, case):
    rng = np.random.default_rng(seed)
    grid = Grid(4, 3, topology="triangular torus")
    flows = layered([3, 4, 2], rng)
    problem = Problem(grid, 9, flows, *case, (2, 1), Prices(2.0, 3.0))
    for _ in range(5):
        slots = rng.permutation(12)[:9]
        assert lower_bound(problem) <= problem.value(slots % 4, slots // 4)[0]
