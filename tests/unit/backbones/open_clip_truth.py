"""Where open_clip's models have what is read, found without the adapter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tests.unit.backbones.clip_models import (
    TEXTS,
)


@dataclass(frozen=True)
class Truth:
    """Where a family's activations are, said without the adapter.

    `vision` and `text` are modules by the end of a hook point's name; ``{}`` is the block. A
    number is the place of the pooled token: -1 the last, None that the tower pools no token.
    """

    vision: dict[str, str]
    text: dict[str, str]
    prefix: int
    class_token: int | None
    end: Callable[[list[int]], int] | None
    patches_at_joint: bool = True
    blocks: int = 2
    adds_up: bool = True
    channels_last: bool = False


OWN = {
    "": "visual.transformer.resblocks.{}",
    ".attn": "visual.transformer.resblocks.{}.attn",
    ".mlp": "visual.transformer.resblocks.{}.mlp",
}
CLIP_TEXT = {key: path.replace("visual.", "") for key, path in OWN.items()}
CUSTOM_TEXT = {key: f"text.{path}" for key, path in CLIP_TEXT.items()}
SCALED = {"": OWN[""], ".attn": OWN[""] + ".ls_1", ".mlp": OWN[""] + ".ls_2"}
TIMM = {
    "": "visual.trunk.blocks.{}",
    ".attn": "visual.trunk.blocks.{}.attn",
    ".mlp": "visual.trunk.blocks.{}.mlp",
}
TIMM_SCALED = {"": TIMM[""], ".attn": TIMM[""] + ".ls1", ".mlp": TIMM[""] + ".ls2"}
BERT = {
    "": "text.transformer.encoder.layer.{}",
    ".attn": "text.transformer.encoder.layer.{}.attention.output.dense",
    ".mlp": "text.transformer.encoder.layer.{}.output.dense",
}


def end_of_clip(ids: list[int]) -> int:
    return ids.index(49407)


def stages(path: str, blocks: int, projected: bool = False) -> Truth:
    return Truth({"": path}, CLIP_TEXT, 0, None, end_of_clip, projected, blocks)


TRUTH = {
    "clip": Truth(OWN, CLIP_TEXT, 1, 0, end_of_clip),
    "custom": Truth(
        SCALED,
        {key: path.replace("visual.", "text.") for key, path in SCALED.items()},
        1,
        None,
        end_of_clip,
    ),
    "gap-last": Truth(OWN, CUSTOM_TEXT, 1, None, lambda ids: len(ids) - 1),
    "first-no-projection": Truth(OWN, CUSTOM_TEXT, 1, 0, lambda ids: 0),
    "coca": Truth(OWN, CUSTOM_TEXT, 1, None, lambda ids: len(ids), False),
    "resnet": stages("visual.layer{}", 4),
    "siglip": Truth(TIMM, CUSTOM_TEXT, 0, None, lambda ids: len(ids) - 1, False),
    "timm-gap": Truth(TIMM_SCALED, CLIP_TEXT, 0, None, end_of_clip),
    "timm-registers": Truth(
        TIMM_SCALED,
        CLIP_TEXT,
        5,
        0,
        end_of_clip,
    ),
    "timm-eva": Truth({"": TIMM[""]}, CLIP_TEXT, 1, 0, end_of_clip),
    "timm-convnext": stages("visual.trunk.stages.{}", 4, True),
    "timm-swin": replace(stages("visual.trunk.layers.{}", 2, True), channels_last=True),
    "timm-resnet": stages("visual.trunk.layer{}", 5),
    "bert": Truth(OWN, BERT, 1, 0, lambda ids: 0, adds_up=False),
    "xlm-roberta": Truth(OWN, BERT, 1, 0, None, adds_up=False),
    "mt5": Truth(
        OWN,
        {
            "": "text.transformer.block.{}",
            ".attn": "text.transformer.block.{}.layer.0.SelfAttention",
            ".mlp": "text.transformer.block.{}.layer.1.DenseReluDense",
        },
        1,
        0,
        None,
    ),
    "nllb": Truth(
        OWN,
        {
            "": "text.transformer.layers.{}",
            ".attn": "text.transformer.layers.{}.self_attn",
            ".mlp": "text.transformer.layers.{}.fc2",
        },
        1,
        0,
        lambda ids: 0,
    ),
}


def expected_rows(output: Tensor, stream: str, truth: Truth, ids: Tensor | None) -> Tensor:
    """The rows of a stream, picked one by one."""
    batch = range(len(output))
    if stream == "image.pooled":
        return torch.stack([output[b, truth.class_token] for b in batch])
    if stream == "image.patch" and output.ndim == 4:
        cells = output if truth.channels_last else output.permute(0, 2, 3, 1)
        _, high, wide, _ = cells.shape
        return torch.stack(
            [cells[b, r, c] for b in batch for r in range(high) for c in range(wide)]
        )
    if stream == "image.patch":
        return torch.stack([row for b in batch for row in output[b, truth.prefix :]])
    assert ids is not None
    if stream == "text.pooled":
        assert truth.end is not None
        return torch.stack([output[b, truth.end(ids[b].tolist())] for b in batch])
    return torch.stack([output[b, 1 + w] for b in batch for w in range(len(TEXTS[b].split()))])


def streams_of(name: str, truth: Truth) -> tuple[str, ...]:
    if name.startswith("vision"):
        return ("image.patch",) if truth.class_token is None else ("image.pooled", "image.patch")
    return ("text.token",) if truth.end is None else ("text.pooled", "text.token")
