from __future__ import annotations

import numpy as np
from hwmodel_.noc.mesh_oracle import CORE, next_places
from hwmodel_.noc.traffic_cases import packets_of, traffic
from hwmodel_.oracle import walk
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.noc.port_loads import port_loads, sum_along_routes

STEPS = {(1, 0): 0, (-1, 0): 1, (0, 1): 2, (0, -1): 3}


def port_between(here, there):
    """Number of the port that leads from one router to a neighbour or a core."""
    if there[0] == CORE:
        return 4 + there[1]
    return STEPS[there[0] - here[0], there[1] - here[1]]


@given(case=traffic())
@settings(max_examples=100, deadline=None)
def test_port_loads__equal_the_trees_walked_step_by_step(case):
    mesh, listed = case
    packets = packets_of(mesh, listed)
    n_ports = 4 + packets.local_ports
    expected = np.zeros((n_ports, n_ports, mesh[1], mesh[0]), np.int64)
    for _, source, targets in listed:
        onward = next_places(source, targets)
        came_by = {source[:2]: 4 + source[2]}
        for here, leaves in onward.items():
            for there in leaves:
                if there[0] == CORE:
                    continue
                came_by[there] = port_between(here, there)
        for here, leaves in onward.items():
            for there in leaves:
                expected[
                    port_between(here, there), came_by[here], here[1], here[0]
                ] += 1
    assert (port_loads(packets, 0, len(listed)) == expected).all()
    middle = len(listed) // 2
    split = port_loads(packets, 0, middle) + port_loads(packets, middle, len(listed))
    assert (split == expected).all()


@given(case=traffic(), seed=st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_sum_along_routes__adds_what_the_walk_meets(case, seed):
    mesh, listed = case
    packets = packets_of(mesh, listed)
    shape = (4 + packets.local_ports, mesh[1], mesh[0])
    value = np.random.default_rng(seed).integers(0, 99, shape)
    expected = [
        sum(
            value[port_between(*link), link[0][1], link[0][0]]
            for link in walk(s[:2], t[:2])
        )
        + value[4 + t[2], t[1], t[0]]
        for _, s, targets in listed
        for t in targets
    ]
    found = sum_along_routes(value, packets, 0, len(listed))
    assert found.tolist() == expected
