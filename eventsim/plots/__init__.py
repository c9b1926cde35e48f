"""Pictures of a run. They load Matplotlib: import this where they are drawn."""

from eventsim.plots.run import plot_run

__all__ = ["plot_run"]
