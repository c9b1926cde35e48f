"""Workloads that are declared instead of measured: layers and spike rates in a YAML.

Networks that nobody trained here can be priced from the numbers somebody published. A
declared rate is exact: the workload holds the least number of virtual inferences, a
power of ten, that makes all spike counts whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import ValidationError

from eventsim.errors import ShapeError
from eventsim.topology import (
    AveragePool,
    Conv2d,
    Dense,
    EarliestPool,
    Flatten,
    Passage,
    Synapses,
    Topology,
)
from hwmodel.chip.yaml_reader import Loader
from hwmodel.errors import WorkloadError
from hwmodel.workload.declared_schema import (
    MOST_DECIMALS,
    LayerSpec,
    NeuronsSpec,
    WorkloadSpec,
    first_mistake,
)
from hwmodel.workload.workload import LayerGeometry, Workload

MOST_NEURONS = 10**8
"""Neurons of the largest layer; there is one count for each of them."""

MOST_DRAWN_WEIGHTS = 2**25
"""Weights of the largest layer whose zeros are drawn."""

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def is_declared(path: str | Path) -> bool:
    """Tell whether a file is a workload file rather than a model file.

    Parameters
    ----------
    path : str or Path
        A file, a folder or nothing.

    Returns
    -------
    bool
        ``True`` for a file that can be read and does not begin as HDF5 files do.
    """
    try:
        with Path(path).open("rb") as file:
            return file.read(len(_HDF5_SIGNATURE)) != _HDF5_SIGNATURE
    except OSError:
        return False


def read_declared(path: str | Path) -> Workload:
    """Read a workload file.

    Parameters
    ----------
    path : str or Path
        YAML, see ``docs/reference/workload-file.md``.

    Returns
    -------
    Workload
        Layers without weights, and exact spike counts.

    Raises
    ------
    WorkloadError
        If the file cannot be read, is not YAML or does not follow the schema, a layer
        does not fit the one before or is too large, or a rate after a pool is needed
        and cannot be derived.
    """
    where = f"workload file '{path}'"
    try:
        raw = yaml.load(Path(path).read_text("utf-8"), Loader=Loader)
    except OSError as error:
        raise WorkloadError(f"{where} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise WorkloadError(
            f"'{path}' is neither a model file (HDF5) nor text; expected a model.h5 or "
            "a YAML file with declared spike rates"
        ) from error
    except (yaml.YAMLError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise WorkloadError(f"{where} is not valid YAML ({reason})") from error
    if not isinstance(raw, dict):
        raise WorkloadError(
            f"{where} holds no keys; expected name, source, input_shape, layers, ..."
        )
    if {"network", "training"} <= raw.keys():
        raise WorkloadError(
            f"{where} is a configuration of a training; expected a trained network; "
            f"run 'eventsim train {path}' and give the folder that it writes"
        )
    return from_declaration(raw, where)


def from_declaration(
    declaration: dict[str, Any], where: str = "declared workload"
) -> Workload:
    """Turn what a workload file holds into a workload.

    Parameters
    ----------
    declaration : dict
        Keys and values of the YAML file; numbers as YAML gives them.
    where : str
        What to call it in messages.

    Returns
    -------
    Workload
        As from `read_declared`.

    Raises
    ------
    WorkloadError
        See `read_declared`.

    Notes
    -----
    All neurons of a layer fire alike. After a pool of the earliest spike over n
    neurons with rate r, ``after_pool: any`` passes a spike if any of them fires,
    independently of the others: ``1 - (1 - r)^n``; ``after_pool: same`` keeps r, as if
    all neurons of a window fired together. A rate that needs more than six decimals
    then is rounded to six, half to even.
    """
    try:
        spec = WorkloadSpec.model_validate(declaration)
    except ValidationError as error:
        raise WorkloadError(f"{where}: {first_mistake(error)}") from error
    return _to_workload(spec, where)


def virtual_inferences(rates: Iterable[Fraction]) -> int:
    """Return the least power of ten that makes whole numbers of all rates.

    Parameters
    ----------
    rates : iterable of Fraction
        Spikes per neuron and inference.

    Returns
    -------
    int
        At most 10^6; a rate that needs more is rounded there.
    """
    most = 10**MOST_DECIMALS
    scale = 1
    for rate in rates:
        while scale < most and (rate * scale).denominator != 1:
            scale *= 10
    return scale


def _to_workload(spec: WorkloadSpec, where: str) -> Workload:
    rate_of_input = rate = spec.input_spikes_per_neuron or Fraction(0)
    layers: list[LayerGeometry] = []
    rates_in, rates_out = [], []
    passes: list[Passage] = []
    shape = tuple(spec.input_shape)
    _require_size(f"{where}: input_shape", shape)
    for number, declared in enumerate(spec.layers, start=1):
        place = f"{where}: layers.{number - 1}"
        try:
            topology = _topology(declared, shape)
        except ShapeError as error:
            raise WorkloadError(f"{place}: {error}") from error
        shape = topology.output_shape
        _require_size(place, shape)
        if not isinstance(topology, Synapses):
            passes.append(topology)
            continue
        assert isinstance(declared, NeuronsSpec)  # what has neurons says more
        name = declared.name or f"layer_{number} ({topology.kind})"
        try:
            layer = LayerGeometry(name, number, topology, passes=tuple(passes))
        except WorkloadError as error:
            raise WorkloadError(f"{place}: {error}") from error
        mask = _drawn_mask(layer, spec.density_of(declared), spec.seed, place)
        layers.append(replace(layer, nonzero=mask))
        rates_in.append(_rate_in(layer, declared, spec, rate, place))
        rate = spec.rate_of(declared)
        rates_out.append(rate)
        passes = []
    n = virtual_inferences([rate_of_input, *rates_in, *rates_out])
    return Workload(
        input_shape=tuple(spec.input_shape),
        layers=tuple(layers),
        spikes_in=tuple(
            np.full(_n_sources(layer), round(rate * n), dtype=np.int64)
            for layer, rate in zip(layers, rates_in, strict=True)
        ),
        spikes_out=tuple(
            np.full(layer.n_neurons, round(rate * n), dtype=np.int64)
            for layer, rate in zip(layers, rates_out, strict=True)
        ),
        n_input_spikes=prod(spec.input_shape) * round(rate_of_input * n),
        n_samples=n,
        windows=spec.windows,
        provenance={"declared": True, "name": spec.name, "source": spec.source},
        input=spec.input,
        spikes_from="declared rates",
    )


def _require_size(place: str, shape: tuple[int, ...]) -> None:
    if prod(shape) > MOST_NEURONS:
        raise WorkloadError(
            f"{place}: shape {shape} has {prod(shape)} neurons; expected at most "
            f"{MOST_NEURONS}"
        )


def _topology(declared: LayerSpec, shape: tuple[int, ...]) -> Topology:
    match declared.type:
        case "dense":
            return Dense(shape, declared.units)
        case "conv2d":
            height, width = declared.kernel
            return Conv2d(
                shape,
                declared.channels,
                (height, width),
                declared.stride,
                declared.padding,
            )
        case "pool":
            pool = EarliestPool if declared.kind == "earliest" else AveragePool
            return pool(shape, declared.size, declared.stride or declared.size)
    return Flatten(shape)


def _n_sources(layer: LayerGeometry) -> int:
    """Count the neurons whose spikes are a layer's inputs."""
    first = layer.folded[0] if layer.folded else layer.topology
    return prod(first.input_shape)


def _rate_in(
    layer: LayerGeometry,
    declared: NeuronsSpec,
    spec: WorkloadSpec,
    rate: Fraction,
    place: str,
) -> Fraction:
    """Spikes per input of a layer: of the layer before, after its earliest pools."""
    pools = [p for p in layer.passes if isinstance(p, EarliestPool)]
    explicit = declared.spikes_in_per_neuron
    if explicit is not None:
        if pools and not (
            spec.input == "currents" and layer.number == 1 + len(layer.passes)
        ):
            return explicit
        raise WorkloadError(
            f"{place}.spikes_in_per_neuron is {float(explicit):g}, but no spikes reach "
            "this layer through a pool; expected it after a pool of the earliest "
            "spike only; leave it out"
        )
    if spec.after_pool == "same" or not pools:
        return rate
    if rate > 1:
        raise WorkloadError(
            f"{place}: the pool before it receives {float(rate):g} spikes per neuron, "
            "and 'after_pool: any' takes rates as probabilities; expected at most 1; "
            f"write how many pass as layers.{layer.number - 1}.spikes_in_per_neuron"
        )
    return 1 - (1 - rate) ** _window_size(pools)


def _window_size(pools: list[EarliestPool]) -> int:
    """Count the neurons before a chain of pools that one position behind it sees."""
    along = {0}
    for pool in reversed(pools):
        along = {i * pool.stride + k for i in along for k in range(pool.size)}
    return len(along) ** 2


def _drawn_mask(
    layer: LayerGeometry, density: float, seed: int, place: str
) -> np.ndarray | None:
    """Draw which weights are not zero; ``None`` if all are."""
    if density == 1:
        return None
    shape = layer.topology.weight_shape
    n = prod(shape)
    if n > MOST_DRAWN_WEIGHTS:
        raise WorkloadError(
            f"{place}: density is {density:g} for {n} weights; expected at most "
            f"{MOST_DRAWN_WEIGHTS}, because each zero is drawn; set density: 1"
        )
    mask = np.zeros(n, dtype=bool)
    rng = np.random.default_rng((seed, layer.number))
    mask[rng.choice(n, round(density * n), replace=False, shuffle=False)] = True
    return mask.reshape(shape)
