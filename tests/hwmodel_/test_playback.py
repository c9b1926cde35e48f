from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hwmodel_.builders import (
    averaging_model,
    close,
    conv_model,
    dense_model,
    made_up_trace,
)
from hwmodel_.oracle import walk

from eventsim.model_file import ModelFile
from hwmodel.chip.chip import load_chip
from hwmodel.errors import ChipError
from hwmodel.estimate import estimate_workload
from hwmodel.playback import playback_of
from hwmodel.traffic.spike_packets import spike_packets
from hwmodel.workload.workload import from_trace

RNG = np.random.default_rng(7)
CHIP = ["timing.step=1ms", "core.neurons=5"]
COPIES = ["core.neurons=6", "limits.target_cores=1"]


def played(build, casting="multicast", n_bins=7, sets=(), **options):
    model = build(np.random.default_rng(3))
    model = ModelFile(model.network)
    trace = made_up_trace(model.network, np.random.default_rng(4))
    chip = load_chip("canmore", [*CHIP, *sets])
    result = estimate_workload(
        from_trace(model, trace), chip, casting=casting, mesh=(6, 20), **options
    )
    return model, trace, result, playback_of(model, trace, result, n_bins)


def dense(rng):
    return dense_model([6, 9, 8, 3], rng)


@pytest.mark.parametrize("casting", ["multicast", "unicast"])
@pytest.mark.parametrize("build", [dense, conv_model])
def test_playback_of__sums_over_time_are_the_counts(build, casting):
    _, trace, result, found = played(build, casting, input_port=(2, 1))
    n = trace.n_samples
    loads = result.counts.link_loads(casting).packets
    assert found.link_packets.sum(axis=0) * n == close(loads[loads > 0])
    assert found.core_spikes.sum(axis=0) * n == close(result.counts.spikes_per_core)


@pytest.mark.parametrize("casting", ["multicast", "unicast"])
@pytest.mark.parametrize("build", [dense, conv_model])
def test_playback_of__copies_fire_and_send(build, casting):
    _, trace, result, found = played(
        build, casting, sets=COPIES, limits="silicon", split="search"
    )
    assert result.mapping.partition.copies_per_core.sum() > 0
    n = trace.n_samples
    loads = result.counts.link_loads(casting).packets
    assert found.link_packets.sum(axis=0) * n == close(loads[loads > 0])
    assert found.core_spikes.sum(axis=0) * n == close(result.counts.spikes_per_core)


def test_playback_of__packets_are_in_the_bin_in_which_they_leave():
    model, trace, result, found = played(dense, "unicast")
    unit = 10e-3 / model.network.time_window
    sent = spike_packets(model.network, trace, result.mapping, unit)
    core, offsets = sent.destinations()
    links = {(a, b): 0 for a, b, _ in result.counts.unicast.links()}
    expected = [dict(links) for _ in range(7)]
    mapping, edges = result.mapping, found.bin_edges_s
    for p, source in enumerate(sent.source.tolist()):
        at = (0, 0) if source < 0 else (int(mapping.x[source]), int(mapping.y[source]))
        b = min(int(np.sum(edges <= sent.time[p])) - 1, 6)
        for to in core[offsets[p] : offsets[p + 1]]:
            for link in walk(at, (int(mapping.x[to]), int(mapping.y[to]))):
                expected[b][link] += 1
    walked = np.array([list(row.values()) for row in expected]) / trace.n_samples
    assert found.link_packets == close(walked)
    assert edges[-1] == close(trace.duration * unit)


def test_playback_of__a_step_that_has_only_begun_stretches_no_time():
    # 2 units of network time in windows of 0.7, 3 steps each: 9 steps are begun
    model = ModelFile(replace(averaging_model(RNG).network, time_window=0.7))
    trace = made_up_trace(model.network, RNG)
    result = estimate_workload(
        from_trace(model, trace), load_chip("canmore", CHIP), steps_per_window=3
    )
    found = playback_of(model, trace, result, 4)
    whole = 3 * trace.duration / model.network.time_window
    assert result.latency.steps == np.ceil(whole) > whole
    assert found.bin_edges_s == close(np.linspace(0, whole * 1e-3, 5))
    bins = np.minimum(np.floor(trace.trains[-1].time / trace.duration * 4), 3)
    last = result.mapping.partition.layers[-1].cores
    fired = found.core_spikes[:, last.start : last.stop].sum(axis=1)
    assert fired * trace.n_samples == close(np.bincount(bins.astype(int), minlength=4))


def test_playback_of__needs_the_length_of_a_step():
    model, trace, *_ = played(dense)
    result = estimate_workload(from_trace(model, trace), load_chip("canmore"))
    with pytest.raises(ChipError, match=r"timing\.step is unknown"):
        playback_of(model, trace, result)
