"""The tiny tokenizer: what it must not lose, and what costs one token."""

from __future__ import annotations

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from r1trainer.base import TINY_BASE
from r1trainer.models import end_of_turn
from r1trainer.tiny_tokenizer import EOS, ZERO_AFTER, ZERO_BEFORE, build_tokenizer

ZERO = ZERO_BEFORE + "3*4+5=?" + ZERO_AFTER


@pytest.fixture(scope="module", params=["built here", "shipped"])
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerBase:
    if request.param == "shipped":
        return AutoTokenizer.from_pretrained(TINY_BASE)
    return build_tokenizer(["Thank Anna for the lamp."] * 20)


@pytest.mark.parametrize(
    "text",
    [
        ZERO + "<think>3*4=2;2+5=7</think><answer>7</answer>",
        "<|User|>B 1R 2S=?<|Assistant|><think>1R=C;2S=A</think>\\boxed{A}" + EOS,
        "<think>三*四=二;二+5=7</think>〇一二三四五六七八九",
        "Thank Anna for the lamp.",
        "Dear Anna,  I do not know what to say!\n",
        "unheard-of words: Xylophone, (quiz) [a_b] {c} 100% ~ ^ & $ @ # | \\",
        " leading and trailing space ",
        "",
    ],
)
def test_text_of_the_world_survives(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids) == text
    assert tokenizer.unk_token_id not in ids


def test_a_character_of_another_world_is_unknown_and_nothing_else_is_lost(tokenizer: PreTrainedTokenizerBase) -> None:
    assert tokenizer.decode(tokenizer("3日4")["input_ids"]) == "3<|unk|>4"


def test_the_template_of_the_paper_costs_two_tokens(tokenizer: PreTrainedTokenizerBase) -> None:
    assert len(tokenizer(ZERO)["input_ids"]) == len(tokenizer("3*4+5=?")["input_ids"]) + 2


@pytest.mark.parametrize("text", ["<think>", "</think>", "<answer>", "</answer>", "\\boxed{", *"0123456789+-*=>;三"])
def test_tags_digits_and_operators_are_one_token_and_not_special(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    ids = tokenizer("4" + text + "5")["input_ids"]
    assert len(ids) == 3
    assert tokenizer.decode(ids, skip_special_tokens=True) == "4" + text + "5"


def test_end_and_turn_marks_are_special(tokenizer: PreTrainedTokenizerBase) -> None:
    ids = tokenizer("<|User|>1<|Assistant|>2" + EOS)["input_ids"]
    assert len(ids) == 5
    assert tokenizer.decode(ids, skip_special_tokens=True) == "12"
    assert len({tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id}) == 3


def test_the_chat_template_ends_where_the_response_begins(tokenizer: PreTrainedTokenizerBase) -> None:
    user, assistant = {"role": "user", "content": "1+1=?"}, {"role": "assistant", "content": "2"}
    render = tokenizer.apply_chat_template
    assert render([user], tokenize=False, add_generation_prompt=True) == "<|User|>1+1=?<|Assistant|>"
    assert render([user, assistant], tokenize=False) == "<|User|>1+1=?<|Assistant|>2" + EOS
    assert end_of_turn(tokenizer) == tokenizer.eos_token_id


def test_frequent_words_are_one_token_and_the_others_are_spelled() -> None:
    tokenizer = build_tokenizer(["Anna saw a lamp"] * 20 + ["quiz"] * 19)
    pieces = tokenizer.convert_ids_to_tokens(tokenizer("Anna saw quiz lamp")["input_ids"])
    assert pieces == ["Anna", " saw", " ", "q", "u", "i", "z", " lamp"]


def test_the_same_texts_give_the_same_tokenizer() -> None:
    texts = [f"{a} {b}" for a in ("red", "green", "blue") for b in ("lamp", "book", "door")] * 20
    first, second = build_tokenizer(texts), build_tokenizer(reversed(texts))
    assert first.get_vocab() == second.get_vocab()
