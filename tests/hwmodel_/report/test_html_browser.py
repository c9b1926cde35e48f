"""The report in a real browser, headless, from disk."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from hwmodel_.builders import conv_model, two_by_two_model
from hwmodel_.report.played import playback_of

from hwmodel.chip.chip import load_chip
from hwmodel.estimate import estimate_model
from hwmodel.report.html import write_html

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="needs pip install eventsim[browser]"
)
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

    def open_report(estimate, playback=None, **options):
        path = tmp_path / "report.html"
        write_html(estimate, path, "the <i>model</i>", playback)
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_report
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in requests if not url.endswith("/report.html")] == []


def small(chip="canmore"):
    overrides = ["core.neurons=1"]
    return estimate_model(two_by_two_model(), load_chip(chip, overrides), mesh=(2, 2))


def large():
    model = conv_model(np.random.default_rng(0))
    return estimate_model(model, load_chip("truenorth", ["core.neurons=7"]))


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
    page.locator("#cores .table-foot button").click()
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
    page.locator("#quantity").focus()
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
