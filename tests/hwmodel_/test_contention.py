"""Three neurons, each connected to one: cores (0..2, 0) send to cores (0..2, 1)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hwmodel_.builders import LIF, close, conv_model, made_up_trace, make_network

from eventsim.model_file import ModelFile
from eventsim.spikes import SpikeTrains
from eventsim.topology import Dense
from hwmodel.chip.chip import CoreLimits, load_chip
from hwmodel.contention import router_timing, run_on_mesh
from hwmodel.errors import ChipError, PlacementError
from hwmodel.mapping.partition import partition
from hwmodel.mapping.placement import place_row_major
from hwmodel.traffic.counts import count
from hwmodel.workload.trace import SpikeTrace
from hwmodel.workload.workload import from_trace, layers_of

TIMES = ["timing.step=1ms", "timing.hop=100us", "timing.link=40us", "mesh.width=3"]
EVENTS = "execution=event-driven"
EYE = np.eye(3)
MODEL = ModelFile(
    make_network(
        (3,), (Dense((3,), 3), EYE), (Dense((3,), 3), EYE), neuron=LIF, t_end=2
    )
)


def run(layers, *more, n_samples=1, **options):
    """Send made-up spikes, (time, neuron) by layer, over a 3 x 2 mesh."""
    chip = load_chip("canmore", [*TIMES, "mesh.height=2", *more])
    part = partition(layers_of(MODEL.network), CoreLimits(neurons=1))
    mapping = place_row_major(part, chip.mesh.grid(), "test")
    trains = []
    for spikes in layers:
        time, neuron = np.array(spikes, float).reshape(-1, 2).T
        offsets = np.array([0, *[time.size] * n_samples])
        trains.append(SpikeTrains(time, neuron.astype(np.int32), offsets, 3))
    trace = SpikeTrace("made_up.npz", tuple(trains), 2.0)
    unit = MODEL.network.time_window
    return run_on_mesh(
        MODEL, trace, chip, mapping, steps_per_window=round(10 * unit), **options
    )


def test_run_on_mesh__alone_a_packet_takes_its_hops():
    found = run([[(1.0, 2)], [(1.5, 1)], []], EVENTS, "timing.hop_y=300us").contention
    assert (found.n_packets, found.n_deliveries, found.hops) == (2, 2, 3)
    # 2 hops along x, and one that changes the row
    deliveries = found.simulation.deliveries
    assert deliveries.latency.tolist() == close([200e-6, 300e-6])
    assert deliveries.congestion.tolist() == [0.0, 0.0]
    # a unit of network time is 10 steps of a millisecond
    assert deliveries.time.tolist() == close([10.2e-3, 15.3e-3])


def test_run_on_mesh__a_packet_waits_while_a_link_is_busy():
    found = run([[(1.0, 1), (1.0, 2)], [], []], EVENTS).contention
    # the second begins when the first has left the link from (0, 0), and then follows
    assert found.simulation.deliveries.congestion.tolist() == close([0.0, 40e-6])
    assert found.latency.mean_congestion == close(20e-6)
    assert (found.busiest_link.x, found.busiest_link.packets) == (0, 2)


@pytest.mark.parametrize(("more", "waits"), [((EVENTS,), 0.0), ((), 40e-6)])
def test_run_on_mesh__spikes_of_one_step_leave_together(more, waits):
    # 1.91 and 1.99 lie in the same step of 0.1 and 0.8 ms apart
    result = run([[(1.91, 1), (1.99, 2)], [], []], *more)
    assert result.contention.latency.largest_congestion == pytest.approx(
        waits, abs=1e-15
    )
    assert result.in_steps == (not more)


def test_run_on_mesh__a_spike_at_the_end_of_a_step_leaves_with_it():
    found = run([[(1.9, 1), (1.91, 1), (2.0, 1)], [], []]).contention
    sent = found.simulation.deliveries.time - found.simulation.deliveries.latency
    assert sent.tolist() == close([19e-3, 20e-3, 20e-3])


@pytest.mark.parametrize("casting", ["multicast", "unicast"])
def test_run_on_mesh__every_core_of_a_router_takes_its_own(casting):
    # two spikes of the input for three cores of one router, 10 us a packet
    weights = np.ones((2, 3))
    network = make_network((2,), (Dense((2,), 3), weights), neuron=LIF, t_end=2)
    sets = ["timing.link=0s", "timing.axon_in=10us", "mesh.cores_per_router=3"]
    chip = load_chip("canmore", [*TIMES, EVENTS, "mesh.height=1", *sets])
    part = partition(layers_of(network), CoreLimits(neurons=1))
    mapping = place_row_major(part, chip.mesh.grid(), "test")
    two = SpikeTrains(np.ones(2), np.arange(2, dtype=np.int32), np.array([0, 2]), 2)
    none = SpikeTrains(np.empty(0), np.empty(0, np.int32), np.array([0, 0]), 3)
    trace = SpikeTrace("made_up.npz", (two, none), 2.0)
    found = run_on_mesh(
        *(ModelFile(network), trace, chip, mapping), casting=casting, input_port=(1, 0)
    ).contention
    latency = found.simulation.deliveries.latency
    # a hop of 100 us; each core takes in the first packet, then the second
    assert latency.tolist() == close([110e-6] * 3 + [120e-6] * 3)
    assert found.hops == (6 if casting == "unicast" else 2)


def test_run_on_mesh__unicast_sends_a_packet_to_each_core():
    network = make_network((1,), (Dense((1,), 3), np.ones((1, 3))), neuron=LIF, t_end=2)
    model = ModelFile(network)
    chip = load_chip("canmore", [*TIMES, EVENTS, "mesh.height=1"])
    mapping = place_row_major(
        partition(layers_of(network), CoreLimits(neurons=1)), chip.mesh.grid(), "test"
    )
    one = SpikeTrains(np.array([1.0]), np.array([0], np.int32), np.array([0, 1]), 1)
    none = SpikeTrains(np.empty(0), np.empty(0, np.int32), np.array([0, 0]), 3)
    trace = SpikeTrace("made_up.npz", (one, none), 2.0)
    for casting, packets, hops in (("multicast", 1, 2), ("unicast", 3, 3)):
        found = run_on_mesh(model, trace, chip, mapping, casting=casting).contention
        assert (found.n_packets, found.n_deliveries, found.hops) == (packets, 3, hops)


@pytest.mark.parametrize("cores_per_router", [1, 4])
@pytest.mark.parametrize("casting", ["multicast", "unicast"])
def test_run_on_mesh__sends_what_is_counted(cores_per_router, casting):
    rng = np.random.default_rng(0)
    model = conv_model(rng)
    chip = load_chip("canmore", [*TIMES, f"mesh.cores_per_router={cores_per_router}"])
    trace = made_up_trace(model.network, rng, duration=2.0)
    workload = from_trace(model, trace)
    part = partition(workload.layers, CoreLimits(neurons=14))
    mapping = place_row_major(part, chip.mesh.grid((3, 10)), "test")
    found = run_on_mesh(model, trace, chip, mapping, casting=casting).contention
    counted = count(workload, mapping).transport(casting)
    assert (found.n_packets, found.hops) == (counted.packets, counted.hops)


@pytest.mark.parametrize("casting", ["multicast", "unicast"])
def test_run_on_mesh__copies_send_what_is_counted(casting):
    rng = np.random.default_rng(0)
    model = conv_model(rng)
    chip = load_chip("canmore", [*TIMES, "mesh.cores_per_router=4"])
    trace = made_up_trace(model.network, rng, duration=2.0)
    workload = from_trace(model, trace)
    limits = CoreLimits(neurons=6, target_cores=1)
    part = partition(workload.layers, limits, "search")
    assert part.copies_per_core.sum() > 0
    mapping = place_row_major(part, chip.mesh.grid((3, 10)), "test")
    found = run_on_mesh(model, trace, chip, mapping, casting=casting).contention
    counted = count(workload, mapping).transport(casting)
    assert (found.n_packets, found.hops) == (counted.packets, counted.hops)


def test_run_on_mesh__copies_are_updated_and_act_too():
    # two neurons with a copy each on core 0; behind them 4 on cores 1 and 2
    parts = (Dense((1,), 2), np.ones((1, 2))), (Dense((2,), 4), np.ones((2, 4)))
    network = make_network((1,), *parts, neuron=LIF, t_end=2)
    work = ["timing.sop=7us", "timing.axon_in=5us", "timing.neuron_update=1us"]
    chip = load_chip("canmore", [*TIMES, "mesh.height=1", *work])
    limits = CoreLimits(neurons=4, synapses=4, target_cores=1)
    part = partition(layers_of(network), limits)
    assert part.copies_per_core.tolist() == [2, 0, 0]
    mapping = place_row_major(part, chip.mesh.grid(), "test")
    one = SpikeTrains(np.array([1.0]), np.array([0], np.int32), np.array([0, 1]), 1)
    none = SpikeTrains(np.empty(0), np.empty(0, np.int32), np.array([0, 0]), 2)
    trace = SpikeTrace("made_up.npz", (one, none, replace(none, n_neurons=4)), 2.0)
    steps = round(10 * network.time_window)
    work = run_on_mesh(
        ModelFile(network), trace, chip, mapping, steps_per_window=steps
    ).work
    assert (work.core, work.seconds) == (0, close(4 * 7e-6 + 5e-6 + 20 * 4e-6))


def test_run_on_mesh__the_busiest_core_does_all_its_work():
    work = ["timing.sop=7us", "timing.axon_in=5us", "timing.neuron_update=1us"]
    layers = [[(1.0, 2), (1.25, 2)], [(1.5, 1)], []]
    # core 2 takes in two spikes of one synapse each, and is updated in 20 steps
    stepped = run(layers, *work)
    assert (stepped.work.core, stepped.work.seconds) == (2, close(2 * 12e-6 + 20e-6))
    # event-driven it is updated by its operations
    assert run(layers, *work, EVENTS).work.seconds == close(2 * 13e-6)
    unknown = run(layers, *work[:2]).work
    assert (unknown.seconds, unknown.core) == (None, -1)
    assert "timing.neuron_update of chip canmore is unknown" in unknown.reason


@pytest.mark.parametrize(
    ("execution", "step", "said"),
    [
        ("time-stepped", "1ms", False),
        ("time-stepped", "50us", True),
        ("event-driven", "50us", False),
    ],
)
def test_run_on_mesh__says_when_packets_outlast_a_step(execution, step, said):
    # the packet takes a hop of 100 us
    more = (f"execution={execution}", f"timing.step={step}")
    notes = run([[], [(1.0, 1)], []], *more).notes
    assert any("longer than a time step" in note for note in notes) == said


def test_run_on_mesh__silence_sends_nothing():
    result = run([[], [], []], n_samples=2)
    assert (result.contention.n_packets, result.contention.latency) == (0, None)
    assert result.n_samples == 2


@pytest.mark.parametrize("name", ["timing.step", "timing.hop", "timing.link"])
def test_run_on_mesh__an_unknown_duration_is_named(name):
    with pytest.raises(ChipError, match=rf"{name} is unknown, and .*--set {name}="):
        run([[(1.0, 2)], [], []], f"{name}=unknown")


def test_run_on_mesh__refuses_a_torus_by_name():
    with pytest.raises(
        PlacementError, match=r"got a triangular torus.*--set mesh\.topo"
    ):
        run([[], [], []], "mesh.topology=triangular torus")


def test_router_timing__says_what_is_taken_to_have_no_limit():
    timing, notes = router_timing(load_chip("canmore", TIMES))
    assert (timing.hop_x, timing.hop_y, timing.buffer) == (100e-6, 100e-6, None)
    assert [note.split(" ")[0] for note in notes] == ["mesh.buffer", "timing.axon_in"]
    timing, notes = router_timing(
        load_chip("loihi_regressed", ["timing.link=1ns", "timing.axon_in=2ns"])
    )
    assert (timing.hop_y, timing.buffer, timing.ejection) == (6.5e-9, 16, 2e-9)
    assert notes == ()
