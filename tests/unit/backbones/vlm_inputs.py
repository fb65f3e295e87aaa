"""What is shown to small models that write text, and the whole model itself."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import transformers
from PIL import Image
from transformers.models.smolvlm import processing_smolvlm

TEXTS = ["a red heart", "Herz", "a man: dark 心 tone"]
LAST = "lm.layers.2"


@cache
def whole_model(folder: Path) -> tuple[Any, Any]:
    """The model with its head and its processor, as transformers loads them."""
    model = transformers.AutoModelForImageTextToText.from_pretrained(folder, dtype="auto").eval()
    with patch.object(processing_smolvlm, "num2words", str):
        return model, transformers.AutoProcessor.from_pretrained(folder)


def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [
        Image.fromarray(rng.integers(0, 255, (*size, 3), dtype=np.uint8))
        for size in ((40, 32), (24, 72))
    ]


def shown(family: str, processor: Any, picture: Image.Image) -> dict[str, torch.Tensor]:
    """A picture alone as the processor of the family makes it."""
    prompt = "<image>"
    if family.startswith("qwen"):
        prompt = "<|vision_start|><|image_pad|><|vision_end|>"
    made = processor(images=[picture], text=[prompt], return_tensors="pt")
    return {name: value for name, value in made.items() if name != "labels"}
