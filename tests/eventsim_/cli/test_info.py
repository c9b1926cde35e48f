import json


def test_info__text_and_json(call, finished_run):
    code, out, err = call("info", finished_run)
    assert (code, err) == (0, "")
    assert "relpsp, dynamic threshold" in out
    code, out, _ = call("info", finished_run, "--json")
    assert (code, json.loads(out)["neurons"]) == (0, 15)
