"""What a generative model writes, and how likely it finds a text, with rows changed on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mmfeat.backbones import hooks
from mmfeat.backbones.base import TEXT_STREAMS, Edit, Edits, Inputs, Where
from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from PIL.Image import Image

    from mmfeat.backbones.generative import GenerativeBackbone

# Of these ids in a configuration, the model writes none: they stand for what it is shown.
_SHOWN = ("image_token_id", "video_token_id")
_Changes = list[tuple[Where, Edit]]


@dataclass(frozen=True)
class Generated:
    """What a model wrote.

    Attributes
    ----------
    text : str
        Without special tokens.
    ids : int64 [tokens]
        All tokens, with the one that ends the text where the model came to an end.
    tokens : tuple of str
        What each stands for by itself.
    log_probabilities : float64 [tokens]
        Natural logarithm of the probability the model gave each, at temperature 1.
    """

    text: str
    ids: Int[np.ndarray, "tokens"]
    tokens: tuple[str, ...]
    log_probabilities: Float[np.ndarray, "tokens"]


class _Passes:
    """What is changed in the passes of a generation: first of the prompt, then of each token."""

    def __init__(self, prompt: _Changes, token: _Changes) -> None:
        self._left = chain([prompt], repeat(token))

    def __iter__(self) -> Iterator[tuple[Where, Edit]]:
        return iter(next(self._left))


@torch.inference_mode()
def generate(
    backbone: GenerativeBackbone,
    picture: Image | None,
    prompt: str,
    max_new_tokens: int = 32,
    edits: Edits | None = None,
    *,
    temperature: float = 0.0,
    seed: int = 0,
) -> Generated:
    """Have a model go on from a picture and a prompt.

    The model's own settings of generation hold (what ends a text, penalties), but for the choice
    of tokens: the likeliest, or drawn from all. Tokens that stand for pictures are never chosen.

    Parameters
    ----------
    backbone : GenerativeBackbone
        The model.
    picture : Image or None
        What is shown before the prompt.
    prompt : str
        What is asked.
    max_new_tokens : int
        Where it is cut off.
    edits : mapping of (hook point, stream) to callable, optional
        What replaces rows, in every forward pass: rows of pictures and prompt at the start, then
        each new token as it becomes one of ``text.token`` and, being the last, ``text.pooled``.
    temperature : float
        0 takes the likeliest token each time; above, tokens are drawn.
    seed : int
        Of what is drawn.

    Raises
    ------
    MmfeatError
        If picture or prompt cannot be taken, or there is no such hook point or stream.
    """
    inputs = backbone.prepare_prompt(picture, prompt)
    width = inputs.tensors["input_ids"].shape[1]
    room = backbone.context_length - width
    if not 1 <= max_new_tokens <= room:
        raise MmfeatError(
            f"{backbone.spec} cannot write {max_new_tokens} tokens after a prompt of {width}; "
            f"choose 1 to {room}."
        )
    if not 0 <= temperature < float("inf"):
        raise MmfeatError(f"A temperature of {temperature:g} is not possible; give 0 or more.")
    config = backbone.model.config
    options: dict[str, Any] = {
        "do_sample": temperature > 0,
        "temperature": temperature or None,
        "top_k": 0 if temperature else None,
        "top_p": 1.0 if temperature else None,
        "num_beams": 1,
        "suppress_tokens": [i for name in _SHOWN if (i := getattr(config, name, None)) is not None],
        "pad_token_id": backbone.tokenizer.pad_token_id,
        "prefill_chunk_size": None,
    }
    token = Where(np.zeros(1, np.int64), np.zeros(1, np.int64), np.full(1, -1, np.int16))
    passes = {
        hook: _Passes(
            [(where, edit) for _, where, edit in found],
            [(token, edit) for stream, _, edit in found if stream in TEXT_STREAMS],
        )
        for hook, found in _changes(backbone, inputs, edits or {}).items()
    }

    def write() -> Any:
        return backbone.whole.generate(
            **_there(backbone, inputs.tensors),
            **options,
            max_new_tokens=max_new_tokens,
            output_logits=True,
            return_dict_in_generate=True,
        )

    with torch.random.fork_rng([backbone.device] if backbone.device.type == "cuda" else []):
        torch.manual_seed(seed)
        result: Any = hooks.read(write, backbone.sites, (), passes, whole=True).result
    ids = result.sequences[0, width:]
    logits = torch.cat(result.logits[: len(ids)])
    found = _of(logits, ids).double().cpu().numpy()
    return Generated(
        backbone.tokenizer.decode(ids, skip_special_tokens=True),
        ids.cpu().numpy(),
        pieces(backbone, ids.tolist()),
        found,
    )


def log_probabilities(
    backbone: GenerativeBackbone,
    picture: Image | None,
    prompt: str,
    continuation: str | Sequence[int],
    edits: Edits | None = None,
    *,
    gradients: bool = False,
) -> Float[Tensor, "tokens"]:
    """Return the log-probability of each token of a text as what follows a prompt.

    One pass over prompt and text together; rows are changed as they are when the model writes.

    Parameters
    ----------
    backbone, picture, prompt, edits
        As in `generate`.
    continuation : str or sequence of int
        The text, or the ids of its tokens.
    gradients : bool
        Whether the result can be differentiated by what the edits put in.

    Returns
    -------
    float32 [tokens]
        Natural logarithms, on the model's device.

    Raises
    ------
    MmfeatError
        As `generate`, or if the text has no token or one that stands for a picture.
    """
    ids = token_ids(backbone, continuation)
    inputs = backbone.prepare_prompt(picture, prompt)
    width = inputs.tensors["input_ids"].shape[1]
    if width + len(ids) > backbone.context_length:
        raise MmfeatError(
            f"Prompt and continuation have {width + len(ids)} tokens, and {backbone.spec} takes "
            f"{backbone.context_length}; shorten one."
        )
    tensors = dict(inputs.tensors)
    # What follows sees only what is before it, also where a prompt sees all of itself.
    for name, value in (("attention_mask", 1), ("token_type_ids", 1), ("mm_token_type_ids", 0)):
        if name in tensors:
            tensors[name] = _longer(tensors[name], [value] * len(ids))
    tensors["input_ids"] = _longer(tensors["input_ids"], ids)
    after = np.arange(width, width + len(ids))
    changes = {
        hook: [
            (_joined(where, after) if stream in TEXT_STREAMS else where, edit)
            for stream, where, edit in found
        ]
        for hook, found in _changes(backbone, inputs, edits or {}).items()
    }

    def call() -> Any:
        return backbone.whole(
            **_there(backbone, tensors), use_cache=False, logits_to_keep=len(ids) + 1
        )

    with torch.enable_grad() if gradients else torch.inference_mode():
        result: Any = hooks.read(call, backbone.sites, (), changes, whole=True).result
        return _of(result.logits[0, :-1], torch.tensor(ids, device=result.logits.device))


def token_ids(backbone: GenerativeBackbone, text: str | Sequence[int]) -> list[int]:
    """Return the tokens of a text that follows a prompt; what looks special in it is text.

    Raises
    ------
    MmfeatError
        If it has none, one that the model does not know, or one that stands for a picture.
    """
    if isinstance(text, str):
        with backbone.preparing:
            made = backbone.tokenizer(text, add_special_tokens=False, split_special_tokens=True)
        ids = [int(number) for number in made["input_ids"]]
    else:
        ids = [int(number) for number in text]
    if not ids:
        raise MmfeatError(f"{backbone.spec} makes no token of the continuation; give a text.")
    config = backbone.model.config
    known = int(config.text_config.vocab_size)
    shown = [getattr(config, name, None) for name in _SHOWN]
    wrong = [number for number in ids if not 0 <= number < known or number in shown]
    if wrong:
        raise MmfeatError(
            f"{wrong[0]} is no token of text in {backbone.spec}; give tokens that it can write."
        )
    return ids


def pieces(backbone: GenerativeBackbone, ids: Sequence[int]) -> tuple[str, ...]:
    """Return what each token stands for by itself."""
    return tuple(backbone.tokenizer.decode([number]) for number in ids)


def _changes(
    backbone: GenerativeBackbone, inputs: Inputs, edits: Edits
) -> dict[str, list[tuple[str, Where, Edit]]]:
    """Return what is changed in the pass over the prompt, by hook point."""
    found: dict[str, list[tuple[str, Where, Edit]]] = {}
    for (hook, stream), edit in edits.items():
        if stream in inputs.streams:
            where = backbone.where(hook, stream, inputs)
            found.setdefault(hook, []).append((stream, where, edit))
    return found


def _there(backbone: GenerativeBackbone, tensors: Any) -> dict[str, Tensor]:
    return {name: tensor.to(backbone.device) for name, tensor in tensors.items()}


def _longer(rows: Tensor, values: Sequence[int]) -> Tensor:
    return torch.cat([rows, torch.tensor([list(values)], dtype=rows.dtype)], dim=1)


def _joined(where: Where, after: Int[np.ndarray, "more"]) -> Where:
    """Return where the rows of a prompt and of what follows it are."""
    return Where(
        np.concatenate([where.index, after]),
        np.zeros(len(where.index) + len(after), np.int64),
        np.concatenate([where.position, after.astype(np.int16)]),
    )


def _of(logits: Float[Tensor, "tokens vocabulary"], ids: Int[Tensor, "tokens"]) -> Tensor:
    """Return the log-probability of each token."""
    likely = logits if logits.dtype == torch.float64 else logits.float()
    return likely.log_softmax(-1).gather(1, ids[:, None])[:, 0]
