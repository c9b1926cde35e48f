from __future__ import annotations

from click.testing import CliRunner

from hwmodel.cli import commands

SMALL_CORES = ("--chip", "canmore", "--set", "core.neurons=2", "--mesh", "4x4")


DECLARED = """\
name: two_inputs
source: worked out here
input_shape: [2]
input_spikes_per_neuron: 1.5
windows: 2
layers:
  - {type: dense, units: 3, spikes_per_neuron: 0.25, name: hidden}
  - {type: dense, units: 2, spikes_per_neuron: 1, name: output}
"""


def run(*arguments):
    return CliRunner().invoke(commands, [str(a) for a in arguments])


def assert_one_error_line(result, *parts):
    assert result.exit_code == 1
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    for part in parts:
        assert part in lines[0]
