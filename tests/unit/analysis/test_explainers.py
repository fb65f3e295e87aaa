from __future__ import annotations

import math
import socket
import time
from typing import Any

import pytest

from mmfeat.analysis import explainers
from mmfeat.analysis.explainers import (
    MAX_REPLY,
    BadReply,
    ChatExplainer,
    FeatureExamples,
    Shown,
    marked,
    prompt,
)
from mmfeat.errors import MmfeatError
from tests.unit.analysis.chat_server import Reply, chat_server, says

EXAMPLES = FeatureExamples(
    7,
    (
        (
            Shown("a red fox", "en", True, 1.0),
            Shown("el zorro rojo", "es", False, 0.9, [(3, 8, 2.0), (9, 13, 1.5), (0, 2, 0.1)]),
        ),
        (Shown("fox den", "en", False, 0.6),),
        (),
        (Shown("a dog\nignore  this", "en", False, 0.1),),
    ),
)


def well(number: int, body: dict[str, Any]) -> Reply:
    last = body["messages"][-1]["content"]
    return says({"scores": [3, 2, 1, 0]} if "scores" in last else {"name": "fox", "confidence": 1})


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explainers, "_PAUSE", 0.01)


def test_two_questions_give_a_name_and_the_rubric_of_each_band() -> None:
    with chat_server(well) as server:
        found = ChatExplainer(server.url, "m").explain(EXAMPLES)
    assert (found.name, found.confidence) == ("fox", 1.0)
    assert found.rubric[:2] == (2.5, 1.0) and found.rubric[3] == 0.0
    assert math.isnan(found.rubric[2])
    first, second = server.asked
    assert (first["model"], first["temperature"], first["stream"]) == ("m", 0, False)
    assert [m["role"] for m in second["messages"]] == ["user", "assistant", "user"]
    assert second["messages"][0] == first["messages"][0]
    assert "each of the 4 examples" in second["messages"][2]["content"]


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
def test_the_endpoint_may_be_given_in_any_usual_form(end: str) -> None:
    with chat_server(well) as server:
        ChatExplainer(server.url + end, "m").explain(EXAMPLES)
    assert server.paths == ["/v1/chat/completions"] * 2


def test_the_prompt_shows_every_level_with_activations_and_marks() -> None:
    lines = prompt(EXAMPLES).splitlines()
    assert [line for line in lines if line[:1].isdigit()] == [
        "1. [10] picture of (en): a red fox",
        "2. [9] caption (es): el <<zorro>> <<rojo>>",
        "3. [6] caption (en): fox den",
        "4. [1] caption (en): a dog ignore this",
    ]
    assert [line for line in lines if line.startswith("Level")] == [
        "Level 1:",
        "Level 2:",
        "Level 4:",
    ]


def test_neighbouring_tokens_are_marked_together_and_long_captions_cut() -> None:
    shown = Shown("foxes run", "en", False, 1.0, [(3, 5, 1.0), (0, 3, 0.8), (6, 9, 0.2)])
    assert marked(shown) == "<<foxes>> run"
    assert len(marked(Shown("x" * 1000, "en", False, 1.0))) == 300


def test_words_and_fences_around_the_object_do_not_matter() -> None:
    def answer(number: int, body: dict[str, Any]) -> Reply:
        if number:
            return says('Scores: {"scores": [3, 3, 3, 3]} as asked.')
        return says('```json\n{"name": " red \\n fox ", "confidence": 0.5, "why": "x"}\n```')

    with chat_server(answer) as server:
        assert ChatExplainer(server.url, "m").explain(EXAMPLES).name == "red fox"


@pytest.mark.parametrize(
    "reply",
    [
        says("I cannot tell."),
        says("{not JSON}"),
        says({"name": "", "confidence": 0.5}),
        says({"name": "x" * 201, "confidence": 0.5}),
        says({"name": "fox", "confidence": 1.5}),
        says({"name": "fox", "confidence": "high"}),
        says({"name": ["fox"], "confidence": 0.5}),
        Reply(b"\xff\xfe garbage"),
        Reply(b"[1, 2]"),
        Reply(b'{"choices": []}'),
        Reply(b'{"choices": [{"message": {"content": null}}]}'),
        Reply(b"[" * 100_000),
        Reply(b""),
        Reply(b" " * (MAX_REPLY + 1)),
    ],
)
def test_a_reply_that_is_not_what_was_asked_for_is_bad(reply: Reply) -> None:
    with chat_server(lambda number, body: reply) as server, pytest.raises(BadReply):
        ChatExplainer(server.url, "m").explain(EXAMPLES)
    assert len(server.asked) == 1  # it would be the same again


@pytest.mark.parametrize("scores", [[3, 3, 3], [3, 3, 3, 4], [3, 3, 3, "2"], [], None])
def test_scores_that_do_not_fit_the_examples_are_bad(scores: Any) -> None:
    def answer(number: int, body: dict[str, Any]) -> Reply:
        return says({"scores": scores}) if number else well(number, body)

    with chat_server(answer) as server, pytest.raises(BadReply):
        ChatExplainer(server.url, "m").explain(EXAMPLES)


def test_a_server_that_fails_twice_is_asked_again() -> None:
    def answer(number: int, body: dict[str, Any]) -> Reply:
        return Reply(b"busy", 503) if number < 2 else well(number, body)

    with chat_server(answer) as server:
        assert ChatExplainer(server.url, "m").explain(EXAMPLES).name == "fox"
    assert len(server.asked) == 4


def test_a_server_that_always_fails_is_given_up_with_one_sentence() -> None:
    with chat_server(lambda number, body: Reply(b"oops", 500)) as server:
        with pytest.raises(MmfeatError, match=r"it answers 500 .*; check that the server runs"):
            ChatExplainer(server.url, "m", attempts=3).explain(EXAMPLES)
        assert len(server.asked) == 3


def test_an_unknown_model_is_not_asked_for_again() -> None:
    with chat_server(lambda number, body: Reply(b"no such model", 404)) as server:
        with pytest.raises(MmfeatError, match="404.*has the model m"):
            ChatExplainer(server.url, "m").explain(EXAMPLES)
        assert len(server.asked) == 1


@pytest.mark.parametrize("slow", [Reply(b"{}", before=1.0), Reply(b" " * 500, between=0.02)])
def test_a_slow_server_is_given_up_after_the_time_allowed(slow: Reply) -> None:
    with chat_server(lambda number, body: slow) as server:
        begin = time.monotonic()
        with pytest.raises(MmfeatError, match=r"does not answer within 0\.3 s"):
            ChatExplainer(server.url, "m", timeout=0.3, attempts=2).explain(EXAMPLES)
        assert time.monotonic() - begin < 5


def test_redirects_are_not_followed() -> None:
    with chat_server(well) as other:
        there = Reply(b"", 307, headers={"Location": other.url + "/v1/chat/completions"})
        with (
            chat_server(lambda number, body: there) as server,
            pytest.raises(MmfeatError, match="307"),
        ):
            ChatExplainer(server.url, "m").explain(EXAMPLES)
        assert other.asked == []


def test_no_server_is_one_sentence() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(MmfeatError, match="cannot be reached"):
        ChatExplainer(f"http://127.0.0.1:{port}", "m", attempts=2).explain(EXAMPLES)


def test_a_server_that_speaks_no_http_is_one_sentence() -> None:
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            for _ in range(2):
                connection, _ = listening.accept()
                connection.sendall(b"220 mail ready\r\n")
                connection.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(MmfeatError, match="of no use: it"):
            ChatExplainer(url, "m", attempts=2).explain(EXAMPLES)
        thread.join(5)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://host/v1",
        "localhost:8080",
        "http://",
        "http://host:port",
        "http://host/v1?key=1",
        "http://ho st",
        "",
    ],
)
def test_only_http_and_https_are_taken(url: str) -> None:
    with pytest.raises(MmfeatError, match="no http or https URL; give one such as"):
        ChatExplainer(url, "m")
