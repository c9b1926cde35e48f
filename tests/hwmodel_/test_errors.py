from __future__ import annotations

import pytest

from hwmodel.errors import (
    ChipError,
    HwmodelError,
    PlacementError,
    TrafficError,
    WorkloadError,
)


@pytest.mark.parametrize(
    "error", [ChipError, WorkloadError, PlacementError, TrafficError]
)
def test_errors__are_value_errors_of_this_package(error):
    assert issubclass(error, HwmodelError)
    assert issubclass(error, ValueError)
