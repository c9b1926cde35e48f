import pytest

from eventsim.config import load_config
from eventsim.config.study_loading import load_study, study_cases
from eventsim.errors import ConfigError

pytestmark = pytest.mark.usefixtures("tiny_yaml")


@pytest.fixture
def write(tmp_path):
    """Return a function from the text of a study to the path of its file."""

    def write(text):
        path = tmp_path / "s.yaml"
        path.write_text(f"name: s\nbase: tiny.yaml\n{text}")
        return path

    return write


def cases_of(path, overrides=()):
    return study_cases(path, load_study(path), overrides)


def names_of(path):
    return [case.name for case in cases_of(path)]


def test_study_cases__grid_is_a_product_in_the_order_of_the_file(write):
    path = write("grid: {loss.beta: [1, 2.5], training.epochs: [3, 4, 5]}")
    cases = cases_of(path)
    assert [case.name for case in cases] == [
        "beta=1,epochs=3", "beta=1,epochs=4", "beta=1,epochs=5",
        "beta=2.5,epochs=3", "beta=2.5,epochs=4", "beta=2.5,epochs=5",
    ]  # fmt: skip
    assert [(c.config.loss.beta, c.config.training.epochs) for c in cases] == [
        (1, 3), (1, 4), (1, 5), (2.5, 3), (2.5, 4), (2.5, 5)
    ]  # fmt: skip
    assert cases[4].settings == {"loss.beta": 2.5, "training.epochs": 4}


def test_study_cases__cases_times_grid(write):
    path = write(
        "cases: [{name: a}, {name: b, set: {loss.beta: 3}}]\n"
        "grid: {optimizer.lr: [0.1, 0.2]}"
    )
    assert names_of(path) == ["a,lr=0.1", "a,lr=0.2", "b,lr=0.1", "b,lr=0.2"]
    last = cases_of(path)[3].config
    assert (last.loss.beta, last.optimizer.lr) == (3, 0.2)


def test_study_cases__without_cases_it_is_the_base(write, tmp_path):
    (case,) = cases_of(write("seeds: [4, 5]"))
    assert (case.name, case.settings) == ("base", {})
    assert case.config == load_config(tmp_path / "tiny.yaml")


def test_study_cases__a_section_replaces_and_a_dotted_key_changes(write, tmp_path):
    base = load_config(tmp_path / "tiny.yaml")
    assert (base.loss.beta, base.loss.silence_penalty) == (10, 1)
    path = write(
        "cases:\n"
        "  - {name: section, set: {loss: {beta: 5}}}\n"
        "  - {name: dotted, set: {loss.beta: 5}}\n"
        "  - {name: both, set: {loss: {beta: 5}, loss.silence_penalty: 2}}\n"
    )
    losses = [case.config.loss for case in cases_of(path)]
    assert [(loss.beta, loss.silence_penalty) for loss in losses] == [
        (5, 0), (5, 1), (5, 2)
    ]  # fmt: skip


def test_study_cases__what_wins_over_what(write):
    """The base, then `set`, then the case, then the command line."""
    path = write(
        "set: {loss.beta: 2, optimizer.lr: 0.2, training.epochs: 7}\n"
        "cases: [{name: a, set: {optimizer.lr: 0.3, training.epochs: 8}}]"
    )
    (case,) = cases_of(path, ["training.epochs=9"])
    config = case.config
    assert (config.loss.beta, config.optimizer.lr) == (2, 0.3)
    assert config.training.epochs == 9
    assert config.data.limit_train == 150


def test_study_cases__of_one_study_share_nothing(write):
    """Layers in short form are written out inside the values of a case."""
    path = write(
        "set: {network: {layers: 12-3}}\n"
        "cases:\n"
        "  - {name: a, set: {network.layers.0.units: 7}}\n"
        "  - {name: b, set: {network.layers.0.units: 9}}\n"
        "  - {name: c, set: {loss.beta: 3}}\n"
    )
    units = [case.config.network.layers[0].units for case in cases_of(path)]
    assert units == [7, 9, 12]


@pytest.mark.parametrize(
    ("grid", "expected"),
    [
        ("{network.layers: [5-3, 6-4-3]}", ["layers=5-3", "layers=6-4-3"]),
        ("{loss.beta: [1e-3, 20]}", ["beta=0.001", "beta=20"]),
        ("{optimizer.nesterov: [false]}", ["nesterov=false"]),
        ("{data.limit_test: [null, 3]}", ["limit_test=null", "limit_test=3"]),
        ("{loss: [{beta: 1}, {beta: 2}]}", ["loss=choice1", "loss=choice2"]),
        ("{description: [a/b, c d]}", ["description=a_b", "description=c_d"]),
    ],
)  # fmt: skip
def test_study_cases__names_are_fit_for_folders(write, grid, expected):
    assert names_of(write(f"grid: {grid}")) == expected


def test_study_cases__names_take_the_whole_key_where_its_end_is_not_clear(write):
    path = write("grid: {schedule.name: [cosine], optimizer.name: [adam]}")
    assert names_of(path) == ["schedule.name=cosine,optimizer.name=adam"]


def test_study_cases__published_numbers_find_their_case(write):
    path = write(
        "grid: {loss.beta: [1, 2]}\nmetric: [test_accuracy, tied]\n"
        "published: {beta=2: {tied: 0.5}}"
    )
    assert [case.published for case in cases_of(path)] == [{}, {"tied": 0.5}]
    path = write(
        "cases: [{name: a, published: 0.5}, {name: b, set: {loss.beta: 2}}]\n"
        "published: {b: 0.25}"
    )
    found = [case.published for case in cases_of(path)]
    assert found == [{"test_accuracy": 0.5}, {"test_accuracy": 0.25}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cases: [{name: a, set: {loss.bta: 2}}]",
         "s.yaml', case 'a': unknown key 'loss.bta'; did you mean 'beta'?"),
        ("grid: {training.epochs: [1, two]}",
         "case 'epochs=two': training.epochs is 'two'; expected an integer"),
        ("set: {network.layers.5.units: 3}",
         "s.yaml', set: network.layers.5.units: '5' is not a place in a list of 2"),
        ("cases: [{name: a, set: {network.layers: 3X}}]",
         "case 'a': network.layers: network.layers: '3X' is not a layer"),
        ("cases: [{name: a}, {name: A, set: {loss.beta: 2}}]",
         "two cases would have the name 'a'"),
        ("grid: {description: [a/b, a b]}", "two cases would have the name 'descr"),
        ("cases: [{name: a}, {name: b, set: {loss.beta: 10}}]",
         "the cases 'a' and 'b' have the same configuration"),
        ("grid: {loss.beta: [1, 2]}\npublished: {bta=1: 0.5}",
         "number for the case 'bta=1', which does not exist; did you mean 'beta=1'?"),
        ("cases: [{name: a, set: {loss: {name: potential_cross_entropy}}}]",
         "case 'a': loss.name 'potential_cross_entropy' does not fit"),
    ],
)  # fmt: skip
def test_study_cases__refuses_in_one_line(write, text, message):
    with pytest.raises(ConfigError, match="study") as caught:
        cases_of(write(text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_study_cases__command_line_cannot_level_what_is_compared(write):
    path = write("grid: {loss.beta: [1, 2]}")
    with pytest.raises(ConfigError, match=r"the same configuration.*by --set"):
        cases_of(path, ["loss.beta=3"])
    with pytest.raises(ConfigError, match=r"--set 'seed=3': .* use --seeds"):
        cases_of(path, ["seed=3"])
    with pytest.raises(ConfigError, match="expected KEY=VALUE"):
        cases_of(path, ["seed"])


def test_study_cases__base_is_beside_the_study_and_checked_first(tmp_path, tiny_yaml):
    (tmp_path / "sub").mkdir()
    path = tmp_path / "sub" / "s.yaml"
    path.write_text("name: s\nbase: ../tiny.yaml\n")
    assert len(cases_of(path)) == 1
    path.write_text("name: s\nbase: tiny.yaml\n")
    with pytest.raises(ConfigError, match=r"config '.*sub/tiny.yaml' cannot be read"):
        cases_of(path)
    tiny_yaml.write_text(tiny_yaml.read_text() + "los: 3\n")
    path.write_text("name: s\nbase: ../tiny.yaml\nset: {loss.beta: 3}\n")
    with pytest.raises(ConfigError, match=r"config '.*tiny.yaml': unknown key 'los'"):
        cases_of(path)


def test_load_config__says_how_to_run_a_study(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("name: s\nbase: x.yaml\ncases: []\n")
    with pytest.raises(
        ConfigError, match=r"this is a study of .* run it with: eventsim study"
    ):
        load_config(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: s\n", "study '.*': 'base' is missing; add it"),
        ("- 3\n", r"study '.*': got \[3\] at the top level"),
        ("name: s\nname: t\n", "study '.*', line 2, .*key 'name' appears twice"),
    ],
)
def test_load_study__refuses(tmp_path, text, message):
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_study(path)


def test_load_study__knows_the_configuration_of_a_run(tiny_yaml, tmp_path):
    with pytest.raises(ConfigError, match=r"of one run, .*: eventsim train .*tiny"):
        load_study(tiny_yaml)
    with pytest.raises(ConfigError, match=r"study '.*nope.yaml' cannot be read"):
        load_study(tmp_path / "nope.yaml")
