import json


def test_config_schema__is_json(call):
    code, out, err = call("config-schema")
    assert (code, err) == (0, "")
    assert json.loads(out)["title"] == "Config"
