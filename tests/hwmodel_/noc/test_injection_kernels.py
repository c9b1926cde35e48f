from __future__ import annotations

import numpy as np

from hwmodel.noc.injection_kernels import entry_times


def test_entry_times__the_port_serves_in_order():
    time = np.array([0, 1, 1, 20])
    source = np.array([0, 0, 1, 0])
    assert entry_times(time, source, 5, 2).tolist() == [5, 10, 6, 25]
    assert entry_times(time, source, 0, 2).tolist() == time.tolist()
