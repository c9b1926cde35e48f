import pytest
from eventsim_.neurons.model_checks import check_kernel, check_rate_gradient

CONSTANTS = [{"tau_s": 1.0}, {"tau_s": 0.3}]


@pytest.mark.parametrize("constants", CONSTANTS, ids=str)
def test_dynamics__has_the_written_kernels(constants):
    check_kernel("alpha_synapse", **constants)
    check_kernel("alpha_synapse", reset="subtract", **constants)


@pytest.mark.parametrize("constants", CONSTANTS, ids=str)
def test_by_time_constants__follows_differences(constants):
    check_rate_gradient("alpha_synapse", **constants)
