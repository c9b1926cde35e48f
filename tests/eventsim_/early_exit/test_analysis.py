from itertools import pairwise

import numpy as np
import pytest
from eventsim_.early_exit.test_stopping import MODELS, case_of

from eventsim.early_exit.analysis import analyse
from eventsim.early_exit.policies import FirstSpike, FixedTime, Leader, answers
from eventsim.early_exit.spending import operations_of, spikes_of
from eventsim.early_exit.trace import Trace

pytestmark = pytest.mark.usefixtures("one_thread")

POLICIES = [FirstSpike(), Leader(), FixedTime(3.0), FixedTime(6.0)]


def parts_of(trace, *edges):
    return [
        Trace(
            trace.network,
            tuple(train.samples(first, stop) for train in trace.trains),
            trace.labels[first:stop],
        )
        for first, stop in pairwise(edges)
    ]


def test_analyse__does_not_depend_on_how_samples_are_cut():
    trace = case_of("earliest", MODELS["continuous"], 1)
    whole, done = analyse([trace], POLICIES), []
    cut = analyse(parts_of(trace, 0, 1, 3, 4), POLICIES, on_batch=done.append)
    assert done == [1, 2, 1]
    assert cut.points == whole.points
    assert (cut.full, cut.published) == (whole.full, whole.published)
    assert cut.curve.accuracy.tolist() == whole.curve.accuracy.tolist()
    assert [c.error for c in cut.calibrations] == [c.error for c in whole.calibrations]


def test_analyse__full_runs_are_the_last_fixed_time():
    trace = case_of("average", MODELS["jumps"], 2)
    found = analyse([trace], POLICIES)
    full, last = found.full, found.points[-1]
    assert full.accuracy == last.accuracy == found.curve.final
    assert (full.spikes, full.sops) == (last.spikes, last.sops)
    assert (last.spikes_saved, last.sops_saved) == (0, 0)
    assert full.unanswered == np.mean(answers(trace.network, trace.output) < 0)
    assert full.spikes == spikes_of(trace).all.mean()
    assert full.sops == operations_of(trace).all.mean()
    sizes = [train.time.size / 4 for train in trace.trains]
    assert list(full.layer_spikes) == sizes
    assert found.n_samples == 4
    assert found.calibrations[-1].time == trace.network.duration
