import os
import signal
import subprocess
import sys

import pytest

from eventsim.errors import RunError
from eventsim.study import lock
from eventsim.study.lock import LOCK_FILE, only_command_in

HOLD = """
import sys, time
from pathlib import Path
from eventsim.study.lock import only_command_in
with only_command_in(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_only_command_in__keeps_others_out_until_the_end(tmp_path):
    with only_command_in(tmp_path):
        with (
            pytest.raises(RunError, match=r"another 'eventsim study' trains in '.*one"),
            only_command_in(tmp_path),
        ):
            raise AssertionError
        assert (tmp_path / LOCK_FILE).is_file()
    with only_command_in(tmp_path):
        pass


def test_only_command_in__a_killed_process_leaves_nothing_locked(tmp_path):
    held = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(held, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(RunError, match="expected one at a time"),
            only_command_in(tmp_path),
        ):
            raise AssertionError
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    with only_command_in(tmp_path):
        pass


def test_only_command_in__goes_on_where_there_are_no_locks(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    with only_command_in(tmp_path):
        pass


def test_only_command_in__tells_where_it_cannot_write(tmp_path):
    with (
        pytest.raises(RunError, match=r"cannot write '.*nowhere/.lock': No such file"),
        only_command_in(tmp_path / "nowhere"),
    ):
        raise AssertionError
