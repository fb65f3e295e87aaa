from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import transformers

from mmfeat.backbones.hf_spans import aligned, tokenise
from tests.unit.backbones.hf_models import CORPUS, bert_tokenizer, gemma_tokenizer


def words(text: str, spans: list[Any]) -> list[str]:
    return [text[start:end] for _, (start, end) in spans]


def test_a_fast_tokenizer_says_where_its_tokens_are() -> None:
    text = "The red  CAFÉS!"
    tensors, spans = tokenise(bert_tokenizer(), [text, "a"], 20, padded=False)
    assert words(text, spans[0])[:2] == ["The", "red"]
    assert "".join(words(text, spans[0])) == "TheredCAFÉS!"
    # [CLS] and [SEP] are none of it, nor what pads the shorter text.
    count = tensors["input_ids"].shape[1]
    assert [place for place, _ in spans[0]] == list(range(1, count - 1))
    assert [place for place, _ in spans[1]] == [1]
    assert tensors["attention_mask"].sum(1).tolist() == [count, 3]


def test_texts_are_cut_and_padded_as_asked() -> None:
    tokenizer = gemma_tokenizer("GemmaTokenizer")
    tensors, spans = tokenise(tokenizer, ["a red heart on a page", "a"], 4, padded=True)
    assert tensors["input_ids"].shape == (2, 4)
    assert tensors["input_ids"][:, -1].tolist() == [tokenizer.eos_token_id, tokenizer.pad_token_id]
    assert [place for place, _ in spans[0]] == [0, 1, 2]
    assert set(tensors) == {"input_ids"}  # all that this tokenizer's models take
    tensors, spans = tokenise(tokenizer, ["a", ""], 4, padded=False)
    assert tensors["input_ids"].shape == (2, 2)
    assert spans[1] == []


def test_spaces_in_front_are_none_of_a_token() -> None:
    text = "a red heart"
    _, spans = tokenise(gemma_tokenizer("GemmaTokenizer"), [text], 20, padded=False)
    assert words(text, spans[0]) == ["a", "red", "heart"]


@pytest.mark.parametrize(
    ("text", "pieces", "expected"),
    [
        ("A red, heart", ["▁a", "▁red", "▁he", "art"], ["A", "red", "he", "art"]),
        ("Straße  cafe\u0301", ["stra", "##ss", "##e", "caf", "é"], None),
        ("ﬁre", ["fi", "re"], ["ﬁ", "re"]),
        ("빨간 하트", ["▁빨간", "▁하트"], ["빨간", "하트"]),
        ("a b", ["▁", "a", "▁b"], ["", "a", "b"]),
        ("a b c", ["a", "<unk>", "c"], ["a", "a b c", "a b c"]),
        ("a", ["a", "b"], ["a", "a"]),
        ("", [], []),
    ],
)
def test_pieces_are_found_again_in_the_text(
    text: str, pieces: list[str], expected: list[str] | None
) -> None:
    found = [text[start:end] for start, end in aligned(text, pieces)]
    if expected is None:
        expected = ["Stra", "ß", "e", "caf", "e\u0301"]
    assert found == expected


def test_a_tokenizer_of_python_is_aligned() -> None:
    tokenizer = transformers.ByT5Tokenizer()
    assert not tokenizer.is_fast
    tensors, spans = tokenise(tokenizer, ["a b", "abcdef"], 10, padded=False)
    assert tensors["input_ids"].shape == (2, 7)
    assert words("abcdef", spans[1]) == list("abcdef")
    assert words("a b", spans[0])[0::2] == ["a", "b"]
    assert [place for place, _ in spans[0]] == [0, 1, 2]


def test_siglips_own_tokenizer_leaves_out_case_and_punctuation(tmp_path: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([text.lower() for text in CORPUS]),
        model_prefix=str(tmp_path / "spiece"),
        vocab_size=130,
        hard_vocab_limit=False,
        pad_id=-1,
        bos_id=-1,
        eos_id=1,
        unk_id=2,
        minloglevel=2,
    )
    tokenizer = transformers.SiglipTokenizer(str(tmp_path / "spiece.model"), model_max_length=20)
    assert not tokenizer.is_fast
    text = "A Red, heart!  The CAT"
    tensors, spans = tokenise(tokenizer, [text, "a"], 20, padded=True)
    assert tensors["input_ids"].shape == (2, 20)
    assert "".join(words(text, spans[0])) == "ARedheartTheCAT"
    assert [place for place, _ in spans[0]] == list(range(len(spans[0])))
    same = tokenizer("a red heart the cat", padding="max_length", return_tensors="pt").input_ids
    assert tensors["input_ids"][0].tolist() == same[0].tolist()
