"""Vector operations on rows of neurons, 16 neurons at a time.

A row is the state of a block of neurons, two numbers each: ``x`` and ``y``, see
`eventsim.engine.sweep.row_coefficients`. Rows are padded to whole groups of
`LANES` neurons. What is done here could be written as loops; but there the compiler
tests at every call whether the arrays overlap, and neurons that are no multiple of
its unrolled loop go one by one, which costs more than the few dozen neurons of a
convolution's position. So these operations say in LLVM's vector types what is meant.
LLVM splits a vector into what the processor has.

The arrays are C-contiguous, of one float type, and do not overlap. All indices
count elements; nothing is checked.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

LANES = 16
# A mask has one bit per group.
MOST_GROUPS = 64
_FLAGS = ("contract", "nsz")
_INT = ir.IntType(64)
# Its type knows nothing of how a kernel calls what it makes.
intrinsic: Callable[..., Any] = extending.intrinsic


class _Vectors:
    """What the operations below are made of, for one float type.

    Parameters
    ----------
    context, builder
        Numba's and llvmlite's, of the function being compiled.
    real : numba.types.Float
        Type of the elements.
    """

    def __init__(self, context: Any, builder: Any, real: Any) -> None:
        self.context = context
        self.builder = builder
        element = context.get_value_type(real)
        self.real = real
        self.type = ir.VectorType(element, LANES)
        self.zero = ir.Constant(self.type, [0.0] * LANES)
        self._align = real.bitwidth // 8

    def data(self, array_type: Any, array: Any) -> Any:
        """Return the pointer to an array's first element."""
        return self.context.make_array(array_type)(
            self.context, self.builder, array
        ).data

    def _place(self, data: Any, index: Any) -> Any:
        pointer = self.builder.gep(data, [index])
        return self.builder.bitcast(pointer, self.type.as_pointer())

    def load(self, data: Any, index: Any) -> Any:
        """Return the vector that begins at an element."""
        loaded = self.builder.load(self._place(data, index))
        loaded.align = self._align
        return loaded

    def store(self, vector: Any, data: Any, index: Any) -> None:
        """Write a vector from an element on."""
        self.builder.store(vector, self._place(data, index)).align = self._align

    def number(self, numbers: Any, k: int) -> Any:
        """Return number `k` of a tuple, in the float type of the arrays."""
        value = self.builder.extract_value(numbers, k)
        return self.context.cast(self.builder, value, types.float64, self.real)

    def splat(self, scalar: Any) -> Any:
        """Return a vector of one value."""
        empty = ir.Constant(self.type, ir.Undefined)
        first = self.builder.insert_element(
            empty, scalar, ir.Constant(ir.IntType(32), 0)
        )
        places = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return self.builder.shuffle_vector(first, empty, places)

    def times(self, a: Any, b: Any) -> Any:
        """Return ``a * b``."""
        return self.builder.fmul(a, b, flags=_FLAGS)

    def times_plus(self, a: Any, b: Any, c: Any) -> Any:
        """Return ``a * b + c``."""
        return self.builder.fadd(self.times(a, b), c, flags=_FLAGS)

    def is_any(self, flags: Any) -> Any:
        """Return whether one of a vector of flags is set, as one bit."""
        bits = self.builder.bitcast(flags, ir.IntType(LANES))
        return self.builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))

    def is_high(self, x: Any, y: Any, low: Any, *corners: Any) -> Any:
        """Return ``share x + rest y >= low`` for any of some pairs of both."""
        flags = []
        for k in range(0, len(corners), 2):
            share, rest = corners[k : k + 2]
            bound = self.times_plus(share, x, self.times(rest, y))
            flags.append(self.builder.fcmp_ordered(">=", bound, low))
        return functools.reduce(self.builder.or_, flags)

    def gather(self, found: Any, result: str, totals: list[Any], group: Any) -> None:
        """Add what was found in a group to what was found before, see `_operation`."""
        builder = self.builder
        if result == "lanes":
            bits = builder.bitcast(found, ir.IntType(LANES))
            builder.store(builder.zext(bits, _INT), totals[0])
        elif result == "groups":
            bit = builder.shl(builder.zext(self.is_any(found), _INT), group)
            builder.store(builder.or_(builder.load(totals[0]), bit), totals[0])
        elif result != "none":
            vectors = [found] if result == "sum" else found
            for vector, total in zip(vectors, totals, strict=True):
                vector = builder.fadd(vector, builder.load(total), flags=_FLAGS)
                builder.store(vector, total)

    def sum(self, vector: Any) -> Any:
        """Return the sum of a vector's elements, halves first."""
        n = LANES
        while n > 1:
            n //= 2
            places = ir.VectorType(ir.IntType(32), n)
            low = ir.Constant(places, list(range(n)))
            high = ir.Constant(places, list(range(n, 2 * n)))
            vector = self.builder.fadd(
                self.builder.shuffle_vector(vector, vector, low),
                self.builder.shuffle_vector(vector, vector, high),
            )
        return self.builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))


def _operation(
    n_arrays: int,
    n_scalars: int,
    result: str,
    body: Callable[..., Any],
    n_places: int = 1,
) -> Callable[..., Any]:
    """Return the code generator of an operation over the groups of a row.

    Its arguments are `n_arrays` arrays, `n_places` indices of first elements in
    weights, the number of groups, and a tuple of `n_scalars` numbers.

    Parameters
    ----------
    n_arrays, n_scalars, n_places : int
        See above.
    result : {"none", "groups", "lanes", "sum", "sums"}
        What becomes of the vectors that `body` returns: a mask of the groups, or of
        the neurons of one group, for which a flag is set, or the sum of all numbers;
        "sums" of several vectors are written to the last array.
    body : callable
        From vectors, data pointers, index in the row, indices in weights, splatted
        scalars: what is done with one group.
    """

    def typer(array: Any, *arguments: Any) -> tuple[Any, Any]:
        real = array.dtype
        returned = {"none": types.void, "sums": types.void, "sum": real}.get(
            result, types.uint64
        )
        arrays = (array, *arguments[: n_arrays - 1])
        integers = [types.int64] * (n_places + 1)
        numbers = types.UniTuple(types.float64, n_scalars)
        signature = returned(*arrays, *integers, numbers)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            lanes = _Vectors(context, builder, real)
            data = [
                lanes.data(kind, value)
                for kind, value in zip(arrays, args[:n_arrays], strict=True)
            ]
            places = args[n_arrays : n_arrays + n_places]
            n_groups, numbers = args[n_arrays + n_places :]
            scalars = [lanes.splat(lanes.number(numbers, k)) for k in range(n_scalars)]
            start = lanes.zero if "sum" in result else ir.Constant(_INT, 0)
            totals = [
                cgutils.alloca_once_value(builder, start)
                for _ in range(n_places if result == "sums" else 1)
            ]
            total = totals[0]

            with cgutils.for_range(builder, n_groups) as loop:
                first = builder.mul(loop.index, ir.Constant(_INT, LANES))
                at = [builder.add(place, first) for place in places]
                found = body(lanes, data, first, *at, *scalars)
                lanes.gather(found, result, totals, loop.index)
            if result == "none":
                return context.get_dummy_value()
            if result == "sums":
                for m, place in enumerate(totals):
                    at = builder.gep(data[-1], [ir.Constant(_INT, m)])
                    builder.store(lanes.sum(builder.load(place)), at)
                return context.get_dummy_value()
            found = builder.load(total)
            return lanes.sum(found) if result == "sum" else found

        return signature, codegen

    return typer


def _move(
    lanes: _Vectors, data: Any, first: Any, leak: Any, rise: Any, fade: Any
) -> tuple[Any, Any]:
    x, y = lanes.load(data[0], first), lanes.load(data[1], first)
    x = lanes.times_plus(rise, y, lanes.times(leak, x))
    y = lanes.times(fade, y)
    lanes.store(x, data[0], first)
    lanes.store(y, data[1], first)
    return x, y


def _move_body(lanes, data, first, leak, rise, fade):
    _move(lanes, data, first, leak, rise, fade)


def _add(lanes: _Vectors, data: Any, first: Any, at: Any, a: Any, b: Any) -> Any:
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


_moves = _operation(2, 3, "none", _move_body, n_places=0)
_adds = _operation(3, 2, "none", _add_body)
_adds_four = _operation(3, 2, "none", _add_four_body, n_places=4)
_watches_one = _operation(4, 4, "groups", _watch_body)
_watches_two = _operation(4, 6, "groups", _watch_body)
_watches_four = _operation(4, 10, "groups", _watch_body)
_suspects = _operation(3, 10, "lanes", _suspect_body)
_reads = _operation(4, 4, "sum", _read_body)
_reads_four = _operation(5, 4, "sums", _read_four_body, n_places=4)


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
