"""What a start loads. Time itself is measured in benchmarks/start_up.py."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = (
    "numba",
    "llvmlite",
    "matplotlib",
    "pydantic",
    "scipy",
    "numpy",
    "h5py",
    "joblib",
    "yaml",
)


def loaded_by(statement):
    code = (
        f"import atexit, sys\nheavy = {HEAVY}\n"
        "atexit.register(lambda: sys.stderr.write(\n"
        "    ' '.join(name for name in heavy if name in sys.modules)))\n"
        f"{statement}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr.split()


@pytest.mark.parametrize(
    "statement",
    [
        "import eventsim",
        "import eventsim; eventsim.__version__; dir(eventsim)",
        "import eventsim.errors",
        "import hwmodel",
        "from eventsim.cli import main; main(['--help'])",
        "from eventsim.cli import main; main(['--version'])",
        "from eventsim.cli import main; main(['train', '--help'])",
        "from eventsim.cli import main; main(['study', '--help'])",
        "from eventsim.cli import main; main(['quantise', '--help'])",
        "from eventsim.cli import main; main(['trian'])",
        "from hwmodel.cli import main; main(['--help'])",
    ],
)
def test_start__loads_nothing_heavy(statement):
    statement = statement.replace("main([", "import contextlib, io\nwith contextlib"
        ".redirect_stderr(io.StringIO()):\n    main([") if "trian" in statement else (
        statement)  # fmt: skip
    assert loaded_by(statement.replace("; import", "\nimport")) == []


@pytest.mark.parametrize(
    "statement",
    [
        "import eventsim.model_file",
        "import eventsim; eventsim.Network; eventsim.read_model",
        "import eventsim.config",
        "import eventsim.datasets",
        "from eventsim.cli import main; main(['config-schema'])",
    ],
)
def test_light_parts__load_no_numba(statement):
    assert not {"numba", "llvmlite", "matplotlib", "scipy"} & set(loaded_by(statement))


def test_info__loads_no_numba(finished_run):
    loaded = loaded_by(
        f"from eventsim.cli import main; main(['info', {str(finished_run)!r}])"
    )
    assert not {"numba", "matplotlib"} & set(loaded)


def test_train__loads_matplotlib_only_at_the_end():
    assert "matplotlib" not in loaded_by("import eventsim.run")


def test_lazy_names__are_all_there():
    import eventsim

    for name in eventsim.__all__:
        assert getattr(eventsim, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        eventsim.nonsense  # noqa: B018


def test_version__is_said_once():
    import eventsim

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" in project["dynamic"]
    done = subprocess.run(
        [sys.executable, "-m", "eventsim.cli", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"eventsim, version {eventsim.__version__}\n"


def test_contracts__of_the_imports_hold():
    pytest.importorskip("importlinter")
    code = "from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout
