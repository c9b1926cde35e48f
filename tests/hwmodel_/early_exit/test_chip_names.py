from __future__ import annotations

import pytest

from hwmodel.early_exit.chip_names import load_chips
from hwmodel.errors import ChipError


def test_load_chips__values_for_all_and_for_one():
    sets = ["timing.hop=2us", "canmore:energy.hop=7pJ:marginal", "core.neurons=9"]
    truenorth, canmore = load_chips(["truenorth", "canmore"], sets)
    assert (truenorth.name, canmore.name) == ("truenorth", "canmore")
    for chip in (truenorth, canmore):
        assert chip.timing.hop.value == 2e-6
        assert chip.core.neurons == 9
    assert canmore.energy.hop.value == pytest.approx(7e-12, rel=1e-12)
    assert truenorth.energy.hop.value == 0


def own_chip(tmp_path, name):
    path = tmp_path / f"{name}.yaml"
    path.write_text(f"base: canmore\nname: {name}\n", encoding="utf-8")
    return str(path)


def test_load_chips__files_have_their_path_before_the_colon(tmp_path):
    path = own_chip(tmp_path, "mine")
    mine, canmore = load_chips([path, "canmore"], [f"{path}:core.neurons=3"])
    assert (mine.core.neurons, canmore.core.neurons) == (3, 1024)


@pytest.mark.parametrize(
    ("names", "sets", "message"),
    [
        (["truenorht"], [], "truenorht.*did you mean.*truenorth"),
        (
            ["truenorth", "canmore"],
            ["loihi:energy.hop=1pJ"],
            "--set loihi:energy.hop=1pJ: 'loihi' is none of the chips; expected "
            "truenorth, canmore before the colon",
        ),
        (["canmore"], ["energy.hpo=1pJ"], "energy.hpo"),
        (["canmore"], ["canmore:energy.hop=-1pJ"], "energy.hop.*negative|not a number"),
        (
            ["canmore", "truenorth", "canmore"],
            [],
            "--chip canmore: there is another chip named 'canmore'; expected different",
        ),
    ],
)
def test_load_chips__refuses(names, sets, message):
    with pytest.raises(ChipError, match=message):
        load_chips(names, sets)


def test_load_chips__refuses_files_of_one_name(tmp_path):
    (tmp_path / "a").mkdir()
    paths = [own_chip(tmp_path, "mine"), own_chip(tmp_path / "a", "mine")]
    with pytest.raises(ChipError, match="write another 'name:' into its chip file"):
        load_chips(paths)
