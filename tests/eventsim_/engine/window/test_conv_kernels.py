import numpy as np

from eventsim.engine.window import conv_kernels


def test_conv_backward__sparse_and_dense_paths_agree():
    # The gradient is linear in d_out: a dense d_out (matrix products) must give the
    # sum over disjoint parts so sparse that neurons are worked one by one.
    rng = np.random.default_rng(0)
    activation = rng.random((3, 7, 6, 2)) * (rng.random((3, 7, 6, 2)) < 0.5)
    weight = rng.normal(0, 0.3, (3, 2, 2, 4))
    shape = (3, 5, 5, 4)
    spikes, gain = np.empty(shape), np.empty(shape)
    conv_kernels.conv_forward(activation, weight, 1, 0, spikes, gain)
    gain[:] = np.where(gain == 0, 0.7, gain)  # every neuron has an adjoint
    part = rng.integers(0, 20, shape)
    d_out = rng.normal(size=shape)

    def backward(d):
        partial = np.empty((1, 12, 4))
        d_activation = np.empty_like(activation)
        conv_kernels.conv_backward(
            activation, weight, 1, 0, spikes, gain, d, np.inf, partial, d_activation
        )
        return partial[0], d_activation

    parts = [np.where(part == k, d_out, 0) for k in range(20)]
    is_sparse = [np.count_nonzero(d[0]) * conv_kernels.SPARSE < 100 for d in parts]
    assert all(is_sparse)
    whole = backward(d_out)
    sums = [sum(terms) for terms in zip(*map(backward, parts), strict=True)]
    np.testing.assert_allclose(sums[0], whole[0], rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(sums[1], whole[1], rtol=1e-11, atol=1e-13)
