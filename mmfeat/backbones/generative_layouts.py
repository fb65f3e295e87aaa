"""Where each family of generative models has its blocks, image tokens and patches.

Where a family cuts a picture into tiles and also shows it as a whole, the patches are those of the
whole: one grid that covers what the model sees of the picture. The tiles are context.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int
from torch import Tensor

from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    import torch

    from mmfeat.backbones.base import Span

# Merged patches along a side of the drawings made for a model that takes any size.
DRAWN = 16


@dataclass(frozen=True)
class Patches:
    """The patches of one picture somewhere in a model.

    Attributes
    ----------
    grid : (rows, columns)
        How they lie in the picture.
    index : int64 [rows * columns]
        Where they are in an output as [batch * sequence, d], row by row of the grid.
    """

    grid: Span
    index: Int[np.ndarray, "patches"]


class Layout:
    """One family; this is LLaVA with a tower of CLIP or SigLIP.

    Attributes
    ----------
    takes : tuple of str
        Arguments of the model that the processor makes besides tokens and their mask.
    layers, blocks : sequence of torch.nn.Module
        Of the language model and of the vision tower.
    d, d_vision : int
        Widths of their residual streams.
    image_size : int
        Pixels at which drawings are drawn.
    any_size : bool
        Whether the grid of a picture depends on its size.
    starts_texts : bool
        Whether a text starts with a token that the processor puts in, not the tokenizer.
    """

    takes: tuple[str, ...] = ("pixel_values",)
    any_size = False
    starts_texts = False

    def __init__(self, model: Any) -> None:
        self._model = model
        self._config = model.config
        self._vision = model.config.vision_config
        self.d = int(model.config.text_config.hidden_size)
        self._find()

    def _find(self) -> None:
        tower = self._model.vision_tower
        self.layers: Sequence[torch.nn.Module] = self._model.language_model.layers
        self.blocks: Sequence[torch.nn.Module] = tower.encoder.layers
        self.d_vision = int(self._vision.hidden_size)
        self.image_size = int(self._vision.image_size)
        self._classes = int(hasattr(tower.embeddings, "class_embedding"))

    def prompt(self, processor: Any) -> str:
        """Return the least prompt that shows one picture."""
        return str(processor.image_token)

    def tokens(self, tensors: Mapping[str, Tensor]) -> list[Patches]:
        """Return the image tokens of each picture in the language model.

        Raises
        ------
        MmfeatError
            If the processor left other places than the model fills.
        """
        width = tensors["input_ids"].shape[1]
        found = []
        for number, (places, grid) in enumerate(
            zip(self.places(tensors), self._grids(tensors), strict=True)
        ):
            count = grid[0] * grid[1]
            first = self._first(len(places), count)
            chosen = places[first : first + count] if first >= 0 else places[:0]
            if len(chosen) != count:
                raise MmfeatError(
                    f"The processor of this model leaves {len(places)} places for a picture that "
                    f"the model turns into a grid of {grid[0]} x {grid[1]}; get "
                    "preprocessor_config.json, processor_config.json and config.json from one "
                    "place again."
                )
            found.append(Patches(grid, number * width + chosen))
        return found

    def places(self, tensors: Mapping[str, Tensor]) -> list[Int[np.ndarray, "places"]]:
        """Return where in its sequence each picture has image tokens, tiles included."""
        shown = (tensors["input_ids"] == self._config.image_token_id).numpy()
        return [np.flatnonzero(row) for row in shown]

    def patches(self, tensors: Mapping[str, Tensor]) -> list[Patches]:
        """Return the patches of each picture in the vision tower."""
        high, wide = self._tile(tensors)
        count = high * wide
        starts = self._tiles(tensors) * (self._classes + count) + self._classes
        return [Patches((high, wide), start + np.arange(count)) for start in starts]

    def _tile(self, tensors: Mapping[str, Tensor]) -> Span:
        """Return the patches of one tile in the tower."""
        high, wide = tensors["pixel_values"].shape[-2:]
        return high // int(self._vision.patch_size), wide // int(self._vision.patch_size)

    def _tiles(self, tensors: Mapping[str, Tensor]) -> Int[np.ndarray, "pictures"]:
        """Return which tile, of all that the tower sees, shows the whole of each picture."""
        return np.arange(len(tensors["input_ids"]))

    def _grids(self, tensors: Mapping[str, Tensor]) -> list[Span]:
        return [self._tile(tensors)] * len(tensors["input_ids"])

    def _first(self, places: int, count: int) -> int:
        """Return how many image tokens stand before those of the whole picture."""
        del places, count
        full = getattr(self._config, "vision_feature_select_strategy", "full") == "full"
        return self._classes if full else 0


class LlavaNext(Layout):
    """LLaVA-NeXT: the whole picture, then its tiles with a newline token after each row."""

    takes = ("pixel_values", "image_sizes")

    def _tiles(self, tensors: Mapping[str, Tensor]) -> Int[np.ndarray, "pictures"]:
        from transformers.models.llava_next.modeling_llava_next import image_size_to_num_patches

        pinpoints, side = self._config.image_grid_pinpoints, int(self._vision.image_size)
        counts = [
            image_size_to_num_patches(size, pinpoints, side)
            for size in tensors["image_sizes"].tolist()
        ]
        return np.cumsum([0, *counts[:-1]])


class PaliGemma(Layout):
    """PaliGemma 1 and 2: what is shown, picture or caption, is a prefix that sees all of itself."""

    takes = ("pixel_values", "token_type_ids")
    starts_texts = True


class Idefics3(Layout):
    """Idefics3 and SmolVLM: tiles row by row, then the whole picture, squared."""

    takes = ("pixel_values", "pixel_attention_mask")

    def _find(self) -> None:
        self.layers = self._model.text_model.layers
        self.blocks = self._model.vision_model.encoder.layers
        self.d_vision = int(self._vision.hidden_size)
        self.image_size = int(self._vision.image_size)
        self._classes = 0

    def _grids(self, tensors: Mapping[str, Tensor]) -> list[Span]:
        high, wide = self._tile(tensors)
        merged = int(self._config.scale_factor)
        return [(high // merged, wide // merged)] * len(tensors["input_ids"])

    def _tiles(self, tensors: Mapping[str, Tensor]) -> Int[np.ndarray, "pictures"]:
        high, wide = self._grids(tensors)[0]
        counts = [len(places) // (high * wide) for places in self.places(tensors)]
        return np.cumsum(counts) - 1

    def _first(self, places: int, count: int) -> int:
        return places - count


class Qwen2VL(Layout):
    """Qwen2-VL and Qwen2.5-VL: pictures of any size, patches merged two by two and packed."""

    takes = ("pixel_values", "image_grid_thw", "mm_token_type_ids")
    any_size = True

    def _find(self) -> None:
        self.layers = self._model.language_model.layers
        self.blocks = self._model.visual.blocks
        self.d_vision = int(self._model.visual.patch_embed.embed_dim)
        self._merged = int(self._vision.spatial_merge_size)
        self.image_size = DRAWN * self._merged * int(self._vision.patch_size)

    def prompt(self, processor: Any) -> str:
        """Return the image token between the two that mark a picture."""
        marks = [self._config.vision_start_token_id, self._config.vision_end_token_id]
        start, end = processor.tokenizer.convert_ids_to_tokens(marks)
        return f"{start}{processor.image_token}{end}"

    def patches(self, tensors: Mapping[str, Tensor]) -> list[Patches]:
        """Return the patches of each picture in the vision tower, which packs them in blocks."""
        side = self._merged
        unit = side * side
        place = self._windowed(tensors)
        found, first = [], 0
        for _, high, wide in tensors["image_grid_thw"].tolist():
            count = high * wide
            packed = np.arange(first, first + count)
            rows = packed.reshape(high // side, wide // side, side, side).swapaxes(1, 2).ravel()
            index = rows if place is None else place[rows // unit] * unit + rows % unit
            found.append(Patches((high, wide), index))
            first += count
        return found

    def _windowed(self, tensors: Mapping[str, Tensor]) -> Int[np.ndarray, "blocks"] | None:
        """Return where each block of merged patches is, in a tower that sorts them by window."""
        if not hasattr(self._vision, "window_size"):
            return None
        from transformers.vision_utils import get_vision_window_index

        order, _ = get_vision_window_index(
            tensors["image_grid_thw"],
            spatial_merge_size=self._merged,
            window_size=int(self._vision.window_size),
            patch_size=int(self._vision.patch_size),
        )
        return np.argsort(order.numpy())

    def _grids(self, tensors: Mapping[str, Tensor]) -> list[Span]:
        side = self._merged
        return [(h // side, w // side) for _, h, w in tensors["image_grid_thw"].tolist()]

    def _first(self, places: int, count: int) -> int:
        del places, count
        return 0


# By model_type of config.json.
LAYOUTS: Mapping[str, type[Layout]] = {
    "llava": Layout,
    "llava_next": LlavaNext,
    "qwen2_vl": Qwen2VL,
    "qwen2_5_vl": Qwen2VL,
    "paligemma": PaliGemma,
    "idefics3": Idefics3,
    "smolvlm": Idefics3,
}
