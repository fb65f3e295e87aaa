"""The towers open_clip builds for pictures: its own, and those of timm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from open_clip.modified_resnet import ModifiedResNet
from open_clip.timm_model import TimmModel
from open_clip.transformer import VisionTransformer
from timm.models.convnext import ConvNeXt
from timm.models.swin_transformer import SwinTransformer
from torch import Tensor
from torch.nn import Module

from mmfeat.backbones import hooks
from mmfeat.backbones.base import IMAGE_STREAMS, HookPoint, Site, Where
from mmfeat.errors import MmfeatError

Projection = Callable[[Float[Tensor, "rows d"]], Float[Tensor, "rows j"]]


@dataclass(frozen=True)
class VisionTower:
    """Where the rows of a tower are.

    Attributes
    ----------
    sites : dict of str to Site
        By hook point, in the order of computation.
    size : (high, wide)
        Pixels it takes.
    grid : (rows, columns)
        Patches after the last block.
    prefix : int
        Tokens before the patches (class token, registers).
    projection : callable or None
        From rows of the residual stream [rows, d] to the joint space; None where only the whole
        picture has a place there.
    sequence_first : bool
        Whether outputs are [sequence, batch, d].
    """

    sites: Mapping[str, Site]
    size: tuple[int, int]
    grid: tuple[int, int]
    prefix: int
    projection: Projection | None
    sequence_first: bool = False

    def where(self, layout: str, stream: str, count: int) -> Where:
        """Return where the rows of a stream are in the outputs of the tower or of one stage."""
        high, wide = (layout in self.sites and self.sites[layout].point.grid) or self.grid
        patches = high * wide
        sequence = self.prefix + patches
        if stream == "image.patch":
            where = hooks.patches_at(count, sequence, self.prefix, patches)
        else:
            where = hooks.pooled(count, sequence)
        return hooks.sequence_first(where, count, sequence) if self.sequence_first else where


def vision_tower(spec: str, visual: Module) -> VisionTower:
    """Find the hook points of a tower.

    Raises
    ------
    MmfeatError
        If it has none that are known.
    """
    if isinstance(visual, VisionTransformer):
        return _own(visual)
    try:
        if isinstance(visual, ModifiedResNet):
            stages = {name: visual.get_submodule(name) for name in _RESNET_STAGES}
            return _stages(visual, stages, False, None)
        if isinstance(visual, TimmModel):
            trunk: Any = visual.trunk
            if hasattr(trunk, "blocks") and hasattr(trunk, "num_prefix_tokens"):
                return _timm_transformer(visual, trunk)
            names = [entry["module"] for entry in trunk.feature_info]
            stages = {name: trunk.get_submodule(name) for name in names}
            last = getattr(trunk, "output_fmt", "NCHW") == "NHWC"
            return _stages(visual, stages, last, _timm_cell_projection(visual, trunk))
    except (AttributeError, KeyError, RuntimeError, ValueError) as error:
        raise MmfeatError(
            f"{spec} has a tower for pictures whose stages cannot be read "
            f"({type(visual).__name__}: {error}); choose another architecture."
        ) from error
    raise MmfeatError(
        f"{spec} has a tower for pictures of a kind that is not known ({type(visual).__name__}); "
        "choose another architecture."
    )


_RESNET_STAGES = ("layer1", "layer2", "layer3", "layer4")


def _own(visual: VisionTransformer) -> VisionTower:
    """Return open_clip's own transformer."""
    transformer: Any = visual.transformer
    by_attention = visual.attn_pool is not None
    by_token = not by_attention and visual.pool_type == "tok"
    streams = IMAGE_STREAMS if by_token else IMAGE_STREAMS[1:]
    grid = _pair(visual.grid_size)

    def project(x: Tensor) -> Tensor:
        normed: Tensor = visual.ln_post(x)
        return normed if visual.proj is None else normed @ visual.proj

    return VisionTower(
        hooks.block_sites(
            "vision",
            # After layer scale, where there is one, is what is added.
            [(block, block.ls_1, block.ls_2) for block in transformer.resblocks],
            HookPoint("", streams, int(transformer.width), grid),
        ),
        _pair(visual.image_size),
        grid,
        1,
        None if by_attention else project,
        not transformer.batch_first,
    )


def _timm_transformer(visual: TimmModel, trunk: Any) -> VisionTower:
    """Return one of timm's transformers."""
    by_attention = getattr(trunk, "attn_pool", None) is not None
    by_token = not by_attention and trunk.global_pool == "token"
    size = _pair(visual.image_size)
    embed = trunk.patch_embed
    dynamic = getattr(trunk, "dynamic_img_size", False)
    grid = _pair(embed.dynamic_feat_size(size) if dynamic else embed.grid_size)

    def project(x: Tensor) -> Tensor:
        projected: Tensor = visual.head(trunk.head(trunk.fc_norm(trunk.norm(x))))
        return projected

    return VisionTower(
        hooks.block_sites(
            "vision",
            [
                # What is added comes out of the last of these that a block has.
                (block, _first(block, "drop_path1", "attn"), _first(block, "drop_path2", "mlp"))
                for block in trunk.blocks
            ],
            HookPoint("", IMAGE_STREAMS if by_token else IMAGE_STREAMS[1:], trunk.embed_dim, grid),
        ),
        size,
        grid,
        int(trunk.num_prefix_tokens),
        None if by_attention else project,
    )


def _timm_cell_projection(visual: TimmModel, trunk: Any) -> Projection | None:
    """Project a cell as if the picture were this cell; None where cells are mixed after stages."""
    if isinstance(trunk, ConvNeXt):

        def convnext(x: Tensor) -> Tensor:
            projected: Tensor = visual.head(trunk.forward_head(trunk.norm_pre(x[:, :, None, None])))
            return projected

        return convnext
    if isinstance(trunk, SwinTransformer):

        def swin(x: Tensor) -> Tensor:
            projected: Tensor = visual.head(trunk.forward_head(trunk.norm(x[:, None, None, :])))
            return projected

        return swin
    return None


def _stages(
    visual: Any,
    stages: Mapping[str, Module],
    channels_last: bool,
    projection: Projection | None,
) -> VisionTower:
    """Return a tower of feature maps, each of its own width and grid."""
    size = _pair(visual.image_size)
    sites: dict[str, Site] = {}
    for number, shape in enumerate(_shapes(visual, size, stages)):
        if len(shape) != 4:
            raise ValueError(f"a stage puts out {list(shape)}, no feature map")
        name = f"vision.blocks.{number}"
        high, wide, d = shape[1:] if channels_last else (*shape[2:], shape[1])
        point = HookPoint(name, IMAGE_STREAMS[1:], d, (high, wide))
        sites[name] = Site(list(stages.values())[number], name, point, channels_last)
    grid = point.grid
    assert grid is not None
    return VisionTower(sites, size, grid, 0, projection)


@torch.inference_mode()
def _shapes(
    visual: Module, size: tuple[int, int], stages: Mapping[str, Module]
) -> list[tuple[int, ...]]:
    """Return the shapes of what stages put out, from one picture."""
    found: dict[str, tuple[int, ...]] = {}
    handles = [
        module.register_forward_hook(
            lambda _module, _arguments, output, name=name: found.update({name: output.shape})
        )
        for name, module in stages.items()
    ]
    try:
        visual(next(visual.parameters()).new_zeros(1, 3, *size))
    finally:
        for handle in handles:
            handle.remove()
    return [tuple(found[name]) for name in stages]


def _first(block: Module, *names: str) -> Module | None:
    return next((getattr(block, name) for name in names if hasattr(block, name)), None)


def _pair(size: Any) -> tuple[int, int]:
    high, wide = (size, size) if isinstance(size, int) else size
    return int(high), int(wide)
