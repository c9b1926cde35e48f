from dataclasses import replace

import numpy as np
import pytest
from eventsim_.early_exit.test_stopping import MODELS, case_of

from eventsim.early_exit.policies import FirstSpike
from eventsim.early_exit.spending import operations_of, spikes_of
from eventsim.early_exit.stopped_totals import StoppedTotals
from eventsim.early_exit.stopping import run_until_decided
from eventsim.early_exit.sweep import outcome

pytestmark = pytest.mark.usefixtures("one_thread")


def test_stopped_totals__sum_up():
    trace = case_of("dense", MODELS["continuous"], 1)
    full = run_until_decided(None, trace.network, trace.trains[0])
    found = run_until_decided(FirstSpike(), trace.network, trace.trains[0])
    full, found = (
        replace(x, seconds=np.array(s))
        for x, s in ((full, [9.0, 3.0, 1.0, 1.0]), (found, [7.0, 0.5, 0.5, 0.25]))
    )
    expected = outcome(FirstSpike(), trace, spikes_of(trace), operations_of(trace))
    total = StoppedTotals()
    for _ in range(2):
        total.add(expected, found, full)
    numbers = total.numbers()
    assert numbers["same_decisions"] == numbers["same_counts"] == 1
    assert numbers["events"] == found.n_events.mean()
    assert numbers["events_saved"] == pytest.approx(
        1 - found.n_events.sum() / full.n_events.sum()
    )
    assert 0 < numbers["events_saved"] < 1
    # One slow run, the first of a process, does not show.
    assert (numbers["seconds"], numbers["full_seconds"]) == (0.5, 2.0)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda x: {"label": (x.decisions.label + 1) % 3}, "same_decisions"),
        (lambda x: {"time": x.decisions.time + 1e-6}, "same_decisions"),
        (lambda x: {"is_decided": ~x.decisions.is_decided}, "same_decisions"),
        (lambda x: {"n_spikes": x.n_spikes + 1}, "same_counts"),
        (lambda x: {"n_operations": x.n_operations - 1}, "same_counts"),
    ],
)
def test_stopped_totals__notice_what_differs(change, key):
    trace = case_of("dense", MODELS["continuous"], 1)
    found = run_until_decided(FirstSpike(), trace.network, trace.trains[0])
    expected = outcome(FirstSpike(), trace, spikes_of(trace), operations_of(trace))
    changes, total = change(found), StoppedTotals()
    if key == "same_decisions":
        changes = {"decisions": replace(found.decisions, **changes)}
    total.add(expected, found, found)
    total.add(expected, replace(found, **changes), found)
    numbers = total.numbers()
    (other,) = {"same_decisions", "same_counts"} - {key}
    assert (numbers[key], numbers[other]) == (0.5, 1)
