"""Adapter of open_clip's models."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy, deepcopy
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from mmfeat.backbones.base import JOINT, STREAMS, HookPoint, Inputs, Where
from mmfeat.backbones.device import device_of
from mmfeat.backbones.hooked import HookedBackbone
from mmfeat.backbones.open_clip_loading import load
from mmfeat.backbones.open_clip_text import text_tower
from mmfeat.backbones.open_clip_vision import vision_tower
from mmfeat.backbones.tokens import token_spans
from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from PIL.Image import Image


class OpenClipBackbone(HookedBackbone):
    """An open_clip model.

    At ``joint``, pooled rows are the model's own un-normalised embeddings; patch and token rows
    are the residual stream after the last block, taken through the model's own final norm and
    projection. In the towers, the pooled row is that of the token the model pools; a tower that
    pools by averaging or by attention has none. The cells of feature maps are patches.

    Parameters
    ----------
    spec : str
        The SPEC it was asked for by.
    name : str
        open_clip's name of the architecture, or ``local-dir:PATH``, or ``hf-hub:ORG/NAME``.
    pretrained : str or None
        open_clip's pretrained tag, or a file of weights.
    device : str
        A torch device or ``auto``.

    Raises
    ------
    MmfeatError
        If the model cannot be had or loaded, or has towers with no blocks.
    """

    def __init__(self, spec: str, name: str, pretrained: str | None, device: str) -> None:
        self.spec = spec
        self.device = device_of(device)
        loaded = load(spec, name, pretrained, self.device)
        self.model: Any = loaded.model
        self._preprocess, self._tokenizer = loaded.preprocess, loaded.tokenizer
        self._vision = vision_tower(spec, self.model.visual)
        self._text = text_tower(spec, self.model)
        self.grid = self._vision.grid
        # Drawings are made no smaller than a corpus keeps them.
        self.image_size = max(96, *self._vision.size)
        self.context_length = int(self._tokenizer.context_length)
        self.sites = {**self._vision.sites, **self._text.sites}
        self.last = {"text.token": list(self._text.sites)[-1]}
        if self._vision.projection is not None:
            self.last["image.patch"] = list(self._vision.sites)[-1]
        streams = tuple(s for s in STREAMS if s.endswith(".pooled") or s in self.last)
        self.joint = HookPoint(
            JOINT,
            streams,
            int(loaded.config["embed_dim"]),
            self.grid if "image.patch" in streams else None,
        )

    def info(self) -> dict[str, object]:
        """Return sizes, preprocessing and number of parameters."""
        assert self.joint is not None
        trunk = getattr(self.model.visual, "trunk", self.model.visual)
        text = getattr(self.model, "text", self.model)
        return {
            "spec": self.spec,
            "class": type(self.model).__name__,
            "vision": type(trunk).__name__,
            "text": type(text.transformer).__name__,
            "d": self.joint.d,
            "image_size": list(self._vision.size),
            "grid": list(self.grid),
            "context_length": self.context_length,
            "hook_points": len(self.hook_points),
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "preprocess": str(self._preprocess),
            "device": str(self.device),
        }

    def prepare_images(self, pictures: Sequence[Image]) -> Inputs:
        """Preprocess pictures as the model's own processor does."""
        batch = torch.stack([self._preprocess(picture) for picture in pictures])
        return Inputs({"image": batch}, len(pictures), grids=[self.grid] * len(pictures))

    def prepare_texts(self, texts: Sequence[str]) -> Inputs:
        """Tokenise texts, with no more padding than the model can see."""
        ids = self._tokenizer(list(texts))
        spans = token_spans(self._tokenizer, texts, self.context_length)
        width = max([self._text.needed(ids), *(own[-1][0] + 1 for own in spans if own)])
        return Inputs({"text": ids[:, :width]}, len(texts), spans=spans)

    def twin(self) -> OpenClipBackbone | None:
        """Return a backbone whose modules are its own, hooks and all, and whose weights are not."""
        if not self._text.pure:
            return None
        shared = {id(x): x for x in (*self.model.parameters(), *self.model.buffers())}
        other = copy(self)
        other.model, other._vision, other._text, other.sites = deepcopy(
            (self.model, self._vision, self._text, self.sites), shared
        )
        return other

    def _call(self, inputs: Inputs) -> Float[Tensor, "batch d"]:
        if inputs.is_text:
            ids = inputs.tensors["text"].to(self.device)
            with self._text.taking(ids.shape[1]):
                result = self.model.encode_text(ids, normalize=False)
        else:
            result = self.model.encode_image(
                inputs.tensors["image"].to(self.device), normalize=False
            )
        # Some towers give their tokens too; some pool to a sequence of one.
        pooled: Tensor = (result[0] if isinstance(result, tuple) else result).flatten(1)
        assert self.joint is not None
        if pooled.shape[1] != self.joint.d:
            raise MmfeatError(
                f"{self.spec} does not pool its rows to one of {self.joint.d} numbers; choose "
                "another hook point than joint, or another model."
            )
        return pooled

    def _where(self, tower: str, stream: str, inputs: Inputs) -> Where:
        if inputs.is_text:
            return self._text.where(stream, inputs)
        return self._vision.where(tower, stream, inputs.count)

    @torch.inference_mode()
    def project(
        self, hook: str, stream: str, x: Float[Tensor, "rows d"]
    ) -> Float[Tensor, "rows j"]:
        """Take rows of the residual stream through the model's own final norm and projection."""
        point = self.point(hook)
        if point.name == JOINT or hook.endswith((".attn", ".mlp")):
            raise MmfeatError(f"{hook} is not in a residual stream; choose one that is.")
        text = hook in self._text.sites
        last = list(self._text.sites if text else self._vision.sites)[-1]
        if self.point(last).d != point.d:
            raise MmfeatError(
                f"Rows of {hook} have another width than those {self.spec} projects; choose {last}."
            )
        if text:
            return self._text.project(x)
        if self._vision.projection is None:
            raise MmfeatError(
                f"{self.spec} projects whole pictures, not rows of {hook}; choose a hook point of "
                "its text tower, or image.pooled at joint."
            )
        return self._vision.projection(x)
