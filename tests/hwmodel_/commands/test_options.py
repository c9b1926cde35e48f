from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from hwmodel_.builders import made_up_trace, write_trace
from hwmodel_.commands.running import SMALL_CORES, assert_one_error_line, run

from eventsim.model_file import read_model
from hwmodel.commands.early_exit import early_exit
from hwmodel.commands.estimate import estimate
from hwmodel.commands.map import map_command
from hwmodel.commands.options import MAPPING, Pair, with_budget, with_options


def given(*arguments):
    """Parse arguments as a command with the options of a mapping does."""
    found = {}

    @click.command()
    @with_options(MAPPING)
    def command(**options):
        found.update(options)

    result = CliRunner().invoke(command, ["m.h5", "--chip", "canmore", *arguments])
    return found, result.exit_code, result.output


def test_mapping__defaults_are_the_published_rule():
    found, code, _ = given()
    assert code == 0
    assert found["model"] == Path("m.h5")
    assert (found["mesh"], found["split"], found["limits"]) == (
        None,
        "features",
        "core",
    )
    assert (found["placement"], found["casting"]) == ("row-major", None)
    assert found["input_port"] == (0, 0)


def test_mapping__reads_pairs():
    found, _, _ = given("--mesh", "8x4", "--input-port", "3,0")
    assert (found["mesh"], found["input_port"]) == ((8, 4), (3, 0))


@pytest.mark.parametrize("text", ["8", "8x", "0x4", "8x4x2", "-1x3", "axb"])
def test_pair__refuses_other_text(text):
    _, code, output = given("--mesh", text)
    assert code == 2
    assert f"'{text}' is not of the form WxH with whole numbers of at least 1" in output


def test_pair__may_begin_at_zero():
    assert Pair("X,Y", ",", 0).convert("0,7", None, None) == (0, 7)


def test_with_budget__keeps_both_and_the_rest():
    given = {"seed": 3, "placement_iterations": 5, "placement_seconds": 2.5}
    kept = with_budget(given)
    budget = kept.pop("budget")
    assert (budget.iterations, budget.seconds) == (5, 2.5)
    assert kept == {"seed": 3}
    assert len(given) == 3


@pytest.mark.parametrize("text", ["nan", "inf", "0", "-1", "1e9", "soon"])
def test_seconds__refuses_what_never_ends(text):
    _, code, output = given("--placement-seconds", text)
    assert code == 2
    assert "--placement-seconds" in output


def test_seconds__reads_a_time():
    found, _, _ = given("--placement-seconds", "2.5")
    assert found["placement_seconds"] == 2.5


def test_placement__choices_are_the_methods():
    from hwmodel.placing.place import METHODS

    (option,) = [p for p in map_command.params if p.name == "placement"]
    assert tuple(option.type.choices) == METHODS


def test_options__mean_the_same_in_every_command():
    def described(command):
        return {p.name: p.to_info_dict() for p in command.params}

    of_estimate, of_exits = described(estimate), described(early_exit)
    own = {"trace", "chip_name", "chip_names", "overrides", "policies"}
    own |= {"csv_dir", "plot_dir", "every_setting"}
    shared = (set(of_estimate) & set(of_exits)) - own
    assert shared == set(of_exits) - own - {"help"}
    for name in shared:
        assert of_exits[name] == of_estimate[name]


@pytest.mark.parametrize(
    "option",
    [
        ("--objective", "hops"),
        ("--placement-iterations", "5"),
        ("--placement-seconds", "2"),
    ],
)
@pytest.mark.parametrize(
    "command", ["estimate", "map", "contention", "export", "early-exit"]
)
def test_placing__an_option_without_effect_is_refused(command, option, wide, tmp_path):
    model = read_model(wide)
    trace = tmp_path / "t.npz"
    rng = np.random.default_rng(1)
    write_trace(trace, model.network, made_up_trace(model.network, rng))
    more = {
        "contention": ["--trace", trace],
        "export": ["--out", tmp_path / "out"],
        "early-exit": ["--trace", trace, "--chip", "loihi"],
    }
    result = run(command, wide, *SMALL_CORES, *more.get(command, []), *option)
    said = f"{' '.join(option)} has no effect on placement row-major; expected --plac"
    assert_one_error_line(result, said, f"or leave {option[0]} out")
