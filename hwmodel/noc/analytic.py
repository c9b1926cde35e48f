"""Estimate waiting and duration from loads alone, without running a mesh.

Each output port is a queue of its own with Poisson arrivals and a fixed service time
(M/D/1; Kleinrock, Queueing Systems I, 1975), corrected for what a mesh does to traffic:
packets that came over one link are at least a service time apart and never wait for
each other. Packets that are injected in volleys wait longer than this; the estimate
says how far they are from random times.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hwmodel.noc.empty_mesh import empty_latency
from hwmodel.noc.packets import Packets
from hwmodel.noc.port_loads import CORE, PORTS, port_loads, sum_along_routes
from hwmodel.noc.timing import RouterTiming, to_seconds

BUSY_PORTS = (*PORTS, "injection")
"""What `LoadEstimate.busiest` may name: output ports and the injection port."""
MOST_VARIABILITY = 2.0
"""Injections of a larger variability come in volleys; see `injection_variability`."""


@dataclass(frozen=True)
class LoadEstimate:
    """What loads alone say about each inference.

    Parameters
    ----------
    latency : ndarray, shape (n_destinations,), float64, s
        Estimated latency of each delivery, in the order of the packets.
    inference : ndarray, shape (n_inferences,), int64
        Number of each inference.
    mean_latency, mean_wait : ndarray, shape (n_inferences,), float64, s
        Mean latency, and how much of it is waiting.
    makespan_bound : ndarray, shape (n_inferences,), float64, s
        No simulation takes less from first injection to last delivery: the busiest
        port serves its packets one after another, and none beats an empty mesh.
    utilisation : ndarray, shape (n_inferences,), float64
        Of the busiest port: the work of all its packets but one over the time in which
        packets are injected; ``inf`` if that is an instant.
    busiest : ndarray, shape (n_inferences, 3), int64
        That port: number in `BUSY_PORTS`, which tells no local port of a router from
        another, and x, y of its router.
    saturated : ndarray, shape (n_inferences,), bool
        Utilisation of 1 or more. There is no steady state then; waits are taken from a
        burst at one instant.
    variability : ndarray, shape (n_inferences,), float64
        Of the injections, see `injection_variability`.
    """

    latency: np.ndarray
    inference: np.ndarray
    mean_latency: np.ndarray
    mean_wait: np.ndarray
    makespan_bound: np.ndarray
    utilisation: np.ndarray
    busiest: np.ndarray
    saturated: np.ndarray
    variability: np.ndarray

    @property
    def is_valid(self) -> np.ndarray:
        """Where the assumptions hold, shape (n_inferences,), bool.

        No port is saturated and `variability` is at most `MOST_VARIABILITY`. Elsewhere
        the bound holds, but waits may be wrong by any factor.
        """
        return ~self.saturated & (self.variability <= MOST_VARIABILITY)


def estimate_contention(packets: Packets, timing: RouterTiming) -> LoadEstimate:
    """Estimate latencies from the loads of ports.

    Parameters
    ----------
    packets : Packets
        Each inference by itself, its loads spread over the time between its first and
        last injection.
    timing : RouterTiming
        Delays. Of the buffers only the rate that they allow is used, a buffer's worth
        of packets per hop time; that full buffers block other routes is not seen.

    Returns
    -------
    LoadEstimate
        By destination and by inference; see `LoadEstimate.is_valid`.
    """
    latency = to_seconds(empty_latency(packets, timing))
    starts = packets.inference_starts
    n = starts.size - 1
    means, waited, bound, highest, variability = np.zeros((5, n))
    busiest = np.zeros((n, 3), np.int64)
    for k, (start, stop) in enumerate(pairwise(starts)):
        part = slice(packets.offsets[start], packets.offsets[stop])
        time, source = packets.time[start:stop], packets.source[start:stop]
        loads = port_loads(packets, start, stop)
        entered = _entered(packets, source)
        injected = np.repeat(time, np.diff(packets.offsets[start : stop + 1]))
        alone = (injected - time[0] + latency[part]).max()
        bound[k] = max(alone, _busiest_bound(loads, entered, timing))
        waits, utilisation = _waits(loads, entered, timing, time[-1] - time[0])
        variability[k] = injection_variability(time)
        port, y, x = np.unravel_index(utilisation.argmax(), utilisation.shape)
        n_outputs = len(loads)
        kind = min(int(port), CORE) if port < n_outputs else CORE + 1
        busiest[k], highest[k] = (kind, x, y), utilisation.max()
        wait = sum_along_routes(waits[:n_outputs], packets, start, stop)
        from_x, from_y = packets.place_of(source)
        at_source = waits[n_outputs + source % packets.local_ports, from_y, from_x]
        wait += np.repeat(at_source, np.diff(packets.offsets[start : stop + 1]))
        latency[part] += wait
        means[k], waited[k] = latency[part].mean(), wait.mean()
    return LoadEstimate(
        latency,
        packets.inference[starts[:-1]],
        means,
        waited,
        bound,
        highest,
        busiest,
        highest >= 1,
        variability,
    )


def mean_wait(
    by_input: np.ndarray, spaced: np.ndarray, service: float, window: float
) -> tuple[np.ndarray, np.ndarray]:
    """Estimate how long packets wait for an output port.

    Parameters
    ----------
    by_input : ndarray, shape (n_inputs, ...), int64
        Packets of each port by the input that they come from.
    spaced : ndarray, shape (n_inputs,), bool
        Whether packets of an input come at least a service time apart.
    service : float, s
        How long a packet occupies the port.
    window : float, s
        Time over which the packets are spread.

    Returns
    -------
    wait, utilisation : ndarray, shape (...)
        Mean wait in seconds; work of all packets but one over the window.

    Notes
    -----
    With n packets in all, of which o can be in the way of a packet of input i (those of
    the other inputs if the input is spaced, else all but itself), a packet finds the
    port at work with probability ``o service / window`` and then for half a service
    time. What stands before it makes that longer by ``1 / (1 - utilisation)``, as in
    M/D/1, which this is if no input is spaced. The wait is at most that of a burst:
    half the work in the way.
    """
    n = by_input.sum(axis=0)
    others = np.maximum(n - 1, 0)
    is_spaced = spaced.reshape(-1, *[1] * n.ndim)
    in_the_way = np.where(is_spaced, n - by_input, others)
    burst = (by_input * in_the_way).sum(axis=0) / np.maximum(n, 1) * service / 2
    work = others * service
    if window == 0:
        return burst, np.where(work > 0, np.inf, 0.0)
    utilisation = work / window
    idle = np.maximum(window - work, 0.0)
    steady = np.divide(service, idle, out=np.ones(n.shape), where=idle > service)
    return burst * steady, utilisation


def injection_variability(time: np.ndarray) -> float:
    """Return the squared coefficient of variation of the times between injections.

    Parameters
    ----------
    time : ndarray, shape (n_packets,), float64, s
        Injections, in order.

    Returns
    -------
    float
        Near 1 for packets at random times, k - 1 for regular volleys of k packets,
        ``inf`` if all of several packets are injected at once, 1 for less than three.
    """
    gaps = np.diff(time)
    if gaps.size < 2:
        return 1.0
    mean = gaps.mean()
    return float(gaps.var() / mean**2) if mean > 0 else float("inf")


def _entered(packets: Packets, source: np.ndarray) -> np.ndarray:
    """Count the packets that come in by each port, (local_ports, height, width)."""
    width, height = packets.mesh
    shape = height, width, packets.local_ports
    entered = np.bincount(source, minlength=height * width * packets.local_ports)
    return entered.reshape(shape).transpose(2, 0, 1)


def _waits(
    loads: np.ndarray, entered: np.ndarray, timing: RouterTiming, window: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return wait and utilisation of output ports and, last, of injection ports."""
    n_local = len(entered)
    link_times = link_service_times(timing)
    services = [*link_times[[0, 0, 1, 1]], *[timing.ejection] * n_local]
    spacing = np.array([timing.link_service] * CORE + [timing.injection] * n_local)
    found = [
        mean_wait(by_input, spacing >= service, service, window)
        for by_input, service in zip(loads, services, strict=True)
    ]
    never = np.array([False])
    found += [mean_wait(n[None], never, timing.injection, window) for n in entered]
    waits, utilisation = zip(*found, strict=True)
    return np.stack(waits), np.stack(utilisation)


def link_service_times(timing: RouterTiming) -> np.ndarray:
    """Return the least mean time between packets on links along x and along y.

    Parameters
    ----------
    timing : RouterTiming
        Delays and buffers.

    Returns
    -------
    ndarray, shape (2,), float64, s
        A link lets as many packets pass in a hop time as fit into the buffer at its
        end, for a slot is taken while its packet is on the wire.
    """
    slots = np.inf if timing.buffer is None else timing.buffer
    hops = np.array([timing.hop_x, timing.hop_y])
    return np.maximum(timing.link_service, hops / slots)


def _busiest_bound(
    loads: np.ndarray, entered: np.ndarray, timing: RouterTiming
) -> float:
    """Return the least time in which each port can have served its packets."""
    sent = loads.sum(axis=1)
    after = timing.injection + timing.ejection
    bounds = [
        timing.injection * int(entered.max()) + timing.ejection,
        timing.injection + timing.ejection * int(sent[CORE:].max()),
    ]
    for hop, most in (
        (timing.hop_x, int(sent[:2].max())),
        (timing.hop_y, int(sent[2:4].max())),
    ):
        if most:
            in_turn = (most - 1) * timing.link_service
            rounds = 0 if timing.buffer is None else (most - 1) // timing.buffer
            bounds.append(max(in_turn, rounds * hop) + hop + after)
    return max(bounds)
