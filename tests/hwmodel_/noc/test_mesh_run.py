from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hwmodel_.noc.traffic_cases import packets_of, timing_of

from hwmodel.errors import TrafficError
from hwmodel.noc.mesh_kernels import FED_BY, LEADS_TO, MINUS_X, N_SIDES, NOBODY, PLUS_X
from hwmodel.noc.mesh_run import new_mesh, run_to_end, ticks_of


def ring_of_two(room):
    """Two packets for a third router that the wiring never lets them reach.

    East of router 0 is router 1, and east of router 1 is router 0.
    """
    listed = [(0, (0, 0), [(2, 0)]), (0, (1, 0), [(2, 0)])]
    timing = timing_of(room=room)
    mesh = new_mesh(packets_of((3, 1), listed), timing, 0, 2)
    east = [PLUS_X, N_SIDES + PLUS_X]
    mesh.ports[east, LEADS_TO] = east[::-1]
    mesh.buffers[east, FED_BY] = east[::-1]
    return mesh, ticks_of(timing)


def test_run_to_end__a_cycle_of_full_buffers_is_a_stall():
    with pytest.raises(TrafficError, match=r"stalled, 0 of 2 deliveries made and no"):
        run_to_end(*ring_of_two(room=1))


def test_new_mesh__every_link_leads_to_the_neighbour():
    mesh = new_mesh(packets_of((3, 2), [(0, (0, 0), [(0, 0)])]), timing_of(), 0, 1)
    leads_to, fed_by = mesh.ports[:, LEADS_TO], mesh.buffers[:-2, FED_BY]
    assert leads_to[N_SIDES * 0 + PLUS_X] == N_SIDES * 1 + PLUS_X
    assert leads_to[N_SIDES * 5 + MINUS_X] == N_SIDES * 4 + MINUS_X
    assert (leads_to != NOBODY).sum() == 2 * (2 * 2 + 3 * 1)
    wired = np.flatnonzero(leads_to != NOBODY)
    assert (fed_by[leads_to[wired]] == wired).all()


def test_noc__loads_numba_only_to_run():
    code = (
        "import sys, hwmodel.noc.simulate, hwmodel.noc.mesh_run\n"
        "print('numba' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
