"""The injection ports, each of which serves its packets one after another.

They never wait for the mesh, so that they are run before it.
"""

from __future__ import annotations

import numpy as np

from eventsim.jit import jit


@jit()
def entry_times(time, source, injection, n_ports):
    """Return when each packet has passed its injection port.

    Parameters
    ----------
    time : ndarray, shape (n_packets,), int64, fs
        Injections, in order.
    source : ndarray, shape (n_packets,), int64
        Injection ports.
    injection : int, fs
        How long a packet occupies the port.
    n_ports : int
        Number of injection ports.

    Returns
    -------
    ndarray, shape (n_packets,), int64, fs
    """
    free_at = np.zeros(n_ports, np.int64)
    entry = np.empty(time.size, np.int64)
    for i in range(time.size):
        free_at[source[i]] = max(time[i], free_at[source[i]]) + injection
        entry[i] = free_at[source[i]]
    return entry
