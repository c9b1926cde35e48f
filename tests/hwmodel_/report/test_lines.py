from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hwmodel.report.lines import WIDTH, remarks, wrapped

WORDS = st.lists(st.text("abc-/.", min_size=1, max_size=30), min_size=1, max_size=60)


@given(WORDS, st.integers(0, 20))
def test_wrapped__loses_no_word_and_breaks_no_word(words, indent):
    lines = wrapped(" ".join(words), indent, "head: ")
    assert " ".join(lines).split() == ["head:", *words]
    assert max(map(len, lines)) <= WIDTH
    assert all(line.startswith(" " * indent) for line in lines[1:])


def test_wrapped__keeps_a_long_path_whole():
    path = "trace '" + "a/" * 60 + "b.npz'"
    assert path.split()[1] in wrapped(path)


def test_remarks__warnings_come_first_and_each_has_its_name():
    text = remarks(["too large"], ["a " * 60, "short"])
    lines = text.splitlines()
    assert lines[0] == "warning: too large"
    assert lines[1].startswith("note: a a")
    assert lines[2].startswith("  a a")
    assert lines[-1] == "note: short"
    assert remarks([], []) == ""
