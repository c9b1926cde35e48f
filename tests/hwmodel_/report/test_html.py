from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hwmodel_.builders import (
    close,
    conv_model,
    made_up_trace,
    make_model,
    two_by_two_model,
    write_trace,
)
from hwmodel_.report.played import playback_of

from eventsim.errors import RunError
from eventsim.model_file import write_model
from hwmodel.chip.chip import load_chip
from hwmodel.cli import commands
from hwmodel.errors import WorkloadError
from hwmodel.estimate import estimate_model, estimate_workload
from hwmodel.playback import Playback
from hwmodel.report.html import html_page, write_html
from hwmodel.report.text import to_dict
from hwmodel.workload.declared import read_declared

VGG16 = Path(__file__).parents[3] / "examples" / "workloads" / "vgg16_cifar10.yaml"
VOID = {"meta", "link", "input", "br", "hr", "img"}
HOSTILE = "</script><img src=x onerror=alert(1)><!--"


class Reader(HTMLParser):
    """Checks that elements close in order; keeps the scripts and addresses."""

    def __init__(self):
        super().__init__()
        self.open, self.scripts, self.addresses, self.titles = [], [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append((dict(attrs), ""))
        self.addresses += [v for k, v in attrs if k in {"src", "href", "action"}]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        if self.open and self.open[-1] == "h1":
            self.titles.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    (attributes, text), (script_attributes, script) = reader.scripts
    assert attributes == {"type": "application/json", "id": "data"}
    assert script_attributes == {}
    return reader, json.loads(text), script


def example(model=None, **options):
    chip = load_chip("canmore", ["core.neurons=1"])
    return estimate_model(model or two_by_two_model(), chip, mesh=(2, 2), **options)


def test_html_page__is_balanced_and_loads_nothing():
    page = html_page(example(), "two by two")
    reader, _, script = read(page)
    assert reader.addresses == ["data:,"]
    assert reader.titles == ["two by two"]
    addresses = re.findall(r"(?:https?:)?//[a-z][^\s\"']*", page.split("<script>")[0])
    assert addresses == []
    assert set(re.findall(r"https?://[^\s\"']*", script)) == {
        "http://www.w3.org/2000/svg"  # the name of a language, not an address
    }
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|\bimport\b", page)
    assert "default-src 'none'" in page


def test_html_page__holds_the_estimate_as_json_has_it():
    estimate = example()
    _, data, _ = read(html_page(estimate, "t"))
    assert data["estimate"] == json.loads(json.dumps(to_dict(estimate)))
    assert data["playback"] is None
    assert data["core_energy_j"] == close([40e-12, 20e-12, 20e-12, 20e-12])
    assert data["core_layer"] == [0, 1, 1, 1]
    assert sum(data["link_energy_j"]) == close(estimate.energy.hop)


@pytest.mark.parametrize("casting", ["multicast", "unicast"])
def test_html_page__every_link_has_its_step(casting):
    chip = load_chip("spinnaker", ["core.neurons=7", "mesh.cores_per_router=4"])
    estimate = estimate_model(
        conv_model(np.random.default_rng(0)), chip, casting=casting, mesh=(4, 3)
    )
    _, data, _ = read(html_page(estimate, "t"))
    links = data["estimate"]["links"]
    assert len(links) == len(data["link_steps"]) == len(data["link_energy_j"]) > 0
    for link, (dx, dy) in zip(links, data["link_steps"], strict=True):
        (x, y), end = link["from"], link["to"]
        assert [(x + dx) % 4, (y + dy) % 3] == end


def test_html_page__hostile_names_stay_text():
    network = two_by_two_model().network
    first, last = network.layers
    network = replace(network, layers=(replace(first, name=HOSTILE), last))
    model = make_model(network, [[4, 6], [2], [1, 0, 1]], 2, note=HOSTILE)
    page = html_page(example(model), HOSTILE)
    reader, data, _ = read(page)
    assert data["estimate"]["layers"][0]["name"] == HOSTILE
    assert data["estimate"]["model"]["note"] == HOSTILE
    assert "".join(reader.titles) == HOSTILE
    assert page.count("</script>") == 2
    assert "<img" not in page


def test_html_page__holds_the_playback():
    estimate = example()
    playback = playback_of(estimate, 5)
    _, data, _ = read(html_page(estimate, "t", playback))
    assert data["playback"]["bin_edges_s"] == playback.bin_edges_s.tolist()
    assert data["playback"]["core_spikes"] == playback.core_spikes.tolist()
    assert data["playback"]["link_packets"] == playback.link_packets.tolist()


@pytest.mark.parametrize(
    ("edges", "cores", "links", "message"),
    [
        ([0.0, 1.0], (1, 3), (1, 3), r"core_spikes has shape \(1, 3\); expected \(1,"),
        ([0.0, 1.0], (1, 4), (2, 3), r"link_packets has shape \(2, 3\); expected"),
        ([0.0, 0.0], (1, 4), (1, 3), "expected at least two, increasing"),
        ([0.0], (0, 4), (0, 3), "expected at least two, increasing"),
        ([0.0, float("nan")], (1, 4), (1, 3), "expected at least two, increasing"),
    ],
)
def test_html_page__refuses_a_playback_of_something_else(edges, cores, links, message):
    playback = Playback(np.array(edges), np.zeros(cores), np.zeros(links))
    with pytest.raises(WorkloadError, match=message):
        html_page(example(), "t", playback)


def test_html_page__says_why_there_is_nothing_to_play():
    _, data, _ = read(html_page(example(), "t"))
    assert "needs a trace" in data["no_playback"]
    _, data, _ = read(html_page(example(), "t", no_playback=HOSTILE))
    assert data["no_playback"] == HOSTILE
    estimate = estimate_workload(read_declared(VGG16), load_chip("truenorth"))
    _, data, _ = read(html_page(estimate, "t"))
    assert "declared" in data["no_playback"]


def test_estimate__a_trace_that_cannot_be_played_is_named_in_the_report(tmp_path):
    model = two_by_two_model()
    write_model(tmp_path / "model.h5", model)
    trace = made_up_trace(model.network, np.random.default_rng(0))
    write_trace(tmp_path / "t.npz", model.network, trace)
    arguments = ["estimate", tmp_path / "model.h5", "--chip", "canmore"]
    arguments += ["--trace", tmp_path / "t.npz", "--html", tmp_path / "r.html"]
    result = CliRunner().invoke(commands, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    _, data, _ = read((tmp_path / "r.html").read_text("utf-8"))
    assert data["playback"] is None
    assert "timing.step" in data["no_playback"]
    assert data["no_playback"] in result.stderr


def test_html_page__is_small_for_a_large_network():
    chip = load_chip("truenorth", ["core.neurons=292"])
    estimate = estimate_workload(read_declared(VGG16), chip)
    assert estimate.mapping.partition.n_cores > 1000
    page = html_page(estimate, "t", playback_of(estimate, 50))
    plain = html_page(estimate, "t")
    assert len(plain.encode()) < 0.5 * 2**20
    assert len(page.encode()) < 2**20


def test_write_html__a_file_in_the_way_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(RunError, match="cannot write"):
        write_html(example(), tmp_path / "file" / "report.html", "t")


def test_page_parts__no_script_can_end_its_element():
    for part in (resources.files("hwmodel.report") / "page").iterdir():
        if part.name.endswith(".js"):
            assert "</script" not in part.read_text("utf-8")
            assert "innerHTML" not in part.read_text("utf-8")


def test_estimate__writes_the_report(tmp_path):
    write_model(tmp_path / "model.h5", two_by_two_model())
    target = tmp_path / "new" / "report.html"
    arguments = ["estimate", tmp_path / "model.h5", "--chip", "canmore", "--json"]
    arguments += ["--html", target]
    result = CliRunner().invoke(commands, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    reader, data, _ = read(target.read_text("utf-8"))
    assert data["estimate"] == json.loads(result.stdout)
    assert reader.titles == ["model.h5"]
