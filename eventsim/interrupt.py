"""Ctrl-C during a long run: it ends the run between two batches and is never lost.

Python raises ``KeyboardInterrupt`` wherever it happens to be. Inside a callback
of another library that exception is printed and dropped, and the run goes on; in
the middle of writing it may leave half a state. A request that is remembered, and
looked at where stopping is safe, has neither fault.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def deferred_interrupt(on_request: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """Turn the first Ctrl-C into a request; the second one acts at once.

    Parameters
    ----------
    on_request : callable
        Called by the first Ctrl-C, to tell the user that it was heard.

    Yields
    ------
    callable
        Raises ``KeyboardInterrupt`` if Ctrl-C was pressed, else does nothing. Call
        it where stopping is safe.

    Notes
    -----
    Outside the main thread, and where somebody else handles or ignores the signal,
    nothing is changed.
    """
    is_requested = False

    def remember(number: int, frame: FrameType | None) -> None:
        nonlocal is_requested
        if is_requested:
            signal.default_int_handler(number, frame)
        is_requested = True
        on_request()

    def stop_if_requested() -> None:
        if is_requested:
            raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield stop_if_requested
        return
    signal.signal(signal.SIGINT, remember)
    try:
        yield stop_if_requested
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
