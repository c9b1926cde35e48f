from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hwmodel_.noc.traffic_cases import DELAYS, packets_of, timing_of, traffic
from hypothesis import given, settings

from hwmodel.noc.analytic import (
    BUSY_PORTS,
    estimate_contention,
    injection_variability,
    link_service_times,
    mean_wait,
)
from hwmodel.noc.empty_mesh import empty_latency
from hwmodel.noc.packets import Packets
from hwmodel.noc.simulate import simulate
from hwmodel.noc.timing import RouterTiming


def uniform_traffic(mesh, n, seconds, seed=0):
    """Poisson packets between random routers."""
    rng = np.random.default_rng(seed)
    n_routers = mesh[0] * mesh[1]
    return Packets(
        mesh,
        np.sort(rng.random(n)) * seconds,
        rng.integers(0, n_routers, n),
        rng.integers(0, n_routers, n),
        np.arange(n + 1),
        np.zeros(n, np.int64),
    )


@given(case=traffic(), delays=DELAYS)
@settings(max_examples=80, deadline=None)
def test_estimate__never_takes_longer_than_the_simulation_as_a_bound(case, delays):
    packets, timing = packets_of(*case), timing_of(**delays)
    found = estimate_contention(packets, timing)
    simulated = simulate(packets, timing).inferences.makespan
    assert found.makespan_bound <= simulated * (1 + 1e-9)
    assert (found.latency >= empty_latency(packets, timing) / 1e15).all()


@given(case=traffic(most_packets=1), delays=DELAYS)
@settings(max_examples=40, deadline=None)
def test_estimate__of_one_packet_is_exact(case, delays):
    packets, timing = packets_of(*case), timing_of(**delays)
    found, simulated = estimate_contention(packets, timing), simulate(packets, timing)
    assert (found.latency == simulated.deliveries.latency).all()
    np.testing.assert_allclose(found.makespan_bound, simulated.inferences.makespan)
    assert found.mean_wait == found.utilisation == 0
    assert not found.saturated.any()


def test_mean_wait__without_spacing_is_md1():
    by_input = np.array([0, 0, 0, 0, 5001])
    wait, utilisation = mean_wait(by_input, np.zeros(5, bool), 2.0, 20_000.0)
    assert utilisation == 0.5
    assert wait == pytest.approx(0.5 * 2.0 / (2 * (1 - 0.5)))


def test_mean_wait__packets_of_one_link_never_wait_for_each_other():
    by_input = np.array([[70, 35], [0, 35]])
    spaced = np.ones(2, bool)
    wait, _ = mean_wait(by_input, spaced, 1.0, 200.0)
    assert wait[0] == 0
    assert wait[1] == pytest.approx(35 / 200 / 2 / (1 - 69 / 200))


def test_mean_wait__is_at_most_that_of_a_burst():
    by_input = np.array([[9]])
    for window in (0.0, 1.0, 16.0, 18.0):
        wait, _ = mean_wait(by_input, np.zeros(1, bool), 2.0, window)
        assert wait == 8.0  # of waits 0, 2, ... 16
    _, utilisation = mean_wait(by_input, np.zeros(1, bool), 2.0, 0.0)
    assert utilisation == np.inf


def test_injection_variability__tells_volleys_from_random_times():
    rng = np.random.default_rng(0)
    assert injection_variability(np.sort(rng.random(50_000))) == pytest.approx(1, 0.05)
    assert injection_variability(np.arange(9.0)) == 0
    volleys = np.repeat(np.arange(1000.0), 5)
    assert injection_variability(volleys) == pytest.approx(4, rel=0.01)
    assert injection_variability(np.full(3, 7.0)) == np.inf
    for too_few in ([], [1.0], [1.0, 2.0], [3.0, 3.0]):
        assert injection_variability(np.array(too_few)) == 1


@pytest.mark.parametrize(("n_volleys", "is_valid"), [(None, True), (100, False)])
def test_estimate__says_that_volleys_are_beyond_it(n_volleys, is_valid):
    packets = uniform_traffic((8, 8), 20_000, 100e-6)
    if n_volleys:
        step = 100e-6 / n_volleys
        volleys = np.floor(packets.time / step) * step
        packets = replace(packets, time=volleys)
    found = estimate_contention(packets, RouterTiming(4e-9, 4e-9, 2e-9, 8))
    expected = 20_000 / n_volleys if n_volleys else 1
    assert found.variability == pytest.approx(expected, rel=0.05)
    assert not found.saturated.any()
    assert found.is_valid.tolist() == [is_valid]


def test_estimate__a_burst_at_one_source_is_saturated_and_bounded():
    packets = packets_of((4, 1), [(0, (0, 0), [(1, 0)])] * 9)
    timing = timing_of(hop_x=2, service=5)
    found, simulated = estimate_contention(packets, timing), simulate(packets, timing)
    assert found.saturated.all()
    assert found.utilisation == np.inf
    assert BUSY_PORTS[found.busiest[0, 0]] == "plus_x"
    assert found.mean_wait == pytest.approx(20e-9)  # waits 0, 5, ... 40 ns
    assert found.mean_wait == pytest.approx(simulated.inferences.mean_congestion)
    assert found.makespan_bound == pytest.approx(simulated.inferences.makespan)


def test_estimate__names_the_busiest_port():
    rain = [(10 * k, (k % 2, 1), [(2, 1)]) for k in range(20)]
    found = estimate_contention(packets_of((3, 2), rain), timing_of(service=5))
    assert (BUSY_PORTS[found.busiest[0, 0]], *found.busiest[0, 1:]) == ("plus_x", 1, 1)
    assert found.utilisation == pytest.approx(19 * 5 / 190)
    slow = timing_of(service=1, injection=8)
    found = estimate_contention(packets_of((3, 2), rain), slow)
    assert BUSY_PORTS[found.busiest[0, 0]] == "injection"


def test_link_service_times__a_full_buffer_of_slots_passes_in_a_hop_time():
    timing = RouterTiming(8e-9, 2e-9, 1e-9, 4)
    np.testing.assert_allclose(link_service_times(timing), [2e-9, 1e-9])


@pytest.mark.parametrize(("load", "error"), [(0.1, 0.06), (0.2, 0.1), (0.5, 0.25)])
def test_estimate__is_near_the_simulation_of_random_traffic(load, error):
    timing = RouterTiming(4e-9, 4e-9, 2e-9, 8)
    once = estimate_contention(uniform_traffic((6, 6), 20_000, 1.0), timing)
    seconds = float(once.utilisation[0]) / load
    packets = uniform_traffic((6, 6), 20_000, seconds)
    found = estimate_contention(packets, timing)
    assert found.utilisation == pytest.approx(load, rel=1e-3)
    simulated = simulate(packets, timing).inferences
    assert found.mean_wait == pytest.approx(simulated.mean_congestion, rel=error)
    assert found.mean_latency == pytest.approx(simulated.mean, rel=0.03)


def test_estimate__inferences_are_separate_and_none_is_allowed():
    listed = [(0, (0, 0), [(3, 0)]), (5, (0, 0), [(1, 0)]), (0, (0, 0), [(3, 0)])]
    packets = packets_of((4, 1), listed, inference=[3, 3, 8])
    found = estimate_contention(packets, timing_of(service=1))
    assert found.inference.tolist() == [3, 8]
    assert found.mean_wait[1] == 0
    assert found.mean_latency[1] == 6e-9
    empty = estimate_contention(packets_of((4, 1), []), timing_of())
    assert empty.mean_latency.size == empty.busiest.size == empty.latency.size == 0
