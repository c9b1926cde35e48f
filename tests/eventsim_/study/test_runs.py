import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numba
import pytest
from eventsim_.studies import assert_same_studies, small_study
from joblib.externals.loky import BrokenProcessPool, get_reusable_executor

from eventsim.errors import ConfigError, RunError
from eventsim.study import runs as study_runs
from eventsim.study.lock import LOCK_FILE
from eventsim.study.report import write_report
from eventsim.study.runs import train_in_parallel
from eventsim.study.study import STOP_FILE, open_study, run_study

pytestmark = pytest.mark.usefixtures("one_thread", "tiny_yaml")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("eventsim.plots.plot_run", lambda *_: None)


@pytest.fixture
def path(tmp_path):
    return small_study(tmp_path)


def trained(path, **options):
    """Train the runs of a study without the study around them."""
    study = open_study(path, out="out")
    options = {"data_dir": None, "jobs": None, "backend": "loky", **options}
    options.setdefault("stop_file", Path(STOP_FILE).resolve())
    return list(train_in_parallel(study.runs, **options))


def command(*arguments):
    """Start ``eventsim`` as a shell would, in a process group of its own."""
    # A process started in the background may have been told to ignore Ctrl-C.
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from eventsim.cli import main\n"
        "sys.exit(main())"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
def test_train_in_parallel__two_jobs_interrupted_by_the_terminal_equal_one_job(
    path, monkeypatch
):
    """The terminal sends Ctrl-C to every process of the command."""
    longer = "training.epochs=30"
    write_report(run_study(open_study(path, out="whole", overrides=[longer])))
    arguments = ["study", path, "--jobs", 2, "--out", "cut", "--set", longer]
    process = command(*arguments)
    begun = [Path(f"cut/{name}/seed-0/metrics.jsonl") for name in ("adam", "sgd")]
    deadline = time.monotonic() + 100
    while not all(p.exists() for p in begun) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert out == ""
    assert err.strip().splitlines()[-1].startswith("interrupted; ")
    assert "Traceback" not in err
    assert not Path("cut", STOP_FILE).exists()
    assert [p.name for p in Path("cut").rglob(".*")] == [LOCK_FILE]
    assert not Path("cut/study.json").exists()
    try:
        study = open_study(path, out="cut", overrides=[longer])
        assert {run.status for run in study.runs[:2]} == {"started"}
        write_report(run_study(study, jobs=2))
    finally:
        get_reusable_executor().shutdown(wait=True)
    assert_same_studies(Path("whole"), Path("cut"))


@pytest.mark.parametrize(
    ("jobs", "available", "n_runs", "expected"),
    [(1, 8, 4, 8), (3, 8, 4, 2), (4, 8, 4, 2), (16, 8, 4, 2), (4, 2, 4, 1),
     (None, 8, 4, 8)],
)  # fmt: skip
def test_train_in_parallel__shares_the_threads(
    path, monkeypatch, jobs, available, n_runs, expected
):
    """Not more processes than runs, and each its share of the threads."""
    seen = []
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", available)
    monkeypatch.setattr(
        study_runs, "_train_one", lambda run, *rest: seen.append(rest) or run
    )
    monkeypatch.setattr(
        study_runs, "_parallel",
        lambda jobs, *_: lambda tasks: [f(*a, **k) for f, a, k in tasks],
    )  # fmt: skip
    assert len(trained(path, jobs=jobs)) == n_runs
    assert [rest[-1] for rest in seen] == [expected] * n_runs


def test_train_in_parallel__sets_the_threads_and_sets_them_back(path, monkeypatch):
    seen = []

    def train_run(*_, **__):
        seen.append(numba.get_num_threads())
        return type("Result", (), {"summary": {}})

    monkeypatch.setattr(study_runs, "train_run", train_run)
    most = numba.config.NUMBA_NUM_THREADS
    before = numba.get_num_threads()
    trained(path)
    assert seen == [most] * 4
    assert numba.get_num_threads() == before


def test_train_in_parallel__a_stop_file_stops_before_the_start(path):
    Path(STOP_FILE).touch()
    assert {run.status for run in trained(path)} == {"stopped"}
    assert not Path("out").exists()


@pytest.mark.parametrize("name", ["threading", "multiprocessing", "sequential"])
def test_train_in_parallel__refuses_backends_that_share_a_process(path, name):
    with pytest.raises(ConfigError, match=f"--backend '{name}' cannot train several"):
        trained(path, backend=name)


def test_train_in_parallel__refuses_an_unknown_backend(path):
    with pytest.raises(
        ConfigError, match=r"'lokey' cannot be used \(Invalid backend: lokey\); expect"
    ):
        trained(path, backend="lokey")


@pytest.mark.parametrize(("name", "package"), [("dask", "distributed"), ("ray", "ray")])
def test_train_in_parallel__says_what_to_install(path, monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    if name == "ray":
        monkeypatch.setitem(sys.modules, "ray.util.joblib", None)
    with pytest.raises(ConfigError, match=f"not installed .*; install {package}"):
        trained(path, backend=name)


def silent(**_):
    raise ConnectionError("timed out\nafter 5 s.")


def no_client():
    raise ValueError("none")


FAKE_CLUSTERS = {
    "dask": {"distributed": SimpleNamespace(Client=silent, get_client=no_client)},
    "ray": {
        "ray": SimpleNamespace(init=silent),
        "ray.util.joblib": SimpleNamespace(register_ray=lambda: None),
    },
}


@pytest.mark.parametrize(
    ("backend", "variable"),
    [("dask", "DASK_SCHEDULER_ADDRESS"), ("ray", "RAY_ADDRESS")],
)
def test_train_in_parallel__a_cluster_that_does_not_answer(
    path, monkeypatch, backend, variable
):
    for name, module in FAKE_CLUSTERS[backend].items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(study_runs, "require_backend", lambda _: None)
    monkeypatch.setenv(variable, "head:1")
    message = f"no {backend} cluster answers .timed out after 5 s.; .* {variable}, here"
    with pytest.raises(RunError, match=message + " 'head:1'; start it, or unset"):
        trained(path, backend=backend)


def test_train_in_parallel__a_killed_process_is_told(path, monkeypatch):
    def killed(tasks):
        raise BrokenProcessPool

    monkeypatch.setattr(study_runs, "_parallel", lambda *_: killed)
    with pytest.raises(RunError, match="was killed, perhaps because memory ran out"):
        trained(path)
    Path(STOP_FILE).touch()
    with pytest.raises(KeyboardInterrupt):
        trained(path)


@pytest.mark.parametrize("fails", [False, True])
def test_train_in_parallel__ends_its_processes_while_ctrl_c_waits(
    path, monkeypatch, fails
):
    """Left to the end of Python, a Ctrl-C there is told with a traceback."""
    ended = []

    class Executor:
        def shutdown(self, **how):
            ended.append((how, signal.getsignal(signal.SIGINT)))

    def run(tasks):
        if fails:
            raise BrokenProcessPool
        return []

    monkeypatch.setattr(study_runs, "get_reusable_executor", Executor)
    monkeypatch.setattr(study_runs, "_parallel", lambda *_: run)
    with pytest.raises(RunError) if fails else nullcontext():
        trained(path, jobs=2)
    assert ended == [({"wait": True, "kill_workers": fails}, signal.SIG_IGN)]
    ended.clear()
    with pytest.raises(RunError) if fails else nullcontext():
        trained(path, jobs=1)  # joblib has no process of its own then
    assert ended == []


def test_ctrl_c_kept_from_children__sets_the_handler_back():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with study_runs._ctrl_c_kept_from_children():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_train_in_parallel__on_dask(path):
    """Where Dask is installed; it is no dependency."""
    distributed = pytest.importorskip("distributed")
    with distributed.Client(n_workers=1, threads_per_worker=2, processes=False):
        found = trained(path, backend="dask")
    assert {run.status for run in found} == {"finished"}
