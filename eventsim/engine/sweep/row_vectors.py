"""What vector operations on rows are made of, in LLVM's vector types.

LLVM splits a vector into what the processor has.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

LANES = 16
# A mask has one bit per group.
MOST_GROUPS = 64
FLAGS = ("contract", "nsz")
_INT = ir.IntType(64)


class Vectors:
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
        return self.builder.fmul(a, b, flags=FLAGS)

    def times_plus(self, a: Any, b: Any, c: Any) -> Any:
        """Return ``a * b + c``."""
        return self.builder.fadd(self.times(a, b), c, flags=FLAGS)

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
        """Add what was found in a group to what was found before, see `operation`."""
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
                vector = builder.fadd(vector, builder.load(total), flags=FLAGS)
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


def operation(
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
            lanes = Vectors(context, builder, real)
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
