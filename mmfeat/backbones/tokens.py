"""Which characters of a text each token stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Span = tuple[int, int]


def token_spans(
    tokenizer: Any, texts: Sequence[str], context_length: int
) -> list[list[tuple[int, Span]]]:
    """Return (position, (start, end)) of the content tokens of each text.

    Special tokens are left out. Characters are code points of the text.

    Parameters
    ----------
    tokenizer
        An open_clip tokenizer: `HFTokenizer` with a fast tokenizer, or
        `SimpleTokenizer` (CLIP's byte-pair encoding).
    texts : sequence of str
        Captions.
    context_length : int
        Positions past it were cut by the tokenizer.
    """
    cleaned = [tokenizer.clean_fn(text) for text in texts]
    inner = getattr(tokenizer, "tokenizer", None)
    if inner is None:
        found = [_byte_pair_spans(tokenizer, text, context_length) for text in cleaned]
    elif tokenizer.tokenizer_mode == "clips":
        found = _clips_spans(inner, cleaned, context_length)
    else:
        # As open_clip calls it, padding included: some tokenizers pad in front.
        found = _spans(
            inner, cleaned, max_length=context_length, padding="max_length", truncation=True
        )
    return [
        [
            # Where cleaning moved characters about, a token stands for the whole text.
            (position, visible(text, *span) if _aligned(text, same) else (0, len(text)))
            for position, span in spans
        ]
        for text, same, spans in zip(texts, cleaned, found, strict=True)
    ]


def _aligned(text: str, cleaned: str) -> bool:
    """Whether each character is where it was; capitals may have become small letters."""
    return len(text) == len(cleaned) and text.lower() == cleaned.lower()


def _spans(inner: Any, texts: Sequence[str], **options: Any) -> list[list[tuple[int, Span]]]:
    """Spans of what a transformers tokenizer marks as no special token."""
    fast = bool(getattr(inner, "is_fast", False))
    encoded = inner(
        list(texts), return_offsets_mapping=fast, return_special_tokens_mask=True, **options
    )
    masks = encoded["special_tokens_mask"]
    # A slow tokenizer knows no characters: a token of it stands for the whole text.
    offsets = (
        encoded["offset_mapping"]
        if fast
        else [[(0, len(text))] * len(mask) for text, mask in zip(texts, masks, strict=True)]
    )
    return [
        [
            (position, (int(start), int(end)))
            for position, ((start, end), special) in enumerate(zip(own, mask, strict=True))
            if not special
        ]
        for own, mask in zip(offsets, masks, strict=True)
    ]


def _clips_spans(
    inner: Any, texts: Sequence[str], context_length: int
) -> list[list[tuple[int, Span]]]:
    """Spans where open_clip puts start, end and class token around a tokenizer's own tokens."""
    found = _spans(inner, texts, add_special_tokens=False)
    return [
        [(position + 1, span) for position, span in spans if position < context_length - 3]
        for spans in found
    ]


def visible(text: str, start: int, end: int) -> Span:
    """Leave out the space around what a token stands for, unless it stands for nothing else."""
    shown = text[start:end].strip()
    if not shown:
        return start, end
    start = text.index(shown, start)
    return start, start + len(shown)


def _byte_pair_spans(tokenizer: Any, cleaned: str, context_length: int) -> list[tuple[int, Span]]:
    """Spans for CLIP's own tokenizer, which knows bytes of words but no characters."""
    found: list[tuple[int, Span]] = []
    position = 1  # the start token stands at 0
    for word in tokenizer.pat.finditer(cleaned):
        raw = word.group().encode("utf-8")
        encoded = "".join(tokenizer.byte_encoder[byte] for byte in raw)
        done = 0
        for piece in tokenizer.bpe(encoded).split(" "):
            size = len(piece.removesuffix("</w>"))
            first = len(raw[:done].decode("utf-8", "ignore"))
            last = len(raw[: done + size].decode("utf-8", "ignore"))
            if position >= context_length - 1:
                return found
            found.append((position, (word.start() + first, word.start() + max(last, first + 1))))
            position += 1
            done += size
    return found
