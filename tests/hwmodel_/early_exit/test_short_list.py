from __future__ import annotations

from dataclasses import replace

from hwmodel_.early_exit.exit_reports import REPORT
from hypothesis import given
from hypothesis import strategies as st

from hwmodel.early_exit.short_list import short_list

FULL = REPORT.chips[0].points[0]
N = 400  # samples: 0.5 % are two of them


def setting(policy, n_right, energy):
    return replace(FULL, policy=policy, accuracy=n_right / N, mean_energy=energy)


def test_short_list__by_hand():
    points = [
        setting("full_run", 390, 9.0),
        setting("leader", 380, 2.0),
        setting("margin", 387, 3.0),  # 0.75 % less
        setting("margin", 388, 4.0),  # 0.5 % less
        setting("margin", 390, 5.0),
        setting("margin", 391, 5.0),  # costs the same and is right more often
        setting("margin", 392, 6.0),
        setting("fixed_time", 100, 1.0),
        setting("fixed_time", 200, 7.0),
        setting("fixed_time", 200, 6.0),
    ]
    assert short_list(points) == [points[i] for i in (0, 1, 3, 5, 9)]


SETTINGS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(380, 400), st.integers(1, 6)),
    min_size=1,
    max_size=25,
)


@given(st.integers(385, 400), SETTINGS)
def test_short_list__nothing_cheaper_is_as_right(of_full, drawn):
    points = [setting("full_run", of_full, 9.0), *(setting(*one) for one in drawn)]
    shown = short_list(points)
    assert shown[0] is points[0]
    places = [next(i for i, p in enumerate(points) if p is one) for one in shown]
    assert places == sorted(set(places))
    for policy in {one[0] for one in drawn}:
        own = [one[1:] for one in drawn if one[0] == policy]
        found = {
            (round(p.accuracy * N), p.mean_energy) for p in shown if p.policy == policy
        }
        expected = set()
        for least in (of_full, of_full - 2):
            good = [one for one in own if one[0] >= least]
            if good:
                cost = min(energy for _, energy in good)
                expected.add((max(n for n, e in good if e == cost), cost))
        if not expected:
            best = max(n for n, _ in own)
            expected = {(best, min(e for n, e in own if n == best))}
        assert found == expected
