"""Every test of a command runs in a folder of its own, on one thread."""

import shutil

import pytest
from eventsim_.cli.calls import caller


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, one_thread):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def call(capsys):
    """Return a function from arguments to exit code, output and errors."""
    return caller(capsys)


@pytest.fixture
def no_plots(monkeypatch):
    monkeypatch.setattr("eventsim.plots.plot_run", lambda *_: None)


@pytest.fixture
def copy(finished_run, tmp_path):
    shutil.copytree(finished_run, tmp_path / "run")
    return tmp_path / "run"
