import pytest
from eventsim_.neurons.model_checks import check_kernel, check_rate_gradient

CONSTANTS = [
    {"tau_s": 1.0, "tau_r": 1.0},
    {"tau_s": 0.4, "tau_r": 3.0},
    {"tau_s": 5.0, "tau_r": 0.7, "refractory_scale": 0.6},
]


@pytest.mark.parametrize("constants", CONSTANTS, ids=str)
def test_dynamics__has_the_written_kernels(constants):
    check_kernel("slayer_srm", **constants)


@pytest.mark.parametrize("constants", CONSTANTS, ids=str)
def test_by_time_constants__follows_differences(constants):
    check_rate_gradient("slayer_srm", **constants)
