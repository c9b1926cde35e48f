"""The injection ports, which serve a router's packets one after another.

They never wait for the mesh, so that they are run before it.
"""

from __future__ import annotations

import numpy as np

from eventsim.jit import jit


@jit()
def entry_times(time, source, injection, n_routers):
    """Return when each packet has passed the injection port of its router.

    Parameters
    ----------
    time : ndarray, shape (n_packets,), int64, fs
        Injections, in order.
    source : ndarray, shape (n_packets,), int64
        Routers.
    injection : int, fs
        How long a packet occupies the port.
    n_routers : int
        Number of routers.

    Returns
    -------
    ndarray, shape (n_packets,), int64, fs
    """
    free_at = np.zeros(n_routers, np.int64)
    entry = np.empty(time.size, np.int64)
    for i in range(time.size):
        free_at[source[i]] = max(time[i], free_at[source[i]]) + injection
        entry[i] = free_at[source[i]]
    return entry
