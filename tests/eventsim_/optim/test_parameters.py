import numpy as np
import pytest
from eventsim_.spiking_networks import dense_network

from eventsim.errors import RunError
from eventsim.optim import PlainWeights, StandardisedWeights


def network_of(seed=0, dtype=np.float64):
    return dense_network(seed, dtype=dtype)


def standardised(raw, gamma, beta):
    """The definition, channel by channel."""
    rows = raw.reshape(-1, raw.shape[-1])
    spread = np.sqrt(rows.var(axis=0, ddof=1) + 1e-5)
    return (gamma * (rows - rows.mean(axis=0)) / spread + beta).reshape(raw.shape)


def test_plain_weights__are_those_of_the_network():
    network = network_of()
    parameters = PlainWeights(network)
    assert parameters.arrays[0] is network.weights[0]
    gradients = [np.ones_like(w) for w in network.weights]
    assert parameters.gradients(gradients) is gradients
    assert parameters.are_weights == [True, True]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standardised_weights__have_mean_0_and_spread_1_at_first(dtype):
    network = network_of(dtype=dtype)
    raw = [w.copy() for w in network.weights]
    parameters = StandardisedWeights(network, trains_thresholds=True)
    for before, weight, kept in zip(raw, network.weights, parameters.raw, strict=True):
        np.testing.assert_array_equal(kept, before)
        expected = standardised(before.astype(float), 1, 0)
        np.testing.assert_allclose(weight, expected, atol=4e-6)


@pytest.mark.parametrize("trains_thresholds", [True, False])
def test_standardised_weights__settle_writes_the_definition(trains_thresholds):
    network = network_of()
    parameters = StandardisedWeights(network, trains_thresholds=trains_thresholds)
    rng = np.random.default_rng(0)
    thetas = [theta.copy() for theta in network.trained_arrays[2:]]
    for gamma, beta in zip(parameters.gamma, parameters.beta, strict=True):
        gamma[:] = rng.uniform(0.5, 2, gamma.size)
        beta[:] = rng.normal(size=beta.size)
    gammas = [gamma.copy() for gamma in parameters.gamma]
    betas = [beta.copy() for beta in parameters.beta]
    parameters.settle()
    for k, weight in enumerate(network.weights):
        theta = network.trained_arrays[2 + k]
        whole = standardised(parameters.raw[k], gammas[k], betas[k])
        # Spikes depend on weights over thresholds alone.
        np.testing.assert_allclose(weight / theta, whole / thetas[k], rtol=1e-12)
        if trains_thresholds:
            np.testing.assert_allclose(theta, thetas[k] / gammas[k], rtol=1e-14)
            np.testing.assert_array_equal(parameters.gamma[k], 1)
        else:
            np.testing.assert_array_equal(theta, thetas[k])
            np.testing.assert_array_equal(parameters.gamma[k], gammas[k])


def test_standardised_weights__gradients_are_derivatives_of_the_weights():
    network = network_of()
    parameters = StandardisedWeights(network, trains_thresholds=False)
    rng = np.random.default_rng(1)
    for gamma, beta in zip(parameters.gamma, parameters.beta, strict=True):
        gamma[:] = rng.uniform(0.5, 2, gamma.size)
        beta[:] = rng.normal(size=beta.size)
    parameters.settle()
    by_weight = [rng.normal(size=w.shape) for w in network.weights]

    def value():
        parameters.settle()
        return sum(
            float((w * g).sum())
            for w, g in zip(network.weights, by_weight, strict=True)
        )

    found = parameters.gradients(by_weight)
    assert len(found) == len(parameters.arrays) == 6
    for array, gradient in zip(parameters.arrays, found, strict=True):
        for at in rng.integers(0, array.size, 12):
            kept = array.flat[at]
            array.flat[at] = kept + 1e-6
            above = value()
            array.flat[at] = kept - 1e-6
            below = value()
            array.flat[at] = kept
            expected = (above - below) / 2e-6
            assert gradient.flat[at] == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_standardised_weights__a_unit_with_one_synapse_has_no_spread():
    network = dense_network(0, sizes=(1, 3))
    parameters = StandardisedWeights(network, trains_thresholds=True)
    np.testing.assert_allclose(network.weights[0], 0, atol=1e-12)
    gradients = parameters.gradients([np.ones((1, 3))])
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_standardised_weights__refuses_a_scale_that_is_not_positive():
    parameters = StandardisedWeights(network_of(), trains_thresholds=True)
    parameters.gamma[1][0] = -0.1
    with pytest.raises(RunError, match=r"weight scale of a unit of layer_2.*-0\.1"):
        parameters.settle()


def test_standardised_weights__do_not_depend_on_threads():
    import numba

    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("this machine has one thread")
    found = []
    for n_threads in (1, 2):
        numba.set_num_threads(n_threads)
        network = dense_network(0, sizes=(50, 200, 3), dtype=np.float32)
        parameters = StandardisedWeights(network, trains_thresholds=True)
        rng = np.random.default_rng(1)
        gradients = parameters.gradients(
            [rng.normal(size=w.shape).astype(np.float32) for w in network.weights]
        )
        found.append([*network.weights, *gradients])
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    for one, other in zip(*found, strict=True):
        assert one.tobytes() == other.tobytes()
