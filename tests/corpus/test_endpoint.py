"""The endpoint: a real server on this machine, well and badly behaved."""

from __future__ import annotations

import pytest

from steep.corpus.endpoint import Endpoint, complete
from steep.errors import UserInputError
from tests.endpoint import Server, answer


def _endpoint(server: Server, **changes: object) -> Endpoint:
    values: dict[str, object] = {
        "base_url": server.url,
        "model": "m",
        "temperature": 0.5,
        "max_tokens": 50,
        "timeout_seconds": 5.0,
    }
    return Endpoint(**{**values, **changes})  # type: ignore[arg-type]


def test_a_completion_comes_back_with_its_tokens() -> None:
    with Server([answer("Said again.")]) as server:
        found = complete(_endpoint(server, key="secret"), "Say it again.", 7)
    assert (found.text, found.finished, found.prompt_tokens) == ("Said again.", True, 11)
    (request,) = server.requests
    assert request["path"] == "/v1/chat/completions"
    assert request["authorization"] == "Bearer secret"
    body = request["body"]
    assert (body["model"], body["temperature"], body["max_tokens"], body["seed"]) == (
        "m",
        0.5,
        50,
        7,
    )
    assert body["messages"] == [{"role": "user", "content": "Say it again."}]


def test_no_key_is_sent_or_shown_where_none_is_set() -> None:
    with Server([answer("x")]) as server:
        complete(_endpoint(server), "p", 0)
    assert server.requests[0]["authorization"] is None
    assert "secret" not in repr(Endpoint("u", "m", 0.0, 1, 1.0, "secret"))


# Broken by: null taken for another protocol, so that one such answer ends the run, and each later
# one that comes to it.
@pytest.mark.parametrize(("reason", "finished"), [("length", False), ("stop", True)])
def test_an_answer_that_says_nothing_is_an_empty_one(reason: str, finished: bool) -> None:
    choice = {"message": {"role": "assistant", "content": None}, "finish_reason": reason}
    with Server([(200, {"choices": [choice]}, {})]) as server:
        found = complete(_endpoint(server), "p", 0)
    assert (found.text, found.finished) == ("", finished)


# Broken by: taking 429 or a dropped connection for a refusal.
def test_a_busy_server_is_asked_again() -> None:
    waited: list[float] = []
    with Server(
        [(429, {"error": "slow down"}, {"Retry-After": "9"}), None, answer("late")]
    ) as server:
        assert complete(_endpoint(server), "p", 0, wait=waited.append).text == "late"
    assert waited == [9.0, 4.0]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ((401, {"error": {"message": "bad key"}}, {}), ["401: bad key", "api_key_env"]),
        ((404, {"error": "no such model"}, {}), ["404", "rewrite.model"]),
        ((200, {"choices": []}, {}), ["not an OpenAI chat completion"]),
        ((302, {}, {"Location": "http://example.org/"}), ["302"]),
    ],
)
def test_a_refusal_is_one_clear_line(reply: object, says: list[str]) -> None:
    with Server([reply]) as server, pytest.raises(UserInputError) as caught:
        complete(_endpoint(server), "p", 0, wait=lambda _: None)
    message = str(caught.value)
    assert "\n" not in message and "rewrite.base_url" in message
    assert all(word in message for word in says)
    assert len(server.requests) == 1


def test_nobody_there_is_one_clear_line() -> None:
    waited: list[float] = []
    with Server([]) as server:
        pass
    with pytest.raises(UserInputError, match="can't be reached") as caught:
        complete(_endpoint(server), "p", 0, wait=waited.append)
    assert len(waited) == 3 and "rewrite.enabled = false" in str(caught.value)
