"""Every event of a trace on a chip, one by one in plain Python.

Of hwmodel only the mapping is used: which neurons live on which core, and where.
"""

from __future__ import annotations

from hwmodel_ import oracle
from hwmodel_.builders import explicit_layers

from eventsim.topology import AveragePool, Conv2d, Dense


def own_synapses(layer):
    """Pairs (pre, post) with the place of their weight, as a list of triples."""
    topology, weight = layer.topology, layer.weight
    if isinstance(topology, Dense):
        n_in, n_out = topology.weight_shape
        found = [(i, j, (i, j)) for i in range(n_in) for j in range(n_out)]
    elif isinstance(topology, Conv2d):
        found = list(conv_synapses(topology))
    else:
        ends = zip(topology.pre.tolist(), topology.post.tolist(), strict=True)
        found = [(i, j, (s,)) for s, (i, j) in enumerate(ends)]
    return [one for one in found if weight[one[2]] != 0]


def conv_synapses(topology):
    height, width, n_in = topology.input_shape
    out_height, out_width, n_out = topology.output_shape
    for oy in range(out_height):
        for ox in range(out_width):
            for ky in range(topology.kernel[0]):
                for kx in range(topology.kernel[1]):
                    y = oy * topology.stride + ky - topology.padding
                    x = ox * topology.stride + kx - topology.padding
                    if not (0 <= y < height and 0 <= x < width):
                        continue
                    for ci in range(n_in):
                        for co in range(n_out):
                            pre = (y * width + x) * n_in + ci
                            post = (oy * out_width + ox) * n_out + co
                            yield pre, post, (ky, kx, ci, co)


def synapses_of(network, number):
    """(pre, post, place) of layer `number`, seen through an average pool before it."""
    found = own_synapses(network.layers[number - 1])
    before = network.layers[number - 2].topology if number > 1 else None
    if not isinstance(before, AveragePool):
        return found
    inside = oracle.window_matrix(before.input_shape, before.size, before.stride)
    return [
        (i, post, place)
        for i in range(len(inside))
        for window, post, place in found
        if inside[i][window]
    ]


def crosses(grid, link):
    if grid.chip is None:
        return False
    (a, b), (c, d) = link
    width, height = grid.chip
    return (a // width, b // height) != (c // width, d // height)


def events_of(network, trace, mapping, *, casting, port, hop=(0.0, 0.0)):
    """All events: per sample a list of (time, action, amount); mesh only.

    `hop`: network time of a hop along x and along y. What comes after the end of the
    run comes at its end.
    """
    events = [[] for _ in range(trace.n_samples)]
    place = list(zip(mapping.x.tolist(), mapping.y.tolist(), strict=True))
    numbers = [n for n, _ in network.spiking_layers]
    for k, (_, source, owner) in enumerate(explicit_layers(network, mapping)):
        core_of = mapping.partition.layers[k].core_of_neuron.tolist()
        layer = network.layers[numbers[k] - 1]
        axonal = network.layers[source - 1].delay if source else None
        copies = mapping.partition.layers[k].copies
        most = mapping.partition.target_cores if k else None
        outgoing = {}
        for pre, post, at in synapses_of(network, numbers[k]):
            later = 0.0 if layer.synaptic_delay is None else layer.synaptic_delay[at]
            often = 1 if copies is None else int(copies[post])
            outgoing.setdefault(pre, []).append((core_of[post], later, often))
        fired = trace.trains[numbers[k]]
        for b, time, neuron in listed(fired):
            often = 1 if copies is None else int(copies[neuron])
            events[b].append((time, "spike", often))
        train = trace.trains[source]
        for b, time, pre in listed(train):
            if pre not in outgoing:
                continue
            leave = time + (0.0 if axonal is None else axonal[pre % len(axonal)])
            cores = sorted({core for core, _, _ in outgoing[pre]})
            start = place[owner[pre]] if owner[pre] >= 0 else port
            ways = {core: oracle.walk(start, place[core]) for core in cores}
            links = [link for core in cores for link in ways[core]]
            packets = len(cores)
            if casting == "multicast":
                most_here = most or len(cores)
                shares = [
                    cores[i : i + most_here] for i in range(0, len(cores), most_here)
                ]
                trees = [
                    {link for core in one for link in ways[core]} for one in shares
                ]
                links, packets = [link for tree in trees for link in tree], len(shares)
            paid = {
                "axon_out": packets if k else 0,
                "router": packets + len(links),
                "hop": sum(a[1] == b_[1] for a, b_ in links),
                "hop_y": sum(a[1] != b_[1] for a, b_ in links),
                "chip_crossing": sum(crosses(mapping.grid, link) for link in links),
                "sent": len(cores),
            }
            events[b] += [(leave, name, n) for name, n in paid.items()]
            travel = {
                core: sum(hop[a[1] != b_[1]] for a, b_ in way)
                for core, way in ways.items()
            }
            events[b] += [(leave + travel[core], "axon_in", 1) for core in cores]
            for core, later, often in outgoing[pre]:
                events[b].append((leave + later + travel[core], "sop", often))
    end = trace.duration
    return [[(min(t, end), *rest) for t, *rest in sample] for sample in events]


def listed(train):
    columns = train.sample.tolist(), train.time.tolist(), train.neuron.tolist()
    return zip(*columns, strict=True)


def counted(events, t, name):
    """How much of something one sample has had until t, events at t included."""
    return sum(amount for time, what, amount in events if what == name and time <= t)
