from __future__ import annotations

import subprocess
import sys

import pytest

import hwmodel


@pytest.mark.parametrize(
    "statement",
    [
        "import hwmodel",
        "import hwmodel.cli",
        "import hwmodel.cli as c; c.main(['--help'])",
        "import hwmodel.cli as c; c.main(['early-exit', '--help'])",
    ],
)
def test_import__is_light(statement):
    code = (
        "import atexit, sys\n"
        "heavy = ('numba', 'matplotlib', 'pydantic', 'numpy', 'h5py')\n"
        "atexit.register(lambda: sys.stderr.write(\n"
        "    ' '.join(name for name in heavy if name in sys.modules)))\n"
        f"{statement}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""


def test_import__the_whole_package_never_loads_numba(tmp_path):
    code = (
        "import pkgutil, sys, importlib, hwmodel\n"
        "for module in pkgutil.iter_modules(hwmodel.__path__):\n"
        "    importlib.import_module('hwmodel.' + module.name)\n"
        "print('numba' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.strip() == "False"


def test_getattr__every_public_name_exists():
    assert all(getattr(hwmodel, name) is not None for name in hwmodel.__all__)
    assert set(hwmodel.__all__) <= set(dir(hwmodel))


def test_getattr__unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'estimatte'"):
        hwmodel.estimatte  # noqa: B018
