"""The towers open_clip builds for texts: its own, and those of transformers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from open_clip.hf_model import ClsLastHiddenStatePooler, ClsPooler, HFTextEncoder
from torch import Tensor
from torch.nn import Module

from mmfeat.backbones import hooks
from mmfeat.backbones.base import TEXT_STREAMS, HookPoint, Inputs, Site, Where
from mmfeat.errors import MmfeatError


class TextTower(ABC):
    """Where the rows of a tower are, and how many positions it must be given.

    Attributes
    ----------
    sites : dict of str to Site
        By hook point, in the order of computation.
    pure : bool
        Whether its modules change nothing when they run: neither themselves nor their classes.
    """

    sites: Mapping[str, Site]
    pure: bool

    @abstractmethod
    def needed(self, ids: Int[Tensor, "batch sequence"]) -> int:
        """Return how many positions can matter."""

    @abstractmethod
    def where(self, stream: str, inputs: Inputs) -> Where:
        """Return where the rows of a stream are in the outputs of the tower's modules."""

    @abstractmethod
    def project(self, x: Float[Tensor, "rows d"]) -> Float[Tensor, "rows j"]:
        """Take rows of the residual stream through the final norm and projection."""

    @contextmanager
    def taking(self, width: int) -> Iterator[None]:
        """Let the tower take so many positions."""
        yield


def text_tower(spec: str, model: Any) -> TextTower:
    """Find the hook points of the text tower of a model.

    Raises
    ------
    MmfeatError
        If it has none that are known.
    """
    tower = getattr(model, "text", model)
    if isinstance(tower, HFTextEncoder):
        return _Transformers(spec, tower)
    if hasattr(tower, "token_embedding"):
        return _Own(tower)
    raise MmfeatError(
        f"{spec} has a text tower of a kind that is not known ({type(tower).__name__}); choose "
        "another architecture."
    )


class _Own(TextTower):
    """open_clip's transformer, in a module of its own or spread over the model (CLIP)."""

    pure = True

    def __init__(self, tower: Any) -> None:
        self._tower = tower
        self._pool = str(getattr(tower, "pool_type", getattr(tower, "text_pool_type", "")))
        self._eos_id = int(getattr(tower, "eos_id", getattr(tower, "text_eos_id", 0)))
        self._class_token = getattr(tower, "cls_emb", None) is not None
        transformer = tower.transformer
        self._sequence_first = not transformer.batch_first
        self.sites = hooks.block_sites(
            "text",
            # After layer scale, where there is one, is what is added.
            [(block, block.ls_1, block.ls_2) for block in transformer.resblocks],
            HookPoint("", TEXT_STREAMS, int(transformer.width)),
        )

    def needed(self, ids: Int[Tensor, "batch sequence"]) -> int:
        """Return the end of the longest text, where later positions are not seen."""
        causal = self._tower.attn_mask is not None and not self._class_token
        if causal and self._pool in ("argmax", "eos"):
            return int(self._end(ids).max()) + 1
        return int(ids.shape[1])

    def where(self, stream: str, inputs: Inputs) -> Where:
        """Return where the rows of a stream are."""
        ids = inputs.tensors["text"]
        count, width = len(ids), ids.shape[1] + self._class_token  # it is appended
        if stream == "text.token":
            assert inputs.spans is not None
            where = hooks.tokens_at(inputs.spans, width)
        else:
            where = hooks.pooled_at(np.arange(count) * width + self._place(ids, width))
        return hooks.sequence_first(where, count, width) if self._sequence_first else where

    def project(self, x: Float[Tensor, "rows d"]) -> Float[Tensor, "rows j"]:
        """Take rows through the final norm and projection."""
        normed: Tensor = self._tower.ln_final(x)
        projection = self._tower.text_projection
        if projection is None:
            return normed
        projected: Tensor = (
            projection(normed) if isinstance(projection, Module) else normed @ projection
        )
        return projected

    @contextmanager
    def taking(self, width: int) -> Iterator[None]:
        """Cut mask and positions to size: the tower expects its full context otherwise."""
        tower = self._tower
        mask, places = tower.attn_mask, tower.positional_embedding
        if mask is None or self._class_token or width == len(mask):
            yield
            return
        tower.attn_mask = mask[:width, :width]
        tower.positional_embedding = torch.nn.Parameter(places[:width], requires_grad=False)
        try:
            yield
        finally:
            tower.attn_mask, tower.positional_embedding = mask, places

    def _end(self, ids: Tensor) -> Tensor:
        """Return where the token that ends each text stands."""
        return (ids if self._pool == "argmax" else (ids == self._eos_id).int()).argmax(1)

    def _place(self, ids: Tensor, width: int) -> np.ndarray:
        """Return the place of the token that is pooled."""
        if self._class_token or self._pool == "last":
            return np.full(len(ids), width - 1)
        if self._pool == "first":
            return np.zeros(len(ids), np.int64)
        return self._end(ids).numpy()


class _Transformers(TextTower):
    """A transformers encoder (BERT, RoBERTa, mT5, M2M100)."""

    pure = False  # releases of transformers swap the forwards of modules while they run

    def __init__(self, spec: str, tower: HFTextEncoder) -> None:
        self._tower = tower
        self._model: Any = tower.transformer
        self._by_token = isinstance(tower.pooler, (ClsPooler, ClsLastHiddenStatePooler))
        encoder = getattr(self._model, "encoder", self._model)
        names = ("layer", "block", "layers")  # BERT and its like, T5, M2M100
        blocks = next((getattr(encoder, name) for name in names if hasattr(encoder, name)), None)
        if blocks is None:
            raise MmfeatError(
                f"{spec} has a text tower with no layers ({type(self._model).__name__}); choose "
                "another architecture."
            )
        streams = TEXT_STREAMS if self._by_token else TEXT_STREAMS[1:]
        self.sites = hooks.block_sites(
            "text",
            [(block, *_parts(block)) for block in blocks],
            HookPoint("", streams, int(self._model.config.hidden_size)),
        )

    def needed(self, ids: Int[Tensor, "batch sequence"]) -> int:
        """Return the end of the longest text: padding is masked."""
        real = (ids != self._tower.config.pad_token_id).any(0).nonzero()
        return int(real.max()) + 1 if len(real) else 1

    def where(self, stream: str, inputs: Inputs) -> Where:
        """Return where the rows of a stream are."""
        width = inputs.tensors["text"].shape[1]
        if stream == "text.token":
            assert inputs.spans is not None
            return hooks.tokens_at(inputs.spans, width)
        return hooks.pooled(inputs.count, width)

    def project(self, x: Float[Tensor, "rows d"]) -> Float[Tensor, "rows j"]:
        """Take rows through the final norm, the pooler's layer and the projection."""
        for name in ("final_layer_norm", "layer_norm"):  # of T5, of M2M100; BERT's is in its blocks
            if hasattr(self._model, name):
                x = getattr(self._model, name)(x)
        head = getattr(self._model, "pooler", None)
        if head is not None and getattr(self._tower.pooler, "use_pooler_output", False):
            x = head(x[:, None])
        projected: Tensor = self._tower.proj(x)
        return projected


def _parts(block: Any) -> tuple[Module | None, Module | None]:
    """Return the modules that put out what attention and MLP add; None for a kind not known."""
    if hasattr(block, "attention") and hasattr(block, "output"):  # BERT and its like
        return block.attention.output.dropout, block.output.dropout
    if hasattr(block, "layer"):  # T5
        return block.layer[0].dropout, block.layer[-1].dropout
    if hasattr(block, "self_attn") and hasattr(block, "fc2"):  # M2M100
        return block.self_attn, block.fc2
    return None, None
