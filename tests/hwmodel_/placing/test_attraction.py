from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.placing_builders import layered

from hwmodel.mesh.grid import Grid
from hwmodel.placing.attraction import attraction
from hwmodel.placing.problem import Problem
from hwmodel.traffic.senders import HOST


@pytest.mark.parametrize("casting", ["multicast", "unicast"])
def test_attraction__adds_up_packets_between_two_cores(casting):
    flows = layered([3, 4, 2], np.random.default_rng(1))
    expected = np.zeros((10, 10))
    for flow in flows:
        for source, row, packets in zip(
            flow.source, flow.reaches, flow.packets, strict=True
        ):
            for target in np.flatnonzero(row):
                one = 9 if source == HOST else source
                other = flow.cores[target]
                share = packets if casting == "unicast" else packets / row.sum()
                expected[one, other] += share
                expected[other, one] += share
    found = attraction(Problem(Grid(3, 3), 9, flows, casting)).toarray()
    assert found == pytest.approx(expected)
    assert found[9].sum() > 0


def test_attraction__of_silence_is_none():
    assert attraction(Problem(Grid(3, 3), 4, ())).toarray().tolist() == [[0.0] * 5] * 5
