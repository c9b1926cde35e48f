import pytest
from eventsim_.neurons.model_checks import check_kernel, check_rate_gradient

CONSTANTS = [{"tau_m": 2.0}, {"tau_m": 0.4}]


@pytest.mark.parametrize("constants", CONSTANTS, ids=str)
def test_dynamics__has_the_written_kernels(constants):
    check_kernel("lif_delta", **constants)


@pytest.mark.parametrize("constants", CONSTANTS, ids=str)
def test_by_time_constants__follows_differences(constants):
    check_rate_gradient("lif_delta", **constants)
