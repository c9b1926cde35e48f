"""Vector operations on rows of neurons, 16 neurons at a time.

A row is the state of a block of neurons, two numbers each: ``x`` and ``y``, see
`eventsim.engine.sweep.row_coefficients`. Rows are padded to whole groups of
`LANES` neurons. What is done here could be written as loops; but there the compiler
tests at every call whether the arrays overlap, and neurons that are no multiple of
its unrolled loop go one by one, which costs more than the few dozen neurons of a
convolution's position. So these operations say in LLVM's vector types what is meant,
see `eventsim.engine.sweep.row_vectors`.

The arrays are C-contiguous, of one float type, and do not overlap. All indices
count elements; nothing is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending, types

from eventsim.engine.sweep.row_vectors import Vectors, operation

# Its type knows nothing of how a kernel calls what it makes.
intrinsic: Callable[..., Any] = extending.intrinsic


def _move(
    lanes: Vectors, data: Any, first: Any, leak: Any, rise: Any, fade: Any
) -> tuple[Any, Any]:
    x, y = lanes.load(data[0], first), lanes.load(data[1], first)
    x = lanes.times_plus(rise, y, lanes.times(leak, x))
    y = lanes.times(fade, y)
    lanes.store(x, data[0], first)
    lanes.store(y, data[1], first)
    return x, y


def _move_body(lanes, data, first, leak, rise, fade):
    _move(lanes, data, first, leak, rise, fade)


def _add(lanes: Vectors, data: Any, first: Any, at: Any, a: Any, b: Any) -> Any:
    w = lanes.load(data[2], at)
    x = lanes.times_plus(a, w, lanes.load(data[0], first))
    y = lanes.times_plus(b, w, lanes.load(data[1], first))
    lanes.store(x, data[0], first)
    lanes.store(y, data[1], first)
    return x, y


def _add_body(lanes, data, first, at, a, b):
    _add(lanes, data, first, at, a, b)


def _add_four_body(lanes, data, first, at_1, at_2, at_3, at_4, a, b):
    add = lanes.builder.fadd
    w = add(
        add(lanes.load(data[2], at_1), lanes.load(data[2], at_2)),
        add(lanes.load(data[2], at_3), lanes.load(data[2], at_4)),
    )
    lanes.store(lanes.times_plus(a, w, lanes.load(data[0], first)), data[0], first)
    lanes.store(lanes.times_plus(b, w, lanes.load(data[1], first)), data[1], first)


def _watch_body(lanes, data, first, at, a, b, *corners):
    x, y = _add(lanes, data, first, at, a, b)
    return lanes.is_high(x, y, lanes.load(data[3], first), *corners)


def _suspect_body(lanes, data, first, at, *numbers):
    x, y, low = (lanes.load(array, at) for array in data)
    *corners, climb, sink = numbers
    is_rising = lanes.builder.fcmp_ordered(
        ">", lanes.times(climb, y), lanes.times(sink, x)
    )
    return lanes.builder.and_(lanes.is_high(x, y, low, *corners), is_rising)


def _read_body(lanes, data, first, at, a, b, by_a, by_b):
    x, y = lanes.load(data[0], first), lanes.load(data[1], first)
    share = lanes.times_plus(b, y, lanes.load(data[3], at))
    lanes.store(lanes.times_plus(a, x, share), data[3], at)
    by_time = lanes.times_plus(by_a, x, lanes.times(by_b, y))
    return lanes.times(by_time, lanes.load(data[2], at))


def _read_four_body(lanes, data, first, at_1, at_2, at_3, at_4, a, b, by_a, by_b):
    x, y = lanes.load(data[0], first), lanes.load(data[1], first)
    share = lanes.times_plus(a, x, lanes.times(b, y))
    by_time = lanes.times_plus(by_a, x, lanes.times(by_b, y))
    found = []
    for at in (at_1, at_2, at_3, at_4):
        lanes.store(lanes.builder.fadd(share, lanes.load(data[3], at)), data[3], at)
        found.append(lanes.times(by_time, lanes.load(data[2], at)))
    return found


def _add_to_one_body(lanes, data, first, at, a):
    row = lanes.load(data[0], first)
    lanes.store(lanes.times_plus(a, lanes.load(data[1], at), row), data[0], first)


def _product_body(lanes, data, first, at, a):
    product = lanes.times(lanes.load(data[0], first), lanes.load(data[1], at))
    return lanes.times(a, product)


_moves = operation(2, 3, "none", _move_body, n_places=0)
_adds = operation(3, 2, "none", _add_body)
_adds_four = operation(3, 2, "none", _add_four_body, n_places=4)
_watches_one = operation(4, 4, "groups", _watch_body)
_watches_two = operation(4, 6, "groups", _watch_body)
_watches_four = operation(4, 10, "groups", _watch_body)
_suspects = operation(3, 10, "lanes", _suspect_body)
_reads = operation(4, 4, "sum", _read_body)
_adds_to_one = operation(2, 1, "none", _add_to_one_body)
_products = operation(2, 1, "sum", _product_body)
_reads_four = operation(5, 4, "sums", _read_four_body, n_places=4)


@intrinsic
def lowest_bit(typing, mask):
    """Return the place of the lowest bit that is set; the mask must not be 0."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), codegen


@intrinsic
def move_row(typing, x, y, n, numbers):
    """Let ``x = leak x + rise y`` and ``y = fade y``.

    Parameters
    ----------
    x, y : ndarray, shape (16 n,)
        A row.
    n : int
        Number of groups of 16 neurons.
    numbers : tuple of float
        ``leak, rise, fade``.
    """
    return _moves(x, y, n, numbers)


@intrinsic
def add_row(typing, x, y, weight, at, n, numbers):
    """Add weights, ``x += a w`` and ``y += b w``; `numbers` are ``a, b``."""
    return _adds(x, y, weight, at, n, numbers)


@intrinsic
def add_four_rows(typing, x, y, weight, at_1, at_2, at_3, at_4, n, numbers):
    """Do `add_row` for four rows of weights at once."""
    return _adds_four(x, y, weight, at_1, at_2, at_3, at_4, n, numbers)


@intrinsic
def add_and_watch_one(typing, x, y, weight, low, at, n, numbers):
    """Do `add_row`; return in which groups ``share x + rest y >= low``.

    `numbers` are ``a, b, share, rest``.
    """
    return _watches_one(x, y, weight, low, at, n, numbers)


@intrinsic
def add_and_watch_two(typing, x, y, weight, low, at, n, numbers):
    """Do `add_and_watch_one` for two pairs of share and rest; one is enough."""
    return _watches_two(x, y, weight, low, at, n, numbers)


@intrinsic
def add_and_watch_four(typing, x, y, weight, low, at, n, numbers):
    """Do `add_and_watch_one` for four pairs of share and rest; one is enough."""
    return _watches_four(x, y, weight, low, at, n, numbers)


@intrinsic
def suspects_of(typing, x, y, low, at, n, numbers):
    """Return which neurons of the group at `at` may fire; `n` is 1.

    Those with ``share x + rest y >= low`` for any of four pairs of both, if besides
    ``climb y > sink x``. `numbers` are the pairs, ``climb, sink``.
    """
    return _suspects(x, y, low, at, n, numbers)


@intrinsic
def read_row(typing, x, y, weight, d_weight, at, n, numbers):
    """Add ``a x + b y`` to ``d_weight``; return ``sum(w (by_a x + by_b y))``.

    `numbers` are ``a, b, by_a, by_b``.
    """
    return _reads(x, y, weight, d_weight, at, n, numbers)


@intrinsic
def read_four_rows(
    typing, x, y, weight, d_weight, sums, at_1, at_2, at_3, at_4, n, numbers
):
    """Do `read_row` for four rows of weights at once; the sums are written."""
    places = (at_1, at_2, at_3, at_4)
    return _reads_four(x, y, weight, d_weight, sums, *places, n, numbers)


@intrinsic
def add_to_one(typing, row, weight, at, n, numbers):
    """Add weights to one of a row's arrays, ``row += a w``; `numbers` is ``a``."""
    return _adds_to_one(row, weight, at, n, numbers)


@intrinsic
def product_with(typing, row, weight, at, n, numbers):
    """Return ``sum(a row w)``; `numbers` is ``a``."""
    return _products(row, weight, at, n, numbers)
