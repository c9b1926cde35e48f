"""One thread: tiny batches wait longer for a second thread than they compute."""

import numba
import pytest


@pytest.fixture(autouse=True)
def _one_thread():
    n_threads = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(n_threads)
