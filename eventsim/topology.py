"""Layer geometry: which neuron is connected to which, without any weights.

One order of neurons holds everywhere (memory, files, reports): maps are
``(height, width, channels)`` and neuron ``(y, x, c)`` has the flat index
``(y * width + x) * channels + c``. Weights are presynaptic-major, so the
synapses one spike touches lie side by side: ``(n_in, n_out)`` for dense layers
and ``(kernel_h, kernel_w, channels_in, channels_out)`` for convolutions.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

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
        height, width, _ = _require_map("pool", self.input_shape)
        _require_positive("pool", size=self.size, stride=self.stride)
        if self.size > min(height, width):
            raise ShapeError(
                f"pool: window of {self.size} x {self.size} is larger than the input "
                f"map of {height} x {width}"
            )

    @property
    def output_shape(self) -> Shape:
        """``(height, width, channels)`` after pooling."""
        height, width, channels = self.input_shape
        return (
            (height - self.size) // self.stride + 1,
            (width - self.size) // self.stride + 1,
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


Topology = Dense | Conv2d | EarliestPool | Flatten
