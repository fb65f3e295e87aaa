"""Pictures and captions as models that write text take them, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from transformers.models.smolvlm import processing_smolvlm

from mmfeat.backbones.base import STREAMS
from mmfeat.backbones.generative import GenerativeBackbone
from mmfeat.errors import MmfeatError
from tests.unit.backbones import vlm_models
from tests.unit.backbones.vlm_inputs import LAST, TEXTS, pictures, shown, whole_model


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "LA"])
def test_pictures_of_any_mode_are_shown_in_colour(
    loaded_vlm: Callable[[str], GenerativeBackbone], mode: str
) -> None:
    picture = pictures()[0].convert(mode)
    for family in ("paligemma", "qwen2_vl", "idefics3"):
        backbone = loaded_vlm(family)
        one, other = (
            backbone.prepare_images([p]).tensors["pixel_values"]
            for p in (picture, picture.convert("RGB"))
        )
        assert torch.equal(one, other)


def test_tiles_of_smolvlm_are_those_of_its_own_processor(
    loaded_vlm: Callable[[str], GenerativeBackbone], tmp_path: Path
) -> None:
    processor = vlm_models.smolvlm_processor()
    # Of its two image processors transformers loads the one that this torchvision is exact for.
    processor.save_pretrained(tmp_path)
    processor.image_processor = transformers.AutoImageProcessor.from_pretrained(tmp_path)
    with patch.object(processing_smolvlm, "num2words", str):
        made = processor(
            images=[[picture] for picture in pictures()],
            text=["<image>"] * 2,
            padding=True,
            padding_side="right",
            return_tensors="pt",
        )
    own = loaded_vlm("smolvlm").prepare_images(pictures()).tensors
    assert set(own) == set(made)
    assert all(torch.equal(own[name], made[name]) for name in own)


def test_a_picture_without_tiles_is_all_there_is(
    vlm_folders: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = copied(vlm_folders("idefics3"), tmp_path / "small")
    path = folder / "processor_config.json"
    config = json.loads(path.read_text())
    config["image_processor"]["do_image_splitting"] = False
    path.write_text(json.dumps(config))
    backbone = GenerativeBackbone("hf:small", str(folder), "cpu")
    inputs = backbone.prepare_images(pictures())
    assert inputs.tensors["pixel_values"].shape == (2, 1, 3, 24, 24)
    rows = backbone.run(inputs, {LAST: ("image.patch",), "vision.blocks.0": ("image.patch",)})
    assert len(rows[LAST]["image.patch"].x) == 2 * 9
    assert len(rows["vision.blocks.0"]["image.patch"].x) == 2 * 36


def copied(source: Path, target: Path) -> Path:
    target.mkdir()
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def test_a_processor_of_another_model_is_refused(
    vlm_folders: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = copied(vlm_folders("llava"), tmp_path / "mixed")
    path = folder / "processor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"patch_size": 6}))
    with pytest.raises(MmfeatError, match="leaves 16 places .* grid of 6 x 6; get preprocessor"):
        GenerativeBackbone("hf:mixed", str(folder), "cpu")


def test_a_picture_the_processor_refuses_is_refused(
    loaded_vlm: Callable[[str], GenerativeBackbone],
) -> None:
    with pytest.raises(MmfeatError, match="refuses a picture .*aspect ratio.*change its size"):
        loaded_vlm("qwen2_vl").prepare_images([Image.new("RGB", (900, 3))])


def test_a_caption_without_tokens_is_refused(
    loaded_vlm: Callable[[str], GenerativeBackbone],
) -> None:
    with pytest.raises(MmfeatError, match="no token of the caption ''; leave it out"):
        loaded_vlm("qwen2_vl").prepare_texts(["heart", ""])
    backbone = loaded_vlm("llava")
    rows = backbone.run(
        backbone.prepare_texts(["heart", ""]), {LAST: ("text.token", "text.pooled")}
    )[LAST]
    assert rows["text.pooled"].x.shape == (2, 32)
    assert set(rows["text.token"].source) == {0}


def test_long_captions_are_cut_to_what_the_model_takes(
    loaded_vlm: Callable[[str], GenerativeBackbone],
) -> None:
    for family in ("qwen2_vl", "paligemma"):
        inputs = loaded_vlm(family).prepare_texts(["x " * 3000])
        assert inputs.tensors["input_ids"].shape == (1, 2048)


def test_a_tower_that_is_not_usual_is_refused(tmp_path: Path) -> None:
    tokenizer = vlm_models.llama_tokenizer()
    config = transformers.LlavaConfig(
        vision_config=transformers.PixtralVisionConfig(**vlm_models.TOWER),
        text_config=transformers.LlamaConfig(**vlm_models.TEXT, vocab_size=len(tokenizer)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
    )
    _, processor = vlm_models.llava()
    folder = tmp_path / "pixtral"
    transformers.LlavaForConditionalGeneration(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    with pytest.raises(MmfeatError, match="a part that is not usual in its family"):
        GenerativeBackbone("hf:pixtral", str(folder), "cpu")


def test_pictures_and_captions_are_prepared_from_several_threads(
    loaded_vlm: Callable[[str], GenerativeBackbone],
) -> None:
    backbone = loaded_vlm("qwen2_vl")
    alone = backbone.prepare_texts(TEXTS).tensors["input_ids"]
    with ThreadPoolExecutor(4) as pool:
        shown = [pool.submit(backbone.prepare_images, pictures()) for _ in range(8)]
        read = [pool.submit(backbone.prepare_texts, TEXTS) for _ in range(40)]
        assert {tuple(made.result().grids) for made in shown} == {((5, 4), (3, 9))}
        assert all(torch.equal(made.result().tensors["input_ids"], alone) for made in read)


def test_a_class_token_that_the_model_keeps_is_no_patch(
    vlm_folders: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = copied(vlm_folders("llava"), tmp_path / "full")
    for name in ("config.json", "processor_config.json"):
        config = json.loads((folder / name).read_text())
        config["vision_feature_select_strategy"] = "full"
        (folder / name).write_text(json.dumps(config))
    backbone = GenerativeBackbone("hf:full", str(folder), "cpu")
    model, processor = whole_model(folder)
    tensors = shown("llava", processor, pictures()[0])
    places = (tensors["input_ids"][0] == model.config.image_token_id).nonzero()[:, 0]
    assert len(places) == 37
    with torch.no_grad():
        states = model(**tensors, output_hidden_states=True).hidden_states
    rows = backbone.run(backbone.prepare_images(pictures()[:1]), {"lm.layers.0": STREAMS[:2]})
    x = rows["lm.layers.0"]["image.patch"].x
    np.testing.assert_array_equal(x, states[1][0, places[1:]])


def test_more_patches_than_positions_are_refused(
    vlm_folders: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = copied(vlm_folders("qwen2_vl"), tmp_path / "large")
    path = folder / "processor_config.json"
    config = json.loads(path.read_text())
    config["image_processor"]["size"]["longest_edge"] = 10**6
    path.write_text(json.dumps(config))
    backbone = GenerativeBackbone("hf:large", str(folder), "cpu")
    inputs = backbone.prepare_images([Image.new("RGB", (728, 728))])
    assert inputs.grids == [(91, 91)]
    assert backbone._where("lm", "image.patch", inputs).position[-1] == 91 * 91 - 1
    with pytest.raises(MmfeatError, match="has 33124 patches, and 32768 is the most; make it"):
        backbone._where("vision", "image.patch", inputs)
