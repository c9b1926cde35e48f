"""Rules about the files themselves."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("eventsim", "hwmodel")
MODULES = sorted(
    path.relative_to(ROOT)
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
)
SOURCES = sorted(
    path.relative_to(ROOT)
    for folder in (*PACKAGES, "tests", "benchmarks", "examples", "docs")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".yaml", ".md") and "_build" not in path.parts
)

# Modules whose tests have another name: all of them go through one interface.
LOSSES = "eventsim_/losses/test_cross_entropy.py"
TESTED_ELSEWHERE = {
    "eventsim/engine/gradients.py": "eventsim_/engine/test_exact_gradients.py",
    "eventsim/engine/input_check.py": "eventsim_/engine/test_simulation.py",
    "eventsim/engine/sweep/row_vectors.py": "eventsim_/engine/sweep/test_row_lanes.py",
    "eventsim/errors.py": "eventsim_/config/test_loading.py",
    "eventsim/losses/potential_cross_entropy.py": LOSSES,
    "eventsim/losses/softmax.py": LOSSES,
    "eventsim/losses/time_cross_entropy.py": LOSSES,
}
KERNELS = "eventsim_/engine/test_exact_times.py"


def home_of_tests(module):
    """Return the path of a module's tests below tests/."""
    if str(module) in TESTED_ELSEWHERE:
        return Path(TESTED_ELSEWHERE[str(module)])
    package, *folders = module.parent.parts
    name = f"test_{module.name}"
    expected = Path(f"{package}_", *folders, name)
    is_kernel = module.stem.endswith("_kernels") or module.stem.endswith("recording")
    if is_kernel and not (ROOT / "tests" / expected).exists():
        # Kernels and recordings are tested through the engines they belong to.
        return Path(KERNELS) if folders[0] == "engine" else Path(
            "eventsim_", *folders, "test_optimizers.py")  # fmt: skip
    return expected


@pytest.mark.parametrize(
    "module", [m for m in MODULES if m.name != "__init__.py"], ids=str
)
def test_module__has_tests(module):
    assert (ROOT / "tests" / home_of_tests(module)).is_file()


@pytest.mark.parametrize("module", TESTED_ELSEWHERE)
def test_exception__is_still_needed(module):
    assert (ROOT / module).is_file()


def test_tests__are_all_collected():
    for path in (ROOT / "tests").rglob("*.py"):
        if "\ndef test_" in path.read_text(encoding="utf-8"):
            assert path.name.startswith("test_"), path


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_module__is_short(module):
    text = (ROOT / module).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            start = node.body[0].end_lineno if ast.get_docstring(node) else node.lineno
            assert node.end_lineno - start < 60, node.name


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_module__has_a_docstring_and_a_telling_name(module):
    text = (ROOT / module).read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert module.stem not in {"utils", "helpers", "common", "misc", "tools"}


def test_kernels__never_assume_finite_numbers():
    for module in MODULES:
        text = (ROOT / module).read_text(encoding="utf-8")
        assert not re.search(r"fastmath\s*=\s*True", text), module


@pytest.mark.parametrize("word", ["/home/", "/work/", "/tmp/", "../shared"])
def test_sources__name_no_place_of_one_machine(word):
    for path in SOURCES:
        if path.name != Path(__file__).name:
            text = (ROOT / path).read_text(encoding="utf-8")
            assert word not in text, path


def test_sources__name_papers_as_the_world_does():
    for path in SOURCES:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert not re.search(r"\bpaper 0\d\d\b", text), path


def test_errors__are_all_of_one_family():
    from eventsim import errors

    found = [value for value in vars(errors).values() if isinstance(value, type)]
    assert len(found) == 7
    assert all(issubclass(kind, errors.EventsimError) for kind in found)
