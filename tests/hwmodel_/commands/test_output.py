from __future__ import annotations

import json
from pathlib import Path

import pytest
from hwmodel_.commands.running import assert_one_error_line, run

from eventsim.errors import RunError
from hwmodel.commands.output import print_json, refuse_unwritable, say_written


@pytest.mark.parametrize("option", ["--plot", "--csv", "--html"])
def test_estimate__what_cannot_be_written_is_refused_first(model, tmp_path, option):
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "below"
    result = run("estimate", model, "--chip", "canmore", option, place)
    assert_one_error_line(result, "cannot write", "expected a file in a folder")
    assert result.stdout == ""


def test_map__what_cannot_be_written_is_refused_first(tmp_path):
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "map.csv"
    result = run("map", "no.h5", "--chip", "canmore", "--csv", place)
    assert_one_error_line(result, "cannot write", "map.csv")


def test_export__what_cannot_be_written_is_refused_first(tmp_path):
    (tmp_path / "file").write_text("")
    result = run("export", "no.h5", "--chip", "canmore", "--out", tmp_path / "file")
    assert_one_error_line(result, "cannot write", "architecture.yaml")


def test_refuse_unwritable__looks_at_every_place_that_is_given(tmp_path):
    refuse_unwritable(None, tmp_path / "new" / "a.csv")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RunError, match="cannot write"):
        refuse_unwritable(None, tmp_path / "a.csv", tmp_path)


def test_print_json__refuses_what_json_has_no_word_for(capsys):
    print_json({"a": [1, 2.5]})
    assert json.loads(capsys.readouterr().out) == {"a": [1, 2.5]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json(float("nan"))


def test_say_written__names_each_file_on_stderr(capsys):
    say_written([Path("a.png"), Path("b.csv")])
    assert capsys.readouterr() == ("", "wrote a.png\nwrote b.csv\n")
