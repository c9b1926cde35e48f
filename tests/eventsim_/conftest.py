"""What the tests of the command line share."""

import pytest
from eventsim_.cli.calls import caller


@pytest.fixture
def own_folder(tmp_path, monkeypatch, one_thread):
    """Run a test in a folder of its own, on one thread."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def call(capsys):
    """Return a function from arguments to exit code, output and errors."""
    return caller(capsys)
