"""Adapter of open_clip's models with open_clip's own vision and text transformers."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import open_clip
import torch
from jaxtyping import Float
from open_clip.transformer import VisionTransformer
from torch import Tensor

from mmfeat.backbones.base import STREAMS, HookPoint, Rows
from mmfeat.backbones.tokens import token_spans
from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from PIL.Image import Image


class OpenClipBackbone:
    """An open_clip model, read at the shared space (hook point ``joint``).

    Pooled rows are the model's own un-normalised embeddings. Patch and token
    rows are the residual stream after the last block, taken through the
    model's own final norm and projection.

    Parameters
    ----------
    spec : str
        The SPEC it was asked for by.
    name : str
        open_clip's model name, with its ``local-dir:`` schema where used.
    pretrained : str or None
        open_clip's pretrained tag.
    device : str
        A torch device or ``auto``.

    Raises
    ------
    MmfeatError
        If the weights cannot be had, or the towers are not open_clip's own.
    """

    def __init__(self, spec: str, name: str, pretrained: str | None, device: str) -> None:
        self.spec = spec
        self.device = _device(device)
        try:
            self.model, self._preprocess = open_clip.create_model_from_pretrained(
                name, pretrained=pretrained, device=self.device
            )
            self._tokenizer = open_clip.get_tokenizer(name)
        except Exception as error:  # open_clip raises many kinds; each means the same here
            reason = textwrap.shorten(str(error), 200, placeholder=" ...")
            raise MmfeatError(
                f"The backbone {spec} cannot be loaded ({reason}); check the name, or the folder "
                "with open_clip_config.json, open_clip_model.safetensors and tokenizer files."
            ) from error
        self.model.eval().requires_grad_(False)
        self._text = getattr(self.model, "text", self.model)
        visual = self.model.visual
        if (
            not isinstance(visual, VisionTransformer)
            or visual.attn_pool is not None
            or not hasattr(self._text, "token_embedding")
        ):
            raise MmfeatError(
                f"{spec} has a tower that is not open_clip's own transformer; choose a ViT model."
            )
        self.grid = (int(visual.grid_size[0]), int(visual.grid_size[1]))
        # Drawings are made no smaller than a corpus keeps them.
        self.image_size = max(96, *(int(size) for size in visual.image_size))
        self.context_length = int(self.model.context_length)
        self.d = int(visual.output_dim)

    @property
    def hook_points(self) -> tuple[HookPoint, ...]:
        """The hook points of this backbone."""
        return (HookPoint("joint", STREAMS, self.d),)

    def info(self) -> dict[str, object]:
        """Return sizes, preprocessing and number of parameters."""
        visual = self.model.visual
        return {
            "spec": self.spec,
            "class": type(self.model).__name__,
            "d": self.d,
            "image_size": list(visual.image_size),
            "grid": list(self.grid),
            "context_length": self.context_length,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "preprocess": str(self._preprocess),
            "device": str(self.device),
        }

    def _check(self, hook: str) -> None:
        if hook != "joint":
            raise MmfeatError(f"{self.spec} has no hook point {hook!r}; it has: joint.")

    @torch.inference_mode()
    def images(
        self, pictures: Sequence[Image], hook: str, streams: Collection[str]
    ) -> dict[str, Rows]:
        """Run pictures to a hook point and return the rows of the streams asked for."""
        self._check(hook)
        visual = self.model.visual
        batch = torch.stack([self._preprocess(picture) for picture in pictures])
        with _output_of(visual.transformer) as residual:
            pooled = self.model.encode_image(batch.to(self.device))
        rows = {}
        if "image.pooled" in streams:
            rows["image.pooled"] = _pooled(pooled)
        if "image.patch" in streams:
            patches = visual.ln_post(residual[0])[:, 1:] @ visual.proj
            count, n, d = patches.shape
            rows["image.patch"] = Rows(
                _numpy(patches.reshape(count * n, d)),
                np.repeat(np.arange(count), n),
                np.tile(np.arange(n, dtype=np.int16), count),
            )
        return rows

    @torch.inference_mode()
    def texts(self, texts: Sequence[str], hook: str, streams: Collection[str]) -> dict[str, Rows]:
        """Run texts to a hook point and return the rows of the streams asked for."""
        self._check(hook)
        ids = self._tokenizer(list(texts)).to(self.device)
        width = self._needed_width(ids)
        with _output_of(self._text.transformer) as residual, self._trimmed(width):
            pooled = self.model.encode_text(ids[:, :width])
        rows = {}
        if "text.pooled" in streams:
            rows["text.pooled"] = _pooled(pooled)
        if "text.token" in streams:
            spans = token_spans(self._tokenizer, texts, self.context_length)
            source = np.repeat(np.arange(len(texts)), [len(found) for found in spans])
            position = np.array([p for found in spans for p, _ in found], dtype=np.int16)
            states = residual[0][
                torch.from_numpy(source), torch.from_numpy(position.astype(np.int64))
            ]
            normed = self._text.ln_final(states)
            projection = self._text.text_projection
            if isinstance(projection, torch.nn.Linear):
                normed = projection(normed)
            elif projection is not None:
                normed = normed @ projection
            rows["text.token"] = Rows(
                _numpy(normed),
                source,
                position,
                np.array([s for found in spans for _, (s, _) in found], dtype=np.int32),
                np.array([e for found in spans for _, (_, e) in found], dtype=np.int32),
            )
        return rows

    def _needed_width(self, ids: Tensor) -> int:
        """Positions that can matter: a causal tower pooled at the last token sees no padding."""
        pool = getattr(self._text, "pool_type", getattr(self.model, "text_pool_type", ""))
        if self._text.attn_mask is None or getattr(self._text, "cls_emb", None) is not None:
            return int(ids.shape[1])
        if pool == "argmax":
            return int(ids.argmax(1).max()) + 1
        if pool == "eos":
            own = getattr(self._text, "eos_id", None)
            eos = int(self.model.text_eos_id if own is None else own)
            return int((ids == eos).int().argmax(1).max()) + 1
        return int(ids.shape[1])

    @contextmanager
    def _trimmed(self, width: int) -> Iterator[None]:
        """Let the text tower take `width` positions: it expects its full context otherwise."""
        tower = self._text
        mask, places = tower.attn_mask, tower.positional_embedding
        if mask is None or width == len(mask):
            yield
            return
        tower.attn_mask = mask[:width, :width]
        tower.positional_embedding = torch.nn.Parameter(places[:width], requires_grad=False)
        try:
            yield
        finally:
            tower.attn_mask, tower.positional_embedding = mask, places


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise MmfeatError(
            f"The device {name!r} cannot be used here; choose cpu, or auto for the best there is."
        ) from error
    return device


@contextmanager
def _output_of(module: torch.nn.Module) -> Iterator[list[Tensor]]:
    """Collect what a module returns while the block runs."""
    found: list[Tensor] = []

    def keep(_module: torch.nn.Module, _inputs: Any, output: Tensor) -> None:
        found.append(output)

    handle = module.register_forward_hook(keep)
    try:
        yield found
    finally:
        handle.remove()


def _numpy(x: Tensor) -> Float[np.ndarray, "rows d"]:
    return x.float().cpu().numpy()


def _pooled(x: Tensor) -> Rows:
    return Rows(_numpy(x), np.arange(len(x)), np.full(len(x), -1, np.int16))
