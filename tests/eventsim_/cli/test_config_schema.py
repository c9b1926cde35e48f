import json


def test_config_schema__is_json(call):
    code, out, err = call("config-schema")
    assert (code, err) == (0, "")
    assert json.loads(out)["title"] == "Config"


def test_config_schema__layers_may_be_in_short_form(call):
    schema = json.loads(call("config-schema")[1])
    layers = schema["$defs"]["NetworkConfig"]["properties"]["layers"]
    assert {part["type"] for part in layers["anyOf"]} == {"array", "string", "integer"}


def test_config_schema__of_study_files(call):
    code, out, _ = call("config-schema", "--study")
    assert code == 0
    assert {"base", "cases", "seeds"} <= set(json.loads(out)["properties"])
