import json

import pytest

from eventsim.early_exit.history import read_history
from eventsim.errors import ModelFileError

SEEN = {"accuracy": 0.5, "time": 0.25, "time_from_zero": 0.25}
RIGHT = {"epoch": 1, "exit": {"10 steps": SEEN}, "train_loss": 1.0}


def changed(**fields):
    """Return a right line but for some numbers of its protocol."""
    return json.dumps(RIGHT | {"exit": {"10 steps": SEEN | fields}})


def test_read_history__takes_every_line(tmp_path):
    assert read_history(tmp_path) == []
    lines = [RIGHT, {"epoch": 2, "exit": None}, {"train_loss": 3}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "metrics.jsonl").write_text(text)
    assert read_history(tmp_path) == lines


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{broken", "Expecting property name"),
        ("[1]", r"\[1\] instead of keys and values"),
        ("null", "null instead of keys and values"),
        (changed(accuracy="x"), "accuracy of '10 steps' is \"x\", not a number"),
        (changed(time=[0.5]), r"time of '10 steps' is \[0.5\], not a number"),
        (changed(time_from_zero=float("nan")), "time_from_zero of '10 steps' is NaN"),
        (json.dumps(RIGHT | {"exit": 3}), "exit is 3, not an entry for each protocol"),
        (json.dumps(RIGHT | {"exit": {"x": 3}}), "accuracy of 'x' is null, not a"),
        (json.dumps(RIGHT | {"epoch": "one"}), 'epoch is "one", not a whole number'),
        (json.dumps({"exit": RIGHT["exit"]}), "epoch is null, not a whole number"),
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
