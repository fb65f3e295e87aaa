"""Adapter of transformers' dual encoders: CLIP, SigLIP, SigLIP 2, AltCLIP, Chinese-CLIP, ..."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from mmfeat.backbones import hf_loading, hf_spans, hooks
from mmfeat.backbones.base import JOINT, STREAMS, HookPoint, Inputs, Site, Where
from mmfeat.backbones.device import device_of
from mmfeat.backbones.hooked import HookedBackbone
from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from PIL.Image import Image

_PARTS = (".attn", ".mlp")
# No tower that pools its patches has more tokens in front of them: a class token, registers.
MOST_TOKENS_BEFORE_PATCHES = 16
# Where neither tower nor tokenizer says.
LONGEST_TEXT = 512


@dataclass(frozen=True)
class Family:
    """What is known of the models of one architecture.

    Attributes
    ----------
    image, text : tuple of str
        The modules that take a row of a tower's last block to the joint space: its final norm and
        projection. Empty where the model has none for single rows.
    pooled : str
        Which token of a text is pooled: ``first``, ``last``, ``eos``, or ``largest`` (the largest
        id). Of a picture, the first where it has a way to the joint space.
    whole : bool
        Whether it was trained on lower-case texts with all padding in sight.
    """

    image: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    pooled: str = ""
    whole: bool = False


_PICTURES = ("vision_model.post_layernorm", "visual_projection")
_CLIP = Family(_PICTURES, ("text_model.final_layer_norm", "text_projection"), "eos")
_SIGLIP = Family((), ("text_model.final_layer_norm", "text_model.head"), "last", whole=True)
FAMILIES: Mapping[str, Family] = {
    "clip": _CLIP,
    "metaclip_2": _CLIP,
    "altclip": Family(
        _PICTURES,
        ("text_model.pre_LN", "text_model.transformation", "text_projection"),
        "first",
    ),
    "chinese_clip": Family(_PICTURES, ("text_projection",), "first"),
    "siglip": _SIGLIP,
    "siglip2": _SIGLIP,
}


def handles(config: Mapping[str, Any]) -> bool:
    """Return whether a model with this ``config.json`` embeds pictures and texts apart."""
    from transformers import CONFIG_MAPPING, MODEL_MAPPING

    kind = str(config.get("model_type"))
    architectures = config.get("architectures") or ()
    if kind not in CONFIG_MAPPING or any("Generation" in str(name) for name in architectures):
        return False
    model = MODEL_MAPPING.get(CONFIG_MAPPING[kind], None)
    return hasattr(model, "get_image_features") and hasattr(model, "get_text_features")


class DualEncoderBackbone(HookedBackbone):
    """A transformers model with ``get_image_features`` and ``get_text_features``.

    At ``joint``, pooled rows are what these return, un-normalised; patch and token rows are the
    residual stream after the last block, taken through the model's own final norm and projection
    where it has one for single rows (SigLIP pools patches by attention: it has none for them). In
    the towers, the pooled row is that of the token the model pools, where there is one. Models
    run in the number format they were saved in; rows are float32.

    Parameters
    ----------
    spec : str
        The SPEC it was asked for by.
    name : str
        A folder in the hub's layout, or the name of a repository of the hub.
    device : str
        A torch device or ``auto``.

    Raises
    ------
    MmfeatError
        If the model cannot be had, or has no joint space of single vectors.
    """

    def __init__(self, spec: str, name: str, device: str) -> None:
        from transformers import AutoModel

        self.spec = spec
        self.device = device_of(device)
        self.processor = hf_loading.load_processor(spec, name)
        model = self.model = hf_loading.load_model(spec, name, AutoModel, self.device)
        if not hasattr(model, "get_image_features") or not hasattr(model, "get_text_features"):
            raise MmfeatError(
                f"{spec} ({type(model).__name__}) does not embed pictures and texts apart; choose "
                "a dual encoder such as CLIP or SigLIP."
            )
        vision = getattr(model, "vision_model", getattr(model, "image_model", None))
        text = getattr(model, "text_model", None)
        self._family = FAMILIES.get(model.config.model_type, Family())
        self._eos = getattr(text, "eos_token_id", None)
        if model.config.model_type == "clip" and self._eos == 2:
            # Configurations gave this wrong id while CLIP's code pooled at the largest.
            self._family = replace(self._family, pooled="largest")
        self._ways = {
            "vision": [model.get_submodule(path) for path in self._family.image],
            "text": [model.get_submodule(path) for path in self._family.text],
        }
        patch_size = getattr(getattr(vision, "config", None), "patch_size", None)
        self._patch_size = patch_size if isinstance(patch_size, int) else 0
        self.context_length = _context_length(text, self.processor.tokenizer)
        self._explore(_parts("vision", vision), _parts("text", text))

    def _explore(self, vision: dict[str, nn.Module], text: dict[str, nn.Module]) -> None:
        """Find the hook points: what comes out of modules for a blank picture and a letter."""
        from PIL import Image

        try:
            picture = self.prepare_images([Image.new("RGB", (512, 512))])
            letter = self.prepare_texts(["a"])
            d_image, of_picture = self._shapes(picture, vision)
            d_text, of_letter = self._shapes(letter, text)
        except MmfeatError:
            raise
        except Exception as error:  # a model raises whatever its modules do
            reason = textwrap.shorten(str(error), 200, placeholder=" ...")
            raise MmfeatError(
                f"{self.spec} does not run on what its own processor gives ({reason}); get all of "
                "its files from one place again, with hf download ID --local-dir DIR."
            ) from error
        if d_image != d_text:
            raise MmfeatError(
                f"{self.spec} embeds pictures in {d_image} and texts in {d_text} dimensions; "
                "choose a model with one space for both."
            )
        high, wide = picture.grids[0] if picture.grids else (0, 0)
        lengths = {shape[1] for shape in of_picture.values()}
        self._before = min(lengths, default=0) - high * wide
        image_streams = STREAMS[:2] if self._family.image else STREAMS[1:2]
        any_size = "spatial_shapes" in picture.tensors
        grid = (high, wide) if high and not any_size else None
        if len(lengths) > 1 or not high or not 0 <= self._before <= MOST_TOKENS_BEFORE_PATCHES:
            of_picture = {}
        if {shape[1] for shape in of_letter.values()} != {_width(letter)}:
            of_letter = {}
        self.sites = {
            name: Site(modules[name], tower, HookPoint(name, streams, shape[2], patches))
            for tower, modules, shapes, streams, patches in (
                ("vision", vision, of_picture, image_streams, grid),
                ("text", text, of_letter, STREAMS[2 if self._family.pooled else 3 :], None),
            )
            for name, shape in shapes.items()
        }
        ends = {site.tower: name for name, site in self.sites.items() if not name.endswith(_PARTS)}
        self.last = {
            stream: ends[tower]
            for stream, tower in (("image.patch", "vision"), ("text.token", "text"))
            if tower in ends and self._ways[tower]
        }
        streams = tuple(s for s in STREAMS if s.endswith("pooled") or s in self.last)
        self.joint = HookPoint(
            JOINT, streams, d_image, grid if "image.patch" in self.last else None
        )
        # Drawings are made no smaller than a corpus keeps them.
        side = (
            max(high, wide) * self._patch_size
            if high
            else picture.tensors["pixel_values"].shape[-1]
        )
        self.image_size = max(96, int(side))

    @torch.inference_mode()
    def _shapes(
        self, inputs: Inputs, modules: Mapping[str, nn.Module]
    ) -> tuple[int, dict[str, tuple[int, int, int]]]:
        """Return the width of the joint space, and the shapes that modules put out for one input.

        In the order of computation; those that are not [1, sequence, d] are left out.
        """
        found: dict[str, Any] = {}

        def hook(name: str) -> Callable[[nn.Module, Any, Any], None]:
            def keep(_module: nn.Module, _arguments: Any, output: Any) -> None:
                found[name] = tuple((output[0] if isinstance(output, tuple) else output).shape)

            return keep

        handles = [module.register_forward_hook(hook(name)) for name, module in modules.items()]
        try:
            pooled = self._call(inputs)
        finally:
            for handle in handles:
                handle.remove()
        if not isinstance(pooled, Tensor) or pooled.ndim != 2:
            raise MmfeatError(
                f"{self.spec} gives no single vector for a picture or a text; choose a dual "
                "encoder with a joint space, such as CLIP or SigLIP."
            )
        sequences = {n: s for n, s in found.items() if len(s) == 3 and s[0] == 1}
        return int(pooled.shape[1]), sequences

    def info(self) -> dict[str, object]:
        """Return sizes, preprocessing and number of parameters."""
        assert self.joint is not None
        return {
            "spec": self.spec,
            "class": type(self.model).__name__,
            "d": self.joint.d,
            "image_size": self.image_size,
            "patch_size": self._patch_size or None,
            "context_length": self.context_length,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "preprocess": str(self.processor.image_processor),
            "device": str(self.device),
        }

    def prepare_images(self, pictures: Sequence[Image]) -> Inputs:
        """Preprocess pictures as the model's own processor does.

        Pictures of their own sizes are padded to the largest of the batch.
        """
        prepared = self.processor.image_processor(
            [picture.convert("RGB") for picture in pictures], return_tensors="pt"
        )
        tensors = {name: value for name, value in prepared.items() if isinstance(value, Tensor)}
        count = len(pictures)
        if "spatial_shapes" in tensors:
            grids = [(int(high), int(wide)) for high, wide in tensors["spatial_shapes"].tolist()]
            most = max(high * wide for high, wide in grids)
            for name in ("pixel_values", "pixel_attention_mask"):
                tensors[name] = tensors[name][:, :most]
            return Inputs(tensors, count, grids=grids)
        if not self._patch_size:
            return Inputs(tensors, count)
        high, wide = (int(size) // self._patch_size for size in tensors["pixel_values"].shape[-2:])
        return Inputs(tensors, count, grids=[(high, wide)] * count)

    def prepare_texts(self, texts: Sequence[str]) -> Inputs:
        """Tokenise texts as the model's own tokenizer does; padded to the longest of them.

        SigLIP was trained on lower-case texts with all padding in sight: so it gets them.
        """
        whole = self._family.whole
        tensors, spans = hf_spans.tokenise(
            self.processor.tokenizer,
            [_lowered(text) for text in texts] if whole else texts,
            self.context_length,
            padded=whole,
        )
        if whole:
            tensors.pop("attention_mask", None)
        return Inputs(tensors, len(texts), spans=spans)

    def _call(self, inputs: Inputs) -> Float[Tensor, "batch d"]:
        embed = self.model.get_text_features if inputs.is_text else self.model.get_image_features
        output = embed(
            **{
                name: value.to(self.device, self.model.dtype if value.is_floating_point() else None)
                for name, value in inputs.tensors.items()
            }
        )
        pooled: Tensor = output if isinstance(output, Tensor) else output.pooler_output
        return pooled

    def _where(self, tower: str, stream: str, inputs: Inputs) -> Where:
        if tower == "text":
            if stream == "text.token":
                assert inputs.spans is not None
                return hooks.tokens_at(inputs.spans, _width(inputs))
            return hooks.pooled_at(
                np.arange(inputs.count) * _width(inputs) + self._pooled_place(inputs)
            )
        assert inputs.grids is not None
        sizes = np.array([high * wide for high, wide in inputs.grids])
        sequence = self._before + int(sizes.max(initial=0))
        if stream == "image.pooled":
            return hooks.pooled(inputs.count, sequence)
        source = np.repeat(np.arange(inputs.count), sizes)
        position = np.concatenate([np.arange(size) for size in sizes])
        index = source * sequence + self._before + position
        return Where(index, source, position.astype(np.int16))

    def _pooled_place(self, inputs: Inputs) -> np.ndarray:
        """Return which token of each text the model pools, by its own rule."""
        ids: np.ndarray = inputs.tensors["input_ids"].numpy()
        found: np.ndarray = np.zeros(len(ids), np.int64)
        match self._family.pooled:
            case "last":
                found = np.full(len(ids), ids.shape[1] - 1)
            case "largest":
                found = ids.argmax(1)
            case "eos":
                found = (ids == self._eos).argmax(1)
        return found

    @torch.inference_mode()
    def project(
        self, hook: str, stream: str, x: Float[Tensor, "rows d"]
    ) -> Float[Tensor, "rows j"]:
        """Take rows of the residual stream through the model's own final norm and projection."""
        if self.point(hook).name == JOINT or hook.endswith(_PARTS):
            raise MmfeatError(f"{hook} is not in a residual stream; choose one that is.")
        way = self._ways[self.sites[hook].tower]
        if not way:
            raise MmfeatError(
                f"{self.spec} takes no single rows of {hook} to its joint space; choose joint, "
                "whose pooled rows are in it."
            )
        x = x.to(self.device, self.model.dtype)
        for module in way:
            x = module(x)
        return x


def _parts(tower: str, root: nn.Module | None) -> dict[str, nn.Module]:
    """Return the blocks of a tower and what they add, in the order of computation."""
    stacks = [
        module
        for name, module in (() if root is None else root.named_modules())
        if isinstance(module, nn.ModuleList)
        and name.rpartition(".")[2] in ("layer", "layers", "blocks")
        and all({"self_attn", "attention", "attn"} & {*dict(b.named_children())} for b in module)
    ]
    if len(stacks) != 1:
        return {}
    found: dict[str, nn.Module] = {}
    for number, block in enumerate(stacks[0]):
        name, children = f"{tower}.blocks.{number}", {*dict(block.named_children())}
        # Only of these is it known that they are added to the residual stream as they are.
        if children == {"self_attn", "layer_norm1", "mlp", "layer_norm2"}:
            found[f"{name}.attn"] = block.get_submodule("self_attn")
            found[f"{name}.mlp"] = block.get_submodule("mlp")
        elif children == {"attention", "intermediate", "output"}:
            found[f"{name}.attn"] = block.get_submodule("attention.output.dense")
            found[f"{name}.mlp"] = block.get_submodule("output.dense")
        found[name] = block
    return found


def _context_length(text: nn.Module | None, tokenizer: Any) -> int:
    """Return how many tokens a text may have, from what the tower has positions for."""
    most = min(int(tokenizer.model_max_length), LONGEST_TEXT)
    for name, module in () if text is None else text.named_modules():
        if isinstance(module, nn.Embedding) and name.endswith(
            ("position_embedding", "position_embeddings")
        ):
            # Where padding has a position, those of texts follow it.
            first = 0 if module.padding_idx is None else module.padding_idx + 1
            most = min(most, module.num_embeddings - first)
    return most


def _width(inputs: Inputs) -> int:
    return int(inputs.tensors["input_ids"].shape[1])


def _lowered(text: str) -> str:
    """Return a text in lower case, each letter where it was."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
