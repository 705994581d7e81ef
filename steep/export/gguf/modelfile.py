"""The Modelfile: how Ollama is to talk to a GGUF (https://docs.ollama.com/modelfile).

Ollama's templates are Go's, a model's own is Jinja. What a turn begins and ends with is read off
the Jinja template by letting it render marked messages; the Go template made of that is only
written if it gives the same text for a whole conversation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steep.proof.questions import PROMPT

_MARKED = "\ue000{}\ue001"  # private characters: no template says them
_MARK = re.compile("\ue000[a-z]+\ue001")

Message = Mapping[str, str]


@dataclass(frozen=True)
class Turns:
    """A conversation as text: what stands before and behind each role's words.

    Attributes:
        start: before everything.
        around: (before, behind) by role: system, user, assistant.
        answer: what an answer is begun with.
        system: what the template says where no system message is given.
    """

    start: str
    around: Mapping[str, tuple[str, str]]
    answer: str
    system: str | None

    def render(self, messages: Sequence[Message]) -> str:
        """The conversation up to the beginning of an answer."""
        if self.system is not None and messages[0]["role"] != "system":
            messages = [{"role": "system", "content": self.system}, *messages]
        said = "".join(m["content"].join(self.around[m["role"]]) for m in messages)
        return self.start + said + self.answer


def modelfile(name: str, tokenizer: Any) -> str:
    """The Modelfile of the GGUF file ``name`` beside it."""
    lines = ["# ollama create NAME -f Modelfile", f"FROM ./{name}"]
    stops = []
    if tokenizer.chat_template is None:
        lines.append("# It has no chat template: it is asked the way steep asks it.")
        lines.append(_quoted("TEMPLATE", PROMPT.format(question="{{ .Prompt }}")))
        stops.append("\nQuestion:")
    elif (turns := turns_of(tokenizer)) is None:
        lines.append("# The chat template in the GGUF is used; it can't be said in Ollama's words.")
    else:
        lines.append(_quoted("TEMPLATE", _conversation(turns, _begin_token(tokenizer))))
        if turns.system is not None:
            lines.append(_quoted("SYSTEM", turns.system))
        stops.append(turns.around["assistant"][1].strip())
    stops.append(str(tokenizer.eos_token))
    escaped = (re.sub(r'(["\\])', r"\\\1", stop).replace("\n", "\\n") for stop in stops if stop)
    lines += [f'PARAMETER stop "{stop}"' for stop in dict.fromkeys(escaped)]
    return "\n".join(lines) + "\n"


def turns_of(tokenizer: Any) -> Turns | None:
    """Read a chat template; None if a turn isn't the same text wherever it stands."""
    from jinja2 import TemplateError

    messages = [
        {"role": role, "content": _MARKED.format(name)}
        for role, name in zip(
            ("system", "user", "assistant", "user", "assistant", "user"),
            ("system", "one", "two", "three", "four", "five"),
            strict=True,
        )
    ]
    try:
        found = _turns(tokenizer, messages)
        tried = (messages, messages[1:], messages[1:2])
        same = all(found.render(some) == _rendered(tokenizer, some) for some in tried)
    except (TemplateError, ValueError, TypeError):
        return None
    return found if same else None


def _turns(tokenizer: Any, messages: list[dict[str, str]]) -> Turns:
    """What the template puts around each turn, if it does so the same way everywhere."""
    whole = _MARK.split(_rendered(tokenizer, messages))
    behind_user = _MARK.split(_rendered(tokenizer, messages[:2], answer=False))[-1]
    behind_assistant = _MARK.split(_rendered(tokenizer, messages[:3], answer=False))[-1]
    before_assistant = whole[2].removeprefix(behind_user)
    before_user = whole[3].removeprefix(behind_assistant)
    behind_system = whole[1].removesuffix(before_user)
    # Without a system message: nothing before the first turn, or one that the template makes up.
    alone = _MARK.split(_rendered(tokenizer, messages[1:2]))[0].removesuffix(before_user)
    is_made_up = alone.startswith(whole[0]) and alone.endswith(behind_system)
    start = "" if is_made_up else alone
    before_system = whole[0].removeprefix(start)
    system = alone[len(before_system) : len(alone) - len(behind_system)] if is_made_up else None
    around = {
        "system": (before_system, behind_system),
        "user": (before_user, behind_user),
        "assistant": (before_assistant, behind_assistant),
    }
    return Turns(start, around, whole[-1].removeprefix(behind_user), system)


def _rendered(tokenizer: Any, messages: Sequence[Message], *, answer: bool = True) -> str:
    options = {"tokenize": False, "add_generation_prompt": answer}
    return str(tokenizer.apply_chat_template(list(messages), **options))


def _begin_token(tokenizer: Any) -> str:
    """The begin-of-text token, if it is put before every text anyway."""
    ids = tokenizer("a")["input_ids"]
    return str(tokenizer.bos_token) if ids[0] == tokenizer.bos_token_id else ""


def _conversation(turns: Turns, begin_token: str) -> str:
    """The Go template of a conversation."""
    cases = " else ".join(
        f'if eq .Role "{role}" }}}}{_go(before)}{{{{ .Content }}}}{_go(behind)}{{{{'
        for role, (before, behind) in turns.around.items()
    )
    start, answer = _go(turns.start.removeprefix(begin_token)), _go(turns.answer)
    return f"{start}{{{{ range .Messages }}}}{{{{ {cases} end }}}}{{{{ end }}}}{answer}"


def _go(text: str) -> str:
    """Text that a Go template leaves as it is."""
    return text.replace("{{", '{{ "{{" }}')


def _quoted(word: str, text: str) -> str:
    return f'{word} """{text}"""'
