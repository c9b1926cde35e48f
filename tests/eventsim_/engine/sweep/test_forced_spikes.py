import math
from dataclasses import replace

import numpy as np
import pytest
from eventsim_.gathered_layers import random_case
from scipy.optimize import brentq

from eventsim.engine.neuron_adjoint_kernels import Rule
from eventsim.engine.sweep.forced_spikes import backward_forced, force_spikes
from eventsim.engine.sweep.gathered_sweep import gathered_forward
from eventsim.errors import ShapeError
from eventsim.spikes import SpikeTrains

EXACT = Rule(math.inf, 0.0, False)
RISE = 0.3
MODELS = ["lif general", "lif subtract", "lif held", "srm_lif", "srm_lif general",
          "non_leaky_if", "alpha_synapse"]  # fmt: skip


class Potential:
    """The potential of one neuron of a sample after its last spike, written out.

    The state just after that spike is found by adding up all inputs and resets, each
    with its own exponentials; nothing of the package's dynamics is used.
    """

    def __init__(self, case, sample, neuron, own):
        d, layer = case.layer.dynamics, case.layer
        self.alpha, self.beta, self.d = d.alpha, d.beta, d
        self.theta = layer.theta[neuron] * d.factor
        self.drive = layer.drive[neuron]
        table = layer.fan_in
        part = slice(table.offsets[neuron], table.offsets[neuron + 1])
        self.arrivals = []
        low, high = case.spikes.offsets[sample : sample + 2]
        for slot, source in zip(table.slot[part], table.source[part], strict=True):
            for k in range(low, high):
                if case.spikes.neuron[k] == source:
                    value = 1 if case.spikes.value is None else case.spikes.value[k]
                    delay = 0 if layer.delay is None else layer.delay[slot]
                    self.arrivals.append([case.spikes.time[k] + delay, value, slot, k])
        self.arrivals.sort()
        self.own = sorted(own)

    def _to(self, v, i, dt):
        a, b, j = self.alpha, self.beta, self.drive
        ea, eb = math.exp(-a * dt), math.exp(-b * dt)
        rise = dt * ea if a == b else (ea - eb) / (b - a)
        step = dt if a == 0 else (1 - ea) / a
        return ea * v + rise * i + step * j, eb * i

    def state(self, t, weight):
        """Return (v, i) at t: all own spikes and all arrivals before t are in it."""
        d = self.d
        rest = -self.drive if d.filters_drive else 0.0
        v, i, now, free = 0.0, rest, 0.0, -math.inf
        events = [(s, 0, None) for s in self.own]
        events += [(a[0], 1, a) for a in self.arrivals if a[0] < t]
        for when, kind, arrival in sorted(events, key=lambda e: e[:2]):
            v, i = self._past_hold(v, i, now, when, free)
            now = when
            if kind == 0:
                v = d.keep_v * self.theta - d.drop * self.theta / d.factor
                i = d.keep_i * i + (1 - d.keep_i) * rest
                free = when + d.refractory
            else:
                i += d.gain * weight[arrival[2]] * arrival[1]
        return self._past_hold(v, i, now, t, free)

    def _past_hold(self, v, i, now, until, free):
        held = min(max(free - now, 0), until - now) if self.d.clamps else 0
        i *= math.exp(-self.beta * held)
        return self._to(v, i, until - now - held)

    def slope(self, t, weight):
        v, i = self.state(t, weight)
        if self.own and self.d.clamps and t < self.own[-1] + self.d.refractory:
            return 0.0
        return -self.alpha * v + i + self.drive


def forced_of(model, seed, **options):
    case = random_case(model, seed)
    ran = gathered_forward(case.layer, case.spikes, case.t_end)
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, case.layer.theta.size, case.spikes.batch)
    forced = force_spikes(
        case.layer, case.spikes, ran.spikes, chosen, case.t_end,
        **{"least_rise": RISE, "only_if_silent": False, **options},
    )  # fmt: skip
    return case, ran, chosen, forced


def own_of(ran, sample, neuron):
    spikes = ran.spikes
    return spikes.time[(spikes.sample == sample) & (spikes.neuron == neuron)]


@pytest.mark.parametrize("driven", ["", " driven"])
@pytest.mark.parametrize("model", MODELS)
def test_force_spikes__is_the_last_time_at_which_the_potential_rises(model, driven):
    n_forced = 0
    for seed in range(6):
        case, ran, chosen, forced = forced_of(model + driven, seed)
        weight = case.layer.weight
        for b, number in enumerate(chosen):
            own = own_of(ran, b, number)
            potential = Potential(case, b, number, own)
            least = RISE * potential.theta / case.t_end
            last = own.max() if own.size else 0.0
            grid = np.linspace(last, case.t_end, 1500)[1:]
            rises = [potential.slope(t, weight) >= least for t in grid]
            latest = grid[np.flatnonzero(rises)[-1]] if any(rises) else None
            step = grid[1] - grid[0]
            if own.size >= case.layer.dynamics.max_spikes:
                assert forced.time[b] == math.inf
            elif latest is None:
                # It may rise for less than a step of the grid.
                t = forced.time[b]
                assert t == math.inf or potential.slope(t, weight) >= least - 1e-9
            else:
                n_forced += 1
                assert -1e-9 <= forced.time[b] - latest <= step + 1e-9
    assert n_forced > 0


def test_force_spikes__leaves_neurons_that_fire_alone_if_asked():
    for seed in range(4):
        _, ran, chosen, forced = forced_of("srm_lif", seed, only_if_silent=True)
        fires = [own_of(ran, b, n).size > 0 for b, n in enumerate(chosen)]
        assert np.all(np.isinf(forced.time[fires]))
        assert any(fires)


def test_force_spikes__gives_none_to_a_potential_that_never_rises():
    case = random_case("srm_lif", 0)
    case.layer.weight[:] = -1
    ran = gathered_forward(case.layer, case.spikes, case.t_end)
    chosen = np.zeros(case.spikes.batch, int)
    forced = force_spikes(
        case.layer, case.spikes, ran.spikes, chosen, case.t_end,
        least_rise=1e3, only_if_silent=False,
    )  # fmt: skip
    assert np.all(np.isinf(forced.time))


@pytest.mark.parametrize(
    ("model", "message"),
    [("slayer_srm", "have a refractory kernel"), ("lif_delta", "have instantaneous")],
)
def test_force_spikes__refuses_models_without_such_spikes(model, message):
    with pytest.raises(ShapeError, match=message):
        forced_of(model, 0)


@pytest.mark.parametrize("scale", [0.01, 30.0])
def test_force_spikes__do_not_depend_on_the_scale_of_weights_and_thresholds(scale):
    case, ran, chosen, forced = forced_of("srm_lif", 1)
    case.layer.weight[:] *= scale
    case.layer.theta[:] *= scale
    again = force_spikes(
        case.layer, case.spikes, ran.spikes, chosen, case.t_end,
        least_rise=RISE, only_if_silent=False,
    )  # fmt: skip
    np.testing.assert_allclose(again.time, forced.time, rtol=1e-9)
    assert np.isfinite(forced.time).any()


def test_force_spikes__never_pass_the_arrival_that_ends_their_rise():
    layer = replace(random_case("srm_lif", 0).layer, delay=None)
    rng = np.random.default_rng(0)
    first = np.sort(rng.uniform(0, 1.5, (2000, 2)) ** 3, axis=1)
    assert np.any(first[:, 0] + (first[:, 1] - first[:, 0]) > first[:, 1])
    source = int(layer.fan_in.source[layer.fan_in.offsets[0]])
    layer.weight[:] = 0
    layer.weight[layer.fan_in.slot[layer.fan_in.offsets[0]]] = 1
    layer.theta[:] = 100
    trains = SpikeTrains(
        first.ravel(),
        np.full(first.size, source, np.int32),
        np.arange(0, first.size + 1, 2),
        layer.fan_in.n_in,
        np.tile([0.8, -1.0], len(first)),
    )
    silent = gathered_forward(layer, trains, 9.0).spikes
    forced = force_spikes(
        layer, trains, silent, np.zeros(len(first), int), 9.0,
        least_rise=0.018, only_if_silent=False,
    )  # fmt: skip
    at_the_arrival = np.abs(forced.time - first[:, 1]) < 1e-12
    assert at_the_arrival.sum() > 500
    assert np.all(forced.time[at_the_arrival] <= first[at_the_arrival, 1])


@pytest.mark.parametrize(
    ("labels", "message"),
    [([0, -1], r"neuron\[1\] is -1; expected a label from 0 to"),
     ([0, 2000], r"neuron\[1\] is 2000"), ([0], r"neuron has shape \(1,\)")],
)  # fmt: skip
def test_force_spikes__refuses_labels_that_are_no_neurons(labels, message):
    case = random_case("srm_lif", 0)
    ran = gathered_forward(case.layer, case.spikes, case.t_end)
    wanted = np.zeros(case.spikes.batch, int)
    wanted[: len(labels)] = labels
    with pytest.raises(ShapeError, match=message):
        force_spikes(
            case.layer, case.spikes, ran.spikes,
            wanted if len(labels) > 1 else wanted[:1], case.t_end,
            least_rise=RISE, only_if_silent=False,
        )  # fmt: skip


def test_backward_forced__refuses_derivatives_that_do_not_fit():
    case, ran, _, forced = forced_of("srm_lif", 0)
    with pytest.raises(ShapeError, match="d_time has shape"):
        backward_forced(case.layer, case.spikes, ran.spikes, forced, np.zeros(1), EXACT)


@pytest.mark.parametrize("model", MODELS)
def test_backward_forced__is_the_derivative_of_a_crossing_at_that_height(model):
    step, n_checked = 1e-6, 0
    for seed in range(12):
        case, ran, chosen, forced = forced_of(model, seed)
        rng = np.random.default_rng(seed)
        d_time = rng.normal(size=chosen.size)
        found = backward_forced(
            case.layer, case.spikes, ran.spikes, forced, d_time, EXACT
        )
        weight = case.layer.weight
        total = np.zeros(weight.size)
        by_time = np.zeros(case.spikes.time.size)
        for b, number in enumerate(chosen):
            t = forced.time[b]
            potential = Potential(case, b, number, own_of(ran, b, number))
            if t == math.inf or _is_near_an_event(potential, t):
                d_time[b] = 0
                continue
            # Own spikes move with the weights; a full reset forgets all about it.
            if potential.own and not _forgets(case.layer.dynamics):
                d_time[b] = 0
                continue
            height = potential.state(t, weight)[0]

            def crossing(w, potential=potential, t=t, height=height):
                return brentq(
                    lambda x: potential.state(x, w)[0] - height, t - 1e-3, t + 1e-3,
                    xtol=1e-15, rtol=1e-15,
                )  # fmt: skip

            for slot in {a[2] for a in potential.arrivals}:
                up, down = weight.copy(), weight.copy()
                up[slot] += step
                down[slot] -= step
                total[slot] += d_time[b] * (crossing(up) - crossing(down)) / (2 * step)
            for arrival in potential.arrivals:
                at = arrival[0]
                if potential.own and abs(at - potential.own[-1]) < 1e-5:
                    continue
                arrival[0] = at + step
                late = crossing(weight)
                arrival[0] = at - step
                early = crossing(weight)
                arrival[0] = at
                by_time[arrival[3]] += d_time[b] * (late - early) / (2 * step)
            n_checked += 1
        found = backward_forced(
            case.layer, case.spikes, ran.spikes, forced, d_time, EXACT
        )
        scale = 1 + np.abs(total).max() + np.abs(by_time).max()
        np.testing.assert_allclose(found.weight, total, atol=2e-6 * scale)
        np.testing.assert_allclose(found.input_time, by_time, atol=2e-6 * scale)
    assert n_checked > 1


def _is_near_an_event(potential, t):
    events = [0.0, *potential.own, *(a[0] for a in potential.arrivals)]
    slack = potential.d.refractory
    return min(min(abs(t - e), abs(t - e - slack)) for e in events) < 2e-3


def _forgets(d):
    return d.keep_v == 0 and d.keep_i == 0 and d.refractory == 0
