"""The real server as a process, talked to over loopback: an answer or a clear refusal, never a dead server."""

import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import requests
from PIL import Image
from playwright.sync_api import Page

from src.commands.serve import main
from src.serving.app import load_model
from tests.pipeline.stores import wait_until
from tests.serving.example import LABELS, ROOT, SIDE, images, invocation, server

JSON = {"content-type": "application/json"}
HEAD = b"POST /invocations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
READ_SECONDS = 1.0
ONE = images(1).tolist()[0]


class Served(NamedTuple):
    url: str
    port: int
    lines: list[str]
    folder: Path
    process: subprocess.Popen[str]


@pytest.fixture(scope="module")
def served(model_folder: Path) -> Iterator[Served]:
    folder = str(model_folder)
    options = ("--port", "0", "--read-seconds", str(READ_SECONDS), "--allow-host", "classifier.example")
    with server("src", "serve", "--model", folder, *options, cwd=ROOT, ready="serve: ") as (process, url, lines):
        yield Served(url.rstrip("/"), int(url.rstrip("/").split(":")[-1]), lines, model_folder, process)


@pytest.fixture(autouse=True)
def alive(served: Served, request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if request.node.name.startswith("test_sigterm"):
        return
    assert requests.get(f"{served.url}/ping", timeout=5).status_code == 200


def ask(served: Served, body: Any, **headers: str) -> requests.Response:
    """What the server answers; a body that is no text or bytes is sent as JSON."""
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return requests.post(f"{served.url}/invocations", content, headers=JSON | headers, timeout=60)


def picture(served: Served, content: bytes, kind: str = "image/png") -> requests.Response:
    return requests.post(f"{served.url}/picture", content, headers={"content-type": kind}, timeout=60)


def raw(served: Served, request: bytes, wait: float = 10) -> bytes:
    """What comes back for these bytes until the server closes, or nothing more comes."""
    with socket.create_connection(("127.0.0.1", served.port), wait) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


@pytest.fixture(scope="module")
def model(model_folder: Path) -> Any:
    return load_model(str(model_folder))


# Right answers


@pytest.mark.parametrize("n", [1, 2, 1000])
def test_every_image_gets_the_models_own_answer(served: Served, model: Any, n: int) -> None:
    batch = images(n, seed=5)
    answer = ask(served, invocation(batch))
    assert answer.status_code == 200
    expected = model.predict(batch)
    records = answer.json()["predictions"]
    assert [row["label"] for row in records] == [row["label"] for row in expected]
    got = np.array([list(row["probabilities"].values()) for row in records])
    assert got == pytest.approx(np.array([list(row["probabilities"].values()) for row in expected]), abs=1e-5)
    assert got.sum(axis=1) == pytest.approx(np.ones(n), abs=1e-5)
    meaning = {label.label: label for label in LABELS}
    assert all(row["garments"] == meaning[row["label"]].garments for row in records)


def test_mlflows_other_key_works_as_well(served: Served) -> None:
    assert ask(served, {"instances": [ONE]}).json() == ask(served, {"inputs": [ONE]}).json()


def test_the_other_addresses_are_mlflows(served: Served) -> None:
    answers = {path: requests.get(f"{served.url}{path}", timeout=5) for path in ("/ping", "/health", "/version")}
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(answers, 200)
    assert re.fullmatch(r"\d+\.\d+\.\d+", answers["/version"].text)
    for path in ("/docs", "/openapi.json", "/../etc/passwd", "/nothing"):
        assert requests.get(f"{served.url}{path}", timeout=5).status_code == 404
    assert requests.get(f"{served.url}/invocations", timeout=5).status_code == 405
    assert requests.put(f"{served.url}/invocations", "{}", timeout=5).status_code == 405


# Wrong input


def one_value(value: str) -> str:
    """The body of one image whose first pixel is written so."""
    rows = json.loads(json.dumps([ONE]))
    rows[0][0][0] = "VALUE"
    return json.dumps({"inputs": rows}).replace('"VALUE"', value)


WRONG_VALUES = ["3.7", "-0.5", '"12"', "true", "false", "null", "NaN", "Infinity", "-1", "256", "1e3", "3.0", '"x"']
WRONG_VALUES += ["{}", "[0]", "0" * 5000, "9" * 5000, "007"]
WRONG_BODIES = {
    "no JSON": "SECRET",
    "nothing": "",
    "half": json.dumps({"inputs": [ONE]})[:-5] + " SECRET",
    "list at the top": json.dumps([ONE]),
    "two keys": json.dumps({"inputs": [ONE], "instances": [ONE]}),
    "an unknown key": json.dumps({"SECRET": [ONE]}),
    "params": json.dumps({"inputs": [ONE], "params": {"SECRET": 1}}),
    "data frame": json.dumps({"dataframe_split": {"columns": ["SECRET"], "data": [[1]]}}),
    "ragged": json.dumps({"inputs": [[*ONE[:-1], ONE[0][:-1]]]}),
    "a wrong side": json.dumps({"inputs": np.zeros((1, SIDE, SIDE + 1), int).tolist()}),
    "rank 2": json.dumps({"inputs": ONE}),
    "rank 4": json.dumps({"inputs": [[ONE]]}),
    "no image": json.dumps({"inputs": []}),
    "brackets": '{"inputs": ' + "[" * 20_000 + "]" * 20_000 + "}",
    "brackets and values": '{"inputs": ' + "[1," * 900 + "1" + "]" * 900 + "}",
    "other bytes": b'{"inputs": [\xff\xfe]}',
}


@pytest.mark.parametrize("value", WRONG_VALUES, ids=[value[:10] for value in WRONG_VALUES])
def test_a_value_that_is_no_whole_number_of_a_pixel_is_refused(served: Served, value: str) -> None:
    answer = ask(served, one_value(value))
    assert answer.status_code == 400
    assert "whole numbers from 0 to 255" in answer.json()["message"]


@pytest.mark.parametrize("body", WRONG_BODIES.values(), ids=WRONG_BODIES)
def test_a_wrong_body_is_refused_in_a_sentence_without_its_content(served: Served, body: str | bytes) -> None:
    answer = ask(served, body)
    assert answer.status_code in (400, 413)
    assert set(answer.json()) == {"error_code", "message"}
    assert len(answer.text) < 300
    assert not re.search("SECRET|Traceback|stack|File ", answer.text)


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "text/csv", "application/vnd.apache.parquet", "application/json; charset=latin-1", "multipart"],
)
def test_another_content_type_or_none_is_refused(served: Served, kind: str) -> None:
    header = f"content-type: {kind}\r\n" if kind else ""
    body = json.dumps({"inputs": [ONE]})
    head = f"POST /invocations HTTP/1.1\r\nhost: localhost\r\n{header}connection: close\r\n"
    answer = raw(served, f"{head}content-length: {len(body)}\r\n\r\n{body}".encode())
    assert b" 415 " in answer.split(b"\r\n")[0]


def test_a_body_of_50_mb_is_refused_by_its_length(served: Served) -> None:
    assert ask(served, b"[" * 50_000_000).status_code == 413


def test_a_body_without_a_length_is_refused_as_it_comes(served: Served) -> None:
    sent = []

    def parts() -> Iterator[bytes]:
        for _ in range(500):
            sent.append(1)
            yield b"[" * 100_000

    answer = requests.post(f"{served.url}/invocations", parts(), headers=JSON, timeout=60)
    assert answer.status_code == 413


def test_more_images_than_a_request_may_have_are_refused(served: Served) -> None:
    answer = ask(served, invocation(np.zeros((1001, SIDE, SIDE), int)))
    assert answer.status_code == 413
    assert "at most 1,000 images" in answer.json()["message"]


def test_bytes_that_are_no_http_are_refused(served: Served) -> None:
    assert raw(served, b"\x16\x03\x01\x00\xa5\x01\x00\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert raw(served, b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000 + b"\r\n").startswith(b"HTTP/1.1 4")


# Other sites


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "localhost.evil.example", "", "[", "127.0.0.1.nip.io"]
)
@pytest.mark.parametrize("path", ["GET /", "POST /invocations", "POST /picture"])
def test_a_host_that_is_not_ours_is_refused(served: Served, host: str, path: str) -> None:
    answer = raw(served, f"{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
    assert re.match(rb"HTTP/1.1 40[03] ", answer)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:80", "classifier.example", "10.1.2.3"]
)
def test_a_host_that_is_ours_is_served(served: Served, host: str) -> None:
    assert requests.get(f"{served.url}/", headers={"host": host}, timeout=5).status_code == 200


def test_monitors_may_call_the_host_as_they_like(served: Served) -> None:
    assert requests.get(f"{served.url}/ping", headers={"host": "pod-7"}, timeout=5).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost"])
def test_a_page_of_another_site_cannot_post(served: Served, origin: str) -> None:
    assert ask(served, {"inputs": [ONE]}, origin=origin).status_code == 403


def test_the_servers_own_page_can_post(served: Served) -> None:
    assert ask(served, {"inputs": [ONE]}, origin=served.url).status_code == 200


# Slow clients, and many


def test_a_client_that_is_slow_with_its_body_gets_a_408(served: Served) -> None:
    start = time.monotonic()
    answer = raw(served, HEAD % 100 + b"{")
    assert b" 408 " in answer.split(b"\r\n")[0]
    assert READ_SECONDS <= time.monotonic() - start < 4 * READ_SECONDS


@pytest.mark.parametrize("begin", [b"", b"GET /ping HT", b"GET /ping HTTP/1.1\r\nhost: localhost\r\n\r\nGET /pi"])
def test_a_client_that_never_ends_its_header_is_cut_off(served: Served, begin: bytes) -> None:
    start = time.monotonic()
    raw(served, begin)
    assert time.monotonic() - start < 5 * READ_SECONDS


def test_clients_that_hold_all_places_make_the_others_wait_no_longer_than_a_body_may_take(served: Served) -> None:
    held = [socket.create_connection(("127.0.0.1", served.port), 10) for _ in range(16)]
    for connection in held:
        connection.sendall(HEAD % 9)
    answers: list[requests.Response] = []

    def answered(status: int) -> bool:
        answers.append(ask(served, {"inputs": [ONE]}))
        return answers[-1].status_code == status

    wait_until(lambda: answered(503))
    assert answers[-1].headers["retry-after"] == "1"
    wait_until(lambda: answered(200), 5 * READ_SECONDS)
    for connection in held:
        connection.close()


def test_sixty_four_clients_at_once_get_an_answer_or_are_told_to_come_again(served: Served) -> None:
    body = json.dumps(invocation(images(40)))
    expected = ask(served, body).json()

    def client(_: int) -> int:
        answer = ask(served, body)
        assert answer.status_code == 503 or answer.json() == expected
        return answer.status_code

    with ThreadPoolExecutor(64) as pool:
        counts = Counter(pool.map(client, range(64)))
    assert set(counts) <= {200, 503}
    assert counts[200] >= 16


def test_a_client_that_goes_away_is_no_trouble(served: Served) -> None:
    body = json.dumps(invocation(images(500))).encode()
    head = HEAD % len(body)
    for part in (head, head + body[:1000], head + body):
        with socket.create_connection(("127.0.0.1", served.port), 10) as connection:
            connection.sendall(part)


# The page


def test_the_page_loads_nothing_from_elsewhere(served: Served) -> None:
    page = requests.get(f"{served.url}/", timeout=5)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"(src|href)\s*=|https?://|@import", page.text.replace(".src =", ""))


def test_a_picture_is_shown_as_the_network_sees_it_with_its_label_and_neighbours(served: Served) -> None:
    image = images(1, seed=3)[0]
    image[0] = image[-1] = image[:, 0] = image[:, -1] = 0
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    answer = picture(served, file.getvalue()).json()
    assert answer["label"] == ask(served, {"inputs": [image.tolist()]}).json()["predictions"][0]["label"]
    assert len(answer["nearest"]) == 8
    similarities = [near["similarity"] for near in answer["nearest"]]
    assert similarities == sorted(similarities, reverse=True)
    assert answer["image"].startswith("data:image/png;base64,")


DROP = """
bytes => {
  const files = new DataTransfer();
  files.items.add(new File([new Uint8Array(bytes)], "bag.png", { type: "image/png" }));
  return files;
}
"""


def test_a_picture_that_is_dropped_on_the_page_gets_all_that_the_server_answers(
    served: Served, tab: tuple[Page, list[str]]
) -> None:
    page, complaints = tab
    file = io.BytesIO()
    Image.fromarray(images(1, seed=3)[0]).save(file, "PNG")
    expected = picture(served, file.getvalue()).json()
    page.goto(f"{served.url}/")
    page.set_input_files("#file", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"buy milk"})
    assert page.get_by_role("alert").inner_text() == "This is not a picture."
    page.dispatch_event("#drop", "drop", {"dataTransfer": page.evaluate_handle(DROP, list(file.getvalue()))})
    page.locator("#label").wait_for()
    assert page.locator("#label").inner_text() == f"Label {expected['label']}"
    garments = {label.label: label.garments for label in LABELS}[expected["label"]]
    assert all(garment in page.locator("#garments").inner_text() for garment in garments)
    bars = page.locator("#bars tr").all_inner_texts()
    assert [bar.split() for bar in bars] == [
        [label, f"{100 * share:.1f}%"] for label, share in expected["probabilities"].items()
    ]
    assert page.locator("#seen").get_attribute("src") == expected["image"]
    pictures = page.locator("#nearest img").all()
    assert [near.get_attribute("src") for near in pictures] == [near["image"] for near in expected["nearest"]]
    assert all(near.evaluate("image => image.complete && image.naturalWidth") == SIDE for near in pictures)
    captions = [f"label {near['label']}, {near['similarity']:.2f}" for near in expected["nearest"]]
    assert page.locator("#nearest figcaption").all_inner_texts() == captions
    assert page.get_by_role("alert").inner_text() == ""
    asked = [complaint for complaint in complaints if not complaint.startswith("data:")]
    assert asked == [f"{served.url}/", f"{served.url}/picture"]


@pytest.mark.parametrize("content", [b"", b"SECRET", b"\x89PNG\r\n\x1a\nSECRET", b"%!PS-Adobe SECRET"])
def test_what_is_no_picture_is_refused(served: Served, content: bytes) -> None:
    answer = picture(served, content)
    assert answer.status_code == 400
    assert "must be a picture" in answer.json()["message"]
    assert "SECRET" not in answer.text


def test_a_picture_of_another_type_is_refused(served: Served) -> None:
    assert picture(served, b"", kind="text/html").status_code == 415


# The process


def test_every_request_has_one_line_and_none_has_its_content(served: Served) -> None:
    before = len(served.lines)
    for _ in range(3):
        requests.get(f"{served.url}/ping%0a%0dGET", timeout=5)
        ask(served, "SECRET")
    ends = [r"127\.0\.0\.1 GET /ping%0A%0DGET 404 in 0 out \d+ \d+\.\d ms$"]
    ends += [r"127\.0\.0\.1 POST /invocations 400 in 6 out \d+ \d+\.\d ms$"]

    def written() -> int:  # beside the lines of earlier requests, whose clients went away
        return sum(bool(re.search(end, line.strip())) for line in served.lines[before:] for end in ends)

    wait_until(lambda: written() >= 6)
    assert written() == 6
    assert not re.search("SECRET|Traceback", "".join(served.lines))


@pytest.mark.parametrize(
    "option", ["--port=65536", "--port=-1", "--max-images=0", "--max-requests=many", "--max-body=1.5"]
)
def test_an_option_out_of_range_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([option])
    assert "must be a whole number from" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["nan", "-1", "0"])
def test_a_time_in_which_no_request_can_come_is_refused(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([f"--read-seconds={value}"])
    assert f"must be a number of seconds above 0. Got {value}" in capsys.readouterr().err


def test_a_port_that_is_taken_is_told_in_a_line(served: Served, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "src", "serve", "--model", str(served.folder), "--port", str(served.port)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("serve: Address already in use")
    assert len(done.stderr.splitlines()) == 1


def test_sigterm_lets_what_runs_be_finished_and_takes_nothing_new(served: Served) -> None:
    """The last test of this server."""
    body = json.dumps(invocation(images(1000)))
    answers: list[requests.Response] = []
    asking = threading.Thread(target=lambda: answers.append(ask(served, body)))
    asking.start()
    time.sleep(0.15)  # the body is there, the answer is not
    served.process.send_signal(signal.SIGTERM)
    asking.join()
    assert answers[0].status_code == 200
    assert len(answers[0].json()["predictions"]) == 1000
    assert served.process.wait(timeout=30) == 128 + signal.SIGTERM
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{served.url}/ping", timeout=5)
