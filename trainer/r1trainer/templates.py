"""Prompts, rendered.

A template is ``{"text": "…{prompt}…"}`` or ``{"chat": true}``; either may add
``"prefill"``, a string that starts the response and is part of it wherever a
response is verified, stored or trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from r1trainer.errors import ConfigError
from r1trainer.job import Params


@dataclass(frozen=True)
class Template:
    """Renders problems for one tokenizer."""

    text: str | None  # None: the tokenizer's chat template
    prefill: str = ""

    @staticmethod
    def from_params(params: Params, default: Template | None = None) -> Template:
        """Read ``params.template``. Without one, ``default``, or a ConfigError."""
        section = params.section("template")
        if section is None:
            if default is not None:
                return default
            raise ConfigError("params.template is missing")
        prefill = section.text("prefill", "")
        text, chat = section.get("text"), section.get("chat")
        if (text is None) == (chat is not True):
            raise ConfigError('params.template must be {"text": "…{prompt}…"} or {"chat": true}')
        if text is not None and (not isinstance(text, str) or "{prompt}" not in text):
            raise ConfigError("params.template.text must be a string that contains {prompt}")
        return Template(text, prefill)

    def context(self, tokenizer: Any, prompt: str) -> str:
        """The prompt as the model sees it, without the prefill."""
        if self.text is not None:
            return self.text.replace("{prompt}", prompt)
        if not getattr(tokenizer, "chat_template", None):
            raise ConfigError("the template asks for a chat template, and the tokenizer has none")
        return tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True
        )

    def prompt_ids(self, tokenizer: Any, prompt: str) -> list[int]:
        """Token ids from which generation starts: context and prefill.

        Context and prefill are encoded together: that is what the model meets in training too.
        """
        return self.encode(tokenizer, self.context(tokenizer, prompt) + self.prefill)

    def encode(self, tokenizer: Any, text: str) -> list[int]:
        """Token ids of rendered text. A chat template writes its own special tokens; a text template gets the
        tokenizer's (such as BOS) where it has any."""
        return tokenizer(text, add_special_tokens=self.text is not None)["input_ids"]

    def response(self, generated: str) -> str:
        """The response that generated text makes: the prefill belongs to it."""
        return self.prefill + generated


CHAT = Template(None)
