"""How strongly cores pull each other: packets between them, whatever their way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwmodel.placing.problem import Problem
from hwmodel.traffic.senders import HOST

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def attraction(problem: Problem) -> csr_array:
    """Add up the packets between every two cores.

    Parameters
    ----------
    problem : Problem
        Cores and traffic.

    Returns
    -------
    sparse array, shape (n_cores + 1, n_cores + 1), float64
        Packets in either direction, symmetric; number n_cores is the input port. One
        that is multicast counts with an equal share for each of its targets.
    """
    from scipy.sparse import coo_array

    sends, n_nodes = problem.sends, problem.n_cores + 1
    n_targets = sends.n_targets
    source = np.where(sends.source == HOST, problem.n_cores, sends.source)
    weight = np.repeat(sends.packets / np.maximum(n_targets, 1), n_targets)
    ends = np.repeat(source, n_targets), sends.targets
    pulls = coo_array((weight, ends), shape=(n_nodes, n_nodes)).tocsr()
    return pulls + pulls.T
