from __future__ import annotations

import csv
import json
import math
import re
from dataclasses import replace

import pytest
from hwmodel_.builders import close
from hwmodel_.early_exit.exit_reports import REPORT, alone

from hwmodel.early_exit.short_list import short_list
from hwmodel.report.early_exit import exits_dict, exits_text, setting, write_exits


def test_exits_dict__is_json_and_holds_every_point():
    data = json.loads(json.dumps(exits_dict(REPORT), allow_nan=False))
    assert data["n_samples"] == 12
    assert data["readout"] == "spike_count"
    assert data["duration"] == 2.0
    assert [one["chip"] for one in data["chips"]] == ["stepped", "canmore"]
    assert data["not_priced"] == [{"chip": "poor", "error": REPORT.not_priced[0][1]}]
    for one, chip in zip(data["chips"], REPORT.chips, strict=True):
        assert len(one["points"]) == len(chip.points)
        for row, point in zip(one["points"], chip.points, strict=True):
            assert (row["policy"], row["value"]) == (point.policy, point.value)
            terms = row["energy_j"]
            assert terms["total"] == point.mean_energy
            parts = [joules for name, joules in terms.items() if name != "total"]
            assert math.fsum(parts) == close(terms["total"])
            assert row["latency_s"] == point.latency
            assert row["on_front"] == point.is_best
            assert row["on_front_of_all"] == point.is_best_of_all
        curve = one["curve"]
        assert [row["time"] for row in curve] == REPORT.times.tolist()
        assert curve[-1]["energy_j"] == chip.curve_energy[-1]
        assert curve[-1]["accuracy"] == REPORT.accuracy[-1]
        assert curve[-1]["steps"] == 8
    assert data["chips"][0]["curve"][-1]["latency_s"] == chip_seconds()
    assert data["chips"][1]["curve"][-1]["latency_s"] is None


def chip_seconds():
    return REPORT.chips[0].full.latency.seconds


def test_exits_dict__front_is_listed_from_cheap_to_dear():
    front = exits_dict(REPORT)["front"]
    energies = [one["energy_j"] for one in front]
    assert energies == sorted(energies)
    assert {one["chip"] for one in front} == {"stepped"}
    assert len(front) == sum(p.is_best_of_all for p in REPORT.chips[0].points)


def test_exits_dict__names_only_terms_that_have_a_price():
    _, canmore = exits_dict(REPORT)["chips"]
    assert set(canmore["points"][0]["energy_j"]) == {"sop", "hop", "static", "total"}


def test_exits_text__has_a_line_for_each_point_and_says_what_matters():
    text = exits_text(REPORT)
    for chip in REPORT.chips:
        assert f"\n{chip.full.chip.name}: " in text
    # 2 tables of all settings, and the one of the front
    assert text.count("\nfull_run ") == 2
    stepped, canmore = text.split("\ncanmore: ")
    assert "note: packets travel as over an empty mesh" in stepped
    assert "timing.step and timing.hop unknown" in canmore
    assert "paid whole at any time of decision" in canmore
    assert "without a latency in seconds the chip is not on the front" in canmore
    assert "paid whole at any time of decision" not in stepped
    assert "front of all chips" in canmore
    best = [line for line in stepped.splitlines() if " *  " in line]
    assert len(best) == sum(point.is_best for point in REPORT.chips[0].points)
    table = [line for line in stepped.splitlines() if line.count("  ") > 9]
    assert max(map(len, table)) <= 120


def test_exits_text__one_chip_has_no_front_of_all():
    assert "front of all chips  " not in exits_text(alone("stepped"))
    both_untimed = replace(REPORT, chips=2 * alone("canmore").chips)
    assert "none, no chip has a known timing.step" in exits_text(both_untimed)


def test_setting__names_the_parameter():
    names = {setting(point) for point in REPORT.chips[0].points}
    assert {"full_run", "leader", "fixed_time 0.1", "confidence 0.99"} <= names


def test_write_exits__a_line_for_each_chip_and_setting(tmp_path):
    paths = write_exits(tmp_path / "new", REPORT)
    assert [path.name for path in paths] == ["points.csv", "curve.csv"]
    points, curve = (
        list(csv.DictReader(path.read_text().splitlines())) for path in paths
    )
    both = [(c.full.chip.name, p) for c in REPORT.chips for p in c.points]
    assert len(points) == len(both)
    for row, (name, point) in zip(points, both, strict=True):
        assert (row["chip"], row["policy"]) == (name, point.policy)
        assert float(row["energy_j"]) == point.mean_energy
        assert float(row["in_flight_per_inference"]) == point.in_flight
        assert row["value"] == ("" if point.value is None else str(point.value))
    assert len(curve) == 2 * len(REPORT.times)
    assert float(curve[-1]["energy_j"]) == pytest.approx(
        REPORT.chips[1].curve_energy[-1], rel=1e-12
    )


def test_exits_text__short_shows_the_short_list_and_how_to_see_all():
    text = exits_text(REPORT, short=True)
    assert " ".join(text.split()).count("--all prints all") == 1
    assert f"of {len(REPORT.chips[0].points)} settings: " in text
    whole = exits_text(REPORT)
    assert "--all" not in whole
    front = sum(p.is_best_of_all for p in REPORT.chips[0].points)
    shown = [p for p in short_list(REPORT.chips[0].points) if p.is_best_of_all]
    assert f"{len(shown)} of the {front} points of this front" in text
    for chip in REPORT.chips:
        name = f"\n{chip.full.chip.name}: "
        (table,) = re.findall(r"---\n(.*?)\n\n", text.partition(name)[2], re.S)[:1]
        points = short_list(chip.points)
        lines = table.splitlines()
        assert len(lines) == len(points) < len(chip.points)
        for line, point in zip(lines, points, strict=True):
            assert line.startswith(setting(point))
            assert line in whole or point.policy in line


def test_exits_text__what_holds_for_all_chips_is_said_once():
    both = replace(REPORT, chips=2 * alone("canmore").chips)
    for report, times in [(REPORT, 1), (both, 1), (alone("canmore"), 1)]:
        text = " ".join(exits_text(report).split())
        assert text.count("not in the energy law of chip canmore") == times
        assert text.count("packets travel in no time") == times
    # what both say comes after the tables
    assert exits_text(both).rindex("note: ") > exits_text(both).rindex("full_run")
    assert "note: " not in exits_text(both).partition("front of all chips")[0]


def test_exits_text__notes_are_broken_and_tables_are_not():
    lines = exits_text(REPORT).splitlines()
    notes = [k for k, line in enumerate(lines) if line.startswith(("note", "warning"))]
    assert max(len(lines[k]) for k in notes) <= 88


def test_exits_text__warnings_of_all_chips_are_said_once():
    def warned(chip, *warnings):
        return replace(chip, full=replace(chip.full, warnings=warnings))

    first, second = REPORT.chips
    chips = (warned(first, "of both", "of one"), warned(second, "of both"))
    text = exits_text(replace(REPORT, chips=chips))
    assert (text.count("warning: of both"), text.count("warning: of one")) == (1, 1)
    assert text.index("warning: of one") < text.index("\ncanmore: ")
    assert text.index("warning: of both") > text.index("front of all chips  ")
    alone_text = exits_text(replace(REPORT, chips=chips[:1]))
    assert "warning: of both" in alone_text
