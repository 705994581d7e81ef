"""A language model behind an OpenAI-compatible endpoint, asked with the standard library alone."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from steep.errors import UserInputError

_TRIES = 4
_WAIT_SECONDS = 2.0  # before the second try, and twice as long before each further one
_LONGEST_WAIT_SECONDS = 60.0
_BUSY = frozenset({408, 409, 429, 500, 502, 503, 504})
_MOST_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Endpoint:
    """Where to ask and how: ``base_url`` ends before ``/chat/completions``."""

    base_url: str
    model: str
    temperature: float
    max_tokens: int
    timeout_seconds: float
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Completion:
    """What came back; tokens as the endpoint counted them, None where it doesn't."""

    text: str
    finished: bool
    prompt_tokens: int | None
    completion_tokens: int | None


def complete(
    endpoint: Endpoint, prompt: str, seed: int, *, wait: Callable[[float], None] = time.sleep
) -> Completion:
    """Ask once; busy or broken connections are tried again a few times.

    Args:
        seed: sent along, so that servers which know it give the same answer again.
        wait: what to wait with between tries.

    Raises:
        UserInputError: the endpoint can't be reached, refuses, or doesn't speak this protocol.
    """
    body = {
        "model": endpoint.model,
        "messages": [{"role": "user", "content": prompt}],
        "temperature": endpoint.temperature,
        "max_tokens": endpoint.max_tokens,
        "seed": seed,
    }
    for attempt in range(_TRIES):
        try:
            return _completion(_post(endpoint, body), endpoint)
        except urllib.error.HTTPError as error:
            if error.code not in _BUSY or attempt == _TRIES - 1:
                raise UserInputError(_refused(endpoint, error)) from None
            asked = error.headers.get("Retry-After", "")
            wait(_pause(attempt, asked))
        except (OSError, http.client.HTTPException) as error:
            if attempt == _TRIES - 1:
                reason = getattr(error, "reason", None) or error or type(error).__name__
                raise UserInputError(
                    f"rewrite.base_url {endpoint.base_url}: can't be reached ({reason}); start the "
                    "server, correct the address, or ask nobody (rewrite.enabled = false, "
                    'data = "documents")'
                ) from None
            wait(_pause(attempt, ""))
    raise AssertionError("the last try returns or raises")


def _pause(attempt: int, asked: str) -> float:
    own = _WAIT_SECONDS * 2.0**attempt
    return min(float(asked) if asked.isdigit() else own, _LONGEST_WAIT_SECONDS)


def _post(endpoint: Endpoint, body: dict[str, Any]) -> bytes:
    headers = {"Content-Type": "application/json"}
    if endpoint.key:
        headers["Authorization"] = f"Bearer {endpoint.key}"
    request = urllib.request.Request(
        f"{endpoint.base_url.rstrip('/')}/chat/completions",
        data=json.dumps(body).encode("utf-8"),
        headers=headers,
        method="POST",
    )
    with _OPENER.open(request, timeout=endpoint.timeout_seconds) as answer:
        return bytes(answer.read(_MOST_BYTES))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key goes to the address that was named, and to no other."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def _completion(answer: bytes, endpoint: Endpoint) -> Completion:
    try:
        found = json.loads(answer)
        choice = found["choices"][0]
        text = choice["message"]["content"]
        text = "" if text is None else text  # nothing said: refused, or all thought and no answer
        usage = found.get("usage") or {}
        if not isinstance(text, str):
            raise TypeError("no text")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise UserInputError(
            f"rewrite.base_url {endpoint.base_url}: the answer is not an OpenAI chat completion; "
            "give the address before /chat/completions (Ollama: http://localhost:11434/v1)"
        ) from None
    return Completion(
        text,
        choice.get("finish_reason") in (None, "stop"),
        usage.get("prompt_tokens"),
        usage.get("completion_tokens"),
    )


def _refused(endpoint: Endpoint, error: urllib.error.HTTPError) -> str:
    try:
        said = json.loads(error.read(10_000))["error"]
        detail = said["message"] if isinstance(said, dict) else str(said)
    except (ValueError, KeyError, TypeError, OSError):
        detail = str(error.reason)
    advice = {
        401: "set the environment variable named by rewrite.api_key_env",
        403: "set the environment variable named by rewrite.api_key_env",
        404: "check rewrite.model and rewrite.base_url",
    }.get(error.code, "try again later; what has been written is kept")
    detail = " ".join(str(detail).split())[:200]
    return f"rewrite.base_url {endpoint.base_url}: refused ({error.code}: {detail}); {advice}"
