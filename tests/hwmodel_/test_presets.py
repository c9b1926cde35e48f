"""The chips that come with the package: complete, priced by hand, true to print.

The example on a 2 x 2 mesh is that of test_estimate. Per inference: 5 SOPs; 4 neurons
in 20 steps are 80 updates; 2 spikes. Cores take in 5 packets (2 of the input, 3 of the
hidden neuron) and send 1 (a multicast tree) or 3 (unicast). The input makes 2 x (1
along x, 1 along y) hops; the tree of the hidden neuron 1 along x and 2 along y, its
unicast packets 2 and 2. Two windows of 10 steps of 1 ms last 20 ms.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
from hwmodel_.builders import (
    close,
    dense_model,
    make_model,
    make_network,
    two_by_two_model,
)

from eventsim.topology import Dense
from hwmodel.chip.chip import load_chip
from hwmodel.chip.constants import ACTIONS
from hwmodel.chip.files import preset_names
from hwmodel.errors import ChipError
from hwmodel.estimate import estimate_model
from hwmodel.on_chip import map_model

STRUCTURE_ONLY = {"akida", "brainscales2", "dynapse", "loihi2", "tianjic"}
PAPER = {"canmore", "spinnaker", "truenorth"}
PRICED = {"anp_i", "loihi", "loihi_regressed", "odin", "spinnaker2", "truenorth_affine"}


def example(name, *overrides, **options):
    """The example on a mesh of 2 x 2 routers with one core each."""
    alone = ["core.neurons=1", "mesh.cores_per_router=1"]
    chip = load_chip(name, [*alone, *overrides])
    return estimate_model(
        two_by_two_model(), chip, mesh=(2, 2), input_port=(1, 1), **options
    )


def one_layer(n_samples=2):
    """Two inputs, three neurons, 4 synapses that are not 0."""
    layer = Dense((2,), 3)
    network = make_network((2,), (layer, [[1.0, -1.0, 2.0], [0.0, 0.5, 0.0]]))
    return make_model(network, [[4, 6], [1, 0, 1]], n_samples, decision_time=2.0)


def test_preset_names__are_those_of_the_documentation():
    assert set(preset_names()) == STRUCTURE_ONLY | PAPER | PRICED


@pytest.mark.parametrize("name", preset_names())
def test_preset__every_constant_has_its_origin(name):
    chip = load_chip(name)
    assert chip.name == name
    for constant in chip.constants.values():
        assert constant.source
        valued = constant.value is not None and constant.included_in is None
        assert (constant.evidence is not None) == valued
    for section in (chip.mesh, chip.core, chip.limits):
        assert section.source


@pytest.mark.parametrize("name", preset_names())
def test_preset__bounds_are_an_interval(name):
    for constant in load_chip(name).constants.values():
        if constant.interval is not None and constant.low is not None:
            assert constant.low < constant.high


@pytest.mark.parametrize("name", preset_names())
def test_preset__maps_a_network(name):
    assert map_model(one_layer(), load_chip(name)).partition.n_cores == 1


@pytest.mark.parametrize("name", preset_names())
def test_preset__is_priced_once_the_constants_it_names_are_given(name):
    usual = {"energy.static": "1mW", "timing.step": "1ms"}
    given: list[str] = []
    for _ in range(len(ACTIONS) + 2):
        try:
            result = estimate_model(one_layer(), load_chip(name, given))
            break
        except ChipError as error:
            message = str(error)
            assert "\n" not in message
            (constant,) = re.findall(r"chip \w+: ([\w.]+) is unknown", message)
            given.append(f"{constant}={usual.get(constant, '1pJ')}")
    assert result.energy.total > 0
    complete = PAPER | {"anp_i", "loihi", "loihi_regressed", "truenorth_affine"}
    assert (not given) == (name in complete)


@pytest.mark.parametrize("name", sorted(STRUCTURE_ONLY))
def test_preset__structure_alone_has_no_price_at_all(name):
    chip = load_chip(name)
    unknown = {n for n, c in chip.constants.items() if c.value is None}
    assert unknown >= {"energy.sop", "energy.hop", "energy.static"}
    assert not any(n.startswith("energy.") for n in set(chip.constants) - unknown)
    with pytest.raises(
        ChipError,
        match=rf"chip {name}: energy\.sop is unknown, and .*--set energy\.sop=",
    ):
        estimate_model(one_layer(), chip)
    silent = make_model(one_layer().network, [[0, 0], [0, 0, 0]])
    with pytest.raises(ChipError, match=r"energy\.(static|neuron_update) is unknown"):
        estimate_model(silent, chip)


def test_truenorth_affine__by_hand():
    result = example("truenorth_affine")
    assert result.casting == "unicast"
    assert result.energy.sop == close(5 * 1.53e-12)
    assert result.energy.hop == close(8 * 2.3e-12)
    assert result.energy.static == close(64.4e-3 * 0.020)
    assert result.energy.other == 0
    # every price at its least and at its greatest
    low, high = result.uncertainty.low, result.uncertainty.high
    assert low == close(5 * 1.2e-12 + 8 * 2.3e-12 + 63.8e-3 * 0.020)
    assert high == close(5 * 2.39e-12 + 8 * 3.74e-12 + 65.1e-3 * 0.020)


@pytest.mark.parametrize("name", ["truenorth", "truenorth_affine"])
def test_truenorth__a_packet_pays_for_leaving_the_chip(name):
    # a chip is a column of 2 routers: the hops along x, 2 + 2, leave it
    chips = ["mesh.chip.width=1", "mesh.chip.height=2"]
    result = example(name, *chips)
    assert result.n_chips == 2
    assert result.energy.chip_crossing == close(4 * 832e-12)


def test_spinnaker2__by_hand():
    with pytest.raises(ChipError, match=r"energy\.hop is unknown, and 7 hops"):
        example("spinnaker2")
    result = example("spinnaker2", "energy.hop=1nJ", "energy.static=2W")
    assert result.energy.sop == close(5 * 450e-12)
    assert result.energy.neuron_update == close(80 * 2.19e-9)
    assert result.energy.hop == close(7e-9)
    assert result.energy.static == close(2 * 0.020)


@pytest.mark.parametrize(
    ("casting", "x", "y"), [("multicast", 3, 4), ("unicast", 4, 4)]
)
def test_loihi__by_hand(casting, x, y):
    energy = example("loihi", casting=casting).energy
    assert energy.sop == close(5 * 23.6e-12)
    assert energy.neuron_update == close(80 * 52e-12)
    assert energy.axon_in == close(5 * 1.7e-12)
    assert energy.hop == close(x * 3e-12 + y * 4e-12)
    assert energy.static == close(104.4e-3 * 0.020)
    assert (energy.spike, energy.axon_out, energy.router) == (0, 0, 0)


@pytest.mark.parametrize(
    ("casting", "sent", "x", "y"), [("multicast", 1, 3, 4), ("unicast", 3, 4, 4)]
)
def test_loihi_regressed__by_hand(casting, sent, x, y):
    energy = example("loihi_regressed", casting=casting).energy
    assert energy.sop == close(5 * 33.6e-12)
    assert energy.neuron_update == close(80 * 51.2e-12)
    assert energy.spike == close(2 * 69.3e-12)
    assert energy.axon_out == close(sent * 111e-12)
    assert energy.hop == close(x * 3e-12 + y * 4.2e-12)
    assert energy.static == close(104.4e-3 * 0.020)
    assert (energy.axon_in, energy.router) == (0, 0)


def test_odin__by_hand():
    # 4 x 3 + 6 x 1 SOPs in 2 inferences; 20 steps of 100 us
    result = estimate_model(one_layer(), load_chip("odin", ["timing.step=100us"]))
    assert result.energy.sop == close(9 * 8.43e-12)
    assert result.energy.static == close(160.8e-6 * 2e-3)
    assert (result.energy.hop, result.energy.other) == (0, 0)


def test_odin__a_second_layer_is_a_second_chip():
    chip = load_chip("odin", ["timing.step=100us", "core.neurons=1"])
    with pytest.raises(
        ChipError, match=r"energy\.chip_crossing is unknown, and 7 hops between chips"
    ):
        estimate_model(two_by_two_model(), chip, mesh=(2, 2), input_port=(1, 1))


def test_anp_i__by_hand():
    result = example("anp_i")
    assert result.energy.total == result.energy.sop == close(5 * 1.5e-12)
    assert result.latency.seconds is None


def test_loihi__holds_what_its_silicon_holds():
    limits = load_chip("loihi").limits
    # 128 KB
    assert limits.synapse_memory == 128 * 1024 * 8
    found = limits.neurons, limits.axons, limits.out_axons, limits.weight_bits
    assert found == (1024, 4096, 4096, 9)
    assert load_chip("loihi").mesh.grid().n_cores == 128


def test_loihi_regressed__is_loihi_but_for_its_prices():
    published, fitted = load_chip("loihi"), load_chip("loihi_regressed")
    for name in ("core", "limits", "execution", "technology"):
        assert getattr(fitted, name) == getattr(published, name)
    assert fitted.mesh.grid() == published.mesh.grid()
    assert fitted.mesh.buffer == 16
    assert fitted.energy.static == published.energy.static
    assert fitted.timing.hop == published.timing.hop
    assert fitted.not_charged == ("router",)


def test_tianjic__has_156_cores():
    assert load_chip("tianjic").mesh.grid().n_cores == 156


def test_spinnaker2__the_stand_in_is_no_larger_than_the_chip():
    assert load_chip("spinnaker2").mesh.grid().n_cores <= 152


# Laws against what was measured

# Akopyan et al. 2015, Fig. 17, at 0.8 V; 2^20 neurons with 128 synapses each
SWEEP = {11.58: 68e-3, 20.07: 71e-3, 95.93: 94e-3}


@pytest.mark.parametrize("rate", SWEEP)
def test_truenorth_affine__reproduces_the_sweep(rate):
    energy = load_chip("truenorth_affine").energy
    spikes = 2**20 * rate
    # 21.3 hops along each axis (Merolla et al. 2014)
    dynamic = 128 * energy.sop.value + 42.6 * energy.hop.value
    power = energy.static.value + spikes * dynamic
    # the middle one took no part in the fit
    assert power == pytest.approx(SWEEP[rate], rel=0.006)


@pytest.mark.parametrize(("rate", "error"), [(11.58, -0.406), (95.93, 2.561)])
def test_truenorth__the_average_holds_at_its_own_activity_only(rate, error):
    power = 2**20 * rate * 128 * load_chip("truenorth").energy.sop.value
    assert power / SWEEP[rate] - 1 == pytest.approx(error, abs=1e-3)


@pytest.mark.parametrize(
    ("megahertz", "sops_per_second", "microwatts"),
    [(75, 37.5e6, 477), (1.3, 650e3, 35)],
)
def test_odin__its_law_reproduces_the_measured_powers(
    megahertz, sops_per_second, microwatts
):
    static = f"energy.static={27.3 + 1.78 * megahertz:.3f}uW"
    energy = load_chip("odin", [static]).energy
    if megahertz == 75:
        assert energy.static.value == close(load_chip("odin").energy.static.value)
    power = energy.static.value + sops_per_second * energy.sop.value
    assert power == pytest.approx(microwatts * 1e-6, rel=0.003)


def test_loihi__its_prices_come_near_a_search_on_pohoiki_springs():
    # Frady et al. 2020: 667 to 750 spikes to 76,800 neurons, 60 steps, 1.33 mJ dynamic
    energy = load_chip("loihi").energy
    updates = 76_800 * 60 * energy.neuron_update.value
    low, high = (n * 76_800 * energy.sop.value + updates for n in (667, 750))
    assert low / 1.33e-3 - 1 == pytest.approx(0.09, abs=0.005)
    assert high / 1.33e-3 - 1 == pytest.approx(0.20, abs=0.005)


def test_truenorth_affine__maps_as_many_neurons_as_the_silicon_holds():
    model = dense_model([3, 300, 2], np.random.default_rng(0))
    part = map_model(model, load_chip("truenorth_affine")).partition
    assert part.neurons_per_core.max() <= 256
