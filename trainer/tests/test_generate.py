"""What `generate` promises: right probabilities, the same rows whatever the batch, and an honest finish."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from r1trainer import generate as module
from r1trainer.errors import ConfigError
from r1trainer.generate import Completion, generate, stop_token_ids
from r1trainer.tiny_decode import decodes


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(tiny_model)


@pytest.fixture(scope="module")
def model(tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """Random weights, large enough that probabilities are uneven, with grouped keys and values."""
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=48,
        max_position_embeddings=96,
        initializer_range=0.4,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config).eval()


@pytest.fixture(params=["tiny decoder", "stock forward"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "stock forward":
        monkeypatch.setattr(module, "decodes", lambda model: False)
    return request.param


def prompts_of(tokenizer: PreTrainedTokenizerBase, n: int) -> list[list[int]]:
    """Prompts of different lengths, so that there is padding."""
    return [tokenizer("3*4+5=?"[: 1 + i % 6])["input_ids"] for i in range(n)]


def sample(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: list[list[int]], **given: object):
    settings = {"temperature": 1.0, "top_p": 1.0, "max_tokens": 40, "generator": torch.Generator().manual_seed(3)}
    return generate(model, tokenizer, prompts, **{**settings, **given})


def test_the_tiny_decoder_is_used_where_it_is_exact(model: PreTrainedModel) -> None:
    assert decodes(model)
    assert not decodes(LlamaForCausalLM(LlamaConfig(**{**model.config.to_dict(), "attention_bias": True})))


def test_logprobs_are_those_of_a_whole_forward_pass(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, decoder: str
) -> None:
    prompts = prompts_of(tokenizer, 60)
    done = sample(model, tokenizer, prompts, temperature=0.8)
    assert {c.finish for c in done} == {"stop", "length"}, "the test needs rows that end early, and rows that do not"
    for prompt, completion in zip(prompts, done, strict=True):
        with torch.no_grad():
            logits = model(torch.tensor([prompt + completion.token_ids])).logits[0, len(prompt) - 1 : -1]
        expected = (logits / 0.8).log_softmax(-1).gather(1, torch.tensor(completion.token_ids).unsqueeze(1)).squeeze(1)
        torch.testing.assert_close(torch.tensor(completion.logprobs), expected, atol=1e-4, rtol=1e-4)


def test_both_decoders_draw_the_same(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = prompts_of(tokenizer, 20)
    fast = sample(model, tokenizer, prompts)
    monkeypatch.setattr(module, "decodes", lambda model: False)
    assert [c.token_ids for c in sample(model, tokenizer, prompts)] == [c.token_ids for c in fast]


def test_greedy_is_what_transformers_generates(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, decoder: str
) -> None:
    prompts = prompts_of(tokenizer, 12)
    done = sample(model, tokenizer, prompts, greedy=True, batch_size=5)
    for prompt, completion in zip(prompts, done, strict=True):
        expected = model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=40)[0, len(prompt) :]
        assert completion.token_ids == expected.tolist()


def test_a_seeded_generator_decides_the_result(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    prompts = prompts_of(tokenizer, 10)
    first, again = sample(model, tokenizer, prompts), sample(model, tokenizer, prompts)
    other = sample(model, tokenizer, prompts, generator=torch.Generator().manual_seed(4))
    assert first == again
    assert first != other


def test_tokens_are_drawn_from_the_models_distribution(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> None:
    prompt, n = tokenizer("3*4")["input_ids"], 20_000
    done = sample(model, tokenizer, [prompt] * n, max_tokens=1, batch_size=n, temperature=1.5)
    drawn = torch.bincount(torch.tensor([c.token_ids[0] for c in done]), minlength=len(tokenizer)) / n
    with torch.no_grad():
        expected = (model(torch.tensor([prompt])).logits[0, -1] / 1.5).softmax(-1)
    assert (drawn - expected).abs().sum() / 2 < 0.03  # total variation


def test_top_p_keeps_the_smallest_set_that_reaches_it() -> None:
    weights = torch.tensor([[0.1, 0.5, 0.25, 0.15]])
    kept = {top_p: (module._nucleus(weights, top_p) > 0).tolist()[0] for top_p in (0.4, 0.5, 0.6, 0.8)}
    assert kept == {
        0.4: [False, True, False, False],
        0.5: [False, True, False, False],
        0.6: [False, True, True, False],
        0.8: [False, True, True, True],
    }


def test_the_end_token_is_counted_and_not_shown(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    for completion in sample(model, tokenizer, prompts_of(tokenizer, 60)):
        ends = [i for i, token in enumerate(completion.token_ids) if token == tokenizer.eos_token_id]
        if completion.finish == "stop":
            assert ends == [len(completion.token_ids) - 1]
        else:
            assert (ends, len(completion.token_ids)) == ([], 40)
        assert len(completion.logprobs) == len(completion.token_ids)
        assert tokenizer.eos_token not in completion.text


def test_generation_leaves_a_training_model_in_training(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> None:
    model.train()
    try:
        sample(model, tokenizer, prompts_of(tokenizer, 1), max_tokens=2)
        assert model.training
    finally:
        model.eval()


def test_no_prompts_give_no_completions(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    assert sample(model, tokenizer, []) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"temperature": 0.0}, "temperature must be above 0"),
        ({"top_p": 0.0}, "top_p must be in"),
        ({"max_tokens": 0}, "at least 1"),
        ({"max_tokens": 95}, "do not fit the model's 96 positions"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, change: dict[str, float], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        sample(model, tokenizer, prompts_of(tokenizer, 4), **change)


def test_every_end_token_a_model_names_ends_a_response(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    seven = tokenizer("7")["input_ids"][0]
    monkeypatch.setattr(model.generation_config, "eos_token_id", [tokenizer.eos_token_id, seven])
    assert stop_token_ids(model, tokenizer) == sorted([tokenizer.eos_token_id, seven])
    done: list[Completion] = sample(model, tokenizer, prompts_of(tokenizer, 60))
    assert any(c.token_ids[-1] == seven for c in done if c.finish == "stop")
