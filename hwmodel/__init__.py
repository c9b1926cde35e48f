"""What an inference costs on a neuromorphic chip: joules, hops and seconds."""

from eventsim import __version__

__all__ = ["__version__"]
