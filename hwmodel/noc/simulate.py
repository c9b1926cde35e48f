"""Simulate packets on a mesh of routers, event by event."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from tqdm import tqdm

from hwmodel.errors import TrafficError
from hwmodel.noc.empty_mesh import empty_latency, hops_of
from hwmodel.noc.mesh_run import new_mesh, outcome_of, run_to_end, ticks_of
from hwmodel.noc.packets import Packets
from hwmodel.noc.timing import TICKS_PER_SECOND, RouterTiming, to_seconds, to_ticks

DIRECTIONS = ("plus_x", "minus_x", "plus_y", "minus_y")
LAST_SECOND = 2**62 / TICKS_PER_SECOND
"""Runs that may take longer are refused; the clock counts to twice that."""


@dataclass(frozen=True)
class Deliveries:
    """What happened on the way to each destination, in the order of the packets.

    Parameters
    ----------
    time : ndarray, shape (n_destinations,), float64, s
        When the packet was out of its ejection port, on the clock of its inference.
    latency : ndarray, shape (n_destinations,), float64, s
        From injection to delivery.
    empty_latency : ndarray, shape (n_destinations,), float64, s
        The same on an empty mesh: all hop times, injection and ejection.
    congestion : ndarray, shape (n_destinations,), float64, s
        Their difference; exactly 0 where a packet never waited.
    hops : ndarray, shape (n_destinations,), int64
        Links from the source.
    """

    time: np.ndarray
    latency: np.ndarray
    empty_latency: np.ndarray
    congestion: np.ndarray
    hops: np.ndarray


@dataclass(frozen=True)
class LinkUse:
    """How busy each link was, over all inferences.

    Entry ``[d, y, x]`` is the link that leaves router (x, y) in direction
    ``DIRECTIONS[d]``; links that would leave the mesh are idle.

    Parameters
    ----------
    packets : ndarray, shape (4, height, width), int64
        Packets that crossed it.
    busy_share : ndarray, shape (4, height, width), float64, 0 to 1
        Share of the time in which packets occupied it, from the first injection of
        each inference until all is delivered and all links are free.
    most_waiting : ndarray, shape (4, height, width), int64
        Most packets that stood in the buffer at its end, those that leave at the
        instant at which they arrive not counted.
    """

    packets: np.ndarray
    busy_share: np.ndarray
    most_waiting: np.ndarray


@dataclass(frozen=True)
class InferenceLatency:
    """Latency of each inference's deliveries.

    Parameters
    ----------
    inference : ndarray, shape (n_inferences,), int64
        Its number.
    n_deliveries : ndarray, shape (n_inferences,), int64
        Packets delivered, each destination counted.
    first_injection, last_delivery : ndarray, shape (n_inferences,), float64, s
        On the clock of the inference.
    mean, p50, p95, p99, largest : ndarray, shape (n_inferences,), float64, s
        Of the latencies. A percentile is a latency that occurred: the least that so
        many of them do not exceed.
    mean_congestion : ndarray, shape (n_inferences,), float64, s
        Mean of the congestion latencies.
    """

    inference: np.ndarray
    n_deliveries: np.ndarray
    first_injection: np.ndarray
    last_delivery: np.ndarray
    mean: np.ndarray
    p50: np.ndarray
    p95: np.ndarray
    p99: np.ndarray
    largest: np.ndarray
    mean_congestion: np.ndarray

    @property
    def makespan(self) -> np.ndarray:
        """First injection to last delivery, shape (n_inferences,), float64, s."""
        return self.last_delivery - self.first_injection


@dataclass(frozen=True)
class Simulation:
    """Packets and what became of them.

    Parameters
    ----------
    packets : Packets
        As given.
    timing : RouterTiming
        As given.
    deliveries : Deliveries
        By destination.
    links : LinkUse
        By link.
    most_at_source : ndarray, shape (height, width, local_ports), int64
        Most packets that stood behind each injection port.
    inferences : InferenceLatency
        By inference.
    """

    packets: Packets
    timing: RouterTiming
    deliveries: Deliveries
    links: LinkUse
    most_at_source: np.ndarray
    inferences: InferenceLatency


def simulate(packets: Packets, timing: RouterTiming) -> Simulation:
    """Send packets over the mesh: x first, first come first served, with back-pressure.

    Parameters
    ----------
    packets : Packets
        Each inference runs alone, from an empty mesh.
    timing : RouterTiming
        Delays and buffers.

    Returns
    -------
    Simulation
        Every destination's delivery, every link's use.

    Raises
    ------
    TrafficError
        If the run could last longer than the clock counts (about 4,600 s).

    Notes
    -----
    The rules are those of docs/explanation/contention.md. Times are rounded to
    femtoseconds. A progress bar appears after two seconds if standard error is a
    terminal.
    """
    _check_clock(packets, timing)
    width, height = packets.mesh
    delivered = np.zeros(packets.n_destinations, np.int64)
    sent, most_waiting = np.zeros((2, 4, height, width), np.int64)
    most_at_source = np.zeros((height, width, packets.local_ports), np.int64)
    duration = 0
    with tqdm(
        total=packets.n_destinations,
        desc="packets on the mesh",
        disable=None,
        delay=2,
        leave=False,
    ) as bar:
        for start, stop in pairwise(packets.inference_starts):
            mesh = new_mesh(packets, timing, start, stop)
            run_to_end(mesh, ticks_of(timing), bar)
            outcome = outcome_of(mesh, packets.mesh)
            place = packets.tree_order[packets.offsets[start] : packets.offsets[stop]]
            delivered[place] = outcome.delivered
            duration += outcome.last_use - int(to_ticks(packets.time[start]))
            sent += outcome.sent
            np.maximum(most_waiting, outcome.most_waiting, out=most_waiting)
            np.maximum(most_at_source, outcome.most_at_source, out=most_at_source)
    deliveries = _deliveries(packets, timing, delivered)
    inferences = _inferences(packets, deliveries)
    busy_share = sent * to_ticks(timing.link_service) / max(duration, 1)
    links = LinkUse(sent, busy_share, most_waiting)
    return Simulation(packets, timing, deliveries, links, most_at_source, inferences)


def _check_clock(packets: Packets, timing: RouterTiming) -> None:
    """Refuse work that may overflow the clock: all of it, one packet after another."""
    longest_hop = max(timing.hop_x, timing.hop_y) + timing.link_service
    route = sum(packets.mesh) * longest_hop + timing.injection + timing.ejection
    last = packets.time.max(initial=0.0) + packets.n_destinations * route
    if last > LAST_SECOND:
        raise TrafficError(
            f"simulation: {packets.n_destinations} deliveries of up to {route:g} s "
            f"each may last {last:g} s; expected at most {LAST_SECOND:g} s; check the "
            "units of the router timing"
        )


def _deliveries(
    packets: Packets, timing: RouterTiming, delivered: np.ndarray
) -> Deliveries:
    """Compare deliveries with an empty mesh, in whole femtoseconds."""
    empty = empty_latency(packets, timing)
    latency = delivered - to_ticks(packets.time)[packets.packet]
    return Deliveries(
        to_seconds(delivered),
        to_seconds(latency),
        to_seconds(empty),
        to_seconds(latency - empty),
        np.add(*hops_of(packets)),
    )


def _inferences(packets: Packets, deliveries: Deliveries) -> InferenceLatency:
    starts = packets.inference_starts
    parts = [slice(packets.offsets[a], packets.offsets[b]) for a, b in pairwise(starts)]
    latencies = [deliveries.latency[part] for part in parts]
    p50, p95, p99, largest = (
        np.array([np.percentile(x, q, method="inverted_cdf") for x in latencies])
        for q in (50, 95, 99, 100)
    )
    return InferenceLatency(
        inference=packets.inference[starts[:-1]],
        n_deliveries=np.array([x.size for x in latencies], np.int64),
        first_injection=packets.time[starts[:-1]],
        last_delivery=np.array([deliveries.time[part].max() for part in parts]),
        mean=np.array([x.mean() for x in latencies]),
        p50=p50,
        p95=p95,
        p99=p99,
        largest=largest,
        mean_congestion=np.array([deliveries.congestion[p].mean() for p in parts]),
    )
