"""Tokenise with a transformers tokenizer, and say which characters each token stands for."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mmfeat.backbones.base import Span
from mmfeat.backbones.tokens import visible

# What the pieces of WordPiece, byte-pair and SentencePiece vocabularies carry beside characters.
_MARKS = ("▁", "##", "</w>", "@@")


def tokenise(
    tokenizer: Any, texts: Sequence[str], longest: int, *, padded: bool
) -> tuple[dict[str, Tensor], list[list[tuple[int, Span]]]]:
    """Tokenise texts as the model's own tokenizer does.

    Parameters
    ----------
    tokenizer
        A transformers tokenizer.
    texts : sequence of str
        Captions.
    longest : int
        Tokens past it are cut.
    padded : bool
        Whether every text is padded to `longest`, or only to the longest of them.

    Returns
    -------
    tensors : dict of str to Tensor
        What the model takes.
    spans : list
        (position in the sequence, (start, end)) of the content tokens of each text, as in
        `Inputs`.
    """
    fast = bool(tokenizer.is_fast)
    encoded = tokenizer(
        list(texts),
        padding="max_length" if padded else True,
        truncation=True,
        max_length=longest,
        return_tensors="pt",
        return_attention_mask=True,
        return_special_tokens_mask=True,
        return_offsets_mapping=fast,
    )
    # A token that pads is none of the text, whatever else it may stand for.
    content = (encoded.pop("special_tokens_mask") == 0) & (encoded["attention_mask"] == 1)
    places = [row.nonzero().flatten().tolist() for row in content]
    if fast:
        offsets = encoded.pop("offset_mapping").tolist()
        found = [[row[place] for place in own] for row, own in zip(offsets, places, strict=True)]
    else:
        pieces = [
            tokenizer.convert_ids_to_tokens(ids[own].tolist())
            for ids, own in zip(encoded["input_ids"], places, strict=True)
        ]
        found = [aligned(text, own) for text, own in zip(texts, pieces, strict=True)]
    spans = [
        [
            (place, visible(text, int(start), int(end)))
            for place, (start, end) in zip(own, those, strict=True)
        ]
        for text, own, those in zip(texts, places, found, strict=True)
    ]
    if "attention_mask" not in tokenizer.model_input_names:
        del encoded["attention_mask"]
    return dict(encoded), spans


def aligned(text: str, pieces: Sequence[str]) -> list[Span]:
    """Return the characters that pieces of a text stand for, where the tokenizer does not say.

    Case, compatibility forms, spaces and left-out punctuation may differ. From the first piece
    on that cannot be found, each stands for the whole text.
    """
    letters = [(c, at) for at, char in enumerate(text) for c in _folded(char)]
    spans: list[Span] = []
    done = 0
    for piece in pieces:
        for mark in _MARKS:
            piece = piece.replace(mark, "")
        first = last = None
        for wanted in _folded(piece):
            while done < len(letters) and letters[done][0] != wanted:
                if letters[done][0].isalnum():
                    return spans + [(0, len(text))] * (len(pieces) - len(spans))
                done += 1
            if done == len(letters):
                return spans + [(0, len(text))] * (len(pieces) - len(spans))
            last = letters[done][1]
            first = last if first is None else first
            done += 1
        before = spans[-1][1] if spans else 0
        spans.append((before, before) if first is None or last is None else (first, last + 1))
    return spans


def _folded(text: str) -> str:
    """Return what of a text its tokens must agree in."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in folded if not char.isspace())
