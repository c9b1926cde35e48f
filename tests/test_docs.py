"""What the documentation shows is true: configs, commands, scripts, names of tests."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import runpy
import shlex
import shutil
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from eventsim.cli import cli as eventsim_commands
from eventsim.config import load_config, parse_config
from eventsim.config.study_loading import load_study, study_cases
from eventsim.model_file import read_model
from hwmodel.cli import commands as hwmodel_commands

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *(p for p in sorted(DOCS.rglob("*.md")) if "_build" not in p.parts),
]
GROUPS = {"eventsim": eventsim_commands, "hwmodel": hwmodel_commands}
MARKED_STUDY = re.compile(r"^<!-- study -->\n```yaml\n(.*?)^```", re.M | re.S)
MARKED_CONFIG = re.compile(r"^<!-- config -->\n```yaml\n(.*?)^```", re.M | re.S)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
SHOWN = re.compile(r"^```(?:console|sh|text)\n(.*?)^```", re.M | re.S)


def commands_of(page: Path) -> list[str]:
    """Return each ``eventsim`` or ``hwmodel`` command line shown on a page."""
    found = []
    for block in SHOWN.findall(page.read_text("utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            for part in line.removeprefix("$ ").split("&&"):
                text = part.partition("#")[0].partition(">")[0].strip()
                is_command = text.split(" ")[0] in GROUPS
                if is_command and (line.startswith("$ ") or "$ " not in block):
                    found.append(text)
    return found


def imports_of(page: Path) -> list[tuple[str, str]]:
    """Return module and name of everything that Python blocks take from us.

    A plain ``import`` has no name. A block that is no Python fails.
    """
    found = []
    for block in PYTHON.findall(page.read_text("utf-8")):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                assert node.module is not None
                found += [(node.module, alias.name) for alias in node.names]
            elif isinstance(node, ast.Import):
                found += [(alias.name, "") for alias in node.names]
    return [(module, name) for module, name in found if module.split(".")[0] in GROUPS]


CONFIGS = [
    pytest.param(text, id=f"{page.stem}-{k}")
    for page in PAGES
    for k, text in enumerate(MARKED_CONFIG.findall(page.read_text("utf-8")))
]
STUDIES = [
    pytest.param(text, id=f"{page.stem}-{k}")
    for page in PAGES
    for k, text in enumerate(MARKED_STUDY.findall(page.read_text("utf-8")))
]
IMPORTS = [
    pytest.param(module, name, id=f"{page.stem}: {module}.{name}")
    for page in PAGES
    for module, name in dict.fromkeys(imports_of(page))
]
COMMANDS = [
    pytest.param(text, id=f"{page.stem}: {text[:60]}")
    for page in PAGES
    for text in dict.fromkeys(commands_of(page))
]


def parse(group: click.Group, arguments: list[str]) -> click.Context:
    """Parse a command line without running it; click raises on what is wrong."""
    name, *rest = arguments
    parent = click.Context(group, **group.context_settings)
    command = group.get_command(parent, name)
    assert command is not None, f"there is no command '{name}'"
    return command.make_context(name, rest, parent=parent)


@pytest.mark.parametrize("text", CONFIGS)
def test_config__marked_blocks_are_whole_configs(text):
    assert parse_config(text).name


@pytest.mark.parametrize("text", STUDIES)
def test_study__marked_blocks_are_whole_studies(text, tmp_path):
    for example in (ROOT / "examples").glob("*.yaml"):
        shutil.copy(example, tmp_path)
    path = tmp_path / "study.yaml"
    path.write_text(text, "utf-8")
    assert study_cases(path, load_study(path))


@pytest.mark.parametrize("line", COMMANDS)
def test_command__shown_lines_parse_and_name_real_files(line):
    program, *arguments = shlex.split(line)
    context = parse(GROUPS[program], arguments)
    for key in ("config", "path"):
        value = context.params.get(key)
        if value is not None and value.startswith("examples/"):
            assert (ROOT / value).is_file()


@pytest.mark.parametrize("line", [c for c in COMMANDS if "--set" in c.values[0]])
def test_command__overrides_fit_the_example(line):
    program, *arguments = shlex.split(line)
    params = parse(GROUPS[program], arguments).params
    path = params.get("config")
    if program == "eventsim" and path is not None and "epoch=5" not in line:
        overrides = list(params["overrides"])
        if "seeds" in params:
            study = load_study(ROOT / path)
            assert study_cases(ROOT / path, study, overrides)
        else:
            assert load_config(ROOT / path, overrides).name


@pytest.mark.parametrize(("module", "name"), IMPORTS)
def test_python__imports_what_exists(module, name):
    found = importlib.import_module(module)
    assert not name or hasattr(found, name) or importlib.util.find_spec(
        f"{module}.{name}"
    )  # fmt: skip


def test_imports__are_found():
    assert len(IMPORTS) > 15


def test_commands__are_found():
    programs = {c.values[0].split()[0] for c in COMMANDS}
    assert programs == set(GROUPS)
    assert len(COMMANDS) > 20
    assert len(CONFIGS) >= 3
    assert len(STUDIES) >= 2


def test_own_config__shows_the_message_of_a_typo(monkeypatch):
    monkeypatch.chdir(ROOT)
    text = (DOCS / "how-to/own-config.md").read_text("utf-8")
    (shown,) = re.findall(r"^error: (config .*)$", text, re.M)
    with pytest.raises(ValueError, match=r"unknown key") as caught:
        load_config("examples/yinyang_ttfs.yaml", ["training.epoch=5"])
    assert str(caught.value) == shown


def test_model_file__script_writes_a_model_that_hwmodel_prices(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(DOCS / "reference/write_model.py"))
    model = read_model("by_hand.h5")
    assert [layer.topology.kind for layer in model.network.layers] == [
        "conv2d",
        "pool",
        "dense",
    ]
    assert model.activity is not None
    assert model.activity.decision_time == model.network.duration
    result = CliRunner().invoke(
        hwmodel_commands, ["estimate", "by_hand.h5", "--chip", "truenorth"]
    )
    assert result.exit_code == 0, result.output
    assert "means of 100 inferences" in result.stdout


def test_model_file__script_uses_no_package_of_ours():
    text = (DOCS / "reference/write_model.py").read_text("utf-8")
    assert set(re.findall(r"^(?:import|from) (\w+)", text, re.M)) == {"h5py", "numpy"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page__names_tests_that_exist(page):
    tests = "\n".join(p.read_text("utf-8") for p in (ROOT / "tests").rglob("test_*.py"))
    for name in re.findall(r"`(test_\w+__\w+)`", page.read_text("utf-8")):
        assert f"def {name}(" in tests, f"{page.name}: there is no {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page__links_lead_to_files(page):
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_citation__has_what_the_format_requires():
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(cff)
    for reference in cff["references"]:
        assert {"type", "title", "authors"} <= set(reference)


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "benchmarks" / "README.md"], ids=lambda page: page.name
)
def test_page__has_no_placeholder(page):
    text = page.read_text("utf-8")
    assert not re.search(r"@[A-Z0-9]+@|\bplaceholder\b|\bTBD\b", text)
