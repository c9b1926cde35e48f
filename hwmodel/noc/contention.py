"""What meeting on the mesh costs: the summary of a simulation and of its estimate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwmodel.noc.analytic import LoadEstimate, estimate_contention
from hwmodel.noc.packets import Packets
from hwmodel.noc.simulate import DIRECTIONS, Simulation, simulate
from hwmodel.noc.timing import RouterTiming


@dataclass(frozen=True)
class EstimateError:
    """How far an estimate is from the simulation of the same packets.

    Parameters
    ----------
    mean_latency : ndarray, shape (n_inferences,), float64
        Estimated over simulated mean latency, less 1; 0 where deliveries take no time.
    mean_wait : ndarray, shape (n_inferences,), float64, s
        Estimated mean wait less simulated mean congestion latency.
    makespan : ndarray, shape (n_inferences,), float64
        Lower bound over simulated makespan, less 1; not above 0 but for rounding.
    """

    mean_latency: np.ndarray
    mean_wait: np.ndarray
    makespan: np.ndarray


@dataclass(frozen=True)
class LatencySummary:
    """Latencies of all deliveries of all inferences.

    Parameters
    ----------
    mean, p50, p95, p99, largest : float, s
        From injection to delivery; a percentile is a latency that occurred.
    mean_empty : float, s
        Mean on an empty mesh.
    mean_congestion, largest_congestion : float, s
        What other packets add.
    longest_makespan : float, s
        Longest inference, first injection to last delivery.
    """

    mean: float
    p50: float
    p95: float
    p99: float
    largest: float
    mean_empty: float
    mean_congestion: float
    largest_congestion: float
    longest_makespan: float


@dataclass(frozen=True)
class BusiestLink:
    """The link that most packets crossed; of several, the first in the array.

    Parameters
    ----------
    direction : str
        One of `hwmodel.noc.simulate.DIRECTIONS`.
    x, y : int
        Router that it leaves.
    packets : int
        Packets that crossed it.
    busy_share : float
        Share of the time in which it was occupied.
    """

    direction: str
    x: int
    y: int
    packets: int
    busy_share: float


@dataclass(frozen=True)
class Contention:
    """Packets on the mesh, with and without each other.

    Parameters
    ----------
    n_packets, n_deliveries, hops : int
        Packets, their destinations, links crossed.
    latency : LatencySummary or None
        ``None`` if there are no packets.
    busiest_link : BusiestLink or None
        ``None`` if no packet crossed a link.
    most_waiting : int
        Most packets that stood in one input buffer.
    simulation : Simulation
        By destination, link and inference.
    estimate : LoadEstimate
        What loads alone say.
    error : EstimateError
        How far that is off, by inference.
    """

    n_packets: int
    n_deliveries: int
    hops: int
    latency: LatencySummary | None
    busiest_link: BusiestLink | None
    most_waiting: int
    simulation: Simulation
    estimate: LoadEstimate
    error: EstimateError


def contention(packets: Packets, timing: RouterTiming) -> Contention:
    """Simulate packets, estimate the same from loads, and sum both up.

    Parameters
    ----------
    packets : Packets
        Each inference runs alone, from an empty mesh.
    timing : RouterTiming
        Delays and buffers.

    Returns
    -------
    Contention
        Numbers for a report; what they were made of is kept.

    Raises
    ------
    TrafficError
        If the run could last longer than the clock counts.
    """
    simulation = simulate(packets, timing)
    estimate = estimate_contention(packets, timing)
    return Contention(
        packets.n_packets,
        packets.n_destinations,
        int(simulation.links.packets.sum()),
        _latency_summary(simulation) if packets.n_packets else None,
        _busiest_link(simulation),
        int(simulation.links.most_waiting.max()),
        simulation,
        estimate,
        compare(estimate, simulation),
    )


def compare(estimate: LoadEstimate, simulation: Simulation) -> EstimateError:
    """Compare an estimate with a simulation of the same packets.

    Parameters
    ----------
    estimate : LoadEstimate
        From `hwmodel.noc.analytic.estimate_contention`.
    simulation : Simulation
        From `hwmodel.noc.simulate.simulate`, with the same packets and timing.

    Returns
    -------
    EstimateError
        By inference; small where `LoadEstimate.is_valid`.
    """
    found = simulation.inferences
    return EstimateError(
        _ratio(estimate.mean_latency, found.mean) - 1,
        estimate.mean_wait - found.mean_congestion,
        _ratio(estimate.makespan_bound, found.makespan) - 1,
    )


def _ratio(estimated: np.ndarray, simulated: np.ndarray) -> np.ndarray:
    """Divide; 1 where nothing was simulated to take any time."""
    return np.divide(
        estimated, simulated, out=np.ones(simulated.shape), where=simulated > 0
    )


def _latency_summary(simulation: Simulation) -> LatencySummary:
    found = simulation.deliveries
    p50, p95, p99 = np.percentile(found.latency, [50, 95, 99], method="inverted_cdf")
    return LatencySummary(
        mean=float(found.latency.mean()),
        p50=float(p50),
        p95=float(p95),
        p99=float(p99),
        largest=float(found.latency.max()),
        mean_empty=float(found.empty_latency.mean()),
        mean_congestion=float(found.congestion.mean()),
        largest_congestion=float(found.congestion.max()),
        longest_makespan=float(simulation.inferences.makespan.max()),
    )


def _busiest_link(simulation: Simulation) -> BusiestLink | None:
    links = simulation.links
    direction, y, x = np.unravel_index(links.packets.argmax(), links.packets.shape)
    packets = int(links.packets[direction, y, x])
    if packets == 0:
        return None
    share = float(links.busy_share[direction, y, x])
    return BusiestLink(DIRECTIONS[direction], int(x), int(y), packets, share)
