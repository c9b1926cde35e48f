"""A report of a small network on two chips, and one that lacks a price."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hwmodel_.builders import made_up_trace
from hwmodel_.early_exit.exit_setups import (
    PORT,
    STEPS,
    TRAVEL,
    delayed_dense,
    priced_chip,
)

from eventsim.model_file import ModelFile
from hwmodel.chip.chip import load_chip
from hwmodel.early_exit.analysis import price_exits

RNG = np.random.default_rng(8)
NETWORK = replace(delayed_dense(RNG), readout="spike_count")
MODEL = ModelFile(NETWORK)
TRACE = made_up_trace(NETWORK, RNG, 12)
CANMORE = load_chip("canmore", ["core.neurons=3", "mesh.width=6", "mesh.height=6"])


def named(chip, name):
    return replace(chip, name=name)


STEPPED = named(priced_chip(*TRAVEL), "stepped")
POOR = named(priced_chip("energy.hop=unknown"), "poor")


def priced(chips, policies=(), **options):
    options = {"steps_per_window": STEPS, "input_port": PORT} | options
    return price_exits(MODEL, TRACE, chips, policies, **options)


REPORT = priced([STEPPED, POOR, CANMORE])


def alone(name):
    """The same report with one of its chips."""
    chips = [chip for chip in REPORT.chips if chip.full.chip.name == name]
    return replace(REPORT, chips=tuple(chips))
