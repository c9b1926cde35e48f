"""Map the networks of Wei et al. 2023 on CanMore and count what Fig. 8 is made of.

The paper gives a rule of partition, XY routes on a mesh and three totals. It does not
give the network by name, the size of the mesh, the placement, the spikes of each layer
or how a spike reaches several cores. So the hops are counted under each of these.

References
----------
W. Wei et al., "Temporal-Coded Spiking Neural Networks with Dynamic Firing Threshold:
Learning with Event-Driven Backpropagation", ICCV 2023, section 4.4.2, Eq. 12, Fig. 8.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from hwmodel.chip.casting import Casting
from hwmodel.chip.chip import Chip, CoreLimits, load_chip
from hwmodel.cost.energy import linear_energy
from hwmodel.mapping.partition import Partition, partition
from hwmodel.mapping.placement import Mapping, place_row_major
from hwmodel.mesh.grid import Grid
from hwmodel.paper_tables import VGG11_SPARSITY
from hwmodel.traffic.counts import ActionCounts, count
from hwmodel.workload.declared import from_declaration
from hwmodel.workload.workload import LayerGeometry, Workload

PARTITIONS: dict[str, Callable[[Sequence[LayerGeometry], CoreLimits], Partition]] = {
    "along features": partition,
    "along space": partial(partition, split="space"),
}
"""Rules that cut layers into cores, by name; each adds rows to the table."""

PLACEMENTS: dict[str, Callable[[Partition, Grid, str], Mapping]] = {
    "row-major": place_row_major
}
"""Rules that put cores on the mesh, by name; each adds rows to the table."""

CASTINGS: tuple[Casting, ...] = ("multicast", "unicast")

AFTER_POOL: tuple[Literal["any", "same"], ...] = ("any", "same")
"""What passes a pool: see `hwmodel.workload.declared.from_declaration`."""

LEAST = "least"
"""Casting of rows that count one hop for each core that a spike reaches."""


@dataclass(frozen=True)
class PaperNetwork:
    """A network of the paper.

    Parameters
    ----------
    name : str
        As in Table 1.
    maps : tuple of int
        Channels of its 3x3 convolutions; 0 is a pool.
    sparsity : float
        Spikes per neuron, Table 1.
    """

    name: str
    maps: tuple[int, ...]
    sparsity: float


VGG11 = PaperNetwork(
    "VGG11", (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0), VGG11_SPARSITY
)
VGG16 = PaperNetwork(
    "VGG16",
    (64, 64, 0, 128, 128, 0, *[256] * 3, 0, *[512] * 3, 0, *[512] * 3, 0),
    0.2561,
)
NETWORKS = (VGG11, VGG16)
"""Networks of the table; the paper does not say which one it mapped."""


@dataclass(frozen=True)
class MappedReading:
    """Hops and energy of a network under one set of choices.

    Parameters
    ----------
    network, partition, placement, mesh, casting, after_pool : str
        The choices. Casting ``"least"`` counts one hop for each core that a spike
        reaches, of the input all but one, which may lie at its port: no placement and
        no casting can have fewer.
    spikes, sops, hops : float, per frame
        Counts without the input: the paper's spikes leave it out.
    input_spikes, input_sops, input_hops : float, per frame
        What one spike of each input value adds.
    per_spike, per_sop : float, J/frame
        Eq. 12 with the price of a synaptic operation paid for each spike, and for
        each synaptic operation; without the input.
    per_spike_with_input, per_sop_with_input : float, J/frame
        The same with the input.
    """

    network: str
    partition: str
    placement: str
    mesh: str
    casting: str
    after_pool: str
    spikes: float
    sops: float
    hops: float
    input_spikes: float
    input_sops: float
    input_hops: float
    per_spike: float
    per_sop: float
    per_spike_with_input: float
    per_sop_with_input: float


def declaration(network: PaperNetwork, after_pool: str) -> dict[str, Any]:
    """Declare a network of the paper as a workload file would.

    Parameters
    ----------
    network : PaperNetwork
        Its convolutions and sparsity; dense layers are 4096-4096-10.
    after_pool : {"any", "same"}
        What passes a pool.

    Returns
    -------
    dict
        For `hwmodel.workload.declared.from_declaration`.
    """
    layers: list[dict[str, Any]] = [
        {"type": "conv2d", "channels": channels, "kernel": 3, "padding": 1}
        if channels
        else {"type": "pool", "size": 2}
        for channels in network.maps
    ]
    layers += [{"type": "dense", "units": units} for units in (4096, 4096, 10)]
    return {
        "name": network.name,
        "source": "Wei et al. 2023, Table 1",
        "input_shape": [32, 32, 3],
        "input_spikes_per_neuron": 1,
        "windows": sum(layer["type"] != "pool" for layer in layers),
        "spikes_per_neuron": network.sparsity,
        "after_pool": after_pool,
        "layers": layers,
    }


def fig_8() -> list[MappedReading]:
    """Count hops and energy under every choice the paper leaves open.

    Returns
    -------
    list of MappedReading
        Two networks; the smallest square mesh, the preset's and a single row.
    """
    chip = load_chip("canmore")
    assert chip.core.neurons is not None  # the schema demands it
    rows = []
    for network in NETWORKS:
        for after_pool in AFTER_POOL:
            workload = from_declaration(declaration(network, after_pool))
            for rule, cut in PARTITIONS.items():
                part = cut(workload.layers, chip.capacity("core"))
                about = (network.name, rule, after_pool)
                rows += _placed(chip, workload, part, about)
    return rows


def _placed(
    chip: Chip, workload: Workload, part: Partition, about: tuple[str, str, str]
) -> list[MappedReading]:
    side = math.isqrt(part.n_cores - 1) + 1
    sizes = ((side, side), (chip.mesh.width, chip.mesh.height), (part.n_cores, 1))
    rows = []
    for placement, place in PLACEMENTS.items():
        for grid in map(chip.mesh.grid, sizes):
            counts = count(workload, place(part, grid, chip.name))
            where = (placement, str(grid))
            for casting in CASTINGS:
                hops = [layer.transport(casting).hops for layer in counts.layers]
                rows.append(_reading(chip, counts, about, (*where, casting), hops))
    reached = [layer.unicast.packets for layer in counts.layers]
    reached[0] -= counts.layers[0].multicast.packets
    return [_reading(chip, counts, about, ("any", "any", LEAST), reached), *rows]


def _reading(
    chip: Chip,
    counts: ActionCounts,
    about: tuple[str, str, str],
    where: tuple[str, str, str],
    hops: list[int],
) -> MappedReading:
    (network, rule, after_pool), (placement, mesh, casting) = about, where
    n = counts.n_samples
    input_sops, input_hops = counts.layers[0].sops / n, hops[0] / n
    sops, all_hops = counts.sops / n, sum(hops) / n
    spikes, input_spikes = counts.spikes / n, counts.input_spikes / n
    why = "the tables of the paper need it"
    prices = [chip.require(f"energy.{name}", why) for name in ("sop", "hop", "static")]

    def energy(paid: float, crossed: float) -> float:
        return linear_energy(paid, crossed, *prices).total

    return MappedReading(
        network,
        rule,
        placement,
        mesh,
        casting,
        after_pool,
        spikes,
        sops - input_sops,
        all_hops - input_hops,
        input_spikes,
        input_sops,
        input_hops,
        per_spike=energy(spikes, all_hops - input_hops),
        per_sop=energy(sops - input_sops, all_hops - input_hops),
        per_spike_with_input=energy(spikes + input_spikes, all_hops),
        per_sop_with_input=energy(sops, all_hops),
    )
