import os
import signal
import threading

import pytest

from eventsim.interrupt import deferred_interrupt


@pytest.fixture(autouse=True)
def _default_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def test_deferred_interrupt__without_ctrl_c_nothing_happens():
    with deferred_interrupt(pytest.fail) as stop_if_requested:
        stop_if_requested()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_deferred_interrupt__first_ctrl_c_waits_to_be_asked():
    heard = []
    with deferred_interrupt(lambda: heard.append(1)) as stop_if_requested:
        press_ctrl_c()
        assert heard == [1]
        with pytest.raises(KeyboardInterrupt):
            stop_if_requested()
        with pytest.raises(KeyboardInterrupt):
            stop_if_requested()


def test_deferred_interrupt__is_not_lost_where_exceptions_are():
    class Careless:
        def __del__(self):
            press_ctrl_c()

    with deferred_interrupt(lambda: None) as stop_if_requested:
        Careless()
        with pytest.raises(KeyboardInterrupt):
            stop_if_requested()


def test_deferred_interrupt__second_ctrl_c_acts_at_once():
    heard = []
    with deferred_interrupt(lambda: heard.append(1)):
        press_ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            press_ctrl_c()
    assert heard == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_deferred_interrupt__leaves_an_ignored_signal_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with deferred_interrupt(pytest.fail) as stop_if_requested:
        press_ctrl_c()
        stop_if_requested()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_deferred_interrupt__runs_outside_the_main_thread():
    errors = []

    def run():
        try:
            with deferred_interrupt(pytest.fail) as stop_if_requested:
                stop_if_requested()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert errors == []
