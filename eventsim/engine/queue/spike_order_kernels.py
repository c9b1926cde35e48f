"""Spikes into the order of the record: by time, then by neuron."""

from __future__ import annotations

from eventsim.jit import jit

GAP_RATIO = 2.25


@jit()
def sort_spikes(time, code, first, stop):
    """Sort spikes ``first:stop`` in place by time and code (Shell's method).

    Equal entries are the same spike several times, so the result does not depend
    on the order before.
    """
    gap = 1
    while gap * GAP_RATIO + 1 < stop - first:
        gap = int(gap * GAP_RATIO) + 1
    while gap >= 1:
        for k in range(first + gap, stop):
            t, c, at = time[k], code[k], k
            while at >= first + gap:
                other = time[at - gap]
                if other < t or (other == t and code[at - gap] <= c):
                    break
                time[at], code[at] = other, code[at - gap]
                at -= gap
            time[at], code[at] = t, c
        gap = int(gap / GAP_RATIO)


@jit()
def sort_ties(time, code, first, stop):
    """Sort spikes that are in order of time already, but not yet of neuron."""
    start = first
    for k in range(first + 1, stop + 1):
        if k == stop or time[k] != time[start]:
            if k - start > 1:
                sort_spikes(time, code, start, k)
            start = k
