from pathlib import Path

import h5py
import pytest

from eventsim.config import config_to_yaml, load_config
from eventsim.errors import RunError
from eventsim.study.look import look, require_trained_on
from eventsim.study.runs import ERROR_FILE

RIGHT = '{"test_accuracy": 0.5, "test_loss": 1, "tied": null, "version": "1.0"}'


@pytest.fixture
def config(tiny_yaml):
    return load_config(tiny_yaml)


@pytest.fixture
def folder(tmp_path, config):
    """A folder with what every run has."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yaml").write_text(config_to_yaml(config))
    return folder


def test_look__says_how_far_a_run_is(folder, config):
    assert look("a", config, folder / "nothing").status == "new"
    assert look("a", config, folder).status == "new"
    (folder / ERROR_FILE).write_text("train: the loss\nis nan\n")
    failed = look("a", config, folder)
    assert (failed.status, failed.error) == ("failed", "train: the loss is nan")
    (folder / "checkpoint.h5").write_text("")
    assert look("a", config, folder) == failed
    (folder / ERROR_FILE).unlink()
    assert look("a", config, folder).status == "started"
    (folder / "summary.json").write_text(RIGHT)
    done = look("a", config, folder)
    assert (done.status, done.error) == ("finished", "")
    assert done.summary["test_accuracy"] == 0.5


def test_require_trained_on__reads_the_checkpoint(folder, config):
    run = look("a", config, folder)
    require_trained_on(run, "digits")  # there is no checkpoint
    with h5py.File(folder / "checkpoint.h5", "w") as file:
        file.attrs["data"] = "digits"
    require_trained_on(run, "digits")
    with pytest.raises(RunError, match="on other data, got mnist; expected digits; gi"):
        require_trained_on(run, "mnist")
    (folder / "checkpoint.h5").write_text("")
    with pytest.raises(RunError, match=r"checkpoint.h5' is damaged .*remove the fol"):
        require_trained_on(run, "digits")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "Expecting property name"),
        ("[1]", r"it holds \[1\], not keys and values"),
        ("3", "it holds 3, not keys and values"),
        ("null", "it holds null, not keys and values"),
        ("{}", "it has no test_accuracy"),
        ('{"test_accuracy": "x"}', 'test_accuracy is "x", not a number'),
        ('{"test_accuracy": true}', "test_accuracy is true, not a number"),
        ('{"test_accuracy": 1, "tied": [0]}', r"tied is \[0\], not a number"),
        ('{"test_accuracy": 1, "version": 2}', "version is 2, not text"),
        ("\xff", ".*codec can't decode"),
    ],
)
def test_look__refuses_a_damaged_summary(folder, config, text, problem):
    (folder / "summary.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(
        RunError, match=rf"summary.json' cannot be read \({problem}.*\); .* remove it"
    ):
        look("a", config, Path(folder))
