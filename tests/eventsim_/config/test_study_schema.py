import pytest
import yaml

from eventsim.config.loading import validated
from eventsim.config.study_schema import Metric, StudyConfig
from eventsim.errors import ConfigError


def study(**changes):
    return validated(StudyConfig, {"name": "s", "base": "b.yaml", **changes}, "study")


def test_study_config__defaults():
    made = study()
    assert made.seeds == [0]
    assert made.metrics == ["test_accuracy"]
    assert (made.cases, made.grid, made.set, made.published) == ([], {}, {}, {})


def test_study_config__describes_every_field():
    schema = StudyConfig.model_json_schema()
    for record in (schema, *schema["$defs"].values()):
        assert record["additionalProperties"] is False
        for key, field in record["properties"].items():
            assert field.get("description", "").strip(), key


def test_study_config__metrics_are_numbers_of_a_summary(finished_run):
    summary = yaml.safe_load((finished_run / "summary.json").read_text())
    for name in Metric.__args__:
        assert isinstance(summary[name], int | float), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base": 3}, "base is 3; expected a string"),
        ({"name": "a b"}, "name is 'a b'; expected letters, digits"),
        ({"case": []}, "unknown key 'case'; did you mean 'cases'?"),
        ({"cases": [{"name": "x", "sets": {}}]}, "'cases.0.sets'; did you mean 'set'?"),
        ({"cases": [{}]}, "'cases.0.name' is missing"),
        ({"cases": [{"name": "../x"}]}, "cases.0.name is '../x'; expected letters"),
        ({"cases": {"x": {}}}, "cases is {'x': {}}; expected a list"),
        ({"cases": [{"name": "x"}] * 2}, "the names of cases has 'x' more than once"),
        ({"grid": {"a": 3}}, "grid.a is 3; expected a list"),
        ({"grid": {"a": []}}, r"grid.a is \[\]; expected .* at least 1"),
        ({"seeds": 3}, "seeds is 3; expected a list"),
        ({"seeds": [1, 2, 1]}, "seeds has 1 more than once; keep one"),
        ({"seeds": [-1]}, "seeds.0 is -1; expected greater than or equal to 0"),
        ({"metric": "accuracy"}, "metric is 'accuracy'; expected 'test_accuracy', "),
        ({"metric": ["tied", "tied"]}, "metric has 'tied' more than once"),
        ({"set": {"seed": 1}}, "'seed' in set has no place; list them in seeds"),
        ({"grid": {"seed": [1]}}, "'seed' in grid has no place"),
        ({"cases": [{"name": "x", "set": {"seed": 1}}]}, "'seed' in case 'x'"),
        ({"published": {"x": 91.2}},
         "published test_accuracy of 'x' is 91.2; expected 0 to 1; write 0.912 for"),
        ({"published": {"x": {"tied": 1}}},
         "of 'tied', which is not a metric of this study; expected test_accuracy"),
        ({"cases": [{"name": "x", "published": -1}]}, "of 'x' is -1; expected 0 to 1"),
        ({"cases": [{"name": "x", "published": 1}], "published": {"x": 1}},
         "case 'x' has two published numbers; keep one"),
        ({"cases": [{"name": "x", "published": 1}], "grid": {"a": [1]}},
         "case 'x' has a published number, but a grid makes several cases of it"),
    ],
)  # fmt: skip
def test_study_config__refuses(changes, message):
    with pytest.raises(ConfigError, match=f"^study: .*{message}"):
        study(**changes)


def test_published_numbers__one_number_is_of_the_first_metric():
    made = study(metric=["test_loss", "test_accuracy"], published={"x": 3.0})
    assert made.published_numbers(3.0) == {"test_loss": 3.0}
    both = {"test_loss": 3.0, "test_accuracy": 0.5}
    assert made.published_numbers(both) == both
