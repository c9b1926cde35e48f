"""The whole way, with one example worked out by hand for each chip.

Two inputs, one hidden neuron, three outputs, one neuron a core (core.neurons=1) on a
2 x 2 mesh: hidden on (0, 0), outputs on (1, 0), (0, 1), (1, 1). Input spikes enter at
(1, 1). Input 1 has only a zero weight. Over 2 inferences the inputs fire 4 and 6
times, the hidden neuron 2 times, the outputs 1, 0, 1 times.

SOPs     4 x 1 (input 0 to hidden) + 2 x 3 (hidden to outputs) = 10
input    4 packets x 2 hops, (1, 1) to (0, 0) = 8 hops
unicast  2 x (1 + 1 + 2) = 8 hops, 2 x 3 = 6 packets
tree     2 x 3 links = 6 hops, 2 packets
Per inference: 5 SOPs, 8 hops unicast or 7 multicast, 2 spikes (hidden and output).
Decision after 2 windows of 10 steps: 20 steps.
"""

from __future__ import annotations

import time
from dataclasses import replace

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
)

from eventsim.model_file import ModelFile, read_model, write_model
from eventsim.topology import Conv2d, Dense, EarliestPool, Flatten
from hwmodel.chip.chip import load_chip
from hwmodel.errors import ChipError, PlacementError, WorkloadError
from hwmodel.estimate import estimate_model
from hwmodel.on_chip import map_model

TWO_BY_TWO = {"mesh": (2, 2), "input_port": (1, 1)}


def one_neuron_a_core(name, *overrides):
    return load_chip(name, ["core.neurons=1", *overrides])


def test_estimate_model__counts_the_example():
    result = estimate_model(
        two_by_two_model(), one_neuron_a_core("canmore"), **TWO_BY_TWO
    )
    counts = result.counts
    assert (counts.sops, counts.spikes, counts.input_spikes) == (10, 4, 10)
    assert (counts.transport("unicast").hops, counts.transport("multicast").hops) == (
        16,
        14,
    )
    assert counts.transport("unicast").packets == 4 + 6
    assert counts.transport("multicast").packets == 4 + 2
    assert counts.layers[0].multicast.hops == 8
    assert counts.sops_per_core.tolist() == [4, 2, 2, 2]
    assert counts.spikes_per_core.tolist() == [2, 1, 0, 1]
    assert result.latency.steps == 20


def test_estimate_model__canmore_by_hand():
    # 5 x 20 pJ + 7 x 100 pJ + 3.52 uJ = 3.5208 uJ
    result = estimate_model(
        two_by_two_model(), one_neuron_a_core("canmore"), **TWO_BY_TWO
    )
    assert result.energy.sop == close(100e-12)
    assert result.energy.hop == close(700e-12)
    assert result.energy.static == 3.52e-6
    assert result.energy.total == close(3.5208e-6)
    assert result.latency.seconds is None
    assert any("no latency: timing.step" in note for note in result.notes)
    assert result.normalised is None


def test_estimate_model__unicast_pays_the_longer_way():
    # 5 x 20 pJ + 8 x 100 pJ + 3.52 uJ
    result = estimate_model(
        two_by_two_model(),
        one_neuron_a_core("canmore"),
        casting="unicast",
        **TWO_BY_TWO,
    )
    assert result.energy.hop == close(800e-12)


def test_estimate_model__spinnaker_by_hand():
    # a chip of one router with one core: 4 chips of 0.36 W for 20 ms
    chip = one_neuron_a_core("spinnaker", "mesh.cores_per_router=1")
    result = estimate_model(two_by_two_model(), chip, **TWO_BY_TWO)
    # on the torus every router is one hop away: 4 hops of the input, 2 x 3 or a tree of
    # 3 links for the hidden neuron's 2 spikes, all over 2 inferences
    hops = [result.counts.transport(how).hops for how in ("unicast", "multicast")]
    assert hops == [10, 10]
    # 5 x 13.3 nJ; 4 neurons in 20 steps x 26 nJ; (3 packets + 5 hops) x 0.8 nJ
    assert result.energy.sop == close(66.5e-9)
    assert result.energy.neuron_update == close(80 * 26e-9)
    assert result.energy.router == close(6.4e-9)
    assert (result.energy.hop, result.energy.chip_crossing) == (0.0, 0.0)
    assert result.energy.static == close(4 * 7.2e-3)
    assert result.latency.seconds == close(0.020)
    # 0.36 x 20/512 + 0.64 x 2/2.612e6
    assert result.normalised == close(0.0140625 + 4.900459e-7)


def test_estimate_model__truenorth_by_hand():
    # 5 x 26 pJ; hop and static are inside the average
    result = estimate_model(
        two_by_two_model(), one_neuron_a_core("truenorth"), **TWO_BY_TWO
    )
    assert result.energy.total == result.energy.sop == close(130e-12)
    assert result.latency.seconds == close(0.020)
    # 0.6 x 20/512 + 0.4 x 2/2.612e6
    assert result.normalised == close(0.0234375 + 3.062787e-7)
    (note,) = [n for n in result.notes if "priced as 0" in n]
    assert note.startswith("priced as 0, included in the average energy.sop: ")
    assert note.endswith("energy.router, energy.hop, energy.static")


def test_estimate_model__silence_leaves_only_static_energy():
    model = dense_model([9, 8, 3], np.random.default_rng(0), max_spikes=1)
    energy = estimate_model(model, load_chip("canmore")).energy
    assert (energy.sop, energy.hop, energy.total) == (0.0, 0.0, 3.52e-6)


def test_estimate_model__doubled_spikes_double_dynamic_energy_only():
    model = conv_model(np.random.default_rng(3))
    activity = model.activity
    louder = replace(
        model,
        activity=replace(
            activity, spike_counts=tuple(2 * c for c in activity.spike_counts)
        ),
    )
    chip = load_chip("canmore", ["core.neurons=14"])
    once, twice = (
        estimate_model(model, chip).energy,
        estimate_model(louder, chip).energy,
    )
    assert twice.sop == close(2 * once.sop)
    assert twice.hop == close(2 * once.hop)
    assert twice.static == once.static


def test_estimate_model__means_do_not_depend_on_how_often_it_was_measured():
    model = dense_model([9, 8, 3], np.random.default_rng(0), n_samples=4)
    activity = model.activity
    longer = replace(
        activity,
        n_samples=12,
        spike_counts=tuple(3 * c for c in activity.spike_counts),
    )
    chip = load_chip("spinnaker")
    first = estimate_model(model, chip).energy
    second = estimate_model(replace(model, activity=longer), chip).energy
    assert second.total == close(first.total)


def test_estimate_model__static_power_is_paid_for_every_chip():
    model = dense_model([3, 33, 2], np.random.default_rng(0))
    result = estimate_model(model, one_neuron_a_core("spinnaker"))
    # 35 cores, 16 a chip
    assert result.n_chips == 3
    assert result.energy.static == close(3 * 0.36 * 0.020)
    assert "static power of 3 chips, those that hold cores" in result.notes


def test_estimate_model__fan_in_beyond_the_axons_warns_and_is_refused_by_strict():
    model = dense_model([784, 3], np.random.default_rng(0), zero_fraction=0.0)
    chip = load_chip("truenorth", ["limits.axon_types=none", "limits.weight_bits=none"])
    (warning,) = estimate_model(model, chip).warnings
    assert "784 inputs (axons) to a core, chip truenorth has 256" in warning
    with pytest.raises(PlacementError, match=r"784 inputs .*drop --strict"):
        estimate_model(model, chip, strict=True)


def test_estimate_model__strict_accepts_what_fits():
    model = dense_model([3, 2], np.random.default_rng(0))
    assert estimate_model(model, load_chip("canmore"), strict=True).warnings == ()


def test_estimate_model__warns_of_the_offline_data():
    model = two_by_two_model(offline_fallback=True)
    assert "offline digits" in estimate_model(model, load_chip("canmore")).warnings[0]
    model = two_by_two_model(offline_fallback=False)
    assert estimate_model(model, load_chip("canmore")).warnings == ()


def test_estimate_model__forced_mixing_is_said():
    chip = load_chip("truenorth", ["energy.hop=2.3pJ", "core.neurons=1"])
    with pytest.raises(ChipError, match="paid twice"):
        estimate_model(two_by_two_model(), chip, **TWO_BY_TWO)
    result = estimate_model(two_by_two_model(), chip, force_mixed=True, **TWO_BY_TWO)
    # 5 x 26 pJ + 8 x 2.3 pJ
    assert result.energy.total == close(148.4e-12)
    assert any(
        w.startswith("forced: energy.sop is an average") for w in result.warnings
    )


def test_estimate_model__notes_maps_and_pools_that_span_cores():
    model = conv_model(np.random.default_rng(0))
    notes = estimate_model(model, load_chip("canmore", ["core.neurons=14"])).notes
    assert (
        "layer_1 (conv2d): its maps of 7x7 are cut into 4 runs of rows and 1 of "
        in ("".join(notes))
    )
    # 7 rows in runs of 2, 2, 2, 1 and windows of 2 rows: no window is split
    assert not any("pooling windows" in n for n in notes)
    notes = estimate_model(model, load_chip("canmore", ["core.neurons=21"])).notes
    # runs of 3, 2, 2 rows split the windows on rows 2-3 and 4-5: 2 x 3 x 5 channels
    assert any(
        "layer_3 (conv2d): 30 pooling windows before it span" in n for n in notes
    )


def test_estimate_model__without_activity_is_refused():
    model = ModelFile(two_by_two_model().network)
    with pytest.raises(WorkloadError, match="eventsim evaluate"):
        estimate_model(model, load_chip("canmore"))


def test_estimate_model__mesh_too_small_is_refused():
    with pytest.raises(
        PlacementError, match="needs 4 cores, the 3x1 mesh of chip canmore"
    ):
        estimate_model(two_by_two_model(), one_neuron_a_core("canmore"), mesh=(3, 1))


def test_estimate_model__input_port_must_be_on_the_mesh():
    with pytest.raises(PlacementError, match=r"input port \(2, 0\) is outside the 2x2"):
        estimate_model(
            two_by_two_model(), load_chip("canmore"), mesh=(2, 2), input_port=(2, 0)
        )


def test_estimate_model__steps_count_windows_not_network_time():
    network = dense_model([3, 2], np.random.default_rng(0)).network
    (layer,) = network.layers
    layer = replace(layer, theta=np.full(2, 4.0))
    network = replace(network, time_window=4.0, layers=(layer,))
    model = make_model(network, [[1, 1, 1], [1, 1]], 1, decision_time=8.0)
    # 8 / 4 = 2 windows of 10 steps
    assert estimate_model(model, load_chip("spinnaker")).latency.steps == 20


def vgg16_model(rng):
    parts, shape = [], (32, 32, 3)
    for stage in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(stage[1]):
            conv = Conv2d(shape, stage[0], (3, 3), 1, 1)
            parts.append((conv, rng.standard_normal(conv.weight_shape)))
            shape = conv.output_shape
        pool = EarliestPool(shape, 2, 2)
        parts.append((pool, None))
        shape = pool.output_shape
    parts.append((Flatten(shape), None))
    shape = (512,)
    for units in (4096, 4096, 10):
        dense = Dense(shape, units)
        parts.append((dense, rng.standard_normal(dense.weight_shape)))
        shape = (units,)
    network = make_network((32, 32, 3), *parts)
    sizes = [3072, *(layer.n_neurons for layer in network.layers)]
    counts = [rng.binomial(10, 0.25, n) for n in sizes]
    return make_model(network, counts, 10, decision_time=16.0)


@pytest.mark.slow
def test_estimate_model__vgg16_takes_seconds():
    model = vgg16_model(np.random.default_rng(0))
    start = time.perf_counter()
    result = estimate_model(model, load_chip("canmore"))
    assert time.perf_counter() - start < 10
    assert result.mapping.partition.neurons_per_core.sum() == 284_682
    # 64 + 64, 32 + 32, 3 x 16, 3 x 8, 3 x 2 cores of convolutions, 4 + 4 + 1 dense
    assert result.mapping.partition.n_cores == 279
    assert result.latency.steps == 160


def test_estimate_model__says_that_input_currents_are_not_counted(tmp_path):
    weights = [(Dense((2,), 3), np.ones((2, 3))), (Dense((3,), 2), np.ones((3, 2)))]
    network = make_network((2,), *weights, neuron=LIF, t_end=4.0)
    driven = replace(network, input="currents")
    counts = [[0, 0], [5, 0, 3], [1, 2]]
    write_model(tmp_path / "m.h5", make_model(driven, counts))
    result = estimate_model(read_model(tmp_path / "m.h5"), load_chip("truenorth"))
    # Only the spikes of the first layer act: 8 x 2.
    assert (result.counts.sops, result.counts.input_spikes) == (16, 0)
    (note,) = (note for note in result.notes if "currents" in note)
    assert note.startswith("layer_1 (dense): driven by input currents, not by spikes")
    assert "is not counted" in note
    plain = estimate_model(make_model(network, counts), load_chip("truenorth"))
    assert not any("currents" in note for note in plain.notes)


def test_estimate_model__grows_by_whole_chips_and_says_so():
    model = dense_model([3, 33, 2], np.random.default_rng(0))
    overrides = ["mesh.width=2", "mesh.height=2", "mesh.chip={width: 2, height: 2}"]
    chip = one_neuron_a_core("canmore", *overrides)
    result = estimate_model(model, chip)
    # 35 cores, 4 a chip: 9 chips in 3 x 3
    assert str(result.mapping.grid) == "6x6"
    assert (
        "the network needs 35 cores, more than the 2x2 mesh of chip canmore; laid on "
        "3x3 chips of 2x2 routers"
    ) in result.notes
    assert result.counts.multicast.chip_crossings > 0
    with pytest.raises(PlacementError, match="the 3x3 mesh of chip canmore has 9"):
        estimate_model(model, chip, mesh=(3, 3))
    with pytest.raises(PlacementError, match="the 2x2 mesh of chip canmore has 4"):
        map_model(model, one_neuron_a_core("canmore", *overrides[:2]))


def test_estimate_model__copies_are_counted_and_priced():
    # a core holds 3 neurons and 2 synapses, so the 3 outputs lie on 2 cores; the hidden
    # neuron may send to one, so there are 2 of it. 4 input spikes in 2 inferences make
    # 2 x 4 operations there and 2 spikes make 2 x 3 behind it
    limits = ["core.neurons=3", "limits.synapses=2", "limits.target_cores=1"]
    chip = load_chip("canmore", limits)
    result = estimate_model(two_by_two_model(), chip, limits="silicon")
    hidden, output = result.counts.layers
    assert (hidden.cores, output.cores) == (1, 2)
    assert (hidden.copies, hidden.copy_synapses) == (1, 1)
    assert (hidden.copy_sops, hidden.copy_spikes) == (4, 2)
    assert result.counts.sops == 8 + 6
    assert result.energy.sop == close((8 + 6) / 2 * 20e-12)
    assert output.multicast.packets == output.unicast.packets == 4
    assert result.warnings == ()
    assert (
        "layer_1 (dense): 1 copies of its 1 neurons, since a neuron sends to 1 core at "
        "most; per inference they add 2 SOPs and 1 spikes"
    ) in result.notes


@pytest.mark.parametrize("split", ["features", "space", "both", "search"])
def test_estimate_model__synaptic_operations_do_not_depend_on_the_split(split):
    model = conv_model(np.random.default_rng(4))
    chip = load_chip("canmore", ["core.neurons=17"])
    result = estimate_model(model, chip, split=split)
    whole = estimate_model(model, load_chip("canmore"))
    assert result.counts.sops == whole.counts.sops
    assert result.counts.sops_per_core.sum() == whole.counts.sops
    assert result.counts.synapses_per_core.sum() == whole.counts.synapses_per_core.sum()
    assert map_model(model, chip, split=split).partition == result.mapping.partition


def test_estimate_model__limits_of_the_silicon_are_kept_or_refused():
    model = dense_model([784, 2], np.random.default_rng(0), 0.0)
    with pytest.raises(PlacementError, match=r"has 784 inputs; .* 256, .*\(axons\)"):
        estimate_model(model, load_chip("truenorth"), limits="silicon")
    small = dense_model([200, 250, 300], np.random.default_rng(0), 0.0)
    result = estimate_model(small, load_chip("truenorth"), limits="silicon")
    assert not any("axons" in w or "on a core" in w for w in result.warnings)
    # 300 outputs need 2 cores, hence 2 of each hidden neuron, 125 x 2 a core
    assert [layer.cores for layer in result.counts.layers] == [2, 2]
    assert result.counts.layers[0].copies == 250
