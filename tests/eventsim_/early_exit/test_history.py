import json

import pytest

from eventsim.early_exit.history import read_history
from eventsim.errors import ModelFileError

RIGHT = {"epoch": 1, "exit_accuracy": 0.5, "exit_time": 0.25, "train_loss": 1.0}


def test_read_history__takes_every_line(tmp_path):
    assert read_history(tmp_path) == []
    lines = [RIGHT, {"epoch": 2, "exit_accuracy": None}, {"train_loss": 3}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "metrics.jsonl").write_text(text)
    assert read_history(tmp_path) == lines


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{broken", "Expecting property name"),
        ("[1]", r"\[1\] instead of keys and values"),
        ("null", "null instead of keys and values"),
        (json.dumps(RIGHT | {"exit_accuracy": "x"}), 'exit_accuracy is "x", not a num'),
        (json.dumps(RIGHT | {"exit_time": [0.5]}), r"exit_time is \[0.5\], not a numb"),
        (json.dumps(RIGHT | {"exit_time": float("nan")}), "exit_time is NaN, not a"),
        (json.dumps(RIGHT | {"epoch": "one"}), 'epoch is "one", not a whole number'),
        ('{"exit_accuracy": 0.5, "exit_time": 0.5}', "epoch is null, not a whole"),
        ("\xff", "codec can't decode"),
    ],
)
def test_read_history__refuses_what_is_damaged_by_line(tmp_path, line, problem):
    text = json.dumps(RIGHT) + "\n" + line + "\n"
    (tmp_path / "metrics.jsonl").write_bytes(text.encode("latin-1"))
    place = "" if line == "\xff" else "line 2: "
    with pytest.raises(
        ModelFileError, match=rf"metrics.jsonl' cannot be read: {place}.*{problem}"
    ):
        read_history(tmp_path)
