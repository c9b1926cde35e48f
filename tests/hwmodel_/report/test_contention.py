from __future__ import annotations

import json

from hwmodel_.builders import close
from hwmodel_.test_contention import EVENTS, run

from hwmodel.report.contention import contention_dict, contention_text
from hwmodel.report.lines import WIDTH

MEETING = [[(1.0, 1), (1.0, 2)], [(1.5, 1)], []]


def test_contention_dict__survives_json():
    data = json.loads(json.dumps(contention_dict(run(MEETING)), allow_nan=False))
    assert (data["packets"], data["deliveries"], data["hops"]) == (3, 3, 4)
    assert data["latency_s"]["largest_congestion"] == close(40e-6)
    (inference,) = data["inferences"]
    assert inference["last_delivery_s"] == close(15.1e-3)
    link = data["worst_link"]
    assert (link["from"], link["to"], link["packets"]) == ([0, 0], [1, 0], 2)
    silent = contention_dict(run([[], [], []]))
    assert (silent["latency_s"], silent["inferences"]) == (None, [])


def test_contention_text__shows_what_waiting_adds():
    text = contention_text(run(MEETING))
    assert (
        "3 packets of 1 inference on a 3x2 mesh (multicast), sent at the ends" in text
    )
    assert "mean wait for others" in text
    assert "(0, 0) to (1, 0): 2 packets" in text
    assert "24.00%" in text
    assert "note: mesh.buffer of chip canmore is not known" in text
    assert "busiest core       unknown: timing.sop" in text


def test_contention_text__of_events_and_of_silence():
    assert "sent when neurons fire" in contention_text(run(MEETING, EVENTS))
    assert "no packets: nothing travels" in contention_text(run([[], [], []]))


def test_contention_text__says_where_the_estimate_counts():
    alone = [[(1.0, 1)], [], []]
    assert "valid for 1 of 1 inferences; its mean" in contention_text(run(alone))
    volley = contention_text(run([[(1.0, n) for n in (0, 1, 2)] * 9, [], []]))
    assert "valid for none of the inferences" in volley


def test_contention_text__lines_are_broken():
    for text in (contention_text(run(MEETING)), contention_text(run(MEETING, EVENTS))):
        assert max(map(len, text.splitlines())) <= WIDTH
        assert "note: packets are multicast, by default (chip canmore" in text
