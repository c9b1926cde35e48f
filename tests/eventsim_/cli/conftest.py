"""Every test of a command runs in a folder of its own, on one thread."""

import shutil

import pytest


@pytest.fixture(autouse=True)
def _own_folder(own_folder):
    """Do so for every test here."""


@pytest.fixture
def copy(finished_run, tmp_path):
    shutil.copytree(finished_run, tmp_path / "run")
    return tmp_path / "run"
