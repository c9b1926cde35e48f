from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.early_exit.exit_setups import PORT, TRAVEL, priced_chip, setup

from eventsim.early_exit.spending import operations_of, spikes_of
from eventsim.early_exit.trace import Trace
from hwmodel.chip.chip import load_chip
from hwmodel.early_exit.counting import counts_until
from hwmodel.early_exit.effects import COLUMNS, effects_of, hop_seconds


@pytest.mark.parametrize("build", ["dense", "conv", "average pool"])
def test_effects_of__operations_are_those_that_eventsim_counts(build):
    network, trace, full = setup(build, priced_chip(), per_neuron=1.0)
    for layer in network.layers:  # eventsim counts synapses of weight 0 too
        if layer.weight is not None:
            layer.weight[layer.weight == 0] = 1.0
    effects = effects_of(network, full.mapping, full.chip, "multicast", PORT, None)
    times = np.linspace(0.0, 2.0, 41)[:-1, None] * np.ones(3)  # ends: see the rules
    (part,) = counts_until(effects, trace.trains, times, trace.duration)
    same = Trace(network, trace.trains, trace.labels)
    for name, tally in (("sop", operations_of(same)), ("spike", spikes_of(same))):
        found = part.counts[..., COLUMNS.index(name)]
        assert (found == tally.until(times)).all()


def test_effects_of__one_effect_a_spike_where_nothing_takes_time():
    network, _, full = setup("earliest pool", priced_chip(*TRAVEL))
    at_once = effects_of(network, full.mapping, full.chip, "multicast", PORT, None)
    sending = [one for one in at_once if len(one.columns) > 2]
    assert all(one.is_prompt for one in sending)
    later = effects_of(network, full.mapping, full.chip, "multicast", PORT, 1024.0)
    assert not all(one.is_prompt for one in later)


def test_effects_of__only_chips_that_price_rows_count_them_apart():
    network, _, full = setup("dense", load_chip("canmore", ["core.neurons=2"]))
    effects = effects_of(network, full.mapping, full.chip, "unicast", PORT, None)
    hop, hop_y = (COLUMNS.index(name) for name in ("hop", "hop_y"))
    totals = {hop: 0, hop_y: 0}
    for one in effects:
        for place, column in enumerate(one.columns):
            if column in totals:
                totals[column] += int(one.amount[:, place].sum())
    assert totals[hop] > 0
    assert totals[hop_y] == 0


def test_hop_seconds__is_unknown_if_one_of_the_two_is():
    assert hop_seconds(load_chip("spinnaker")) is None
    assert hop_seconds(load_chip("spinnaker", ["timing.hop=2us"])) == (2e-6, 2e-6)
    sets = ["timing.hop=2us", "timing.hop_y=3us"]
    assert hop_seconds(load_chip("spinnaker", sets)) == (2e-6, 3e-6)
    sets[1] = "timing.hop_y=unknown"
    assert hop_seconds(load_chip("spinnaker", sets)) is None
