import json
from dataclasses import asdict

from eventsim.run import load_run_dataset
from eventsim.training import train


def test_epoch_result__is_a_line_of_json_that_names_every_layer(tiny_config):
    results = []
    config = tiny_config("training.epochs=1")
    train(config, load_run_dataset(config), on_epoch=lambda _, r: results.append(r))
    line = json.loads(json.dumps(asdict(results[0])))
    assert list(line["silent"]) == ["layer_1 (dense 12)", "layer_2 (dense 3)"]
    assert all(0 <= share <= 1 for share in line["silent"].values())
    # The thresholds of this network are dynamic.
    assert line["thresholds"] == {}
    assert 0 <= line["positive_share"] <= 1
    assert abs(line["output_gradient"]) <= line["output_gradient_abs"]
