"""Vector operations against the same in NumPy."""

import numpy as np
import pytest

from eventsim.engine.sweep import row_lanes
from eventsim.engine.sweep.row_vectors import LANES
from eventsim.jit import jit

N_GROUPS = 3
N = N_GROUPS * LANES


@jit()
def lowest_bit(mask):
    return row_lanes.lowest_bit(mask)


@jit()
def move_row(x, y, n, leak, rise, fade):
    row_lanes.move_row(x, y, n, (float(leak), float(rise), float(fade)))


@jit()
def add_row(x, y, weight, at, n, a, b):
    row_lanes.add_row(x, y, weight, at, n, (float(a), float(b)))


@jit()
def add_four_rows(x, y, weight, at, n, a, b):
    numbers = (float(a), float(b))
    row_lanes.add_four_rows(x, y, weight, at[0], at[1], at[2], at[3], n, numbers)


@jit()
def add_and_watch_one(x, y, weight, low, at, n, a, b, corners):
    numbers = (a, b, *corners)
    return row_lanes.add_and_watch_one(x, y, weight, low, at, n, numbers)


@jit()
def add_and_watch_two(x, y, weight, low, at, n, a, b, corners):
    numbers = (a, b, *corners)
    return row_lanes.add_and_watch_two(x, y, weight, low, at, n, numbers)


@jit()
def add_and_watch_four(x, y, weight, low, at, n, a, b, corners):
    numbers = (a, b, *corners)
    return row_lanes.add_and_watch_four(x, y, weight, low, at, n, numbers)


WATCHES = {2: add_and_watch_one, 4: add_and_watch_two, 8: add_and_watch_four}


@jit()
def suspects_of(x, y, low, at, corners, climb, sink):
    numbers = (*corners, climb, sink)
    return row_lanes.suspects_of(x, y, low, at, 1, numbers)


@jit()
def read_row(x, y, weight, d_weight, at, n, a, b, by_a, by_b):
    numbers = (float(a), float(b), float(by_a), float(by_b))
    return row_lanes.read_row(x, y, weight, d_weight, at, n, numbers)


@jit()
def read_four_rows(x, y, weight, d_weight, sums, at, n, a, b, by_a, by_b):
    numbers = (float(a), float(b), float(by_a), float(by_b))
    row_lanes.read_four_rows(
        x, y, weight, d_weight, sums, at[0], at[1], at[2], at[3], n, numbers
    )


@jit()
def add_to_one(row, weight, at, n, a):
    row_lanes.add_to_one(row, weight, at, n, (float(a),))


@jit()
def product_with(row, weight, at, n, a):
    return row_lanes.product_with(row, weight, at, n, (float(a),))


@pytest.fixture(params=[np.float32, np.float64])
def case(request):
    rng = np.random.default_rng(0)
    real = request.param
    rows = [rng.normal(size=N).astype(real) for _ in range(3)]
    return real, *rows, rng.normal(size=6 * N).astype(real)


def close(found, expected):
    rtol = 1e-5 if found.dtype == np.float32 else 1e-13
    np.testing.assert_allclose(found, expected, rtol, rtol)


def groups_with(flags):
    return sum(1 << g for g in range(N_GROUPS) if flags.reshape(-1, LANES)[g].any())


@pytest.mark.parametrize("place", [0, 1, 15, 63])
def test_lowest_bit__ignores_the_bits_above(place):
    mask = (0xF0F0F0F0F0F0F0F1 << place) & (2**64 - 1)
    assert lowest_bit(np.uint64(mask)) == place


def test_move_row__is_the_propagator(case):
    _, x, y, _, _ = case
    expected = 0.5 * x + 0.25 * y, 0.125 * y
    move_row(x, y, N_GROUPS, 0.5, 0.25, 0.125)
    close(x, expected[0])
    close(y, expected[1])


@pytest.mark.parametrize("at", [0, 16, 37])
def test_add_row__takes_the_weights_from_its_place(case, at):
    _, x, y, _, weight = case
    w = weight[at : at + N]
    expected = x + 0.5 * w, y + 3 * w
    add_row(x, y, weight, at, N_GROUPS, 0.5, 3.0)
    close(x, expected[0])
    close(y, expected[1])


def test_add_row__leaves_other_groups_alone(case):
    _, x, y, _, weight = case
    before = x.copy()
    add_row(x, y, weight, 0, 1, 1.0, 1.0)
    assert np.array_equal(x[LANES:], before[LANES:])
    assert not np.array_equal(x[:LANES], before[:LANES])


def test_add_four_rows__adds_their_sum(case):
    _, x, y, _, weight = case
    at = np.array([0, N, 5, 3 * N])
    w = sum(weight[a : a + N] for a in at)
    expected = x + 0.5 * w, y + 3 * w
    add_four_rows(x, y, weight, at, N_GROUPS, 0.5, 3.0)
    close(x, expected[0])
    close(y, expected[1])


def is_high(x, y, low, corners):
    pairs = np.reshape(corners, (-1, 2))
    return np.any([share * x + rest * y >= low for share, rest in pairs], axis=0)


HIGH, SOME, NONE = (9.0, 3.0), (1.0, 0.3), (0.0, 0.0)


@pytest.mark.parametrize("at", [0, N, 37])
@pytest.mark.parametrize(
    "corners",
    [
        HIGH,
        SOME,
        NONE,
        (-1.0, 0.5),
        (*SOME, *NONE),
        (*NONE, *SOME),
        (*NONE, *NONE, *NONE, *NONE),
        (*SOME, *NONE, *NONE, *NONE),
        (*NONE, *NONE, *NONE, *SOME),
        (*NONE, *SOME, -1.0, 0.5, *NONE),
    ],
)
def test_add_and_watch__names_the_groups_that_reach_a_corner(case, corners, at):
    _, x, y, low, weight = case
    low = np.abs(low) + low.dtype.type(1)
    w = weight[at : at + N]
    after = x + 0.5 * w, y + 2 * w
    watch = WATCHES[len(corners)]
    found = watch(x, y, weight, low, at, N_GROUPS, 0.5, 2.0, corners)
    close(x, after[0])
    close(y, after[1])
    assert found == groups_with(is_high(*after, low, corners))


CORNERS = (0.9, 0.3, 0.1, 0.2, 0.4, 0.1, 0.0, 1.0)


@pytest.mark.parametrize("group", range(N_GROUPS))
def test_suspects_of__are_high_and_rise(case, group):
    _, x, y, low, _ = case
    low = np.abs(low)
    flags = is_high(x, y, low, CORNERS) & (0.7 * y > 0.4 * x)
    here = flags[group * LANES : (group + 1) * LANES]
    found = suspects_of(x, y, low, group * LANES, CORNERS, 0.7, 0.4)
    assert [bool(found >> c & 1) for c in range(LANES)] == here.tolist()


def test_suspects_of__are_none_where_nothing_is_finite(case):
    _, x, y, low, _ = case
    x[:], low[LANES:] = -np.inf, np.inf
    assert suspects_of(x, y, low, 0, CORNERS, 1.0, 1.0) == 0
    x[:] = 1
    assert suspects_of(x, y, low, LANES, CORNERS, 1.0, 0.0) == 0
    x[:] = np.nan
    assert suspects_of(x, y, low, 0, CORNERS, 1.0, 1.0) == 0


def test_read_row__adds_to_the_gradient_and_sums_by_time(case):
    _, x, y, _, weight = case
    d_weight = np.ones_like(weight)
    total = read_row(x, y, weight, d_weight, N, N_GROUPS, 0.5, 2.0, 0.3, 0.7)
    expected = np.ones_like(weight)
    expected[N : 2 * N] += 0.5 * x + 2 * y
    close(d_weight, expected)
    assert total == pytest.approx(np.sum(weight[N : 2 * N] * (0.3 * x + 0.7 * y)), 1e-4)


def test_read_four_rows__does_so_for_each(case):
    _, x, y, _, weight = case
    at = np.array([0, 4 * N, N, 2 * N])
    numbers = [float(value) for value in (0.5, 2, 0.3, 0.7)]
    one, four, sums = np.zeros_like(weight), np.zeros_like(weight), np.empty(4, x.dtype)
    expected = [read_row(x, y, weight, one, a, N_GROUPS, *numbers) for a in at]
    read_four_rows(x, y, weight, four, sums, at, N_GROUPS, *numbers)
    close(four, one)
    close(sums, np.array(expected, x.dtype))


@pytest.mark.parametrize("at", [0, 37])
def test_add_to_one__adds_multiples_of_the_weights(case, at):
    _, x, _, _, weight = case
    expected = x + 0.5 * weight[at : at + N]
    add_to_one(x, weight, at, N_GROUPS, 0.5)
    close(x, expected)
    before = x.copy()
    add_to_one(x, weight, at, 1, 1.0)
    assert np.array_equal(x[LANES:], before[LANES:])


@pytest.mark.parametrize("at", [0, 37])
def test_product_with__sums_over_the_groups(case, at):
    _, x, _, _, weight = case
    w = weight[at : at + N]
    found = product_with(x, weight, at, N_GROUPS, 3.0)
    assert found == pytest.approx(3 * np.sum(x * w), abs=1e-4)
    one = product_with(x, weight, at, 1, 1.0)
    assert one == pytest.approx(np.sum(x[:LANES] * w[:LANES]), abs=1e-4)
