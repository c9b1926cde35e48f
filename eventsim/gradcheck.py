"""Compare the engines' derivatives with differences of the loss.

The loss is smooth as long as every neuron keeps its causal set, stays silent or
not, and every pool passes the same spike. Differences are therefore taken inside
such a region: a step that leaves it is made smaller, and an entry without any
usable step is skipped and counted. Differences at several steps are extrapolated to a
step of 0 [1]_.

References
----------
.. [1] C. J. F. Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Advances
   in Engineering Software 4(2), 1982.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from eventsim.config.schema import LossConfig
from eventsim.engine import choose_engine, engine_name
from eventsim.engine.buffers import Buffers
from eventsim.errors import ShapeError
from eventsim.network import Network
from eventsim.readout import loss_of_output, read_output

EPSILON = float(np.finfo(np.float64).eps)
N_LEVELS = 5
SHRINK = 4
N_SHRINKS = 10
FLOOR = 1e-6
NOTE = (
    "The exact gradient is checked, in float64; options of training that change it "
    "(derivative_clip, slope_clip, exponential_slope) are ignored."
)


@dataclass(frozen=True)
class LayerCheck:
    """How well the derivatives of one layer agree.

    Parameters
    ----------
    name : str
        Layer whose weights were varied, or ``"input times"``.
    worst_relative_error : float, dimensionless
        Largest ``|a - n| / max(|a|, |n|, 1e-6 largest)`` of analytic and numeric
        derivative; `largest` is the layer's largest analytic one. 0 if nothing
        could be checked.
    n_checked, n_skipped : int
        Derivatives compared; derivatives left out because spikes change their
        order too close by for a difference to resolve anything.
    largest_derivative : float
        Largest analytic derivative of the layer; 0 means that nothing was learnt
        from the check, for example because the network is silent.
    """

    name: str
    worst_relative_error: float
    n_checked: int
    n_skipped: int
    largest_derivative: float


@dataclass(frozen=True)
class GradcheckReport:
    """Result of `gradcheck`.

    Parameters
    ----------
    engine : str
        Engine that was checked.
    loss : float, dimensionless
        Loss of the batch.
    layers : tuple of LayerCheck
        One per layer with weights, then the input times.
    note : str
        What the check does not cover.
    """

    engine: str
    loss: float
    layers: tuple[LayerCheck, ...]
    note: str = NOTE

    @property
    def worst_relative_error(self) -> float:
        """Largest relative error of all layers, dimensionless."""
        return max(layer.worst_relative_error for layer in self.layers)

    @property
    def n_checked(self) -> int:
        """Number of derivatives compared."""
        return sum(layer.n_checked for layer in self.layers)


@dataclass(frozen=True)
class Line:
    """A straight line through the variables: some entries of a flat array move.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Flat view of the weights or of the input activations, varied in place.
    moving : ndarray, shape (m,), int
        Entries that move.
    direction : ndarray, shape (m,)
        Change of these entries per unit of the step.
    """

    values: np.ndarray
    moving: np.ndarray
    direction: np.ndarray


@dataclass
class Probe:
    """The loss as a function of weights and inputs that are varied in place.

    Parameters
    ----------
    engine : module
        What `choose_engine` returned.
    network : Network
        With weights of its own, float64.
    activation : ndarray, shape (batch, *input shape), dimensionless
        Input, float64.
    labels : ndarray, shape (batch,), int
        True classes.
    loss : LossConfig
        Loss and its constants.
    """

    engine: ModuleType
    network: Network
    activation: np.ndarray
    labels: np.ndarray
    loss: LossConfig
    buffers: Buffers = field(default_factory=Buffers)

    def run(self) -> tuple[Any, Any]:
        """Return recording and loss at the present values."""
        recording = self.engine.forward(self.network, self.activation, self.buffers)
        output = read_output(self.network, recording)
        return recording, loss_of_output(
            self.network, recording, output, self.labels, self.loss
        )

    def state(self, recording: Any) -> list[np.ndarray]:
        """Return the discrete choices of all layers and which inputs spike."""
        n_layers = len(self.network.layers)
        choices = [
            recording.discrete_state(self.network, k) for k in range(1, n_layers + 1)
        ]
        return [self.activation > 0, *choices]

    def loss_at(self, line: Line, step: float, state: list[np.ndarray]) -> float | None:
        """Return the loss a step along the line, None if a choice changes."""
        kept = line.values[line.moving]
        line.values[line.moving] = kept + step * line.direction
        try:
            recording, loss = self.run()
            is_same = all(map(np.array_equal, self.state(recording), state))
        finally:
            line.values[line.moving] = kept
        return loss.value if is_same else None


def gradcheck(
    network: Network,
    activation: np.ndarray,
    labels: np.ndarray,
    loss: LossConfig | None = None,
    *,
    engine: str = "auto",
    n_entries: int = 40,
    seed: int = 0,
) -> GradcheckReport:
    """Check exact gradients against central differences, in float64.

    Each layer's largest derivatives are checked, random ones, random ones that are
    zero, and one random direction through all of the layer's weights; the same for
    the input times. Differences are extrapolated to step 0 [1]_.

    Parameters
    ----------
    network : Network
        What to check; not changed.
    activation : ndarray, shape (batch, *input shape), dimensionless, in [0, 1]
        Input spikes as activations; a small batch is enough.
    labels : ndarray, shape (batch,), int
        True classes.
    loss : LossConfig, optional
        Constants of the loss; the loss itself follows from the readout.
    engine : {"auto", "window", "sweep", "queue"}, default "auto"
        Engine to check.
    n_entries : int, default 40
        Derivatives checked per layer, positive.
    seed : int, default 0
        Choice of entries and directions.

    Returns
    -------
    GradcheckReport
        Worst relative error per layer.

    Raises
    ------
    ShapeError
        If the arrays do not fit the network or the engine cannot run it.
    ConfigError
        If there is no such engine.

    References
    ----------
    .. [1] C. J. F. Ridders, Advances in Engineering Software 4(2), 1982.
    """
    if n_entries < 1:
        raise ShapeError(f"gradcheck: n_entries is {n_entries}; expected at least 1")
    if labels.shape != activation.shape[:1]:
        raise ShapeError(
            f"gradcheck: labels have shape {labels.shape}; expected "
            f"{activation.shape[:1]}, one per sample"
        )
    own = network.astype(np.float64)
    probe = Probe(
        engine=choose_engine(network, engine),
        network=own.with_weights([weight.copy() for weight in own.weights]),
        activation=np.array(activation, np.float64, order="C"),
        labels=labels,
        loss=LossConfig.model_validate({}) if loss is None else loss,
    )
    recording, value = probe.run()
    gradients = probe.engine.backward(
        probe.network,
        recording,
        value.d_output,
        d_potential_end=value.d_potential_end,
        with_input=True,
    )
    state = probe.state(recording)
    rng = np.random.default_rng(seed)
    checks: list[LayerCheck] = []
    for (_, layer), gradient in zip(
        network.spiking_layers, gradients.weights, strict=True
    ):
        values = probe.network.weights[len(checks)].ravel()
        rate = np.ones(values.size)
        width = 0.5 * float(np.sqrt(np.mean(values**2))) or 0.5
        tasks = _choose_lines(
            values, rate, gradient.ravel(), np.arange(values.size), n_entries, rng
        )
        checks.append(_check_layer(layer.name, probe, tasks, width, state, value.value))
    values = probe.activation.ravel()
    rate = np.full(values.size, -1 / network.time_window)
    # Spikes at the border of the input window cannot move both ways.
    free = np.flatnonzero((values > 0.01) & (values < 0.99))
    tasks = _choose_lines(
        values, rate, gradients.input_times.ravel(), free, n_entries, rng
    )
    width = 0.005 * network.time_window
    checks.append(_check_layer("input times", probe, tasks, width, state, value.value))
    return GradcheckReport(engine_name(probe.engine), value.value, tuple(checks))


def _choose_lines(
    values: np.ndarray,
    rate: np.ndarray,
    gradient: np.ndarray,
    allowed: np.ndarray,
    n_entries: int,
    rng: np.random.Generator,
) -> list[tuple[Line, float, float]]:
    """Return lines, the analytic derivative along each, and the largest one."""
    size = np.abs(gradient[allowed])
    largest = float(size.max(initial=0))
    ranked = allowed[np.argsort(-size, kind="stable")]
    top = ranked[: min(n_entries // 2, np.count_nonzero(size))]
    sizeable = np.setdiff1d(allowed[size > 1e-3 * largest], top)
    zeros = allowed[size == 0]
    chosen = np.concatenate(
        [
            top,
            rng.permutation(sizeable)[: (n_entries - n_entries // 2 + 1) // 2],
            rng.permutation(zeros)[: n_entries // 4],
        ]
    ).astype(np.int64)
    tasks = [
        (Line(values, np.array([i]), rate[[i]]), float(gradient[i]), largest)
        for i in chosen
    ]
    norm = float(np.linalg.norm(gradient[allowed]))
    if norm > 0:
        noise = rng.normal(size=allowed.size)
        direction = gradient[allowed] / norm + noise / np.linalg.norm(noise)
        slope = float(direction @ gradient[allowed])
        tasks.append((Line(values, allowed, direction * rate[allowed]), slope, largest))
    return tasks


def _check_layer(
    name: str,
    probe: Probe,
    tasks: list[tuple[Line, float, float]],
    width: float,
    state: list[np.ndarray],
    loss: float,
) -> LayerCheck:
    worst, n_checked, n_skipped = 0.0, 0, 0
    for line, analytic, largest in tasks:
        found = _differentiate(probe, line, width, state)
        if found is None:
            n_skipped += 1
            continue
        numeric, step = found
        scale = max(abs(analytic), abs(numeric), FLOOR * largest)
        noise = 4 * EPSILON * max(1.0, abs(loss)) / step
        error = abs(analytic - numeric)
        if error <= noise and noise > FLOOR * scale:
            n_skipped += error > 0
            n_checked += error == 0
            continue
        worst = max(worst, error / scale)
        n_checked += 1
    largest = max((task[2] for task in tasks), default=0.0)
    return LayerCheck(name, worst, n_checked, n_skipped, largest)


def _differentiate(
    probe: Probe, line: Line, width: float, state: list[np.ndarray]
) -> tuple[float, float] | None:
    """Return the derivative along a line and the smallest step used, or None."""
    for shrink in range(N_SHRINKS):
        step = width / SHRINK**shrink
        found = _extrapolate(_central_differences(probe, line, step, state))
        if found is not None:
            derivative, n_halvings = found
            return derivative, step / 2**n_halvings
    return None


def _central_differences(
    probe: Probe, line: Line, step: float, state: list[np.ndarray]
) -> Iterator[float | None]:
    """Yield differences at halved steps, None where a choice changes."""
    for level in range(N_LEVELS):
        h = step / 2**level
        above = probe.loss_at(line, h, state)
        below = None if above is None else probe.loss_at(line, -h, state)
        if above is None or below is None:
            yield None
        else:
            yield (above - below) / (2 * h)


def _extrapolate(differences: Iterator[float | None]) -> tuple[float, int] | None:
    """Extrapolate differences at halved steps to step 0.

    The steps stop when the value has settled or its estimated error grows again;
    the estimate with the smallest error wins.
    """
    row: list[float] = []
    best, best_error, best_level = 0.0, np.inf, 0
    for level, difference in enumerate(differences):
        if difference is None:
            return None
        new = [difference]
        for order, coarse in enumerate(row, start=1):
            new.append(new[-1] + (new[-1] - coarse) / (4**order - 1))
        if level == 0:
            best = difference
        for order in range(1, len(new)):
            error = max(
                abs(new[order] - new[order - 1]), abs(new[order] - row[order - 1])
            )
            if error <= best_error:
                best, best_error, best_level = new[order], error, level
        if best_error <= 1e-9 * abs(best):
            break
        if level > 1 and abs(new[-1] - row[-1]) > 2 * best_error:
            break
        row = new
    return best, best_level
