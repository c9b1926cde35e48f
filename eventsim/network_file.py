"""Write and read the group ``network`` of a model file.

The layout is documented in ``docs/reference/model-file.md``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from eventsim.errors import ModelFileError
from eventsim.network import (
    INPUTS,
    LAYER_ARRAYS,
    READOUTS,
    READS_ALL_SPIKES,
    RESETS,
    THRESHOLDS,
    Layer,
    Network,
    Neuron,
)
from eventsim.topology import (
    AveragePool,
    Conv2d,
    Dense,
    Dropout,
    EarliestPool,
    Flatten,
    Sparse,
    Topology,
)

POSITIVE = ("tau_m", "tau_s", "tau_r", "threshold_factor", "refractory_scale")
NUMBERS = (*POSITIVE, "refractory")
CONSTANTS = (*NUMBERS, "reset", "max_spikes")
"""Constants of a neuron as attributes of its layer; absent ones have their default."""

OF_NETWORK = ("input_shape", "time_window", "readout", "n_layers", "t_end", "input")
GEOMETRY = (
    "name",
    "kind",
    "input_shape",
    "output_shape",
    "stride",
    "padding",
    "size",
)
OF_LAYER = (*GEOMETRY, "units", "rate", "neuron", "threshold", *CONSTANTS)
DATASETS = (*LAYER_ARRAYS, "pre", "post")


def format_version_of(network: Network) -> int:
    """Return the lowest format version that a reader must know to run a network.

    Parameters
    ----------
    network : Network
        What is to be written.

    Returns
    -------
    int
        1 if an old reader understands all of it, else 2: it would overlook neuron
        constants, currents, delays and the end of the run.
    """
    if network.t_end is not None or network.readout in READS_ALL_SPIKES:
        return 2
    if network.input != "spikes":
        return 2
    for layer in network.layers:
        if isinstance(layer.topology, Sparse | AveragePool | Dropout):
            return 2
        known = Neuron(threshold=layer.neuron.threshold) if layer.neuron else None
        if layer.neuron != known:
            return 2
        if any(getattr(layer, name) is not None for name in LAYER_ARRAYS[2:]):
            return 2
    return 1


def write_network(group: h5py.Group, network: Network) -> None:
    """Write a network into an empty group.

    Parameters
    ----------
    group : h5py.Group
        Group ``network`` of a model file.
    network : Network
        What to write.
    """
    group.attrs["input_shape"] = network.input_shape
    group.attrs["time_window"] = network.time_window
    group.attrs["readout"] = network.readout
    group.attrs["n_layers"] = len(network.layers)
    if network.t_end is not None:
        group.attrs["t_end"] = network.t_end
    if network.input != "spikes":
        group.attrs["input"] = network.input
    for k, layer in enumerate(network.layers, start=1):
        _write_layer(group.create_group(f"layer_{k}"), layer)


def _write_layer(item: h5py.Group, layer: Layer) -> None:
    topology = layer.topology
    item.attrs["name"] = layer.name
    item.attrs["kind"] = topology.kind
    item.attrs["input_shape"] = topology.input_shape
    item.attrs["output_shape"] = topology.output_shape
    match topology:
        case Conv2d(stride=stride, padding=padding):
            item.attrs["stride"] = stride
            item.attrs["padding"] = padding
        case EarliestPool(size=size, stride=stride):
            item.attrs["size"] = size
            item.attrs["stride"] = stride
        case AveragePool(size=size, stride=stride):
            item.attrs["size"] = size
            item.attrs["stride"] = stride
        case Dropout(rate=rate):
            item.attrs["rate"] = rate
        case Sparse(units=units, pre=pre, post=post):
            item.attrs["units"] = units
            item.create_dataset("pre", data=pre)
            item.create_dataset("post", data=post)
    if layer.neuron is None:
        return
    item.attrs["neuron"] = layer.neuron.model
    item.attrs["threshold"] = layer.neuron.threshold
    plain = Neuron()
    for name in CONSTANTS:
        value = getattr(layer.neuron, name)
        if value != getattr(plain, name):
            item.attrs[name] = value
    for name in LAYER_ARRAYS:
        if getattr(layer, name) is not None:
            item.create_dataset(name, data=getattr(layer, name))


def read_network(path: Path, group: h5py.Group, version: int) -> Network:
    """Read a network.

    Parameters
    ----------
    path : Path
        The file, for messages.
    group : h5py.Group
        Group ``network`` of a model file.
    version : int
        Format version of the file. From 2 on, unknown names are refused.

    Returns
    -------
    Network
        Checked.

    Raises
    ------
    ModelFileError
        If a kind, name or constant is not known.
    ShapeError
        If layers or arrays do not fit together.
    """
    layers = []
    if version > 1:
        _refuse_unknown(f"model file '{path}': network", group.attrs, OF_NETWORK)
    for k in range(1, int(group.attrs["n_layers"]) + 1):
        item = group[f"layer_{k}"]
        where = f"model file '{path}': layer_{k}"
        if version > 1:
            _refuse_unknown(where, item.attrs, OF_LAYER)
            _refuse_unknown(where, item, DATASETS)
        layers.append(_read_layer(where, k, item))
    t_end = group.attrs.get("t_end")
    return Network(
        input_shape=whole_numbers(group.attrs["input_shape"]),
        layers=tuple(layers),
        time_window=float(group.attrs["time_window"]),
        readout=one_of(
            f"model file '{path}': readout", group.attrs["readout"], READOUTS
        ),
        t_end=None if t_end is None else float(t_end),
        input=one_of(
            f"model file '{path}': input", group.attrs.get("input", "spikes"), INPUTS
        ),
    )


def _refuse_unknown(where: str, names: Iterable[str], known: tuple[str, ...]) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ModelFileError(
            f"{where} has '{unknown[0]}', which is not known; expected some of "
            f"{', '.join(known)}"
        )


def _read_layer(where: str, k: int, item: h5py.Group) -> Layer:
    topology = _read_topology(where, item)
    stored = whole_numbers(item.attrs.get("output_shape", topology.output_shape))
    if stored != topology.output_shape:
        raise ModelFileError(
            f"{where} says output_shape {stored}, its geometry gives "
            f"{topology.output_shape}"
        )
    name = text_of(item.attrs.get("name", f"layer_{k} ({topology.kind})"))
    if not topology.has_neurons:
        return Layer(name, topology)
    arrays = {name: item[name][()] for name in LAYER_ARRAYS[:2]}
    arrays |= {name: item[name][()] for name in LAYER_ARRAYS[2:] if name in item}
    return Layer(name, topology, _read_neuron(where, item), **arrays)


def _read_neuron(where: str, item: h5py.Group) -> Neuron:
    given: dict[str, Any] = {
        name: _number(f"{where} {name}", item.attrs[name])
        for name in NUMBERS
        if name in item.attrs
    }
    for name in POSITIVE:
        if not given.get(name, 1.0) > 0:
            raise ModelFileError(
                f"{where} {name} is {given[name]}; expected a positive number"
            )
    if given.get("refractory", 0.0) < 0:
        raise ModelFileError(
            f"{where} refractory is {given['refractory']}; expected a time from 0 on"
        )
    if "max_spikes" in item.attrs:
        number = _number(f"{where} max_spikes", item.attrs["max_spikes"])
        if number < 1 or number != int(number):
            raise ModelFileError(
                f"{where} max_spikes is {number}; expected a whole number from 1 on"
            )
        given["max_spikes"] = int(number)
    if "reset" in item.attrs:
        given["reset"] = one_of(f"{where} reset", item.attrs["reset"], RESETS)
    return Neuron(
        text_of(item.attrs["neuron"]),
        one_of(f"{where} threshold", item.attrs["threshold"], THRESHOLDS),
        **given,
    )


def _read_topology(where: str, item: h5py.Group) -> Topology:
    kind = text_of(item.attrs["kind"])
    input_shape = whole_numbers(item.attrs["input_shape"])
    match kind:
        case "dense":
            return Dense(input_shape, int(item["weight"].shape[1]))
        case "conv2d":
            kernel_h, kernel_w, _, channels = (int(n) for n in item["weight"].shape)
            return Conv2d(
                input_shape,
                channels,
                (kernel_h, kernel_w),
                int(item.attrs.get("stride", 1)),
                int(item.attrs.get("padding", 0)),
            )
        case "sparse":
            units = int(item.attrs["units"])
            return Sparse(input_shape, units, item["pre"][()], item["post"][()])
        case "pool" | "average_pool":
            pool = EarliestPool if kind == "pool" else AveragePool
            size = int(item.attrs["size"])
            return pool(input_shape, size, int(item.attrs.get("stride", size)))
        case "flatten":
            return Flatten(input_shape)
        case "dropout":
            return Dropout(input_shape, _number(f"{where} rate", item.attrs["rate"]))
    raise ModelFileError(
        f"{where} has kind '{kind}'; expected dense, conv2d, sparse, pool, "
        "average_pool, flatten or dropout"
    )


def text_of(value: Any) -> str:
    """Return an HDF5 text, of fixed or variable length, as a string."""
    return value.decode() if isinstance(value, bytes) else str(value)


def whole_numbers(value: Any) -> tuple[int, ...]:
    """Return one or several HDF5 integers as a tuple."""
    return tuple(int(n) for n in np.atleast_1d(value))


def one_of(where: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    """Return a text if it is allowed.

    Raises
    ------
    ModelFileError
        If it is not.
    """
    text = text_of(value)
    if text not in allowed:
        raise ModelFileError(
            f"{where} is '{text}'; expected one of {', '.join(allowed)}"
        )
    return text


def _number(where: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ModelFileError(f"{where} is {value}; expected a number")
    return number
