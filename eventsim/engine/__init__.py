"""Engines: exact spikes and gradients of a network, by different means."""

from eventsim.engine.simulation import (
    ENGINES,
    choose_engine,
    engine_name,
    record,
    simulate,
    trains_of,
)

__all__ = [
    "ENGINES",
    "choose_engine",
    "engine_name",
    "record",
    "simulate",
    "trains_of",
]
