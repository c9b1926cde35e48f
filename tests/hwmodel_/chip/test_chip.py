from __future__ import annotations

import pytest

from hwmodel.chip.chip import Mesh, load_chip
from hwmodel.chip.files import preset_names
from hwmodel.errors import ChipError


def test_preset_names__holds_the_three_chips_of_the_paper_in_order():
    names = preset_names()
    assert {"canmore", "spinnaker", "truenorth"} <= set(names)
    assert names == sorted(names)


@pytest.mark.parametrize("name", ["canmore", "spinnaker", "truenorth"])
def test_load_chip__the_chips_of_the_paper_follow_its_rule(name):
    assert load_chip(name).core.neurons == 1024


def test_load_chip__preset_constants_are_the_published_ones_in_si():
    canmore, spinnaker = load_chip("canmore"), load_chip("spinnaker")
    # Wei et al. 2023, section 4.4.2
    assert known(canmore) == {
        "energy.sop": 20e-12,
        "energy.hop": 100e-12,
        "energy.static": 3.52e-6,
    }
    assert canmore.energy.static.unit == "J/frame"
    # KerasSpiking 13.3 and 26 nJ; SpiNNFrontEndCommon 0.8 nJ and 0.36 W; step 1 ms
    assert known(spinnaker) == {
        "energy.sop": 13.3e-9,
        "energy.neuron_update": 26e-9,
        "energy.router": 0.8e-9,
        "energy.static": 0.36,
        "timing.step": 1e-3,
    }
    assert spinnaker.energy.static.unit == "W"


def known(chip):
    """Constants with a value of their own."""
    return {
        name: c.value
        for name, c in chip.constants.items()
        if c.value is not None and c.included_in is None
    }


def test_load_chip__truenorth_includes_hop_and_static_in_its_average():
    chip = load_chip("truenorth")
    assert (chip.energy.sop.value, chip.energy.sop.kind) == (26e-12, "average")
    assert chip.energy.hop.included_in == chip.energy.static.included_in == "sop"
    assert (chip.limits.neurons, chip.limits.axons, chip.limits.mesh) == (
        256,
        256,
        (256, 256),
    )
    assert chip.mesh.chip == (64, 64)


def test_load_chip__unknown_name_lists_presets_and_the_nearest():
    with pytest.raises(
        ChipError,
        match=r"presets akida, .*, truenorth, .*; did you mean 'truenorth'",
    ):
        load_chip("truenort")


def test_load_chip__names_a_missing_file(tmp_path):
    with pytest.raises(ChipError, match=r"chip file '.*mine.yaml' does not exist"):
        load_chip(tmp_path / "mine.yaml")


def test_load_chip__binary_file_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(ChipError, match="cannot be read"):
        load_chip(path)


def test_require__names_the_unknown_constant_and_the_fix():
    chip = load_chip("canmore")
    with pytest.raises(
        ChipError, match=r"timing\.step is unknown.*--set timing\.step=1ms"
    ):
        chip.require("timing.step", "a test needs it")
    assert chip.require("energy.hop", "a test needs it") == 100e-12


def test_capacity__silicon_is_the_tighter_of_both_sections():
    chip = load_chip("truenorth", ["core.axons=100", "limits.out_axons=9"])
    silicon = chip.capacity("silicon")
    assert (silicon.neurons, silicon.axons, silicon.out_axons) == (256, 100, 9)
    assert (silicon.synapses, silicon.target_cores) == (65536, 1)
    assert chip.capacity("core") == chip.core
    assert chip.capacity("core").neurons == 1024
    canmore = load_chip("canmore")
    assert canmore.capacity("silicon").neurons == canmore.core.neurons


def test_load_chip__synapse_memory_without_weight_bits_is_refused():
    with pytest.raises(ChipError, match="synapse_memory is 900 bits, but weight_bits"):
        load_chip("canmore", ["limits.synapse_memory=900"])


@pytest.mark.parametrize(
    ("n_cores", "size"),
    [
        (12, (3, 2)),  # the file's mesh holds it: 6 routers of 2 cores
        (13, (2, 4)),  # one chip has room for 16
        (17, (4, 4)),  # 2 chips: 2 x 1
        (33, (4, 8)),  # 3 chips: 2 x 2
        (64, (4, 8)),
        (65, (6, 8)),  # 5 chips: 3 x 2
        (97, (6, 12)),  # 7 chips: 3 x 3
        (145, (8, 12)),  # 10 chips: 4 x 3
    ],
)
def test_grid_for__grows_by_whole_chips_in_a_nearly_square_array(n_cores, size):
    mesh = Mesh(3, 2, cores_per_router=2, chip=(2, 4))
    # a chip has 2 x 4 routers of 2 cores
    grid = mesh.grid_for(n_cores)
    assert (grid.width, grid.height) == size
    assert grid.n_cores >= n_cores


def test_grid_for__without_a_chip_size_the_mesh_stays():
    assert Mesh(3, 2).grid_for(7) == Mesh(3, 2).grid()


def test_grid__refuses_more_routers_than_there_is_memory_for():
    mesh = load_chip("canmore").mesh
    assert mesh.grid((2048, 2048)).n_routers == 2**22
    with pytest.raises(ChipError, match=r"999999x999999 routers .*at most 4,194,304"):
        mesh.grid((999_999, 999_999))


def test_require__suggests_a_time_of_the_right_size():
    chip = load_chip("canmore")
    with pytest.raises(ChipError, match=r"--set timing\.step=1ms"):
        chip.require("timing.step", "it is needed")
    with pytest.raises(ChipError, match=r"--set timing\.hop=5ns"):
        chip.require("timing.hop", "it is needed")
