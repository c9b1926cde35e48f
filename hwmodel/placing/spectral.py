"""Places from the spectrum of the traffic: cores that talk lie close together.

The eigenvectors of the graph Laplacian with the second and third smallest eigenvalue
are the plane embedding of least squared distances, weighted by packets [1]_. Cores are
then assigned to the routers of a compact rectangle so that the squared distances
between embedding and mesh are smallest.

References
----------
.. [1] K. M. Hall, "An r-dimensional quadratic placement algorithm", Management Science
   17, 1970.
"""

from __future__ import annotations

import numpy as np

from hwmodel.placing.attraction import attraction
from hwmodel.placing.problem import Problem

MOST_DENSE = 500
"""Cores up to which all eigenvectors are computed."""


def spectral(problem: Problem, seed: int = 0) -> np.ndarray:
    """Place cores by the spectrum of their traffic.

    Parameters
    ----------
    problem : Problem
        Cores, grid, traffic.
    seed : int
        Of the vector that the search for eigenvectors of a large graph starts with.

    Returns
    -------
    ndarray, shape (n_cores,), int64
        Slots, ``router * cores_per_router + k``, in a rectangle around the input
        port as square and as small as the grid allows. Of its eight orientations,
        the best by the objective.
    """
    from scipy.optimize import linear_sum_assignment

    grid, n_cores = problem.grid, problem.n_cores
    embedding = _embedding(problem, seed)
    left, top, width, height = grid.rectangle(n_cores, problem.input_port)
    place = np.arange(width * height * grid.cores_per_router)
    k, router = place % grid.cores_per_router, place // grid.cores_per_router
    x, y = router % width, router // width
    best, best_slots = (np.inf, np.inf), np.arange(n_cores)
    for axes in ((0, 1), (1, 0)):
        at = [_spread(embedding[:, a], p) for a, p in zip(axes, (x, y), strict=True)]
        away = (at[0][:, None] - x) ** 2 + (at[1][:, None] - y) ** 2
        chosen = linear_sum_assignment(away)[1]
        for turned_x in (x, width - 1 - x):
            for turned_y in (y, height - 1 - y):
                to_x, to_y = left + turned_x[chosen], top + turned_y[chosen]
                value = problem.value(to_x, to_y)
                if value < best:
                    router = to_y * grid.width + to_x
                    best, best_slots = value, router * grid.cores_per_router + k[chosen]
    return best_slots


def _embedding(problem: Problem, seed: int) -> np.ndarray:
    """Coordinates in the plane, shape (n_cores, 2); 0 for cores without traffic."""
    from scipy.sparse import csgraph
    from scipy.sparse.linalg import eigsh

    links = attraction(problem)
    talks = np.flatnonzero(links.sum(axis=1))
    laplacian = csgraph.laplacian(links[talks][:, talks])
    if talks.size <= MOST_DENSE:
        vectors = np.linalg.eigh(laplacian.toarray())[1]
    else:
        start = np.random.default_rng(seed).standard_normal(talks.size)
        shift = -1e-3 * laplacian.diagonal().mean()
        vectors = eigsh(laplacian.tocsc(), 3, sigma=shift, v0=start)[1]
    embedding = np.zeros((problem.n_cores + 1, 2))
    embedding[talks, : max(talks.size - 1, 0)] = vectors[:, 1:3]
    return embedding[: problem.n_cores]


def _spread(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Give values the mean and the spread of the places."""
    spread = values.std()
    scale = places.std() / spread if spread > 0 else 0.0
    return (values - values.mean()) * scale + places.mean()
