"""Pictures of a run's history: output gradients, thresholds, silence, by epoch."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt

History = list[dict[str, Any]]


def output_gradients(history: History) -> plt.Figure | None:
    """Draw sum, absolute sum and balance of dL/dt of the output spikes.

    Parameters
    ----------
    history : list of dict
        Lines of ``metrics.jsonl``.

    Returns
    -------
    Figure or None
        As Figs. 3, A1 and A2 of Zhu et al. 2023, each epoch by itself; ``None`` if no
        epoch has such gradients.
    """
    lines = [line for line in history if line.get("positive_share") is not None]
    if not lines:
        return None
    epochs = [line["epoch"] for line in lines]
    marker = "o" if len(lines) < 3 else None
    figure, axes = plt.subplots(1, 3, figsize=(10, 2.9), layout="constrained")
    axes[0].plot(epochs, [line["output_gradient"] for line in lines], marker=marker)
    axes[0].axhline(0, color="0.6", lw=0.6)
    absolute = [line["output_gradient_abs"] for line in lines]
    axes[1].plot(epochs, absolute, color="tab:orange", marker=marker)
    axes[1].set_ylim(bottom=0)
    shares = [line["positive_share"] for line in lines]
    axes[2].plot(epochs, shares, color="tab:green", marker=marker)
    axes[2].axhline(0.5, color="0.6", lw=0.6)
    axes[2].set_ylim(0, 1)
    for axis, title in zip(
        axes,
        ("sum of dL/dt, per batch", "sum of |dL/dt|, per batch", "positive share"),
        strict=True,
    ):
        axis.set(title=title, xlabel="epoch")
    return figure


def thresholds_and_silence(history: History) -> plt.Figure | None:
    """Draw each layer's mean threshold and share of neurons that never fire.

    Parameters
    ----------
    history : list of dict
        Lines of ``metrics.jsonl``.

    Returns
    -------
    Figure or None
        ``None`` for runs that did not record either.
    """
    lines = [line for line in history if line.get("silent")]
    if not lines:
        return None
    epochs = [line["epoch"] for line in lines]
    marker = "o" if len(lines) < 3 else None
    figure, axes = plt.subplots(1, 2, figsize=(8, 2.9), layout="constrained")
    for name in lines[0]["silent"]:
        shares = [100 * line["silent"][name] for line in lines]
        axes[0].plot(epochs, shares, label=name, marker=marker)
        thresholds = [line["thresholds"].get(name) for line in lines]
        if thresholds[0] is not None:
            axes[1].plot(epochs, thresholds, label=name, marker=marker)
    axes[0].set(title="neurons silent for a whole epoch, %", xlabel="epoch")
    axes[0].set_ylim(bottom=0)
    axes[0].legend(frameon=False)
    if axes[1].lines:
        axes[1].set(title="mean threshold", xlabel="epoch")
        axes[1].set_ylim(bottom=0)
    else:
        axes[1].remove()
    return figure
