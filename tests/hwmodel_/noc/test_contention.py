from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hwmodel_.noc.traffic_cases import as_unicast, packets_of, timing_of, traffic
from hypothesis import given, settings

from hwmodel.noc.contention import contention

BURST = [(0, (0, 0), [(1, 0), (3, 0)])] * 4


def test_contention__sums_up_a_burst_by_hand():
    # links of 5 ns, hops of 2: packet k waits 5 k ns at the first link and never again
    found = contention(packets_of((4, 1), BURST), timing_of(hop_x=2, service=5))
    assert (found.n_packets, found.n_deliveries, found.hops) == (4, 8, 12)
    assert found.latency.mean == pytest.approx(11.5e-9)
    assert found.latency.mean_empty == pytest.approx(4e-9)
    assert found.latency.mean_congestion == pytest.approx(7.5e-9)
    assert found.latency.largest_congestion == pytest.approx(15e-9)
    assert found.latency.longest_makespan == pytest.approx(21e-9)
    # 2, 6, 7, 11, 12, 16, 17, 21
    percentiles = [found.latency.p50, found.latency.p95, found.latency.largest]
    np.testing.assert_allclose(percentiles, [11e-9, 21e-9, 21e-9])
    link = found.busiest_link
    assert (link.direction, link.x, link.y, link.packets) == ("plus_x", 0, 0, 4)
    assert link.busy_share == pytest.approx(20 / 24)
    assert found.most_waiting == 0
    assert found.simulation.most_at_source.tolist() == [[[3], [0], [0], [0]]]


def test_contention__compares_the_estimate_with_the_simulation():
    found = contention(packets_of((4, 1), BURST), timing_of(hop_x=2, service=5))
    # a burst at one port is met exactly; the wait at the first link is all there is
    np.testing.assert_allclose(found.error.mean_latency, 0, atol=1e-12)
    np.testing.assert_allclose(found.error.mean_wait, 0, atol=1e-20)
    # the bound sees the first link's four packets, and not the way after it
    np.testing.assert_allclose(found.error.makespan, [17 / 21 - 1])


def test_contention__of_nothing_knows_no_latency():
    found = contention(packets_of((4, 1), []), timing_of())
    assert found.latency is None
    assert found.busiest_link is None
    assert found.error.mean_latency.size == 0


def test_contention__packets_to_their_own_core_take_no_time():
    found = contention(packets_of((2, 1), [(0, (0, 0), [(0, 0)])]), timing_of())
    assert found.latency.largest == 0
    assert found.busiest_link is None
    assert found.error.mean_latency == found.error.makespan == 0


@given(case=traffic())
@settings(max_examples=40, deadline=None)
def test_contention__multicast_crosses_no_more_links_than_unicast(case):
    packets = packets_of(*case)
    tree = contention(packets, timing_of())
    single = contention(as_unicast(packets), timing_of())
    assert tree.n_deliveries == single.n_deliveries
    assert tree.hops <= single.hops
    assert tree.latency.mean_empty == single.latency.mean_empty


def test_contention_page__the_example_prints_what_is_shown(capsys):
    docs = Path(__file__).parents[3] / "docs"
    text = (docs / "explanation/contention.md").read_text("utf-8")
    blocks = re.findall(
        r"^```(?:python|text)\n(.*?)^```", text, re.DOTALL | re.MULTILINE
    )
    program, shown = blocks
    exec(compile(program, "contention.md", "exec"), {})
    assert capsys.readouterr().out == shown
