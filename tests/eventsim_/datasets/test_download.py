"""Downloads from a server on this machine, and from none."""

import hashlib
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eventsim.datasets import download
from eventsim.datasets.download import Failed, fetch

CONTENTS = {"labels.gz": b"seven, two, one", "images.gz": b"pixels" * 1000}
DIGESTS = {name: hashlib.sha256(body).hexdigest() for name, body in CONTENTS.items()}
CLOSED = "http://127.0.0.1:9/"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path, monkeypatch):
    """Serve two folders, good/ and damaged/; return the URL of their parent."""
    monkeypatch.setenv("EVENTSIM_NO_DOWNLOAD", "0")
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "127.0.0.1")
    for folder in ("good", "damaged"):
        (tmp_path / folder).mkdir()
        for name, body in CONTENTS.items():
            (tmp_path / folder / name).write_bytes(body)
    (tmp_path / "damaged" / "images.gz").write_bytes(b"an error page")
    handler = partial(_Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_fetch__brings_the_files(served, tmp_path):
    paths = fetch((served + "good/",), DIGESTS, tmp_path / "cache" / "set")
    assert [path.name for path in paths] == list(CONTENTS)
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())


def test_fetch__goes_on_to_the_next_mirror(served, tmp_path, capfd, caplog):
    mirrors = (CLOSED, served + "absent/", served + "damaged/", served + "good/")
    paths = fetch(mirrors, DIGESTS, tmp_path / "cache")
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())
    assert capfd.readouterr() == ("", "")
    assert not [r for r in caplog.records if r.name.startswith("pooch")]


def test_fetch__replaces_a_damaged_file(served, tmp_path):
    (tmp_path / "images.gz").write_bytes(b"half")
    fetch((served + "good/",), DIGESTS, tmp_path)
    assert (tmp_path / "images.gz").read_bytes() == CONTENTS["images.gz"]


def test_fetch__says_why_every_mirror_failed(served, tmp_path):
    failed = fetch((served + "damaged/",), DIGESTS, tmp_path / "cache")
    assert isinstance(failed, Failed)
    assert "images.gz failed" in failed.reason
    assert f"{served}damaged/: ValueError" in failed.reason
    assert "\n" not in failed.reason


def test_fetch__folder_that_cannot_be_made(served, tmp_path):
    (tmp_path / "file").write_text("")
    failed = fetch((served + "good/",), DIGESTS, tmp_path / "file" / "cache")
    assert isinstance(failed, Failed)
    assert "labels.gz failed" in failed.reason


def test_fetch__no_network_fails_fast(tmp_path, monkeypatch):
    monkeypatch.setenv("EVENTSIM_NO_DOWNLOAD", "")
    started = time.monotonic()
    failed = fetch((CLOSED, CLOSED + "other/"), DIGESTS, tmp_path)
    assert failed == Failed("download: none of 2 mirrors answered")
    assert time.monotonic() - started < 5


def test_fetch__does_not_wait_for_a_silent_mirror(served, tmp_path, monkeypatch):
    import requests

    monkeypatch.setattr(download, "PROBE_SECONDS", 0.1)
    released = threading.Event()

    def answer_late(*_, **__):
        released.wait(10)
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "head", answer_late)
    started = time.monotonic()
    failed = fetch((CLOSED,), DIGESTS, tmp_path)
    released.set()
    assert failed == Failed("download: none of 1 mirrors answered")
    assert time.monotonic() - started < 2


def test_fetch__can_be_switched_off(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_answering", lambda *_: pytest.fail("asked"))
    failed = fetch((CLOSED,), DIGESTS, tmp_path)
    assert failed == Failed("download: switched off by EVENTSIM_NO_DOWNLOAD")


def test_cache_folder__follows_the_user(monkeypatch, tmp_path):
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = download.cache_folder("mnist")
    assert folder.name == "mnist"
    assert "eventsim" in folder.parts
