"""What all pictures share: the colour of text, the prefix of an axis, the files."""

from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from eventsim.atomic_write import replacing
from hwmodel.units import PREFIXES, prefix_of

INK = "#333333"
"""Of text and lines."""


def write_figures(figures: dict[str, Figure], folder: Path) -> list[Path]:
    """Write figures as PNG files.

    Parameters
    ----------
    figures : dict of str to Figure
        Each by the name of its file.
    folder : Path
        Made if it is missing.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    RunError
        If a file cannot be written.
    """
    paths = []
    for name, figure in figures.items():
        path = Path(folder) / name
        FigureCanvasAgg(figure)
        with replacing(path) as temporary:
            figure.savefig(
                temporary, format="png", dpi=150, bbox_inches="tight", pad_inches=0.15
            )
        paths.append(path)
    return paths


def joule_prefix(joules: float) -> tuple[str, float]:
    """Choose the SI prefix of an axis of energy.

    Parameters
    ----------
    joules : float, J
        The largest value on it.

    Returns
    -------
    tuple of str and float
        The prefix, empty for nothing, and the joules that it stands for.
    """
    if joules <= 0:
        return "", 1.0
    prefix = prefix_of(float(joules))
    return prefix, 10.0 ** PREFIXES[prefix]
