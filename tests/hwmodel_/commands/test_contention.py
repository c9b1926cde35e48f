from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from hwmodel_.builders import write_trace
from hwmodel_.early_exit.exit_reports import NETWORK, TRACE

from eventsim.model_file import ModelFile, write_model
from hwmodel.cli import commands

TIMES = ["--set", "timing.step=1ms", "--set", "timing.hop=4ns", "--set"]


@pytest.fixture
def run(tmp_path):
    write_model(tmp_path / "model.h5", ModelFile(NETWORK))
    write_trace(tmp_path / "t.npz", NETWORK, TRACE)

    def call(*more, model=tmp_path / "model.h5"):
        arguments = ["contention", model, "--trace", tmp_path / "t.npz", *TIMES]
        arguments += ["timing.link=2ns", "--chip", "canmore", *more]
        return CliRunner().invoke(commands, [str(one) for one in arguments])

    return call


def test_contention__prints_text(run):
    run()  # the kernels are compiled now
    result = run()
    assert (result.exit_code, result.stderr) == (0, "")
    assert "mean wait for others" in result.stdout


def test_contention__options_reach_the_simulation(run):
    common = ("--json", "--mesh", "3x9", "--set", "core.neurons=1")
    once = json.loads(run(*common).stdout)
    assert (once["mesh"], once["casting"]) == ([3, 9], "multicast")
    each = json.loads(run(*common, "--casting", "unicast").stdout)
    assert each["packets"] == once["deliveries"] > once["packets"]
    placed = json.loads(run(*common, "--placement", "annealing").stdout)
    assert placed["hops"] < once["hops"]
    slower = json.loads(run(*common, "--steps-per-window", 20).stdout)
    last = [max(i["last_delivery_s"] for i in d["inferences"]) for d in (once, slower)]
    assert last[1] > 1.5 * last[0]


def test_contention__an_unknown_duration_is_one_line(run):
    result = run("--set", "timing.link=unknown")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: chip canmore: timing.link is unknown")
    assert result.stderr.count("\n") == 1


def test_contention__needs_measured_spikes(run, tmp_path):
    declared = tmp_path / "w.yaml"
    declared.write_text("name: w\n")
    result = run(model=declared)
    assert result.exit_code == 2
    assert "declares its spikes; expected a model.h5" in result.stderr


def test_contention__sends_as_the_chip_does(run):
    own = run("--set", "casting=unicast", "--set", "core.neurons=1", "--json")
    data = json.loads(own.stdout)
    assert data["casting"] == "unicast"
    assert data["casting_origin"].startswith("as chip canmore sends spikes (set by")
    assert data["packets"] == data["deliveries"]
    asked = run(
        *("--set", "casting=unicast", "--set", "core.neurons=1"),
        *("--casting", "multicast", "--json"),
    )
    asked = json.loads(asked.stdout)
    assert asked["packets"] < asked["deliveries"] == data["deliveries"]
    text = " ".join(run().stdout.split())
    assert "note: packets are multicast, by default (chip canmore does not" in text


def test_contention__says_that_it_compiles_and_only_then(tmp_path):
    write_model(tmp_path / "model.h5", ModelFile(NETWORK))
    write_trace(tmp_path / "t.npz", NETWORK, TRACE)
    arguments = ["contention", tmp_path / "model.h5", "--trace", tmp_path / "t.npz"]
    arguments += [*TIMES, "timing.link=2ns", "--chip", "canmore"]
    command = [sys.executable, "-m", "hwmodel", *map(str, arguments)]
    place = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    first, second = (
        subprocess.run(command, env=place, capture_output=True, text=True, check=True)
        for _ in range(2)
    )
    assert (
        first.stderr == "first start: compiling kernels, once, for some seconds ...\n"
    )
    assert second.stderr == ""
    assert first.stdout == second.stdout
