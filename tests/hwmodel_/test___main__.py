import subprocess
import sys


def test_module__is_the_command():
    command = [sys.executable, "-m", "hwmodel", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: ")
    assert done.stderr == ""


def test_module__hands_on_the_exit_code():
    command = [sys.executable, "-m", "hwmodel", "no-such-command"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2
