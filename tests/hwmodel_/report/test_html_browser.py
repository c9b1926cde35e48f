"""The report in a real browser, headless, from disk."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hwmodel_.builders import conv_model, dense_model, make_model, two_by_two_model
from hwmodel_.report.played import playback_of

from hwmodel.chip.chip import load_chip
from hwmodel.estimate import estimate_model
from hwmodel.report.html import write_html

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="needs pip install eventsim[browser]"
)
NARROW = {"width": 400, "height": 800}
HOSTILE = "'\"</script><img src=x onerror=alert(1)>&lt;" + 300 * "long"
# Contrast of every text that is seen to the nearest background behind it, by WCAG 2.
CONTRASTS = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = channels(colour).slice(0, 3).map((v) => v / 255).map(
      (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const solid = (e) => {
    const colour = getComputedStyle(e).backgroundColor;
    const seen = channels(colour)[3] !== 0 || !e.parentElement;
    return seen ? colour : solid(e.parentElement);
  };
  const texts = [...document.body.querySelectorAll("*")].filter((e) =>
    e.checkVisibility() && !e.disabled &&
    [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()));
  return texts.map((e) => {
    const pair = [light(getComputedStyle(e).color), light(solid(e))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    return [ratio, e.outerHTML.slice(0, 80)];
  });
}"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser():
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=path, args=["--no-sandbox"] if root else []
            )
        except sync_api.Error as error:
            pytest.skip(
                "no browser: install Chromium, or run 'playwright install chromium' "
                f"({str(error).splitlines()[0]})"
            )
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Open a report; afterwards there were no complaints and no requests."""
    complaints, requests, contexts = [], [], []

    def open_report(estimate, playback=None, no_playback=None, **options):
        path = tmp_path / "report.html"
        write_html(estimate, path, "the <i>model</i>", playback, no_playback)
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_report
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in requests if not url.endswith("/report.html")] == []


@cache
def small():
    chip = load_chip("canmore", ["core.neurons=1"])
    return estimate_model(two_by_two_model(), chip, mesh=(2, 2))


@cache
def large():
    model = conv_model(np.random.default_rng(0))
    return estimate_model(model, load_chip("truenorth", ["core.neurons=7"]))


@cache
def copied():
    chip = load_chip("canmore", ["core.neurons=9", "core.target_cores=1"])
    model = dense_model([6, 7, 20], np.random.default_rng(0), 0.0)
    return estimate_model(model, chip)


def column(page, table, title):
    """Texts of a column, without the total."""
    heads = page.locator(f"#{table} thead th").all_inner_texts()
    i = next(i for i, head in enumerate(heads) if head.strip() == title)
    return page.locator(f"#{table} tbody tr td:nth-child({i + 1})").all_inner_texts()


def head(page, table, title):
    return page.locator(f"#{table} thead th", has_text=title).first


def shown(page):
    """The inspector as {name: text}, with its head under 'title'."""
    box = page.locator("#inspector")
    names, texts = box.locator("dt").all_inner_texts(), box.locator("dd")
    return {
        "title": box.locator("h3").inner_text(),
        **dict(zip(names, texts.all_inner_texts(), strict=True)),
    }


def test_report__opens_from_disk_and_says_what_it_costs(opened):
    page = opened(small())
    assert page.locator("h1").inner_text() == "the <i>model</i>"
    assert "3.52 µJ" in page.locator("#tiles").inner_text()
    assert page.locator("#subtitle").inner_text().startswith("on canmore, multicast")
    assert "no latency" in page.locator("#notes").inner_text()
    assert page.locator("#playback").is_hidden()


def test_report__copies_of_neurons_have_a_column_where_there_are_any(opened):
    page = opened(copied())
    of_core = copied().mapping.partition.copies_per_core.tolist()
    assert [int(n) for n in column(page, "cores", "copies")] == of_core
    core = of_core.index(max(of_core))
    page.locator("#cores tbody tr").nth(core).click()
    assert shown(page)["copies of neurons"] == str(of_core[core])
    heads = opened(small()).locator("#cores thead th").all_inner_texts()
    assert "copies" not in [head.strip() for head in heads]


def test_table__a_click_sorts_and_another_one_turns_it(opened):
    page = opened(large())
    before = column(page, "cores", "SOPs")
    head(page, "cores", "SOPs").locator("button").click()
    numbers = [float(text) for text in column(page, "cores", "SOPs")]
    assert head(page, "cores", "SOPs").get_attribute("aria-sort") == "descending"
    assert numbers == sorted(numbers, reverse=True)
    assert numbers != [float(text) for text in before]
    head(page, "cores", "SOPs").locator("button").click()
    numbers = [float(text) for text in column(page, "cores", "SOPs")]
    assert head(page, "cores", "SOPs").get_attribute("aria-sort") == "ascending"
    assert numbers == sorted(numbers)


def test_table__the_keyboard_sorts_too(opened):
    page = opened(large())
    head(page, "layers", "layer").locator("button").focus()
    page.keyboard.press("Enter")
    names = column(page, "layers", "layer")
    assert head(page, "layers", "layer").get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Space")
    assert column(page, "layers", "layer") == names[::-1]


def test_table__long_ones_show_all_when_asked(opened):
    page = opened(large())
    n_cores = large().mapping.partition.n_cores
    assert n_cores > 25
    assert len(column(page, "cores", "SOPs")) == 25
    page.locator("#cores").get_by_text("Show all").click()
    assert len(column(page, "cores", "SOPs")) == n_cores


def test_map__hovering_a_core_or_a_link_shows_it(opened):
    page = opened(small())
    box = page.locator("#map").bounding_box()
    cell = box["height"] / 2
    first = (box["x"] + 0.7 * cell, box["y"] + 0.5 * cell)
    page.mouse.move(*first)
    facts = shown(page)
    assert facts["title"] == "Core 0"
    assert facts["layer"] == "layer_1 (dense)"
    assert (facts["neurons"], facts["spikes"], facts["SOPs"]) == ("1", "1", "2")
    assert facts["energy"] == "40 pJ"
    page.mouse.move(first[0] + 0.5 * cell, first[1] + 0.15 * cell)
    facts = shown(page)
    assert (facts["title"], facts["from"], facts["to"]) == ("Link", "(0, 0)", "(1, 0)")
    assert (facts["packets"], facts["energy"]) == ("1", "100 pJ")
    page.mouse.move(0, 0)
    assert shown(page)["title"] == "Nothing chosen"


def test_map__arrow_keys_walk_over_the_cores(opened):
    page = opened(small())
    page.locator("#larger").focus()
    page.keyboard.press("Tab")
    visited = [shown(page)["title"]]
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft", "Home", "End"):
        page.keyboard.press(key)
        visited.append(shown(page)["title"][-1])
    assert visited == ["Core 0", "1", "3", "3", "2", "0", "3"]
    page.keyboard.press("Escape")
    assert shown(page)["title"] == "Nothing chosen"


def test_map__a_row_of_the_table_is_found_on_it(opened):
    page = opened(small())
    page.locator("#cores tbody tr").nth(2).click()
    assert shown(page)["place"] == "(0, 1)"
    page.locator("#links tbody tr").nth(0).click()
    assert shown(page)["title"] == "Link"


def test_map__every_quantity_has_its_legend_and_colours(opened):
    page = opened(small())
    pictures = set()
    for name, range_text in [
        ("sops", "0 – 2"),
        ("spikes", "0 – 1"),
        ("joules", "0 J – 40 pJ"),
        ("layer", ""),
    ]:
        page.locator("#quantity").select_option(name)
        assert page.locator("#core-range").inner_text() == range_text
        pictures.add(page.evaluate("document.getElementById('map').toDataURL()"))
    assert len(pictures) >= 3


def test_playback__the_slider_plays_the_traffic(opened):
    estimate = small()
    playback = playback_of(estimate, 5)
    page = opened(estimate, playback)
    page.locator("#cores tbody tr").nth(1).click()
    assert "spikes now" not in shown(page)
    slider = page.locator("#time")
    assert slider.get_attribute("max") == "4"
    for i in (3, 1):
        slider.fill(str(i))
        assert shown(page)["spikes now"] == str(playback.core_spikes[i, 1])
    assert page.locator("#time-text").inner_text() == "1 ms to 2 ms"
    assert slider.get_attribute("aria-valuetext") == "1 ms to 2 ms"
    page.locator("#play").click()
    sync_api.expect(page.locator("#play")).to_have_text("Pause")
    sync_api.expect(page.locator("#play")).to_have_text("Play")
    assert page.locator("#time-text").inner_text() == "4 ms to 5 ms"
    page.locator("#whole").click()
    assert "spikes now" not in shown(page)


def choose(page, select, value):
    page.locator(select).select_option(value)


def overflow(page):
    """How far the page and each table are wider than what is seen of them, in px."""
    return page.evaluate(
        "[document.documentElement, ...document.querySelectorAll('.scroll')]"
        ".map((e) => e.scrollWidth - e.clientWidth)"
    )


@pytest.mark.parametrize("size", [NARROW, {"width": 1280, "height": 800}])
def test_tables__main_columns_fit_the_screen(opened, size):
    page = opened(large(), viewport=size)
    assert overflow(page) == [0, 0, 0, 0, 0]


def test_table__all_columns_are_there_when_asked_and_the_first_stays(opened):
    page = opened(large(), viewport=NARROW)
    assert head(page, "layers", "synapses").is_hidden()
    assert head(page, "layers", "hops in").is_hidden()
    page.locator("#layers").get_by_text("All columns").click()
    assert head(page, "layers", "synapses").is_visible()
    first = page.locator("#layers tbody td").first
    last = page.locator("#layers tbody tr").first.locator("td").last
    before = first.bounding_box()["x"], last.bounding_box()["x"]
    page.locator("#layers .scroll").focus()
    page.locator("#layers .scroll").evaluate("(e) => e.scrollTo(200, 0)")
    after = first.bounding_box()["x"], last.bounding_box()["x"]
    assert after == (before[0], before[1] - 200)
    page.locator("#layers").get_by_text("Main columns").click()
    assert head(page, "layers", "synapses").is_hidden()


def test_table__the_keyboard_finds_a_core_on_the_map(opened):
    page = opened(small())
    page.locator("#cores tbody button").nth(2).focus()
    page.keyboard.press("Enter")
    assert shown(page)["title"] == "Core 2"
    current = page.locator("#cores tbody tr[aria-current]")
    assert current.locator("td").first.inner_text() == "2"
    page.keyboard.press("Home")  # the map has the focus now
    assert current.locator("td").first.inner_text() == "0"
    page.locator("#links tbody button").nth(1).focus()
    page.keyboard.press("Space")
    assert shown(page)["title"] == "Link"
    assert current.count() == 0
    assert page.locator("#links tbody tr[aria-current]").count() == 1


def test_map__shows_the_used_part_or_the_whole_mesh(opened):
    model = two_by_two_model()
    chip = load_chip("canmore", ["core.neurons=1"])
    page = opened(estimate_model(model, chip, mesh=(8, 40)))
    canvas = page.locator("#map")
    used = canvas.bounding_box()
    choose(page, "#extent", "whole")
    whole = canvas.bounding_box()
    # A cell a router, and a quarter of one across for the triangle of the input.
    shape = whole["height"] / whole["width"]
    assert shape == pytest.approx(40 / 8.25, rel=0.01)
    assert used["height"] / used["width"] < 1
    cell = whole["height"] / 40
    page.mouse.move(whole["x"] + 0.7 * cell, whole["y"] + 0.5 * cell)
    assert shown(page)["title"] == "Core 0"
    choose(page, "#extent", "used")
    assert canvas.bounding_box() == used


def test_map__a_mesh_that_is_all_used_has_no_choice(opened):
    assert opened(small()).locator("#extent").is_hidden()


def test_map__zooms_and_keeps_what_is_picked_in_sight(opened):
    page = opened(large(), viewport=NARROW)
    canvas = page.locator("#map")
    width = canvas.bounding_box()["width"]
    page.locator("#larger").click()
    assert canvas.bounding_box()["width"] == pytest.approx(1.5 * width, rel=0.01)
    canvas.focus()
    for key in ("+", "+", "End"):
        page.keyboard.press(key)
    frame = page.locator(".map-view").bounding_box()
    cursor = page.locator("#cursor").bounding_box()
    assert canvas.bounding_box()["width"] > frame["width"]
    assert frame["x"] <= cursor["x"] + 1
    assert cursor["x"] + cursor["width"] <= frame["x"] + frame["width"] + 1
    for _ in range(9):
        page.keyboard.press("-")
    assert canvas.bounding_box()["width"] == width
    page.keyboard.press("+")  # as many steps back as forth
    assert canvas.bounding_box()["width"] == pytest.approx(1.5 * width, rel=0.01)


def test_map__layers_have_a_key_of_their_colours(opened):
    page = opened(large())
    assert page.locator("#layer-key").is_hidden()
    choose(page, "#quantity", "layer")
    numbers = page.locator("#layer-key span").all_inner_texts()
    assert numbers == [str(layer.number) for layer in large().workload.layers]


def test_playback__a_report_without_says_why(opened):
    text = opened(small()).locator("#no-playback").inner_text()
    assert text.startswith("No playback: ")
    assert "--trace" in text
    page = opened(small(), no_playback="the <b>clock</b> is unknown")
    assert page.locator("#no-playback").inner_text() == (
        "No playback: the <b>clock</b> is unknown."
    )
    page = opened(small(), playback_of(small(), 2))
    assert page.locator("#no-playback").is_hidden()


@pytest.mark.parametrize("size", [NARROW, {"width": 1280, "height": 800}])
def test_report__long_and_hostile_names_are_text_and_break_nothing(opened, size):
    network = two_by_two_model().network
    layers = tuple(replace(layer, name=HOSTILE) for layer in network.layers)
    network = replace(network, layers=layers)
    model = make_model(network, [[4, 6], [2], [1, 0, 1]], 2, note=HOSTILE)
    chip = load_chip("canmore", ["core.neurons=1"])
    page = opened(estimate_model(model, chip, mesh=(2, 2)), viewport=size)
    assert page.locator("#layers tbody td").first.inner_text() == HOSTILE
    page.locator("#cores tbody button").first.click()
    assert shown(page)["layer"] == HOSTILE
    assert HOSTILE in page.locator("#provenance dd").all_inner_texts()
    assert page.locator("img").count() == 0
    assert overflow(page) == [0, 0, 0, 0, 0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_report__every_text_can_be_read(opened, scheme):
    page = opened(large(), playback_of(large(), 3), color_scheme=scheme)
    choose(page, "#quantity", "layer")
    page.locator("#cores tbody button").first.click()
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 200
    assert [found for found in contrasts if found[0] < 4.5] == []


def test_report__has_a_dark_scheme(opened):
    light, dark = (
        opened(small(), color_scheme=scheme).evaluate(
            "[getComputedStyle(document.body).backgroundColor,"
            " document.getElementById('map').toDataURL()]"
        )
        for scheme in ("light", "dark")
    )
    assert light[0] == "rgb(255, 255, 255)"
    assert light[0] != dark[0]
    assert light[1] != dark[1]
