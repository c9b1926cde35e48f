"""The spikes of a trace on the mesh of a chip, all at once: what waiting adds.

An estimate counts hops. Here every packet is injected when its spike is sent, and links
and buffers are occupied by one packet at a time (`hwmodel.noc`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eventsim.model_file import ModelFile
from hwmodel.chip.casting import Casting
from hwmodel.chip.chip import Chip
from hwmodel.cost.latency import latency, steps_begun
from hwmodel.errors import PlacementError
from hwmodel.mapping.placement import Mapping
from hwmodel.noc.packets import Packets
from hwmodel.noc.timing import RouterTiming
from hwmodel.traffic.counts import count
from hwmodel.traffic.spike_packets import SpikePackets, local_ports, spike_packets
from hwmodel.workload.trace import SpikeTrace
from hwmodel.workload.workload import Workload, from_trace

if TYPE_CHECKING:
    from hwmodel.noc.contention import Contention


@dataclass(frozen=True)
class CoreWork:
    """How long the busiest core works in one inference.

    Parameters
    ----------
    seconds : float or None, s
        Mean over the inferences of the busiest core's synaptic operations, packets
        taken in and neuron updates, one after the other; ``None`` if a duration is
        unknown.
    core : int
        The busiest core; -1 if unknown.
    reason : str
        Why `seconds` is ``None``; empty otherwise.
    """

    seconds: float | None
    core: int = -1
    reason: str = ""


@dataclass(frozen=True)
class MeshRun:
    """Packets of a trace on the mesh of a chip.

    Parameters
    ----------
    chip : Chip
        Its durations.
    mapping : Mapping
        Where the cores are.
    casting : {"multicast", "unicast"}
        How spikes travel.
    casting_origin : str
        Why: it was asked for, it is the chip's, or the default.
    timing : RouterTiming
        Delays and buffers of the routers.
    step : float, s
        Length of a time step.
    in_steps : bool
        Whether packets leave at the ends of time steps, or when their neurons fire.
    n_samples : int
        Inferences.
    contention : Contention
        Latencies, links, and the fast estimate beside the simulation.
    work : CoreWork
        The busiest core.
    notes : tuple of str
        What was assumed.
    """

    chip: Chip
    mapping: Mapping
    casting: Casting
    casting_origin: str
    timing: RouterTiming
    step: float
    in_steps: bool
    n_samples: int
    contention: Contention
    work: CoreWork
    notes: tuple[str, ...]


def run_on_mesh(
    model: ModelFile,
    trace: SpikeTrace,
    chip: Chip,
    mapping: Mapping,
    *,
    casting: Casting | None = None,
    steps_per_window: int = 10,
    input_port: tuple[int, int] = (0, 0),
) -> MeshRun:
    """Send the spikes of a trace over the mesh of a chip.

    Parameters
    ----------
    model : ModelFile
        The network that fired.
    trace : SpikeTrace
        Its spikes.
    chip : Chip
        Needs ``timing.step``, ``timing.hop`` and ``timing.link``.
    mapping : Mapping
        Where the neurons live.
    casting : {"multicast", "unicast"}, optional
        One packet for all cores that a spike (of one copy of a neuron) goes to, copied
        on its way, or one for each core. As the chip does it by default, and multicast
        if its file does not say.
    steps_per_window : int
        Time steps a firing window is divided into, positive.
    input_port : tuple of int
        (x, y) of the router where input spikes enter.

    Returns
    -------
    MeshRun
        Each inference begins on an empty mesh.

    Raises
    ------
    ChipError
        If a duration that is needed is unknown.
    PlacementError
        If the links are not those of a mesh.
    TrafficError
        If times are too long for the clock.

    Notes
    -----
    A time-stepped chip sends the spikes of a step together when the step ends: a
    neuron that fires in ``((k - 1) step, k step]`` sends at ``k step``. An event-driven
    chip sends each when it is fired. Every core has a local port of its own at its
    router, and so has the network's input.
    """
    from hwmodel.noc.contention import contention  # loads Numba

    grid = mapping.grid
    if grid.topology != "mesh":
        raise PlacementError(
            f"chip {chip.name}: contention is simulated on a mesh with XY routing, got "
            f"a {grid.topology}; expected topology mesh; pass --set mesh.topology=mesh "
            "for a stand-in"
        )
    timing, notes = router_timing(chip)
    step = chip.require("timing.step", "the time of a spike in seconds needs it")
    unit = steps_per_window * step / model.network.time_window
    sent = spike_packets(model.network, trace, mapping, unit)
    in_steps = chip.execution == "time-stepped"
    cast, ends = chip.cast(casting), step if in_steps else None
    packets = _packets(sent, mapping, cast.value, input_port, ends)
    workload = from_trace(model, trace)
    steps = latency(workload.windows, steps_per_window, chip).steps
    found = contention(packets, timing)
    if in_steps and found.latency is not None and found.latency.largest > step:
        notes = (
            "packets are on their way for longer than a time step and meet those of "
            "the next; a chip that waits for all of them takes longer steps",
            *notes,
        )
    return MeshRun(
        chip,
        mapping,
        cast.value,
        cast.origin,
        timing,
        step,
        in_steps,
        trace.n_samples,
        found,
        _busiest_core(chip, workload, mapping, sent, steps),
        notes,
    )


def router_timing(chip: Chip) -> tuple[RouterTiming, tuple[str, ...]]:
    """Take the delays of a chip's routers from its file.

    Parameters
    ----------
    chip : Chip
        Its ``timing`` and ``mesh.buffer``.

    Returns
    -------
    timing : RouterTiming
        Delays and buffers.
    notes : tuple of str
        What is unknown and was taken to have no limit.

    Raises
    ------
    ChipError
        If ``timing.hop`` or ``timing.link`` is unknown.
    """
    why = "packets on the mesh need it"
    hop = chip.require("timing.hop", why)
    hop_y = hop if chip.timing.hop_y is None else chip.require("timing.hop_y", why)
    link = chip.require("timing.link", why)
    notes = []
    if chip.mesh.buffer is None:
        notes.append(
            f"mesh.buffer of chip {chip.name} is not known: buffers never fill"
        )
    into_core = chip.timing.axon_in.value
    if into_core is None:
        notes.append(
            f"timing.axon_in of chip {chip.name} is unknown: packets leave the mesh as "
            "soon as they are there"
        )
    timing = RouterTiming(hop, hop_y, link, chip.mesh.buffer, 0.0, into_core or 0.0)
    return timing, tuple(notes)


def _packets(
    sent: SpikePackets,
    mapping: Mapping,
    casting: Casting,
    input_port: tuple[int, int],
    step: float | None,
) -> Packets:
    ports = local_ports(mapping, input_port)
    core, offsets = sent.destinations()
    time, source = sent.time, ports.of_core[sent.source]
    inference = sent.inference.astype(np.int64)
    if step is not None:
        time = steps_begun(time / step, 1) * step
    if casting == "unicast":
        packet = np.repeat(np.arange(time.size), np.diff(offsets))
        time, source, inference = time[packet], source[packet], inference[packet]
        offsets = np.arange(core.size + 1)
    return Packets(
        (mapping.grid.width, mapping.grid.height),
        time,
        source,
        ports.of_core[core],
        offsets,
        inference,
        ports.n_each,
    )


def _busiest_core(
    chip: Chip, workload: Workload, mapping: Mapping, sent: SpikePackets, steps: int
) -> CoreWork:
    for name in ("sop", "axon_in", "neuron_update"):
        if getattr(chip.timing, name).value is None:
            return CoreWork(
                None, reason=f"timing.{name} of chip {chip.name} is unknown"
            )
    sops = count(workload, mapping).sops_per_core
    updates = sops
    if chip.execution == "time-stepped":
        neurons = mapping.partition.occupied_per_core
        updates = neurons * steps * workload.n_samples
    busy = (
        sops * chip.timing.sop.value
        + _taken_in(sent, mapping) * chip.timing.axon_in.value
        + updates * chip.timing.neuron_update.value
    ) / workload.n_samples
    core = int(busy.argmax())
    return CoreWork(float(busy[core]), core)


def _taken_in(sent: SpikePackets, mapping: Mapping) -> np.ndarray:
    """Count the packets that each core takes in, shape (n_cores,), int64."""
    table = sent.senders
    of_set = np.bincount(table.targets[sent.sender], minlength=table.offsets.size - 1)
    taken = np.zeros(mapping.partition.n_cores, dtype=np.int64)
    np.add.at(taken, table.core, np.repeat(of_set, np.diff(table.offsets)))
    return taken
