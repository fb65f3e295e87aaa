"""Adapter of transformers' generative models: one residual stream for image and text tokens."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mmfeat.backbones import hooks
from mmfeat.backbones.base import STREAMS, HookPoint, Inputs, Site, Span, Where
from mmfeat.backbones.device import device_of
from mmfeat.backbones.generative_layouts import LAYOUTS, Layout, Patches
from mmfeat.backbones.hf_loading import load_model, load_processor, read_config
from mmfeat.backbones.hooked import HookedBackbone
from mmfeat.backbones.tokens import visible
from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from PIL.Image import Image

# What a position can be written as.
MOST_POSITIONS = int(np.iinfo(np.int16).max) + 1


def handles(config: Mapping[str, Any]) -> bool:
    """Return whether a parsed ``config.json`` is that of a family known here."""
    return config.get("model_type") in LAYOUTS


class GenerativeBackbone(HookedBackbone):
    """A generative model of transformers: LLaVA, LLaVA-NeXT, Qwen2-VL, PaliGemma, Idefics3, ...

    A picture is run as the model's own processor makes it for a prompt that is the picture alone; a
    caption is run as plain text. `run` generates nothing: the model without its head is run once,
    as far as it is needed (`mmfeat.backbones.generation` has it write). There is no ``joint``.

    At ``lm.layers``, ``image.patch`` is the image tokens (of the whole picture, where the model
    also sees tiles of it) and ``image.pooled`` the last image token; ``text.token`` is the content
    tokens and ``text.pooled`` the last of them: these have seen all of the picture or text. In
    ``vision.blocks``, ``image.patch`` is the patches of the tower, whose grid may be finer than
    that of the image tokens (`grids`).

    Parameters
    ----------
    spec : str
        The SPEC it was asked for by.
    name : str
        A folder in the hub's layout, or the name of a repository of the hub.
    device : str
        A torch device or ``auto``.

    Attributes
    ----------
    whole, model : torch.nn.Module
        The model with the head that writes tokens, and without.
    processor, tokenizer
        What prepares pictures and texts for it.
    layout : Layout
        Where its family has what.

    Raises
    ------
    MmfeatError
        If it cannot be loaded, or its parts are not those of its family.
    """

    def __init__(self, spec: str, name: str, device: str) -> None:
        from transformers import AutoModelForImageTextToText

        self.spec = spec
        self.device = device_of(device)
        kind = str(read_config(spec, name)["model_type"])
        self.whole = load_model(spec, name, AutoModelForImageTextToText, self.device)
        self.model = self.whole.model
        self.processor = _load_processor(spec, name, kind)
        self.tokenizer = self.processor.tokenizer
        if not self.tokenizer.is_fast:
            raise MmfeatError(
                f"{spec} has no tokenizer.json, which says where in a text each token stands; "
                "choose a revision of the model that has it."
            )
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        # A fast tokenizer serves one thread at a time.
        self.preparing = Lock()
        self.last = {}
        try:
            text = self.model.config.text_config
            most = (self.tokenizer.model_max_length, text.max_position_embeddings)
            self.context_length = min(MOST_POSITIONS, *map(int, most))
            self.layout: Layout = LAYOUTS[kind](self.model)
            self.image_size = max(96, self.layout.image_size)
            self.sites = self._sites()
        except AttributeError as error:
            raise MmfeatError(
                f"{spec} has a part that is not usual in its family ({error}); choose a model "
                "whose vision tower and language model are plain transformers."
            ) from error

    def _sites(self) -> dict[str, Site]:
        """Return attention, MLP and residual stream of each block of tower and language model."""
        from PIL import Image

        layout = self.layout
        blank = self.prepare_images([Image.new("RGB", (layout.image_size, layout.image_size))])
        found = {}
        for tower, plural, blocks, d, streams in (
            ("vision", "blocks", layout.blocks, layout.d_vision, ("image.patch",)),
            ("lm", "layers", layout.layers, layout.d, STREAMS),
        ):
            (grid,) = self._grids(tower, blank)
            for number, block in enumerate(blocks):
                attention, mlp = _parts(block)
                for suffix, module in ((".attn", attention), (".mlp", mlp), ("", block)):
                    name = f"{tower}.{plural}.{number}{suffix}"
                    point = HookPoint(name, streams, d, None if layout.any_size else grid)
                    found[name] = Site(module, tower, point)
        return found

    def info(self) -> dict[str, object]:
        """Return sizes, preprocessing and number of parameters."""
        return {
            "spec": self.spec,
            "class": type(self.model).__name__,
            "d": self.layout.d,
            "d_vision": self.layout.d_vision,
            "image_size": self.layout.image_size,
            "context_length": self.context_length,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "preprocess": str(self.processor.image_processor),
            "device": str(self.device),
        }

    def prepare_images(self, pictures: Sequence[Image]) -> Inputs:
        """Make of each picture what the model's own processor makes of it alone.

        Raises
        ------
        MmfeatError
            If the processor refuses a picture.
        """
        tensors = self._processed(pictures, [self.layout.prompt(self.processor)] * len(pictures))
        grids = [patches.grid for patches in self.layout.tokens(tensors)]
        return Inputs(tensors, len(pictures), grids=grids)

    def _processed(
        self, pictures: Sequence[Image], prompts: Sequence[str], **options: Any
    ) -> dict[str, Tensor]:
        """Return what the processor makes of pictures, each with its prompt."""
        try:
            with self.preparing:
                made = self.processor(
                    images=[[picture.convert("RGB")] for picture in pictures],
                    text=list(prompts),
                    padding=True,
                    padding_side="right",
                    return_tensors="pt",
                    **options,
                )
        except (ValueError, TypeError) as error:
            reason = textwrap.shorten(str(error), 160, placeholder=" ...").rstrip(".")
            raise MmfeatError(
                f"The processor of {self.spec} refuses a picture of the batch ({reason}); leave "
                "it out of the corpus or change its size."
            ) from error
        names = ("input_ids", "attention_mask", *self.layout.takes)
        return {name: made[name] for name in names if name in made}

    def prepare_prompt(self, picture: Image | None, prompt: str) -> Inputs:
        """Make of a prompt, after the picture it is about, what the model goes on from.

        Where the processor has a chat template, the prompt is the user's turn in it. Rows of text
        are all tokens that are no special ones, words of the template included; which characters
        they stand for is not told.

        Raises
        ------
        MmfeatError
            If the processor refuses the picture, or the prompt has no token, too many, or one
            that stands for a picture.
        """
        shows = str(self.processor.image_token)
        if shows in prompt:
            raise MmfeatError(
                f"The prompt has {shows}, which stands for a picture; leave it out: the picture "
                "is put before the prompt."
            )
        written, options = self._turn(picture is not None, prompt)
        if picture is not None:
            tensors = self._processed([picture], [written], **options)
        else:
            with self.preparing:
                made = self.tokenizer([written], return_tensors="pt", **options)
            tensors = {name: made[name].long() for name in ("input_ids", "attention_mask")}
            if "token_type_ids" in self.layout.takes:
                tensors["token_type_ids"] = torch.zeros_like(tensors["input_ids"])
        ids = tensors["input_ids"][0]
        if not 0 < len(ids) < self.context_length:
            raise MmfeatError(
                f"{self.spec} makes {len(ids)} tokens of the prompt, and takes 1 to "
                f"{self.context_length - 1}; change its length."
            )
        added = self.tokenizer.added_tokens_decoder
        special = {number for number, token in added.items() if token.special}
        special |= {*self.tokenizer.all_special_ids, self.model.config.image_token_id}
        content = np.array([number not in special for number in ids.tolist()])
        for places in () if picture is None else self.layout.places(tensors):
            # Newlines between the tiles of a picture are no text.
            content[places[0] : places[-1]] = False
        return Inputs(
            tensors,
            1,
            grids=None if picture is None else [p.grid for p in self.layout.tokens(tensors)],
            spans=[[(int(place), (0, 0)) for place in np.flatnonzero(content)]],
        )

    def _turn(self, shown: bool, prompt: str) -> tuple[str, dict[str, bool]]:
        """Return a prompt as the model was taught to be asked, and options of the tokenizer."""
        if getattr(self.processor, "chat_template", None):
            content = [{"type": "image"}] * shown + [{"type": "text", "text": prompt}]
            written = str(
                self.processor.apply_chat_template(
                    [{"role": "user", "content": content}], add_generation_prompt=True
                )
            )
            start = self.tokenizer.bos_token
            return written, {"add_special_tokens": not (start and written.startswith(start))}
        if shown:
            return self.layout.prompt(self.processor) + prompt, {}
        if self.layout.starts_texts:
            # As its processor writes what follows a picture.
            return f"{self.tokenizer.bos_token}{prompt}\n", {"add_special_tokens": False}
        return prompt, {}

    def prepare_texts(self, texts: Sequence[str]) -> Inputs:
        """Tokenise texts; what looks like a special token in a text is text.

        Raises
        ------
        MmfeatError
            If a text has no token.
        """
        start = [self.tokenizer.bos_token_id] if self.layout.starts_texts else []
        with self.preparing:
            made = self.tokenizer(
                list(texts),
                truncation=True,
                max_length=self.context_length - len(start),
                split_special_tokens=True,
                return_offsets_mapping=True,
                return_special_tokens_mask=True,
            )
        ids = [torch.tensor(start + own, dtype=torch.int64) for own in made["input_ids"]]
        for text, own in zip(texts, ids, strict=True):
            if not len(own):
                raise MmfeatError(
                    f"{self.spec} makes no token of the caption {text!r}; leave it out."
                )
        spans = [
            [
                (len(start) + place, visible(text, *offset))
                for place, (offset, special) in enumerate(zip(offsets, specials, strict=True))
                if not special
            ]
            for text, offsets, specials in zip(
                texts, made["offset_mapping"], made["special_tokens_mask"], strict=True
            )
        ]
        mask = [torch.ones_like(own) for own in ids]
        tensors = {
            "input_ids": pad_sequence(ids, batch_first=True),
            "attention_mask": pad_sequence(mask, batch_first=True),
        }
        if "token_type_ids" in self.layout.takes:
            tensors["token_type_ids"] = torch.zeros_like(tensors["input_ids"])
        return Inputs(tensors, len(texts), spans=spans)

    def grids(self, hook: str, inputs: Inputs) -> Sequence[Span]:
        """Return rows and columns of each picture's patches at a hook point."""
        return self._grids(self.sites[self.point(hook).name].tower, inputs)

    def _grids(self, tower: str, inputs: Inputs) -> Sequence[Span]:
        if tower == "vision":
            return [patches.grid for patches in self.layout.patches(inputs.tensors)]
        assert inputs.grids is not None
        return inputs.grids

    def _call(self, inputs: Inputs) -> None:
        tensors = {name: tensor.to(self.device) for name, tensor in inputs.tensors.items()}
        self.model(**tensors, use_cache=False)

    def _where(self, tower: str, stream: str, inputs: Inputs) -> Where:
        tensors = inputs.tensors
        if tower == "vision":
            return _patches(self.layout.patches(tensors))
        if stream == "image.patch":
            return _patches(self.layout.tokens(tensors))
        width = tensors["input_ids"].shape[1]
        if stream == "text.token":
            assert inputs.spans is not None
            return hooks.tokens_at(inputs.spans, width)
        if stream == "image.pooled":
            last = [places[-1] for places in self.layout.places(tensors)]
        else:
            assert inputs.spans is not None
            ends = (tensors["attention_mask"].sum(1) - 1).tolist()
            last = [s[-1][0] if s else end for s, end in zip(inputs.spans, ends, strict=True)]
        return hooks.pooled_at(np.arange(inputs.count) * width + np.array(last, np.int64))


def _load_processor(spec: str, name: str, kind: str) -> Any:
    if kind != "smolvlm":
        return load_processor(spec, name)
    from transformers import Idefics3Processor

    # SmolVLM's own is Idefics3's for pictures; for videos it needs packages that are not here.
    try:
        folder = Path(name).expanduser()
        source = str(folder) if folder.is_dir() else name
        return Idefics3Processor.from_pretrained(source, trust_remote_code=False)
    except Exception as error:  # transformers raises many kinds
        reason = textwrap.shorten(str(error), 160, placeholder=" ...").rstrip(".")
        raise MmfeatError(
            f"The processor of {spec} cannot be loaded ({reason}); its folder needs "
            "preprocessor_config.json, processor_config.json and the tokenizer's files."
        ) from error


def _parts(block: Any) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Return the modules whose outputs a block adds to the residual stream."""
    if hasattr(block, "post_feedforward_layernorm"):
        # Gemma 2 norms what a part gives before it is added.
        return block.post_attention_layernorm, block.post_feedforward_layernorm
    return (block.self_attn if hasattr(block, "self_attn") else block.attn), block.mlp


def _patches(found: Sequence[Patches]) -> Where:
    """Return where the patches of the pictures of a batch are."""
    counts = [len(patches.index) for patches in found]
    if max(counts) > MOST_POSITIONS:
        raise MmfeatError(
            f"A picture of the batch has {max(counts)} patches, and {MOST_POSITIONS} is the most; "
            "make it smaller, or choose a hook point of the language model."
        )
    return Where(
        np.concatenate([patches.index for patches in found]).astype(np.int64),
        np.repeat(np.arange(len(found)), counts),
        np.concatenate([np.arange(count, dtype=np.int16) for count in counts]),
    )
