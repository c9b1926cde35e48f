"""How all pictures look, and how they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from eventsim.atomic_write import replacing

STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "font.size": 9,
    "figure.dpi": 130,
}


def save(path: Path, figure: plt.Figure) -> None:
    """Write a picture and close it."""
    try:
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png")
    finally:
        plt.close(figure)
