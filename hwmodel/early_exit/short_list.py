"""Choose the settings that a reader wants to see first."""

from __future__ import annotations

from collections.abc import Sequence

from hwmodel.early_exit.analysis import ExitPoint

MARGIN = 0.005
"""Share of the samples by which a setting may be less accurate than full runs."""


def short_list(points: Sequence[ExitPoint]) -> list[ExitPoint]:
    """Choose few settings: the cheapest of each policy that answer well.

    Parameters
    ----------
    points : sequence of ExitPoint
        All settings on one chip, the full run first.

    Returns
    -------
    list of ExitPoint
        In the same order: the full run, and of each policy the cheapest setting that
        is right as often as the full run and the cheapest that is right at most
        `MARGIN` less often. A policy that has neither is shown with the setting that is
        right most often.

    Notes
    -----
    Of settings that cost the same the one that is right more often is taken, then the
    first.
    """
    full = points[0]
    chosen = {0}
    for policy in dict.fromkeys(point.policy for point in points[1:]):
        own = [i for i, point in enumerate(points) if i and point.policy == policy]
        good = [_cheapest(points, own, full.accuracy - loss) for loss in (0.0, MARGIN)]
        found = [i for i in good if i is not None]
        chosen.update(found or [max(own, key=lambda i: _worth(points[i]))])
    return [points[i] for i in sorted(chosen)]


def _cheapest(
    points: Sequence[ExitPoint], own: Sequence[int], accuracy: float
) -> int | None:
    """Return the cheapest of the settings with at least this accuracy."""
    # accuracies are whole samples over their number: 1e-9 only takes up rounding
    right = [i for i in own if points[i].accuracy >= accuracy - 1e-9]
    return min(
        right,
        key=lambda i: (points[i].mean_energy, -points[i].accuracy),
        default=None,
    )


def _worth(point: ExitPoint) -> tuple[float, float]:
    return point.accuracy, -point.mean_energy
