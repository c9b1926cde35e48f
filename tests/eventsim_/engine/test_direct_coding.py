"""Networks whose input are currents, through the engines that users call."""

from dataclasses import replace

import numba
import numpy as np
import pytest
from eventsim_.driven_networks import KINDS, driven_case
from eventsim_.gathered_layers import NEURONS

from eventsim import simulate
from eventsim.engine import choose_engine, engine_name
from eventsim.engine.queue import network as queue
from eventsim.engine.sweep import network as sweep
from eventsim.engine.sweep.forced_output import force_output
from eventsim.errors import ShapeError, SimulationLimitError
from eventsim.gradcheck import gradcheck
from eventsim.spikes import SpikeTrains
from eventsim.training.threshold_init import set_thresholds

LABELS = np.array([0, 1, 2])


@pytest.mark.parametrize("engine", ["sweep", "queue"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["lif", "srm_lif general", "slayer_srm", "if_delta"])
def test_gradcheck__of_input_currents(engine, kind, name):
    case = driven_case(kind, name, 3)
    report = gradcheck(case.network, case.currents, LABELS, engine=engine, n_entries=6)
    assert report.worst_relative_error < 1e-6
    assert [check.name for check in report.layers][-1] == "input currents"
    if "layer_1" not in report.unchecked:  # The output may be silent.
        assert report.n_checked > 20


def test_gradcheck__sees_a_wrong_derivative_by_the_input(monkeypatch):
    case = driven_case("dense", "lif", 3)
    right = sweep.backward

    def wrong(*args, **options):
        found = right(*args, **options)
        return replace(found, input_currents=found.input_currents * 1.001)

    monkeypatch.setattr(sweep, "backward", wrong)
    report = gradcheck(case.network, case.currents, LABELS, n_entries=4)
    assert report.layers[-1].worst_relative_error == pytest.approx(1e-3, rel=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_forward__is_forward_spikes(kind):
    case = driven_case(kind, "srm_lif", 1)
    for engine in (sweep, queue):
        seen = engine.forward(case.network, case.currents)
        expected = engine.forward_spikes(case.network, None, currents=case.currents)
        n_rounded = 0
        for one, other in zip(seen.trains, expected.trains, strict=True):
            assert one.neuron.tolist() == other.neuron.tolist()
            np.testing.assert_allclose(one.time, other.time, rtol=1e-12)
            n_rounded += one.time.size
        assert n_rounded > 10
        assert seen.trains[0].n_neurons == np.prod(case.network.input_shape)
        assert seen.counts(0).sum() == 0


def test_backward__by_the_input_is_only_found_if_asked():
    case = driven_case("conv", "srm_lif", 1)
    seen = sweep.forward(case.network, case.currents)
    pull = np.ones(seen.trains[-1].time.size)
    without = sweep.backward(case.network, seen, pull)
    assert without.input_times is None
    assert without.input_currents is None
    found = sweep.backward(case.network, seen, pull, with_input=True)
    assert found.input_times is None
    assert found.input_currents.shape == case.currents.shape
    assert np.abs(found.input_currents).max() > 0


def test_float32__is_close_to_float64():
    case = driven_case("conv", "srm_lif general", 2, batch=8)
    small = driven_case("conv", "srm_lif general", 2, batch=8, dtype=np.float32)
    large = sweep.forward(case.network, case.currents)
    seen = sweep.forward(small.network, small.currents)
    assert seen.trains[1].time.size > 20
    for one, other in zip(seen.trains, large.trains, strict=True):
        assert np.array_equal(one.counts(), other.counts())
        np.testing.assert_allclose(
            np.sort(one.time), np.sort(other.time), rtol=1e-3, atol=1e-3
        )
    pull = np.ones(large.trains[-1].time.size)
    by_small = sweep.backward(small.network, seen, pull, with_input=True)
    by_large = sweep.backward(case.network, large, pull, with_input=True)
    for one, other in zip(by_small.weights, by_large.weights, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, atol=1e-2 * np.abs(other).max())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_sweep__does_not_depend_on_threads_or_batch_split(kind, dtype):
    case = driven_case(kind, "srm_lif", 4, batch=37, dtype=dtype)
    n_threads, seen = numba.get_num_threads(), []
    for n in (1, numba.config.NUMBA_NUM_THREADS):
        numba.set_num_threads(n)
        run = sweep.forward(case.network, case.currents)
        by = sweep.backward(
            case.network, run, np.sin(run.trains[-1].time), with_input=True
        )
        arrays = [train.time for train in run.trains] + by.weights
        seen.append([a.tobytes() for a in [*arrays, by.input_currents]])
    numba.set_num_threads(n_threads)
    assert seen[0] == seen[1]
    part = sweep.forward(case.network, case.currents[20:30])
    for one, whole in zip(part.trains, run.trains, strict=True):
        assert one.time.tobytes() == whole.samples(20, 30).time.tobytes()


def test_simulate__takes_currents():
    case = driven_case("dense", "lif", 0)
    runs = [
        simulate(case.network, None, engine, currents=case.currents)
        for engine in ("auto", "sweep", "queue")
    ]
    assert engine_name(choose_engine(case.network)) == "sweep"
    for run in runs:
        assert run[1].time.size > 0
        np.testing.assert_allclose(run[2].time, runs[0][2].time, rtol=1e-12)


SPIKES = SpikeTrains(np.ones(1), np.zeros(1, np.int32), np.array([0, 1]), 6)


@pytest.mark.parametrize("engine", ["auto", "queue"])
def test_simulate__refuses_what_is_not_the_input(engine):
    network = driven_case("dense", "lif", 0).network
    with pytest.raises(ShapeError, match="currents, not spikes, and none are given"):
        simulate(network, SPIKES, engine)
    with pytest.raises(ShapeError, match=r"input has shape \(1, 7\)"):
        simulate(network, None, engine, currents=np.ones((1, 7)))
    with pytest.raises(ShapeError, match="expected spikes and no currents"):
        simulate(
            replace(network, input="spikes"), SPIKES, engine, currents=np.ones((1, 6))
        )
    late = replace(network.layers[0], synaptic_delay=np.ones((6, 5)))
    broken = replace(network, layers=(late, network.layers[1]))
    with pytest.raises(ShapeError, match="layer_1 gets input currents"):
        simulate(broken, None, engine, currents=np.ones((1, 6)))


def test_simulate__stops_at_too_many_spikes():
    case = driven_case("dense", "lif", 0)
    n = simulate(case.network, None, currents=case.currents)[1].time.size
    with pytest.raises(
        SimulationLimitError, match=r"layer_1: its neurons .* more than"
    ):
        simulate(case.network, None, currents=case.currents, max_spikes=n - 1)
    with pytest.raises(SimulationLimitError, match="5 events were done"):
        simulate(case.network, None, "queue", currents=case.currents, max_events=5)


def test_discrete_state__tells_of_another_spike():
    case = driven_case("dense", "lif", 0)
    seen = sweep.forward_spikes(case.network, None, currents=case.currents)
    again = sweep.forward_spikes(case.network, None, currents=case.currents * 1.3)
    one, other = (run.discrete_state(case.network, 1) for run in (seen, again))
    assert one.shape != other.shape
    for name in NEURONS:
        case = driven_case("dense", name, 0)
        seen = sweep.forward_spikes(case.network, None, currents=case.currents)
        state = seen.discrete_state(case.network, 1)
        assert len(state) == seen.trains[1].time.size


def test_force_output__refuses_neurons_driven_by_the_input():
    case = driven_case("dense", "srm_lif", 0)
    network = replace(case.network, layers=case.network.layers[:1])
    seen = sweep.forward(network, case.currents)
    with pytest.raises(ShapeError, match=r"supervisory spike: .* by input currents"):
        force_output(network, seen, LABELS, least_rise=0.1, only_if_silent=True)


def test_set_thresholds__of_a_network_driven_by_currents():
    case = driven_case("conv", "srm_lif", 0, batch=20)
    set_thresholds(case.network, case.currents, 0.8)
    seen = sweep.forward(case.network, case.currents)
    for k, layer in case.network.spiking_layers:
        late = seen.trains[k].time >= 4.0  # the last third of the run
        assert 3 * late.sum() / (20 * layer.n_neurons) == pytest.approx(0.8, rel=0.1)
