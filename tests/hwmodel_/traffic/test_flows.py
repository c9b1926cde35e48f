from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.traffic.flows import distinct_flows


@given(n=st.integers(1, 30), n_cores=st.integers(1, 11), seed=st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_distinct_flows__add_up_the_spikes_of_equal_ways(n, n_cores, seed):
    rng = np.random.default_rng(seed)
    owner = rng.integers(-1, 3, n)
    reaches = rng.random((n, n_cores)) < 0.4
    spikes = rng.integers(0, 4, n)
    expected: dict = {}
    for way in range(n):
        if spikes[way] and reaches[way].any():
            key = (int(owner[way]), tuple(reaches[way].tolist()))
            expected[key] = expected.get(key, 0) + int(spikes[way])
    flows = distinct_flows(owner, reaches, spikes)
    ways = zip(flows.source.tolist(), map(tuple, flows.reaches.tolist()), strict=True)
    assert dict(zip(ways, flows.packets.tolist(), strict=True)) == expected
