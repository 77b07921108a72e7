"""Templates: the same meaning here and in Go, on the same cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from r1trainer.errors import ConfigError
from r1trainer.job import Params
from r1trainer.templates import Template

CASES = json.loads((Path(__file__).parents[2] / "internal/prompts/testdata/cases.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["about"] for case in CASES])
def test_cases(case: dict[str, Any]) -> None:
    template = Template.from_params(Params({"template": case["template"]}))
    assert template.fields() == case["fields"]
    if "lacks" in case:
        with pytest.raises(ConfigError, match=f"'{case['lacks']}', which the template reads"):
            template.check([case["row"]])
        with pytest.raises(ConfigError, match=f"'{case['lacks']}', which the template reads"):
            template.conversation(case["row"])
    else:
        template.check([case["row"]])
        assert template.conversation(case["row"]) == case["turns"]


@pytest.mark.parametrize(
    "turns",
    [
        [],
        "hello",
        [{"role": "user", "content": ""}],
        [{"role": "tool", "content": "{prompt}"}],
        [{"role": "user", "content": "{prompt}"}, {"role": "assistant", "content": "x"}],
        [{"role": "user", "content": "{prompt}"}, {"role": "system", "content": "x"}, {"role": "user", "content": "y"}],
        [{"role": "user", "content": "no place"}],
    ],
)
def test_conversations_that_nobody_can_answer_are_refused(turns: Any) -> None:
    with pytest.raises(ConfigError, match="messages"):
        Template.from_params(Params({"template": {"messages": turns}}))


def test_a_conversation_takes_the_chat_template() -> None:
    class Tokenizer:
        chat_template = "there is one"

        def apply_chat_template(self, turns: Any, tokenize: bool, add_generation_prompt: bool) -> str:
            assert (tokenize, add_generation_prompt) == (False, True)
            return "".join(f"<{turn['role']}>{turn['content']}" for turn in turns)

    turns = [{"role": "system", "content": "Judge."}, {"role": "user", "content": "{prompt} {gold}"}]
    template = Template.from_params(Params({"template": {"messages": turns}}))
    assert template.context(Tokenizer(), {"prompt": "1+1=?", "gold": "2"}) == "<system>Judge.<user>1+1=? 2"
