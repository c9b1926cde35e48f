from __future__ import annotations

import io
import time

import pytest

from hwmodel.placing.budget import Budget, Clock


def test_clock__counts_iterations():
    clock = Clock("search", Budget(8))
    shares = []
    for n in (1, 3, 4, 5):
        clock.add(n)
        shares.append(clock.spent())
    assert shares == [1 / 8, 0.5, 1.0, 1.0]
    clock.close()


def test_clock__gives_out_what_is_left():
    clock = Clock("search", Budget(10))
    clock.add(7)
    assert (clock.left(2), clock.left(5)) == (2, 3)
    endless = Clock("search", Budget())
    endless.add(7)
    assert (endless.left(5), endless.spent()) == (5, 0.0)


def test_clock__the_first_limit_ends_it():
    clock = Clock("search", Budget(1000, 0.05))
    clock.add(1)
    time.sleep(0.06)
    assert clock.spent() == 1
    clock = Clock("search", Budget(2, 1e6))
    clock.add(1)
    assert clock.spent() == 0.5


@pytest.mark.parametrize("budget", [Budget(8), Budget()])
def test_clock__shows_a_bar_on_a_terminal_only(budget, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr("sys.stderr", stream)
        clock = Clock("pulling cores", budget, "round")
        clock.add(1)
        clock.close()
        assert ("pulling cores" in stream.getvalue()) == shown
