"""The rules of the mesh, done slowly: every port looked at in every round.

Imports nothing of eventsim or hwmodel. Times are whole numbers of any unit. A place is
(x, y) of a router, or (x, y, k) for local port k of it.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from dataclasses import dataclass, field
from itertools import count

from hwmodel_.oracle import walk

CORE = "core"


@dataclass
class Visit:
    """A packet in an input buffer: since when, and where it still has to go."""

    packet: int
    arrived: int
    remaining: set


@dataclass
class Outcome:
    delivery: dict = field(default_factory=dict)
    """(packet, target) -> time."""
    crossed: dict = field(default_factory=lambda: defaultdict(int))
    """link -> packets."""
    most_waiting: dict = field(default_factory=lambda: defaultdict(int))
    """link, or ((CORE, *k), (x, y)) -> packets."""


def next_places(source, targets):
    """Where a packet goes from each router of its tree; (CORE, *k) where it leaves."""
    onward = defaultdict(set)
    for target in targets:
        for here, there in walk(source[:2], target[:2]):
            onward[here].add(there)
        onward[target[:2]].add((CORE, *target[2:]))
    return onward


def run(packets, hop_x, hop_y, service, room, injection, ejection):
    """Deliver packets, each (time, source, targets); every local port for itself.

    `room` is the capacity of a buffer, None for no limit.
    """
    outcome = Outcome()
    onward = [next_places(source, targets) for _, source, targets in packets]
    buffers, slots, free_at = defaultdict(deque), defaultdict(int), defaultdict(int)
    calendar, serial = [], count()  # a link of None only wakes

    def plan(time, number, link):
        """Links keep the order in which packets were sent."""
        heapq.heappush(calendar, (time, next(serial), number, link))

    core_free = defaultdict(int)
    for number, (time, source, _) in enumerate(packets):
        core_free[source] = max(core_free[source], time) + injection
        plan(core_free[source], number, ((CORE, *source[2:]), source[:2]))

    def wish_list():
        """For each output port, who stands in front of a buffer and wants it."""
        wishes = defaultdict(list)
        for link, queue in buffers.items():
            if queue:
                for there in queue[0].remaining:
                    wishes[link[1], there].append((queue[0], link))
        return wishes

    def moves_of_a_round(now):
        moves = []
        for port, wishes in wish_list().items():
            has_room = port[1][0] == CORE or room is None or slots[port] < room
            if free_at[port] <= now and has_room:
                first = min(wishes, key=lambda w: (w[0].arrived, w[0].packet))
                moves.append((port, *first))
        return moves

    def do(now, port, visit, link):
        here, there = port
        visit.remaining.remove(there)
        if there[0] == CORE:
            outcome.delivery[visit.packet, (*here, *there[1:])] = now + ejection
            occupied = ejection
        else:
            outcome.crossed[port] += 1
            slots[port] += 1
            hop = hop_x if here[1] == there[1] else hop_y
            plan(now + hop, visit.packet, port)
            occupied = service
        free_at[port] = now + occupied
        plan(now + occupied, None, None)
        if not visit.remaining:
            buffers[link].popleft()
            slots[link] -= 1

    while calendar:
        now = calendar[0][0]
        while calendar and calendar[0][0] == now:
            _, _, number, link = heapq.heappop(calendar)
            if link is not None:
                remaining = set(onward[number][link[1]])
                buffers[link].append(Visit(number, now, remaining))
        while moves := moves_of_a_round(now):
            for one in moves:
                do(now, *one)
        for link, queue in buffers.items():
            outcome.most_waiting[link] = max(outcome.most_waiting[link], len(queue))
    return outcome
