from __future__ import annotations

import pytest
from hwmodel_.builders import two_by_two_model
from hwmodel_.commands.running import assert_one_error_line, run

from eventsim import __version__
from eventsim.model_file import write_model
from hwmodel.cli import commands, main


def test_version__is_the_package_version():
    assert run("--version").stdout.strip() == f"hwmodel, version {__version__}"


def test_main__exits_with_the_code(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["chips", "loihi3"])
    assert stop.value.code == 1
    assert "error: unknown chip" in capsys.readouterr().err


def test_commands__too_little_memory_is_one_line(tmp_path, monkeypatch):
    def fails(*_arguments, **_options):
        raise MemoryError("no room for 8 PiB")

    write_model(tmp_path / "model.h5", two_by_two_model())
    monkeypatch.setattr("hwmodel.estimate.estimate_workload", fails)
    result = run("estimate", tmp_path, "--chip", "canmore")
    assert_one_error_line(result, "not enough memory (no room for 8 PiB)", "smaller")


def test_commands__are_all_there():
    names = "chips contention early-exit estimate export map tables"
    assert sorted(commands.commands) == names.split()
