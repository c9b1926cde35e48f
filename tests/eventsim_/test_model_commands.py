import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import yaml
from eventsim_.builders import build, dense
from eventsim_.driven_networks import driven_case
from eventsim_.spiking_networks import random_case

from eventsim import load_npz, save_npz, simulate
from eventsim.engine.queue import network as queue
from eventsim.errors import (
    ConfigError,
    ModelFileError,
    ShapeError,
    SimulationLimitError,
)
from eventsim.model_commands import (
    evaluate_model,
    format_simulation,
    simulate_model,
)
from eventsim.model_file import ModelFile, read_model, write_model
from eventsim.network import Layer, Network, Neuron
from eventsim.run import load_run_dataset
from eventsim.spikes import SpikeTrains
from eventsim.topology import Dense
from eventsim.trace_file import network_digest
from eventsim.trained_model import config_of

pytestmark = pytest.mark.usefixtures("one_thread")


def evaluated(path, engine="auto", **options):
    options = {"write": False, "quiet": True, **options}
    return evaluate_model(str(path), None, engine, **options)


@pytest.fixture
def copy(finished_run, tmp_path):
    shutil.copytree(finished_run, tmp_path / "run")
    return tmp_path / "run"


def test_evaluate_model__agrees_with_the_summary(finished_run):
    summary = json.loads((finished_run / "summary.json").read_text())
    found = evaluated(finished_run)
    assert found["n_samples"] == summary["n_test"]
    for here, there in [
        ("accuracy", "test_accuracy"),
        ("loss", "test_loss"),
        ("spikes_per_sample", "spikes_per_sample"),
        ("sparsity", "sparsity"),
        ("undecided", "undecided"),
        ("mean_decision_time", "mean_decision_time"),
    ]:
        assert found[here] == summary[there], here
    assert json.loads(json.dumps(found)) == found
    assert evaluated(finished_run / "model.h5") == {
        **found,
        "model": str(finished_run / "model.h5"),
    }


def test_evaluate_model__leaves_the_file_alone(copy):
    before = (copy / "model.h5").read_bytes()
    evaluated(copy)
    assert (copy / "model.h5").read_bytes() == before


@pytest.mark.parametrize("as_folder", [True, False])
def test_evaluate_model__stores_the_activity_if_asked(copy, as_folder):
    path = copy / "model.h5"
    model = read_model(path)
    bare = ModelFile(model.network, model.config, model.provenance)
    write_model(path, bare)
    evaluated(copy if as_folder else path, write=True)
    written = read_model(path)
    assert written.activity.n_samples == 60
    for a, b in zip(
        written.activity.spike_counts, model.activity.spike_counts, strict=True
    ):
        assert np.array_equal(a, b)
    assert written.config == model.config
    assert written.provenance == model.provenance


def test_evaluate_model__refuses_a_model_without_configuration(tmp_path):
    network = build((5,), [dense(3)], weights=lambda t, _: np.ones(t.weight_shape))
    write_model(tmp_path / "m.h5", ModelFile(network))
    with pytest.raises(
        ModelFileError, match=r"m\.h5' holds no configuration; expected"
    ):
        evaluated(tmp_path / "m.h5")


def test_evaluate_model__refuses_a_network_for_other_inputs(tmp_path, finished_run):
    config = read_model(finished_run).config
    network = build((7,), [dense(3)], weights=lambda t, _: np.ones(t.weight_shape))
    write_model(tmp_path / "m.h5", ModelFile(network, config))
    with pytest.raises(ModelFileError, match=r"inputs of shape \(7,\), the data set"):
        evaluated(tmp_path / "m.h5")


def test_evaluate_model__names_a_wrong_configuration_inside(tmp_path, finished_run):
    model = read_model(finished_run)
    path = tmp_path / "m.h5"
    write_model(path, ModelFile(model.network, model.config.replace("seed:", "sed:")))
    with pytest.raises(ConfigError, match=r"inside '.*': unknown key 'sed'; did you"):
        evaluated(path)


def test_evaluate_model__refuses_an_unknown_engine(finished_run):
    with pytest.raises(ConfigError, match="there is no 'fast'; expected one of auto"):
        evaluated(finished_run, engine="fast")


@pytest.mark.parametrize("n_samples", [None, 7, 100])
def test_evaluate_model__writes_a_trace_of_what_it_counts(copy, monkeypatch, n_samples):
    trace = copy / "trace.npz"
    found = evaluated(copy, n_samples=n_samples, trace=str(trace), write=True)
    model = read_model(copy)
    n = min(n_samples or 60, 60)
    assert found["n_samples"] == model.activity.n_samples == n
    counts = model.activity.spike_counts
    for k, expected in enumerate(counts):
        written = load_npz(trace, expected.size, n, layer=k)
        assert written.counts().tolist() == expected.tolist()
    labels = load_run_dataset(config_of("", model), None).test.labels
    with np.load(trace) as file:
        assert file["label"].tolist() == labels[:n].tolist()
        assert file["duration"] == model.activity.decision_time
        assert file["model"] == network_digest(model.network)
    assert found["trace"] == str(trace)
    assert found["trace_spikes"] == sum(int(count.sum()) for count in counts)
    assert found["trace_bytes"] == trace.stat().st_size


def test_evaluate_model__a_trace_ends_with_the_decision(copy):
    # Read at the start of its window, the output layer has no time to fire.
    model = read_model(copy)
    network = replace(model.network, readout="potential_start")
    config = yaml.safe_load(model.config)
    config["loss"] = {"name": "potential_cross_entropy"}
    config["network"]["readout"] = "potential_start"
    other = replace(model, network=network, config=yaml.safe_dump(config))
    write_model(copy / "model.h5", other)
    trace = copy / "trace.npz"
    evaluated(copy, trace=str(trace))
    with np.load(trace) as file:
        assert file["duration"] == 2.0
        assert set(file["layer"]) == {0, 1}
        assert file["layers"].tolist() == [0, 1, 2]
        assert file["time"].max() <= 2.0


def test_evaluate_model__stops_a_trace_of_too_many_spikes(copy):
    trace = copy / "trace.npz"
    n_spikes = evaluated(copy, n_samples=7, trace=str(trace))["trace_spikes"]
    trace.unlink()
    some = {"n_samples": 7, "trace": str(trace)}
    expected = (
        rf"^evaluate: the trace has more than {n_spikes - 1} spikes up to sample 6; "
        r"expected fewer; take fewer samples with --samples, or raise --max-spikes"
    )
    with pytest.raises(SimulationLimitError, match=expected):
        evaluated(copy, max_spikes=n_spikes - 1, **some)
    assert not trace.exists()
    assert evaluated(copy, max_spikes=n_spikes, **some)["trace_spikes"] == n_spikes


@pytest.fixture
def lif_files(tmp_path):
    """Write a model of many spikes without configuration, and an input for it."""
    case = random_case("average", ["lif"], 2, batch=3)
    write_model(tmp_path / "m.h5", ModelFile(case.network))
    save_npz(tmp_path / "in.npz", [case.spikes])
    return case, tmp_path


def simulated(folder, **options):
    options = {"max_spikes": 10**6, "quiet": True, **options}
    files = (folder / name for name in ("m.h5", "in.npz", "out.npz"))
    return simulate_model(*map(str, files), **options)


@pytest.mark.parametrize("at_once", [1, 2, 250])
@pytest.mark.parametrize("engine", ["auto", "queue"])
def test_simulate_model__writes_what_simulate_returns(
    lif_files, monkeypatch, engine, at_once
):
    monkeypatch.setattr("eventsim.model_commands.SAMPLES_AT_ONCE", at_once)
    case, folder = lif_files
    result = simulated(folder, engine=engine)
    layers = simulate(case.network, case.spikes, engine)
    for k, train in enumerate(layers):
        written = load_npz(folder / "out.npz", train.n_neurons, 3, layer=k)
        assert written.offsets.tolist() == train.offsets.tolist()
        assert written.time.tobytes() == train.time.tobytes()
        assert result["layers"][k]["spikes"] == train.time.size
        if train.value is not None:
            assert written.value.tolist() == train.value.tolist()
    assert result["engine"] == {"auto": "sweep"}.get(engine, engine)
    assert result["n_samples"] == 3
    assert result["t_end"] == case.network.t_end
    assert json.loads(json.dumps(result)) == result
    silent = np.isinf(layers[3].first_spikes()).sum()
    assert result["layers"][3]["silent"] == silent
    text = format_simulation(result)
    assert f"engine {result['engine']}" in text
    assert "layer_3 (sparse)" in text


def test_simulate_model__ends_when_told(lif_files):
    _, folder = lif_files
    assert simulated(folder, t_end=1.5)["t_end"] == 1.5
    assert load_npz(folder / "out.npz", 3, layer=3).time.max(initial=0) <= 1.5


def test_simulate_model__writes_a_trace_of_the_model_whenever_it_ends(lif_files):
    case, folder = lif_files
    for t_end in (None, 1.5):
        simulated(folder, t_end=t_end)
        with np.load(folder / "out.npz") as file:
            assert file["model"] == network_digest(case.network)
            assert file["duration"] == (t_end or case.network.t_end)
            assert file["n_samples"] == 3
            assert "label" not in file


def test_simulate_model__shows_output_spikes_after_a_decision_by_potentials(tmp_path):
    weights = [np.ones((2, 2)), np.full((2, 3), 0.2)]
    network = build(
        (2,),
        [dense(2), dense(3)],
        weights=lambda _, k: weights[k],
        readout="potential_start",
    )
    write_model(tmp_path / "m.h5", ModelFile(network))
    one = SpikeTrains(np.ones(1) / 2, np.zeros(1, np.int32), np.array([0, 1]), 2)
    save_npz(tmp_path / "in.npz", [one])
    assert simulated(tmp_path)["layers"][2]["spikes"] == 3
    with np.load(tmp_path / "out.npz") as file:
        assert network.duration == 2 < file["time"].max() <= file["duration"] == 3


def test_simulate_model__takes_a_layer_of_another_run(lif_files):
    case, folder = lif_files
    simulated(folder)
    (folder / "out.npz").rename(folder / "in.npz")
    result = simulated(folder, layer=0)
    assert result["layers"][0]["spikes"] == case.spikes.time.size


@pytest.mark.parametrize("at_once", [1, 250])
@pytest.mark.parametrize("engine", ["sweep", "queue"])
def test_simulate_model__stops_at_too_many_spikes(
    lif_files, monkeypatch, engine, at_once
):
    monkeypatch.setattr("eventsim.model_commands.SAMPLES_AT_ONCE", at_once)
    _, folder = lif_files
    n_spikes = simulated(folder, engine=engine)["spikes"]
    (folder / "out.npz").unlink()
    assert simulated(folder, engine=engine, max_spikes=n_spikes)["spikes"] == n_spikes
    (folder / "out.npz").unlink()
    with pytest.raises(SimulationLimitError, match="more than") as told:
        simulated(folder, engine=engine, max_spikes=n_spikes - 1)
    message = (
        rf"simulate: more than {n_spikes - 1} spikes up to sample 2(?: in layer_3 "
    )
    assert re.match(rf"{message}\(sparse\))?; .*; raise --max-spikes", str(told.value))
    assert not (folder / "out.npz").exists()


@pytest.mark.parametrize("synaptic_delays", [True, False])
def test_simulate_model__names_its_option_and_the_layer_of_too_many_spikes(
    tmp_path, synaptic_delays
):
    # With synaptic delays the engine has other kernels, which stop in other words.
    case = random_case("dense", ["lif"], 2, synaptic_delays=synaptic_delays)
    write_model(tmp_path / "m.h5", ModelFile(case.network))
    save_npz(tmp_path / "in.npz", [case.spikes])
    expected = (
        r"^simulate: more than 1 spikes up to sample 1 in layer_1 \(dense\); expected "
        r"fewer; raise --max-spikes, or look for weights or currents"
    )
    with pytest.raises(SimulationLimitError, match=expected):
        simulated(tmp_path, max_spikes=1)
    with pytest.raises(SimulationLimitError, match="fire") as told:
        simulate(case.network, case.spikes, max_spikes=1)
    assert "--max-spikes" not in str(told.value)


def test_simulate_model__leaves_other_limits_in_their_words(lif_files, monkeypatch):
    _, folder = lif_files

    def stop(*_, **__):
        raise SimulationLimitError("another limit", partial=object())

    monkeypatch.setattr("eventsim.model_commands.record", stop)
    with pytest.raises(SimulationLimitError, match=r"^another limit$"):
        simulated(folder)


@pytest.mark.parametrize("at_once", [1, 250])
def test_simulate_model__stops_at_too_many_events(lif_files, monkeypatch, at_once):
    monkeypatch.setattr("eventsim.model_commands.SAMPLES_AT_ONCE", at_once)
    case, folder = lif_files
    n_events = most_events(case)
    simulated(folder, engine="queue", max_events=n_events)
    (folder / "out.npz").unlink()
    expected = (
        rf"^simulate: {n_events - 1} events were done by t = .*; most spikes: .*; "
        r"raise --max-events, end the run earlier, or weaken"
    )
    with pytest.raises(SimulationLimitError, match=expected):
        simulated(folder, engine="queue", max_events=n_events - 1)
    assert not (folder / "out.npz").exists()
    # The sweep has no such bound.
    simulated(folder, engine="sweep", max_events=1)
    with pytest.raises(SimulationLimitError, match=r"raise max_events, end"):
        simulate(case.network, case.spikes, "queue", max_events=n_events - 1)


def most_events(case):
    """Return the arrivals and spikes of the sample that has most of them."""
    low, high = 0, 10**6  # too few, enough
    while high - low > 1:
        middle = (low + high) // 2
        try:
            queue.forward_spikes(case.network, case.spikes, max_events=middle)
            high = middle
        except SimulationLimitError:
            low = middle
    return high


def test_evaluate_model__names_its_option_where_a_sample_has_too_many_events(
    tmp_path, finished_run
):
    config = re.sub("silence_penalty: .*", "", read_model(finished_run).config)
    neuron = Neuron("lif", "static", tau_m=2.0, tau_s=1.0, reset="zero")
    weight = np.full((5, 3), 9.0)
    layer = Layer("layer_1", Dense((5,), 3), neuron, weight, np.ones(3))
    write_model(tmp_path / "m.h5", ModelFile(Network((5,), (layer,)), config))
    path, few = str(tmp_path / "m.h5"), {"write": False, "quiet": True}
    with pytest.raises(SimulationLimitError, match=r"^simulate: 3 .*; raise --max-"):
        evaluate_model(path, None, "queue", max_events=3, **few)
    found = evaluate_model(path, None, "queue", **few)
    assert found["spikes_per_sample"] > 0
    swept = evaluate_model(path, None, "sweep", max_events=3, **few)
    assert swept["spikes_per_sample"] == found["spikes_per_sample"]


def test_simulate_model__refuses_spikes_where_currents_are_the_input(lif_files):
    _, folder = lif_files
    case = driven_case("dense", "lif", 0)
    write_model(folder / "m.h5", ModelFile(case.network))
    one = SpikeTrains(np.ones(1), np.zeros(1, np.int32), np.array([0, 1]), 6)
    save_npz(folder / "in.npz", [one])
    with pytest.raises(ShapeError, match="are currents, not spikes, and none are"):
        simulated(folder)
    assert not (folder / "out.npz").exists()
