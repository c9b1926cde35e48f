"""Layer geometry: which neuron is connected to which, without any weights.

One order of neurons holds everywhere (memory, files, reports): maps are ``(height,
width, channels)`` and neuron ``(y, x, c)`` has the flat index ``(y * width + x) *
channels + c``. Weights are presynaptic-major: the synapses one spike touches lie side
by side, ``(n_in, n_out)`` for dense layers and ``(kernel_h, kernel_w, channels_in,
channels_out)`` for convolutions. Sparse layers list their synapses, in any order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from math import prod
from typing import ClassVar

import numpy as np

from eventsim.errors import ShapeError

Shape = tuple[int, ...]


def _require_map(where: str, shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise ShapeError(
            f"{where}: input has shape {shape}; expected (height, width, channels); "
            "put this layer before any 'flatten' or 'dense' layer"
        )
    return shape


def _require_positive(where: str, **values: int) -> None:
    for name, value in values.items():
        if value < 1:
            raise ShapeError(f"{where}: {name} must be at least 1, got {value}")


@dataclass(frozen=True)
class Dense:
    """Every input neuron is connected to every output neuron.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of the layer before; maps are read in flat order.
    units : int
        Number of neurons.
    """

    input_shape: Shape
    units: int
    kind: ClassVar[str] = "dense"
    has_neurons: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _require_positive("dense", units=self.units)

    @property
    def output_shape(self) -> Shape:
        """Shape of the layer's neurons."""
        return (self.units,)

    @property
    def weight_shape(self) -> Shape:
        """``(n_in, n_out)``."""
        return (prod(self.input_shape), self.units)

    @property
    def fan_in(self) -> int:
        """Synapses per neuron."""
        return prod(self.input_shape)

    @property
    def n_features(self) -> int:
        """Number of neurons that own a threshold."""
        return self.units


@dataclass(frozen=True)
class Conv2d:
    """Square-strided two-dimensional convolution (cross-correlation).

    Parameters
    ----------
    input_shape : tuple of int
        ``(height, width, channels)`` of the layer before.
    channels : int
        Number of output channels (feature maps).
    kernel : tuple of int
        Kernel ``(height, width)``.
    stride : int, default 1
        Step between kernel positions, the same in both directions.
    padding : int, default 0
        Rows and columns of silent neurons put around the input.

    Raises
    ------
    ShapeError
        If the kernel is larger than the padded input.
    """

    input_shape: Shape
    channels: int
    kernel: tuple[int, int]
    stride: int = 1
    padding: int = 0
    kind: ClassVar[str] = "conv2d"
    has_neurons: ClassVar[bool] = True

    def __post_init__(self) -> None:
        height, width, _ = _require_map("conv2d", self.input_shape)
        _require_positive(
            "conv2d",
            channels=self.channels,
            stride=self.stride,
            kernel=min(self.kernel),
        )
        if self.padding < 0:
            raise ShapeError(
                f"conv2d: padding must not be negative, got {self.padding}"
            )
        for name, size, k in (
            ("height", height, self.kernel[0]),
            ("width", width, self.kernel[1]),
        ):
            if k > size + 2 * self.padding:
                raise ShapeError(
                    f"conv2d: kernel {name} {k} is larger than the input {name} {size} "
                    f"with padding {self.padding}; expected a kernel of at most "
                    f"{size + 2 * self.padding}"
                )

    @property
    def output_shape(self) -> Shape:
        """``(height, width, channels)`` of the layer's neurons."""
        height, width, _ = self.input_shape
        return (
            (height + 2 * self.padding - self.kernel[0]) // self.stride + 1,
            (width + 2 * self.padding - self.kernel[1]) // self.stride + 1,
            self.channels,
        )

    @property
    def weight_shape(self) -> Shape:
        """``(kernel_h, kernel_w, channels_in, channels_out)``."""
        return (*self.kernel, self.input_shape[2], self.channels)

    @property
    def fan_in(self) -> int:
        """Synapses per neuron away from the border."""
        return self.kernel[0] * self.kernel[1] * self.input_shape[2]

    @property
    def n_features(self) -> int:
        """Number of channels, each of which owns a threshold."""
        return self.channels


@dataclass(frozen=True, eq=False)
class Sparse:
    """Synapses given one by one: synapse s leads from ``pre[s]`` to ``post[s]``.

    Weights and synaptic delays have the order of this list. A pair may occur several
    times; each entry is a synapse of its own, and without delays their weights add.
    A neuron may have no synapse at all. Equal lists compare equal and have the same
    hash, so tables made from a topology can be kept.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of the layer before; maps are read in flat order.
    units : int
        Number of neurons.
    pre : ndarray, shape (n_synapses,), integers
        Flat index of each synapse's input neuron; kept as a read-only int32 copy.
    post : ndarray, shape (n_synapses,), integers
        Index of each synapse's neuron; kept as a read-only int32 copy.

    Raises
    ------
    ShapeError
        If the lists differ in length, are not whole numbers, or name a neuron that
        does not exist.
    """

    input_shape: Shape
    units: int
    pre: np.ndarray = field(repr=False)
    post: np.ndarray = field(repr=False)
    kind: ClassVar[str] = "sparse"
    has_neurons: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _require_positive("sparse", units=self.units)
        for name, size in (("pre", prod(self.input_shape)), ("post", self.units)):
            object.__setattr__(self, name, _synapse_ends(name, self, size))
        if self.pre.size != self.post.size:
            raise ShapeError(
                f"sparse: pre has {self.pre.size} entries and post {self.post.size}; "
                "expected one of each for every synapse"
            )
        digest = blake2b(self.pre.tobytes(), digest_size=16)
        digest.update(self.post.tobytes())
        key = (self.input_shape, self.units, self.pre.size, digest.digest())
        object.__setattr__(self, "_key", key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sparse) and vars(self)["_key"] == vars(other)["_key"]

    def __hash__(self) -> int:
        return hash(vars(self)["_key"])

    @property
    def output_shape(self) -> Shape:
        """Shape of the layer's neurons."""
        return (self.units,)

    @property
    def weight_shape(self) -> Shape:
        """``(n_synapses,)``."""
        return (self.pre.size,)

    @property
    def fan_in(self) -> float:
        """Synapses per neuron, on average."""
        return self.pre.size / self.units

    @property
    def n_features(self) -> int:
        """Number of neurons that own a threshold."""
        return self.units


def _synapse_ends(name: str, topology: Sparse, size: int) -> np.ndarray:
    given = np.asarray(getattr(topology, name))
    is_whole = given.size == 0 or np.issubdtype(given.dtype, np.integer)
    if given.ndim != 1 or not is_whole:
        raise ShapeError(
            f"sparse: {name} has shape {given.shape} and type {given.dtype}; expected "
            "a list of whole numbers"
        )
    wrong = np.flatnonzero((given < 0) | (given >= size))
    if wrong.size:
        raise ShapeError(
            f"sparse: entry {wrong[0]} of {name} is {given[wrong[0]]}; expected 0 to "
            f"{size - 1}"
        )
    ends = given.astype(np.int32)
    ends.setflags(write=False)
    return ends


@dataclass(frozen=True)
class EarliestPool:
    """Let the earliest spike of each window through; a silent window is silent.

    Windows that would reach over the border are dropped. Ties go to the first
    neuron of the window in row-major order. Takes no time: the spike passes at
    the moment it was fired.

    Parameters
    ----------
    input_shape : tuple of int
        ``(height, width, channels)`` of the layer before.
    size : int
        Side of the square window.
    stride : int
        Step between windows.

    Raises
    ------
    ShapeError
        If the window is larger than the input.
    """

    input_shape: Shape
    size: int
    stride: int
    kind: ClassVar[str] = "pool"
    has_neurons: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _require_window(self)

    @property
    def output_shape(self) -> Shape:
        """``(height, width, channels)`` after pooling."""
        return _pooled_shape(self)


@dataclass(frozen=True)
class AveragePool:
    """Pass every spike of a window on at once, with 1 / size^2 of its value.

    The window has no neuron and no state. Windows that would reach over the border
    are dropped; a spike in several overlapping windows passes through each of them.

    Parameters
    ----------
    input_shape : tuple of int
        ``(height, width, channels)`` of the layer before.
    size : int
        Side of the square window.
    stride : int
        Step between windows.

    Raises
    ------
    ShapeError
        If the window is larger than the input.
    """

    input_shape: Shape
    size: int
    stride: int
    kind: ClassVar[str] = "average_pool"
    has_neurons: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _require_window(self)

    @property
    def output_shape(self) -> Shape:
        """``(height, width, channels)`` after pooling."""
        return _pooled_shape(self)


def _require_window(pool: EarliestPool | AveragePool) -> None:
    height, width, _ = _require_map(pool.kind, pool.input_shape)
    _require_positive(pool.kind, size=pool.size, stride=pool.stride)
    if pool.size > min(height, width):
        raise ShapeError(
            f"{pool.kind}: window of {pool.size} x {pool.size} is larger than the "
            f"input map of {height} x {width}"
        )


def _pooled_shape(pool: EarliestPool | AveragePool) -> Shape:
    height, width, channels = pool.input_shape
    return (
        (height - pool.size) // pool.stride + 1,
        (width - pool.size) // pool.stride + 1,
        channels,
    )


@dataclass(frozen=True)
class Flatten:
    """Read a map as a vector, in the one neuron order of this package."""

    input_shape: Shape
    kind: ClassVar[str] = "flatten"
    has_neurons: ClassVar[bool] = False

    @property
    def output_shape(self) -> Shape:
        """``(n,)``."""
        return (prod(self.input_shape),)


@dataclass(frozen=True)
class Dropout:
    """In training, drop channels of a map or units of a vector; else pass all.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of the layer before.
    rate : float
        Probability of each channel or unit to be dropped, at least 0 and below 1.

    Raises
    ------
    ShapeError
        If the rate is out of range.
    """

    input_shape: Shape
    rate: float
    kind: ClassVar[str] = "dropout"
    has_neurons: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise ShapeError(f"dropout: rate is {self.rate}; expected 0 to below 1")

    @property
    def output_shape(self) -> Shape:
        """Shape of the layer before."""
        return self.input_shape


Synapses = Dense | Conv2d | Sparse
"""Layers with neurons, weights and thresholds."""

Passage = EarliestPool | AveragePool | Flatten | Dropout
"""Layers that only pass spikes on."""

Topology = Synapses | Passage
