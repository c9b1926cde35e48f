"""Updates against a slow loop over single weights, written from the papers."""

import math

import numpy as np
import pytest

from eventsim.config.schema import OptimizerConfig
from eventsim.optim import make_optimizer
from eventsim.optim.optimizers import gradient_norm

N_UPDATES = 7


def clipped(gradients, largest):
    norm = math.sqrt(math.fsum(float(x) ** 2 for g in gradients for x in g.ravel()))
    scale = 1.0 if largest is None or norm <= largest else largest / norm
    return [g * scale for g in gradients]


def slow_sgd(w, gradients, rates, config):
    """One weight; v <- mu v + g, step v, or g + mu v with Nesterov."""
    v = 0.0
    for g, lr in zip(gradients, rates, strict=True):
        g = g + config.weight_decay * w
        v = config.momentum * v + g
        w = w - lr * (g + config.momentum * v if config.nesterov else v)
    return w


def slow_adam(w, gradients, rates, config):
    """One weight; Kingma & Ba, Algorithm 1; Loshchilov & Hutter, Algorithm 2."""
    m = v = 0.0
    decoupled = config.name == "adamw"
    for n, (g, lr) in enumerate(zip(gradients, rates, strict=True), start=1):
        if not decoupled:
            g = g + config.weight_decay * w
        m = config.beta1 * m + (1 - config.beta1) * g
        v = config.beta2 * v + (1 - config.beta2) * g * g
        m_hat = m / (1 - config.beta1**n)
        v_hat = v / (1 - config.beta2**n)
        shrink = lr * config.weight_decay * w if decoupled else 0.0
        w = w - lr * m_hat / (math.sqrt(v_hat) + config.epsilon) - shrink
    return w


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "options",
    [
        {"name": "sgd"},
        {"name": "sgd", "momentum": 0.9, "weight_decay": 0.01},
        {"name": "sgd", "momentum": 0.9, "nesterov": True, "gradient_clip": 2.0},
        {"name": "adam"},
        {"name": "adam", "weight_decay": 0.1, "gradient_clip": 1.0, "epsilon": 1e-3},
        {"name": "adam", "beta1": 0.5, "beta2": 0.9, "gradient_clip": 1e6},
        {"name": "adamw", "weight_decay": 0.1},
        {"name": "adamw", "weight_decay": 0.1, "beta1": 0.0, "gradient_clip": 0.5},
    ],
    ids=lambda options: " ".join(map(str, options.values())),
)
def test_update__follows_the_published_formulas(options, dtype):
    config = OptimizerConfig(**options)
    rng = np.random.default_rng(0)
    shapes = [(3, 4), (2, 2, 1, 3)]
    weights = [rng.normal(size=s).astype(dtype) for s in shapes]
    start = [w.astype(float) for w in weights]
    steps = [
        [rng.normal(size=s).astype(dtype) for s in shapes] for _ in range(N_UPDATES)
    ]
    rates = [0.1 / (1 + n) for n in range(N_UPDATES)]
    optimizer = make_optimizer(config, weights)
    for gradients, lr in zip(steps, rates, strict=True):
        optimizer.update(weights, gradients, lr)
    assert optimizer.n_updates == N_UPDATES
    used = [clipped(gradients, config.gradient_clip) for gradients in steps]
    slow = slow_sgd if config.name == "sgd" else slow_adam
    for layer, shape in enumerate(shapes):
        for i in np.ndindex(*shape):
            history = [float(gradients[layer][i]) for gradients in used]
            expected = slow(start[layer][i], history, rates, config)
            tolerance = 1e-12 if dtype == np.float64 else 1e-5
            assert weights[layer][i] == pytest.approx(expected, abs=tolerance)
    assert all(w.dtype == dtype for w in weights)


def test_update__works_on_arrays_longer_than_a_block():
    rng = np.random.default_rng(1)
    weight, gradient = rng.normal(size=20_000), rng.normal(size=20_000)
    expected = weight - 0.5 * gradient
    optimizer = make_optimizer(OptimizerConfig(name="sgd"), [weight])
    optimizer.update([weight], [gradient], 0.5)
    np.testing.assert_allclose(weight, expected, rtol=0, atol=1e-15)


def test_update__goes_on_from_saved_slots():
    rng = np.random.default_rng(2)
    for name in ("sgd", "adam"):
        config = OptimizerConfig(name=name, momentum=0.9 if name == "sgd" else 0.0)
        steps = rng.normal(size=(6, 5))
        whole = np.ones(5)
        optimizer = make_optimizer(config, [whole])
        for gradient in steps:
            optimizer.update([whole], [gradient], 0.1)
        resumed = np.ones(5)
        first = make_optimizer(config, [resumed])
        for gradient in steps[:3]:
            first.update([resumed], [gradient], 0.1)
        second = make_optimizer(config, [resumed])
        second.n_updates = first.n_updates
        for key, arrays in first.slots.items():
            for to, saved in zip(second.slots[key], arrays, strict=True):
                to[...] = saved
        for gradient in steps[3:]:
            second.update([resumed], [gradient], 0.1)
        assert resumed.tobytes() == whole.tobytes()


def test_update__moments_do_not_become_denormal():
    weight = np.ones(4, np.float32)
    optimizer = make_optimizer(OptimizerConfig(name="adam"), [weight])
    optimizer.update([weight], [np.full(4, 1e-3, np.float32)], 1e-3)
    for _ in range(1200):
        optimizer.update([weight], [np.zeros(4, np.float32)], 1e-3)
    mean = optimizer.slots["mean"][0]
    assert not np.any((mean != 0) & (np.abs(mean) < np.finfo(np.float32).tiny))
    assert not mean.any()


def test_gradient_norm__does_not_lose_small_parts():
    # 2**24 ones and more in float32 would stop growing at 2**24.
    gradients = [np.full(100_000, 0.1, np.float32), np.array([[3.0]], np.float32)]
    expected = math.sqrt(100_000 * float(np.float32(0.1)) ** 2 + 9)
    assert gradient_norm(gradients) == pytest.approx(expected, rel=1e-12)
