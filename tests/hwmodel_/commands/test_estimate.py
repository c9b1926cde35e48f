from __future__ import annotations

import json
from importlib import resources

import numpy as np
import pytest
from hwmodel_.builders import (
    LIF,
    close,
    conv_model,
    dense_model,
    make_model,
    make_network,
    two_by_two_model,
    write_trace,
)
from hwmodel_.commands.running import DECLARED, SMALL_CORES, assert_one_error_line, run

from eventsim.model_file import ModelFile, write_model
from eventsim.spikes import SpikeTrains
from eventsim.topology import AveragePool, Dense, Sparse
from hwmodel.workload.trace import SpikeTrace


def test_estimate__json_matches_the_worked_example(model):
    result = run(
        *("estimate", model, "--chip", "canmore", "--json", "--set", "core.neurons=1"),
        *("--mesh", "2x2", "--input-port", "1,1"),
    )
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    assert (data["sops"], data["hops"], data["mesh"]) == (5.0, 7.0, [2, 2])
    assert data["energy_j"]["total"] == close(3.5208e-6)
    assert data["model"] == {"seed": 1}


def test_estimate__counts_every_spike_of_a_multi_spike_model(tmp_path):
    # 2 samples; a 2 x 2 map is averaged into 3 neurons (weights 1, 0, 2), and these
    # feed one output through a list that names neuron 2 twice
    pool = AveragePool((2, 2, 1), 2, 2)
    hidden = Dense(pool.output_shape, 3)
    output = Sparse((3,), 1, np.array([0, 2, 2]), np.array([0, 0, 0]))
    network = make_network(
        (2, 2, 1),
        (pool, None),
        (hidden, [[1.0, 0.0, 2.0]]),
        (output, [1.0, 1.0, -1.0]),
        neuron=LIF,
        t_end=4.0,
    )
    counts = [[5, 0, 7, 2], [14], [6, 1, 8], [9]]
    write_model(tmp_path / "model.h5", make_model(network, counts, 2, 4.0))
    result = run("estimate", tmp_path / "model.h5", "--chip", "canmore", "--json")
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    # 14 spikes x 2 neurons, 6 x 1 and 8 x 2 synapses, for two samples
    assert data["sops"] == (14 * 2 + 6 * 1 + 8 * 2) / 2
    assert data["spikes"] == (6 + 1 + 8 + 9) / 2
    assert data["steps"] == 40
    assert any("average pool before it is folded" in note for note in data["notes"])


def test_estimate__takes_declared_spikes(declared):
    arguments = ("estimate", declared, "--chip", "truenorth")
    data = json.loads(run(*arguments, "--json").stdout)
    # 2 x 1.5 input spikes to 3 neurons, 3 x 0.25 hidden ones to 2
    assert (data["sops"], data["spikes"]) == (2 * 1.5 * 3 + 0.75 * 2, 0.75 + 2)
    assert (data["steps"], data["latency_s"]) == (20, close(20e-3))
    assert data["energy_j"]["total"] == close(10.5 * 26e-12)
    assert data["model"]["declared"] is True
    note = "spikes are declared, not measured: two_inputs (worked out here)"
    unchecked = "weight_bits and axon_types of chip truenorth not checked: the weights "
    assert note in data["notes"]
    assert any(line.startswith(unchecked) for line in data["notes"])
    text = run(*arguments).stdout
    assert "2 cores on a 64x64 mesh, declared spikes\n" in text
    assert text.count("declared") == 2


@pytest.mark.parametrize("command", ["estimate", "map"])
def test_estimate__declared_mistake_is_one_line(declared, command):
    declared.write_text(DECLARED.replace("units: 3", "unit: 3"))
    result = run(command, declared, "--chip", "canmore")
    assert_one_error_line(result, "net.yaml': layers.0.unit is not a known key; did")


def test_estimate__takes_a_run_directory_and_prints_text(model):
    result = run("estimate", model.parent, "--chip", "truenorth")
    assert result.exit_code == 0
    assert "truenorth: 2 cores on a 64x64 mesh" in result.stdout
    assert result.stderr == ""


def test_estimate__options_reach_the_model(model):
    common = ("estimate", model, "--chip", "spinnaker", "--json", "--set")
    result = run(
        *common,
        "core.neurons=1",
        *("--set", "mesh.cores_per_router=1"),
        *("--mesh", "4x1"),
        "--casting",
        "unicast",
        *("--steps-per-window", 5),
    )
    data = json.loads(result.stdout)
    # a ring of 4: hidden at 0, outputs at 1, 2, 3, unicast 1 + 2 + 1 hops, 2 spikes
    assert (data["hops"], data["steps"], data["latency_s"]) == (4.0, 10, 0.010)


def test_estimate__takes_the_spikes_of_a_trace(tmp_path):
    # The worked example, its spikes one by one, in a model without activity.
    network = two_by_two_model().network
    path, trace = tmp_path / "model.h5", tmp_path / "trace.npz"
    write_model(path, ModelFile(network))
    counts = [[4, 6], [2], [1, 0, 1]]
    neurons = [np.repeat(np.arange(len(n)), n).astype(np.int32) for n in counts]
    trains = [
        SpikeTrains(np.full(n.size, 0.5), n, np.array([0, n.size // 2, n.size]), size)
        for n, size in zip(neurons, (2, 1, 3), strict=True)
    ]
    write_trace(trace, network, SpikeTrace("", tuple(trains), 2.0, np.array([0, 2])))
    arguments = ("estimate", path, "--chip", "canmore", "--set", "core.neurons=1")
    arguments = (*arguments, "--mesh", "2x2", "--input-port", "1,1")
    result = run(*arguments, "--trace", trace, "--json")
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    assert (data["sops"], data["hops"], data["n_samples"]) == (5.0, 7.0, 2)
    assert data["energy_j"]["total"] == close(3.5208e-6)
    assert data["steps"] == 20
    assert data["spikes_from"] == f"trace '{trace}'"
    text = run(*arguments, "--trace", trace).stdout
    assert f"spikes from        trace '{trace}'\n" in text
    expected = "--write' ('eventsim train' writes it too), or record a trace with"
    assert_one_error_line(run(*arguments), expected, "give it with --trace FILE")
    other = tmp_path / "other.npz"
    assert_one_error_line(run(*arguments, "--trace", other), "does not exist")


def test_estimate__says_that_spikes_are_those_of_the_model_file(model):
    data = json.loads(run("estimate", model, "--chip", "canmore", "--json").stdout)
    assert data["spikes_from"] == "activity of the model file"
    text = run("estimate", model, "--chip", "canmore").stdout
    assert "spikes from        activity of the model file\n" in text


def test_estimate__own_chip_file(model, tmp_path):
    text = (resources.files("hwmodel") / "chips" / "canmore.yaml").read_text("utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("name: canmore", "name: mine"))
    result = run("estimate", model, "--chip", path, "--json")
    assert json.loads(result.stdout)["chip"] == "mine"


def test_estimate__plot_writes_pictures(model, tmp_path):
    result = run("estimate", model, "--chip", "canmore", "--plot", tmp_path / "p")
    assert result.exit_code == 0
    assert sorted(p.name for p in (tmp_path / "p").iterdir()) == [
        "energy.png",
        "mesh.png",
    ]
    assert "wrote" in result.stderr


def test_estimate__plot_shows_the_sensitivity_where_bounds_are_known(model, tmp_path):
    run("estimate", model, "--chip", "spinnaker", "--plot", tmp_path / "p")
    assert (tmp_path / "p" / "sensitivity.png").is_file()


def test_estimate__draws_constants_from_their_bounds(model):
    arguments = ("estimate", model, "--chip", "loihi", "--json", "--draws", 200)
    once, again = run(*arguments), run(*arguments, "--seed", 0)
    assert once.stdout == again.stdout
    drawn = json.loads(once.stdout)["monte_carlo"]
    assert (drawn["n"], drawn["seed"]) == (200, 0)
    assert drawn["p5"] < drawn["p50"] < drawn["p95"]
    assert json.loads(run(*arguments, "--seed", 1).stdout)["monte_carlo"] != drawn
    plain = run("estimate", model, "--chip", "loihi", "--json")
    assert json.loads(plain.stdout)["monte_carlo"] is None


def test_estimate__bounds_can_be_set(model):
    bounds = ("--set", "energy.hop.low=0pJ", "--set", "energy.hop.high=1nJ")
    common = ("estimate", model, "--chip", "canmore", "--set", "core.neurons=1")
    data = json.loads(run(*common, *bounds, "--json").stdout)
    low, high = data["energy_interval_j"]
    assert low == close(data["energy_j"]["total"] - data["energy_j"]["hop"])
    assert high == close(low + 10 * data["energy_j"]["hop"])
    assert "energy.hop     0 J to 1 nJ" in run(*common, *bounds).stdout


def test_estimate__structure_only_names_the_missing_price(model):
    result = run("estimate", model, "--chip", "loihi2")
    assert_one_error_line(
        result, "chip loihi2: energy.sop is unknown", "--set energy.sop="
    )


def test_estimate__offline_data_is_one_warning(tmp_path):
    path = tmp_path / "model.h5"
    write_model(path, two_by_two_model(offline_fallback=True))
    result = run("estimate", path, "--chip", "canmore", "--json")
    assert result.exit_code == 0
    assert result.stderr.startswith(
        "warning: the model was trained and measured on the"
    )
    assert json.loads(result.stdout)["model"] == {"offline_fallback": True}
    result = run("estimate", path, "--chip", "canmore")
    assert result.stdout.count("warning: the model was trained and measured") == 1
    assert result.stderr == ""


def test_estimate__strict_refuses_what_the_chip_cannot_hold(tmp_path):
    path = tmp_path / "model.h5"
    write_model(path, dense_model([784, 2], np.random.default_rng(0), 0.0))
    assert run("estimate", path, "--chip", "truenorth").exit_code == 0
    result = run("estimate", path, "--chip", "truenorth", "--strict")
    assert_one_error_line(result, "784 inputs (axons)", "truenorth has 256")


def test_estimate__unknown_chip_lists_the_presets(model):
    result = run("estimate", model, "--chip", "canmoor")
    assert_one_error_line(
        result, "presets akida, ", ", canmore, ", "did you mean 'canmore'"
    )


def test_estimate__forced_mixing(model):
    arguments = ("estimate", model, "--chip", "truenorth", "--set", "energy.hop=2.3pJ")
    assert_one_error_line(run(*arguments), "--force-mixed")
    assert run(*arguments, "--force-mixed").exit_code == 0


def test_estimate__unknown_constant_names_the_option_that_helps(model):
    result = run("estimate", model, "--chip", "canmore", "--set", "energy.sop=unknown")
    assert_one_error_line(result, "energy.sop is unknown", "--set energy.sop=")


def test_estimate__mesh_too_small(model):
    result = run(
        *("estimate", model, "--chip", "canmore"),
        *("--mesh", "1x2", "--set", "core.neurons=1"),
    )
    assert_one_error_line(result, "needs 4 cores", "1x2 mesh of chip canmore has 2")


@pytest.mark.parametrize(
    "extra",
    [
        (),
        ("--chip",),
        ("--chip", "canmore", "--mesh", "8"),
        ("--chip", "canmore", "--mesh", "0x8"),
        ("--chip", "canmore", "--input-port", "-1,0"),
        ("--chip", "canmore", "--casting", "broadcast"),
        ("--chip", "canmore", "--steps-per-window", "0"),
        ("--chip", "canmore", "--draws", "-1"),
        ("--chip", "canmore", "--draws", "2000000"),
        ("--chip", "canmore", "--seed", "-1"),
        ("--chip", "canmore", "--nonsense"),
    ],
)
def test_estimate__usage_errors_exit_with_2(model, extra):
    result = run("estimate", model, *extra)
    assert result.exit_code == 2
    assert "Error:" in result.stderr


def test_estimate__split_and_limits_are_reported(tmp_path):
    path = tmp_path / "model.h5"
    write_model(path, conv_model(np.random.default_rng(0)))
    common = ("estimate", path, "--chip", "canmore", "--set", "core.neurons=20")
    options = ("--split", "search", "--limits", "silicon")
    data = json.loads(run(*common, *options, "--json").stdout)
    assert (data["split"], data["limits"]) == ("search", "silicon")
    for layer in data["layers"]:
        runs = layer["runs"]
        assert layer["cores"] == runs["features"] * runs["rows"] * runs["columns"]
        assert layer["copies"]["neurons"] == 0
    first = data["layers"][0]["runs"]
    shape = f"{first['features']}x{first['rows']}x{first['columns']}"
    assert shape in run(*common, *options).stdout


def test_estimate__a_neuron_with_too_many_inputs_is_refused(tmp_path):
    path = tmp_path / "model.h5"
    write_model(path, dense_model([784, 2], np.random.default_rng(0), 0.0))
    for command in ("estimate", "map"):
        assert_one_error_line(
            run(command, path, "--chip", "truenorth", "--limits", "silicon"),
            "layer_1 (dense): a neuron has 784 inputs; expected at most 256",
            "partial sums",
            "drop --limits silicon",
        )


def test_estimate__places_for_the_objective(wide):
    common = ("estimate", wide, *SMALL_CORES, "--json")
    rows = json.loads(run(*common).stdout)
    common += ("--placement-iterations", 5000)
    better = json.loads(run(*common, "--placement", "annealing").stdout)
    assert better["hops"] < rows["hops"]
    assert better["placement"]["value"] == better["hops"]
    assert better["placement"]["row_major"] == rows["hops"]
    links = ("--placement", "greedy", "--objective", "worst-link")
    calm = json.loads(run(*common, *links, "--casting", "unicast").stdout)
    assert calm["placement"]["value"] == calm["busiest_link"]


def test_estimate__same_seed_same_places(wide):
    common = ("estimate", wide, *SMALL_CORES, "--json", "--placement", "annealing")
    budget = ("--placement-iterations", 500, "--seed")
    first, again, other = (
        json.loads(run(*common, *budget, seed).stdout)["core_load"]
        for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def test_estimate__text_tells_the_gain(wide):
    common = ("estimate", wide, *SMALL_CORES)
    text = run(*common, "--placement", "hilbert").stdout
    assert "placement          hilbert: " in text
    assert "gain" in text
    assert "placement " not in run(*common).stdout


def test_estimate__energy_needs_a_price_of_hops(wide):
    common = ("estimate", wide, "--placement", "greedy", "--objective", "energy")
    assert_one_error_line(
        run(*common, "--chip", "truenorth"), "chip truenorth: energy.hop is 0"
    )
    assert_one_error_line(
        run(*common, "--chip", "canmore", "--set", "energy.hop=unknown"),
        "energy.hop is unknown",
    )


def test_estimate__pays_as_the_chip_sends_unless_told(wide):
    common = ("estimate", wide, "--set", "core.neurons=2", "--json", "--chip")
    for chip, more, casting, origin in [
        ("canmore", (), "multicast", "by default (chip canmore does not say)"),
        ("loihi", (), "unicast", "as chip loihi sends spikes (SANA-FE; "),
        ("loihi", ("--casting", "multicast"), "multicast", "as asked for"),
        ("loihi", ("--set", "casting=multicast"), "multicast", "as chip loihi sends"),
    ]:
        data = json.loads(run(*common, chip, *more).stdout)
        assert data["casting"] == data["placement"]["casting"] == casting
        assert data["casting_origin"].startswith(origin)
        assert data["hops_unicast"] > data["hops_multicast"]
        assert data["hops"] == data[f"hops_{casting}"]
