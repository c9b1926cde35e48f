import numpy as np
import pytest

from eventsim.engine.pool_kernels import pool_earliest, pool_gradient


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 1), (2, 3), (1, 1)])
def test_pool_earliest__takes_the_first_largest_of_each_window(size, stride):
    rng = np.random.default_rng(0)
    # Few levels, so that ties are common.
    earliness = rng.integers(0, 3, (2, 7, 6, 3)).astype(float)
    out = (2, (7 - size) // stride + 1, (6 - size) // stride + 1, 3)
    pooled, winner = np.empty(out), np.empty(out, np.int32)
    pool_earliest(earliness, size, stride, pooled, winner)
    d_pooled = rng.normal(size=out)
    d_input = np.empty_like(earliness)
    pool_gradient(d_pooled, winner, size, stride, d_input)
    expected = np.zeros_like(earliness)
    for b, y, x, c in np.ndindex(*out):
        rows = slice(y * stride, y * stride + size)
        columns = slice(x * stride, x * stride + size)
        patch = earliness[b, rows, columns, c]
        assert pooled[b, y, x, c] == patch.max()
        assert winner[b, y, x, c] == patch.ravel().argmax()
        dy, dx = divmod(int(patch.ravel().argmax()), size)
        expected[b, y * stride + dy, x * stride + dx, c] += d_pooled[b, y, x, c]
    np.testing.assert_allclose(d_input, expected, atol=1e-14)
