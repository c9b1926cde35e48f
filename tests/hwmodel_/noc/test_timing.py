from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwmodel.errors import TrafficError
from hwmodel.noc.timing import RouterTiming, to_seconds, to_ticks

GOOD = {"hop_x": 4.1e-9, "hop_y": 6.5e-9, "link_service": 1e-9, "buffer": 16}


def test_router_timing__local_ports_need_no_time_by_default():
    timing = RouterTiming(**GOOD)
    assert (timing.injection, timing.ejection) == (0.0, 0.0)
    assert RouterTiming(**{**GOOD, "buffer": None, "link_service": 0}).buffer is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hop_x": 0.0}, r"hop_x must be > 0, got 0\.0; expected seconds > 0"),
        ({"hop_y": -1e-9}, r"hop_y must be > 0, got -1e-09"),
        ({"hop_y": 1e-16}, r"hop_y is shorter than a femtosecond, got 1e-16"),
        ({"hop_x": 4.1e9}, r"hop_x is longer than 1000 s, got 41"),
        ({"link_service": -1.0}, r"link_service must be >= 0, got -1\.0"),
        ({"link_service": float("nan")}, r"link_service is not a finite number"),
        ({"injection": float("inf")}, r"injection is not a finite number, got inf"),
        ({"ejection": "1 ns"}, r"ejection is not a finite number, got '1 ns'"),
        ({"ejection": 3e-16}, r"ejection is shorter than a femtosecond"),
        ({"buffer": 0}, r"buffer must hold a packet, got 0; expected an integer >= 1"),
        ({"buffer": 2.5}, r"buffer must hold a packet, got 2\.5"),
    ],
)
def test_router_timing__refuses_what_no_router_does(change, message):
    with pytest.raises(TrafficError, match=message):
        RouterTiming(**{**GOOD, **change})


@given(st.integers(0, 2**50))
def test_to_ticks__undoes_to_seconds(ticks):
    assert to_ticks(to_seconds(np.int64(ticks))) == ticks


def test_to_ticks__decimal_nanoseconds_are_exact():
    assert to_ticks(np.array([4.1e-9, 6.5e-9])).tolist() == [4_100_000, 6_500_000]
    assert to_seconds(np.array([4_100_000, 6_500_000])).tolist() == [4.1e-9, 6.5e-9]
