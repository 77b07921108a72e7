"""Prompts, rendered.

A template is ``{"text": "…{prompt}…"}``, ``{"chat": true}`` or ``{"messages": [{"role", "content"}, …]}``; each may
add ``"prefill"``, a string that starts the response and is part of it wherever a response is verified, stored or
trained on.

In text and messages ``{name}`` is a field of the row (``{a.b}`` a field of a field) and ``{{name}}`` the text
``{name}``; all other braces are text. internal/prompts is the same in Go, tested on the same cases.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from r1trainer.errors import ConfigError
from r1trainer.job import Params

_NAME = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_PLACE = re.compile(rf"\{{\{{({_NAME})\}}\}}|\{{({_NAME})\}}", re.ASCII)
_ROLES = ("system", "user", "assistant")
_FORMS = 'params.template must be {"text": "…{prompt}…"}, {"chat": true} or {"messages": […]}'


@dataclass(frozen=True)
class Template:
    """Renders problems for one tokenizer."""

    text: str | None = None  # None: the tokenizer's chat template, on the prompt alone or on messages
    prefill: str = ""
    messages: tuple[tuple[str, str], ...] = ()  # role and content

    @staticmethod
    def from_params(params: Params, default: Template | None = None) -> Template:
        """Read ``params.template``. Without one, ``default``, or a ConfigError."""
        section = params.section("template")
        if section is None:
            if default is not None:
                return default
            raise ConfigError("params.template is missing")
        prefill = section.text("prefill", "")
        text, chat, turns = section.get("text"), section.get("chat"), section.get("messages")
        if [text is not None, chat is True, turns is not None].count(True) != 1:
            raise ConfigError(_FORMS)
        if turns is not None:
            template = Template(None, prefill, _turns(turns))
        else:
            if text is not None and not isinstance(text, str):
                raise ConfigError("params.template.text must be a string that contains {prompt}")
            template = Template(text, prefill)
        if not template.fields():
            name = "messages" if turns is not None else "text"
            raise ConfigError(
                f"params.template.{name} must have a place for a field of the row: a text contains {{prompt}}"
            )
        return template

    def fields(self) -> list[str]:
        """The fields of a row that the template reads, in order, each once."""
        if self.text is None and not self.messages:
            return ["prompt"]
        texts = [content for _, content in self.messages] if self.messages else [self.text or ""]
        names = [match.group(2) for text in texts for match in _PLACE.finditer(text)]
        return list(dict.fromkeys(name for name in names if name))

    def check(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Raise ConfigError where a row lacks a field that the template reads: before anything is generated."""
        for row in rows:
            for name in self.fields():
                _value(row, name)

    def conversation(self, row: Mapping[str, Any]) -> list[dict[str, str]]:
        """The row as turns; plain text is one turn of the user. Raises ConfigError where the row lacks a field."""
        turns = self.messages or (("user", "{prompt}" if self.text is None else self.text),)
        return [{"role": role, "content": _fill(content, row)} for role, content in turns]

    def context(self, tokenizer: Any, row: Mapping[str, Any] | str) -> str:
        """The row (or a prompt without one) as the model sees it, without the prefill."""
        row = {"prompt": row} if isinstance(row, str) else row
        if self.text is not None:
            return _fill(self.text, row)
        if not getattr(tokenizer, "chat_template", None):
            raise ConfigError("the template asks for a chat template, and the tokenizer has none")
        return tokenizer.apply_chat_template(self.conversation(row), tokenize=False, add_generation_prompt=True)

    def prompt_ids(self, tokenizer: Any, row: Mapping[str, Any] | str) -> list[int]:
        """Token ids from which generation starts: context and prefill.

        Context and prefill are encoded together: that is what the model meets in training too.
        """
        return self.encode(tokenizer, self.context(tokenizer, row) + self.prefill)

    def encode(self, tokenizer: Any, text: str) -> list[int]:
        """Token ids of rendered text. A chat template writes its own special tokens; a text template gets the
        tokenizer's (such as BOS) where it has any."""
        return tokenizer(text, add_special_tokens=self.text is not None)["input_ids"]

    def response(self, generated: str) -> str:
        """The response that generated text makes: the prefill belongs to it."""
        return self.prefill + generated


def _turns(turns: Any) -> tuple[tuple[str, str], ...]:
    where = "params.template.messages"
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, Mapping) for turn in turns):
        raise ConfigError(f'{where} must be a list of {{"role", "content"}}')
    for number, turn in enumerate(turns):
        role, content = turn.get("role"), turn.get("content")
        if role not in _ROLES or (role == "system" and number > 0):
            raise ConfigError(
                f"{where}[{number}] has the role {role!r}: expected user or assistant, or system as the first"
            )
        if not isinstance(content, str) or not content:
            raise ConfigError(f"{where}[{number}] has no content")
    if turns[-1]["role"] != "user":
        raise ConfigError(f"the last of {where} must be the user's: the model answers it")
    return tuple((turn["role"], turn["content"]) for turn in turns)


def _fill(text: str, row: Mapping[str, Any]) -> str:
    """Put fields of a row into a text. What is put in is not looked at again."""

    def put(match: re.Match[str]) -> str:
        return match.group(0)[1:-1] if match.group(1) else _value(row, match.group(2))

    return _PLACE.sub(put, text)


def _value(row: Mapping[str, Any], name: str) -> str:
    value: Any = row
    for key in name.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    if value is None:
        which = f"row {row['id']!r}" if "id" in row else "a row"
        raise ConfigError(
            f"{which} has no {name!r}, which the template reads; "
            f"where {{{name}}} is meant as text, write {{{{{name}}}}}"
        )
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


CHAT = Template(None)
