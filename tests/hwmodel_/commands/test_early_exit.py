from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hwmodel_.builders import conv_model, dense_model, made_up_trace, write_trace
from hwmodel_.early_exit.exit_reports import NETWORK, TRACE

from eventsim.model_file import ModelFile, write_model
from hwmodel.cli import main


@pytest.fixture
def files(tmp_path):
    write_model(tmp_path / "model.h5", ModelFile(NETWORK))
    write_trace(tmp_path / "t.npz", NETWORK, TRACE)
    return str(tmp_path / "model.h5"), str(tmp_path / "t.npz")


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    found = capsys.readouterr()
    return stop.value.code, found.out, found.err


def test_early_exit__prints_tables_and_writes_files(files, tmp_path, capsys):
    model, trace = files
    code, out, err = run(
        capsys, "early-exit", model, "--trace", trace, "--chip", "truenorth",
        "--chip", "canmore", "--csv", tmp_path / "c", "--plot", tmp_path / "p",
    )  # fmt: skip
    assert code == 0
    assert "truenorth: 3 cores" in out
    assert "canmore: 3 cores" in out
    written = {path.name for folder in "cp" for path in (tmp_path / folder).iterdir()}
    pictures = {"energy_accuracy.png", "over_time.png", "chips.png"}
    assert written == {"points.csv", "curve.csv"} | pictures
    assert err.count("wrote ") == 5


def test_early_exit__json_equals_estimate_at_the_end(files, capsys):
    model, trace = files
    options = ["--trace", trace, "--mesh", "4x2", "--casting", "unicast",
               "--steps-per-window", "7", "--input-port", "1,1"]  # fmt: skip
    sets = ["--set", "core.neurons=3", "--set", "mesh.chip.width=1"]
    sets += ["--set", "mesh.chip.height=1", "--placement", "annealing"]
    sets += ["--placement-iterations", "50", "--seed", "3"]
    _, whole, _ = run(
        capsys, "estimate", model, "--chip", "truenorth", *options, *sets, "--json"
    )
    sets[1] = "truenorth:core.neurons=3"
    code, out, _ = run(
        capsys, "early-exit", model, "--chip", "truenorth", *options, *sets, "--json",
        "--policy", "leader", "--policy", "fixed_time=0.5",
    )  # fmt: skip
    assert code == 0
    whole, (chip,) = json.loads(whole), json.loads(out)["chips"]
    full, leader, cut = chip["points"]
    names = [full["policy"], leader["policy"], cut["policy"], cut["value"]]
    assert names == ["full_run", "leader", "fixed_time", 0.5]
    for name, joules in whole["energy_j"].items():
        assert full["energy_j"][name] == pytest.approx(joules, rel=1e-9, abs=0)
    assert full["latency_s"] == whole["latency_s"]
    assert whole["energy_j"]["chip_crossing"] > 0


def test_early_exit__a_chip_without_a_price_is_named_and_the_others_are_shown(
    files, capsys
):
    model, trace = files
    chips = ["--chip", "loihi2", "--chip", "truenorth"]
    code, out, err = run(capsys, "early-exit", model, "--trace", trace, *chips)
    assert code == 1
    assert "truenorth: 3 cores" in out
    assert err.startswith("error: chip loihi2: energy.sop is unknown, and ")
    assert err.count("\n") == 1
    assert err.endswith("(loihi2 is left out)\n")
    code, out, _ = run(capsys, "early-exit", model, "--trace", trace, *chips, "--json")
    assert code == 1
    data = json.loads(out)
    assert [one["chip"] for one in data["not_priced"]] == ["loihi2"]
    assert [one["chip"] for one in data["chips"]] == ["truenorth"]


def test_early_exit__nothing_is_written_if_no_chip_has_prices(files, tmp_path, capsys):
    model, trace = files
    code, out, err = run(
        capsys, "early-exit", model, "--trace", trace, "--chip", "loihi2",
        "--csv", tmp_path / "c", "--plot", tmp_path / "p",
    )  # fmt: skip
    assert (code, out) == (1, "")
    assert "loihi2 is left out" in err
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--chip", "loihy"], "error: unknown chip 'loihy'; .* did you mean"),
        (["--chip", "truenorth", "--policy", "x"], "error: .* no policy 'x'; expected"),
        (["--chip", "truenorth", "--policy", "margin=x"], "expected margin=NUMBER"),
        (["--chip", "truenorth", "--policy", "fixed_time=9"], "expected at most 2, th"),
        (["--chip", "truenorth", "--set", "x:core.neurons=3"], "'x' is none of the ch"),
        (["--chip", "truenorth", "--trace", "no.npz"], "error: trace 'no.npz'.*"),
    ],
)
def test_early_exit__one_clear_line(files, capsys, arguments, message):
    model, trace = files
    code, out, err = run(capsys, "early-exit", model, "--trace", trace, *arguments)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert re.search(message, err)


def test_early_exit__needs_a_trace_and_a_chip(files, capsys):
    model, trace = files
    code, _, err = run(capsys, "early-exit", model, "--chip", "truenorth")
    assert code == 2
    assert "Missing option '--trace'" in err
    code, _, err = run(capsys, "early-exit", model, "--trace", trace)
    assert code == 2
    assert "Missing option '--chip'" in err


def test_early_exit__refuses_a_trace_without_labels(files, tmp_path, capsys):
    path = write_trace(tmp_path / "bare.npz", NETWORK, replace(TRACE, labels=None))
    code, _, err = run(
        capsys, "early-exit", files[0], "--trace", path, "--chip", "truenorth"
    )
    assert code == 1
    assert "has no array 'label'; expected the class of each sample" in err


def test_early_exit__refuses_a_network_that_is_read_by_potentials(tmp_path, capsys):
    rng = np.random.default_rng(0)
    network = replace(dense_model([3, 2], rng).network, readout="potential_end")
    trace = made_up_trace(network, rng, duration=network.duration)
    write_model(tmp_path / "model.h5", ModelFile(network))
    write_trace(tmp_path / "t.npz", network, trace)
    code, _, err = run(
        capsys, "early-exit", tmp_path, "--trace", tmp_path / "t.npz", "--chip",
        "truenorth",
    )  # fmt: skip
    assert code == 1
    assert err.startswith("error: early exit: readout 'potential_end'; expected")


def test_early_exit__refuses_the_trace_of_another_model(files, tmp_path, capsys):
    rng = np.random.default_rng(0)
    other = conv_model(rng).network
    path = write_trace(tmp_path / "o.npz", other, made_up_trace(other, rng))
    code, _, err = run(
        capsys, "early-exit", files[0], "--trace", path, "--chip", "truenorth"
    )
    assert code == 1
    assert "is of another model" in err


def test_early_exit__refuses_declared_spikes(files, tmp_path, capsys):
    path = tmp_path / "net.yaml"
    path.write_text("layers: []\n")
    code, _, err = run(
        capsys, "early-exit", path, "--trace", files[1], "--chip", "truenorth"
    )
    assert code == 2
    assert "declares its spikes; expected a model.h5" in err


def test_early_exit__places_are_looked_at_first(files, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    code, _, err = run(
        capsys, "early-exit", files[0], "--trace", "no.npz", "--chip", "truenorth",
        "--csv", tmp_path / "file",
    )  # fmt: skip
    assert code == 1
    assert "cannot write" in err


def test_early_exit__each_chip_sends_as_it_does(files, capsys):
    model, trace = files
    common = ["early-exit", model, "--trace", trace, "--chip", "truenorth", "--chip"]
    common += ["canmore", "--policy", "leader", "--json"]
    _, out, _ = run(capsys, *common)
    chips = json.loads(out)["chips"]
    assert [one["casting"] for one in chips] == ["unicast", "multicast"]
    assert chips[0]["casting_origin"].startswith("as chip truenorth sends spikes")
    _, out, _ = run(capsys, *common, "--set", "truenorth:casting=multicast")
    assert [one["casting"] for one in json.loads(out)["chips"]] == 2 * ["multicast"]
    _, out, _ = run(capsys, *common, "--casting", "unicast")
    assert [one["casting"] for one in json.loads(out)["chips"]] == 2 * ["unicast"]


def test_early_exit__prints_few_settings_unless_asked(files, capsys):
    model, trace = files
    common = ("early-exit", model, "--trace", trace, "--chip", "truenorth")
    _, short, _ = run(capsys, *common)
    _, whole, _ = run(capsys, *common, "--all")
    _, margins, _ = run(capsys, *common, "--policy", "margin")
    _, data, _ = run(capsys, *common, "--json")
    n_settings = len(json.loads(data)["chips"][0]["points"])
    assert f"of {n_settings} settings: " in short
    assert "settings: " not in whole + margins
    shown, complete = short.count("fixed_time"), whole.count("fixed_time")
    assert 1 <= shown <= 2 < complete
    assert "fixed_time" not in margins
    assert whole.count("\nmargin ") > short.count("\nmargin ") >= 1
    assert margins.count("\nmargin ") >= whole.count("\nmargin ")
