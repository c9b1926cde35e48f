"""What all tests share: no network, no data of this machine, tiny runs."""

import pytest
from hypothesis import settings

from eventsim.datasets import download

# The same cases in every run; --hypothesis-profile=explore looks for new ones.
settings.register_profile("fixed", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile("fixed")

TINY = """\
name: tiny
data: {name: yin-yang, limit_train: 150, limit_test: 60, n_validation: 45}
encode: {bias_spikes: 1}
network: {layers: 12-3}
loss: {beta: 10, silence_penalty: 1}
optimizer: {lr: 1e-2}
training: {epochs: 2, batch_size: 32}
"""


def pytest_configure(config):
    """Let each of several workers (pytest -n) compute on one thread."""
    if hasattr(config, "workerinput"):
        import numba

        numba.set_num_threads(1)


@pytest.fixture(autouse=True)
def _bare_machine(monkeypatch, tmp_path):
    """Hide the data and the network that this machine may have."""
    monkeypatch.setenv("EVENTSIM_NO_DOWNLOAD", "1")
    monkeypatch.delenv("EVENTSIM_DATA_DIR", raising=False)
    monkeypatch.setattr(download, "cache_folder", lambda name: tmp_path / "no" / name)


@pytest.fixture
def one_thread():
    """Tiny batches wait longer for a second thread than they compute."""
    import numba

    n_threads = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(n_threads)


@pytest.fixture
def tiny_config():
    """Return a function from overrides to the configuration of a tiny run."""
    from eventsim.config import parse_config

    return lambda *overrides: parse_config(TINY, overrides)


@pytest.fixture
def tiny_yaml(tmp_path):
    """Return the path of the file of a tiny run."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """Return the folder of a finished tiny run; it is not to be changed."""
    from eventsim.run import train_run

    folder = tmp_path_factory.mktemp("finished")
    config = folder / "tiny.yaml"
    config.write_text(TINY)
    return train_run(str(config), out=str(folder / "run"), quiet=True).folder


@pytest.fixture
def no_plots(monkeypatch):
    """Skip the pictures where they are not the point: they take most of the time."""
    monkeypatch.setattr("eventsim.plots.plot_run", lambda *_: None)
