import csv
import shutil

import pytest

from eventsim.early_exit.compare import compare_models, format_comparison, model_names
from eventsim.errors import ConfigError

pytestmark = pytest.mark.usefixtures("one_thread")


def test_model_names__are_as_short_as_they_can_be():
    assert model_names(["/a/b"]) == ["b"]
    assert model_names(["/a/b", "/a/c/model.h5"]) == ["b", "c"]
    assert model_names(["/a/b", "/c/b"]) == ["a-b", "c-b"]
    assert model_names(["/p/q-r", "/p-q/r", "/s/r"]) == ["1-p-q-r", "2-p-q-r", "3-s-r"]


def test_model_names__refuses_the_same_model_twice():
    with pytest.raises(ConfigError, match="'/a/b' is given more than once"):
        model_names(["/a/b", "/a/b/model.h5"])
    with pytest.raises(ConfigError, match="'/a/b' is given more than once"):
        model_names(["/a/b", "/a/c/../b"])


def test_compare_models__each_with_its_files_and_all_together(finished_run, tmp_path):
    pytest.importorskip("matplotlib")
    other = tmp_path / "other"
    shutil.copytree(finished_run, other)
    paths = [str(finished_run), str(other)]
    place = tmp_path / "out"
    found = compare_models(
        paths, ["leader"], csv=str(place), plot=str(place), quiet=True
    )
    first, second = found
    assert first["full"] == second["full"]
    assert first["name"] != second["name"]
    for one in found:
        assert (place / one["name"] / "points.csv").is_file()
        assert (place / one["name"] / "calibration.png").is_file()
    pictures = sorted(path.name for path in place.glob("*.png"))
    assert pictures == ["accuracy_over_time.png", "layer_spikes.png"]
    text = format_comparison(found)
    assert text.splitlines()[-1].split()[0] == "other"


def test_compare_models__one_table_of_all_settings(finished_run, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(finished_run, other)
    table = tmp_path / "t.csv"
    compare_models(
        [str(finished_run), str(other)], ["first_spike", "leader"], csv=str(table),
        quiet=True,
    )  # fmt: skip
    with table.open() as file:
        rows = [(row["model"], row["policy"]) for row in csv.DictReader(file)]
    name = finished_run.name
    assert rows == [
        (name, "first_spike"), (name, "leader"), ("other", "first_spike"),
        ("other", "leader"),
    ]  # fmt: skip
