"""The tokenizer of models that are pre-trained here: characters, the common words of a corpus, and the tags.

Digits, operators and punctuation are always single tokens, so a model sees every step of a calculation. Tags are
ordinary added tokens, which survive `skip_special_tokens`; only end, padding and turn marks are special.
"""

from __future__ import annotations

import json
import math
import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

EOS, PAD, UNKNOWN = "<|end|>", "<|pad|>", "<|unk|>"
USER, ASSISTANT = "<|User|>", "<|Assistant|>"

# The template of R1-Zero, as the paper prints it, without the prompt. Each part is one token.
ZERO_BEFORE = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant "
    "first thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning "
    "process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., <think> "
    "reasoning process here </think> <answer> answer here </answer>. User: "
)
ZERO_AFTER = ". Assistant:"

CHINESE_DIGITS = "〇一二三四五六七八九"
CHARACTERS = string.digits + string.ascii_letters + string.punctuation + " \n" + CHINESE_DIGITS

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'user' -%}<|User|>{{ message['content'] }}"
    "{%- elif message['role'] == 'assistant' -%}<|Assistant|>{{ message['content'] }}<|end|>"
    "{%- else -%}{{ raise_exception('this model knows the roles user and assistant, not ' + message['role']) }}"
    "{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}<|Assistant|>{%- endif -%}"
)

# What `save_pretrained` says of such a tokenizer beside its end and padding tokens, as far as it bears on the text.
_PLAIN = {
    "backend": "tokenizers",
    "clean_up_tokenization_spaces": False,
    "tokenizer_class": "TokenizersBackend",
    "unk_token": UNKNOWN,
}
_FILES = {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}
_TAGS = ("<think>", "</think>", "<answer>", "</answer>", "\\boxed{")
_WORD = re.compile(r" ?[A-Za-z]{2,}")


def build_tokenizer(texts: Iterable[str], *, max_words: int = 256, min_count: int = 20) -> PreTrainedTokenizerFast:
    """Makes a tokenizer whose words are the most frequent of the texts, each with or without the space before it.

    The same texts give the same tokenizer. What is made of `CHARACTERS` decodes to itself; other characters become
    the unknown token.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        for part in (ZERO_BEFORE, ZERO_AFTER):
            text = text.replace(part, "\0")
        counts.update(_WORD.findall(text))
    frequent = sorted((word for word, n in counts.items() if n >= min_count), key=lambda word: (-counts[word], word))
    words = frequent[:max_words]

    # A unigram model takes the split with the highest score: any word beats spelling it, as every piece costs the same.
    piece = -math.log(len(CHARACTERS) + len(words))
    vocabulary = [(text, piece) for text in (UNKNOWN, *CHARACTERS, *words)]
    backend = Tokenizer(models.Unigram(vocabulary, unk_id=0, byte_fallback=False))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r" ?[A-Za-z]+|[\s\S]"), behavior="isolated")
    backend.decoder = decoders.Fuse()
    backend.add_special_tokens([AddedToken(token, special=True) for token in (PAD, EOS, USER, ASSISTANT)])
    backend.add_tokens([AddedToken(token, normalized=False) for token in (ZERO_BEFORE, ZERO_AFTER, *_TAGS)])

    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token=EOS,
        pad_token=PAD,
        unk_token=UNKNOWN,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


class TinyTokenizer:
    """A tokenizer as `build_tokenizer` makes them, read without Transformers, as far as answering a prompt needs one.

    Its methods are those of `PreTrainedTokenizerFast`, with fewer options.
    """

    chat_template = CHAT_TEMPLATE

    def __init__(self, backend: Tokenizer) -> None:
        self._backend = backend
        self.eos_token_id: int = backend.token_to_id(EOS)
        self.pad_token_id: int = backend.token_to_id(PAD)

    @staticmethod
    def load(folder: Path, files: Iterable[str]) -> TinyTokenizer | None:
        """Reads a model folder; None for a tokenizer of another make. `files`: all names of tokenizer files."""
        if {name for name in files if (folder / name).is_file()} != _FILES:
            return None
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        silent = {"model_max_length", "padding_side"}  # nothing is cut here, and padding is the sampler's business
        if {k: v for k, v in config.items() if k not in silent} != {**_PLAIN, "eos_token": EOS, "pad_token": PAD}:
            return None
        if (folder / "chat_template.jinja").read_text(encoding="utf-8") != CHAT_TEMPLATE:
            return None
        return TinyTokenizer(Tokenizer.from_file(str(folder / "tokenizer.json")))

    def __call__(self, text: str | Sequence[str], add_special_tokens: bool = True) -> dict[str, list[Any]]:
        """`input_ids` of a text, or of each of several."""
        if isinstance(text, str):
            return {"input_ids": self._backend.encode(text, add_special_tokens=add_special_tokens).ids}
        encoded = self._backend.encode_batch(list(text), add_special_tokens=add_special_tokens)
        return {"input_ids": [each.ids for each in encoded]}

    def batch_decode(
        self, ids: Sequence[Sequence[int]], *, skip_special_tokens: bool, clean_up_tokenization_spaces: bool = False
    ) -> list[str]:
        """The texts of token ids."""
        if clean_up_tokenization_spaces:
            raise ValueError("this tokenizer keeps spaces as they are")
        return self._backend.decode_batch([list(row) for row in ids], skip_special_tokens=skip_special_tokens)

    def apply_chat_template(
        self, messages: Sequence[Mapping[str, str]], *, tokenize: bool, add_generation_prompt: bool = False
    ) -> str:
        """What `CHAT_TEMPLATE` renders; text only, so `tokenize` must be False."""
        if tokenize:
            raise ValueError("this tokenizer renders text; encode it")
        turns = {"user": USER + "{}", "assistant": ASSISTANT + "{}" + EOS}
        text = "".join(turns[message["role"]].replace("{}", message["content"]) for message in messages)
        return text + (ASSISTANT if add_generation_prompt else "")
