import pytest
from eventsim_.neurons.model_checks import check_kernel, check_rate_gradient

CONSTANTS = [
    {"tau_m": 2.0, "tau_s": 1.0},
    {"tau_m": 1.3, "tau_s": 1.3},
    {"tau_m": 0.7, "tau_s": 2.9},
    {"tau_m": 1.000000001, "tau_s": 1.0},
]


@pytest.mark.parametrize("constants", CONSTANTS, ids=str)
def test_dynamics__has_the_written_kernels(constants):
    check_kernel("lif", **constants)
    check_kernel("lif", reset="subtract", **constants)


@pytest.mark.parametrize("constants", CONSTANTS, ids=str)
def test_by_time_constants__follows_differences(constants):
    check_rate_gradient("lif", **constants)
