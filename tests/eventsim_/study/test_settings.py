from pathlib import Path

import pytest

from eventsim.config.study_loading import load_study
from eventsim.config.study_schema import StudyConfig
from eventsim.errors import ConfigError
from eventsim.study.settings import require_clear_settings

EXAMPLES = Path(__file__).parents[3] / "examples"


def study(**keys):
    return StudyConfig.model_validate({"name": "s", "base": "b.yaml", **keys})


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"set": {"optimizer.lr": 0.5, "optimizer": {"name": "sgd"}}},
            "'optimizer.lr' and the whole section 'optimizer' stand in set, and one",
        ),
        (
            {"set": {"optimizer": {"name": "sgd"}, "optimizer.lr": 0.5}},
            "'optimizer.lr' and the whole section 'optimizer' stand in set, and one",
        ),
        (
            {"cases": [{"name": "a", "set": {"optimizer.lr": 1}}],
             "grid": {"optimizer.lr": [1, 2]}},
            "'optimizer.lr' stands in set of case 'a' and in grid, which would undo",
        ),
        (
            {"cases": [{"name": "a", "set": {"loss.beta": 1}}],
             "grid": {"loss": [{"name": "x"}]}},
            "'loss.beta' and the whole section 'loss' stand in set of case 'a' and gr",
        ),
        (
            {"grid": {"network.neuron": [{}], "network.neuron.tau_m": [1, 2]}},
            "'network.neuron.tau_m' and the whole section 'network.neuron' stand in g",
        ),
    ],
)  # fmt: skip
def test_require_clear_settings__refuses_what_would_be_lost(keys, message):
    with pytest.raises(ConfigError, match=f"^study 's.yaml': {message}"):
        require_clear_settings("s.yaml", study(**keys))


@pytest.mark.parametrize("key", ["name", "description"])
def test_require_clear_settings__refuses_what_a_study_has_itself(key):
    with pytest.raises(
        ConfigError, match=f"--set '{key}=x': a study has its own {key}"
    ):
        require_clear_settings("s.yaml", study(), [f"{key}=x"])


def test_require_clear_settings__layers_may_win_over_each_other():
    """As documented: set, then the case or the grid, then --set."""
    config = study(
        set={"optimizer.lr": 0.1, "optimizer.lr_end": 1},
        cases=[{"name": "a", "set": {"optimizer": {"name": "sgd"}}}, {"name": "b"}],
        grid={"loss.beta": [1, 2]},
    )
    require_clear_settings("s.yaml", config, ["optimizer.lr=1", "loss.beta=3"])
    for path in EXAMPLES.glob("*study*.yaml"):
        require_clear_settings(path, load_study(path))
