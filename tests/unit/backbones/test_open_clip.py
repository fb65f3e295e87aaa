from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from mmfeat.backbones.base import STREAMS
from mmfeat.backbones.open_clip import OpenClipBackbone
from mmfeat.backbones.registry import load_backbone
from mmfeat.errors import MmfeatError

VISION = {"image_size": 32, "patch_size": 8, "width": 32, "layers": 2, "head_width": 16}
TEXT = {"context_length": 20, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
TEXTS = ["a red heart", "Herz", "sad", "a man with a white cane: dark skin tone"]


def save_model(folder: Path, vision: dict, text: dict, custom: bool) -> str:
    """A tiny model of open_clip's own classes in open_clip's local-dir layout."""
    torch.manual_seed(0)
    config = {"embed_dim": 24, "vision_cfg": vision, "text_cfg": text}
    kind = open_clip.CustomTextCLIP if custom else open_clip.CLIP
    model = kind(**config)
    if custom:
        config["custom_text"] = True
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": config, "preprocess_cfg": {}})
    )
    save_file(
        {name: value.contiguous() for name, value in model.state_dict().items()},
        folder / "open_clip_model.safetensors",
    )
    return f"open_clip:local-dir:{folder}"


@pytest.fixture(
    params=[
        ("tok", {}, False),
        ("avg", {"pool_type": "eos", "eos_id": 49407}, True),
        ("tok", {"pool_type": "last", "no_causal_mask": True, "proj_bias": True}, True),
    ],
    ids=["clip", "custom-causal", "custom-bidirectional"],
)
def backbone(request: pytest.FixtureRequest, tmp_path: Path) -> OpenClipBackbone:
    pool, text, custom = request.param
    spec = save_model(tmp_path / "a model", VISION | {"pool_type": pool}, TEXT | text, custom)
    loaded = load_backbone(spec, "cpu")
    assert isinstance(loaded, OpenClipBackbone)
    return loaded


def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [
        Image.fromarray(rng.integers(0, 255, (*size, 3), dtype=np.uint8))
        for size in ((40, 30), (32, 32), (64, 100))
    ]


def hooked(module: torch.nn.Module, call) -> tuple[torch.Tensor, torch.Tensor]:
    found = []
    handle = module.register_forward_hook(lambda m, i, out: found.append(out))
    with torch.no_grad():
        result = call()
    handle.remove()
    return result, found[0]


def test_picture_rows_equal_a_direct_forward_pass(backbone: OpenClipBackbone) -> None:
    rows = backbone.images(pictures(), "joint", STREAMS)
    visual = backbone.model.visual
    batch = torch.stack([backbone._preprocess(p) for p in pictures()])
    pooled, normed = hooked(visual.ln_post, lambda: backbone.model.encode_image(batch))
    np.testing.assert_array_equal(rows["image.pooled"].x, pooled.numpy())
    patches = (normed[:, 1:] @ visual.proj).detach().numpy().reshape(3 * 16, -1)
    np.testing.assert_allclose(rows["image.patch"].x, patches, rtol=1e-5, atol=1e-6)
    assert backbone.grid == (4, 4)
    assert rows["image.patch"].source.tolist() == [0] * 16 + [1] * 16 + [2] * 16
    assert rows["image.patch"].position.tolist() == list(range(16)) * 3
    assert rows["image.pooled"].position.tolist() == [-1] * 3


def test_text_rows_equal_a_direct_forward_pass_over_all_padding(
    backbone: OpenClipBackbone,
) -> None:
    rows = backbone.texts(TEXTS, "joint", STREAMS)
    tower = backbone._text
    ids = backbone._tokenizer(TEXTS)
    assert ids.shape == (4, 20)
    pooled, normed = hooked(tower.ln_final, lambda: backbone.model.encode_text(ids))
    np.testing.assert_allclose(rows["text.pooled"].x, pooled.numpy(), rtol=1e-4, atol=1e-5)
    projection = tower.text_projection
    states = (
        projection(normed) if isinstance(projection, torch.nn.Linear) else normed @ projection
    ).detach()
    # CLIP's tokenizer: a start token, content, an end token (the largest id), padding.
    expected = [
        (source, position)
        for source, row in enumerate(ids.tolist())
        for position in range(1, row.index(49407))
    ]
    tokens = rows["text.token"]
    assert list(zip(tokens.source.tolist(), tokens.position.tolist(), strict=True)) == expected
    direct = np.stack([states[s, p].numpy() for s, p in expected])
    np.testing.assert_allclose(tokens.x, direct, rtol=1e-4, atol=1e-5)


def test_each_token_stands_for_its_characters(backbone: OpenClipBackbone) -> None:
    tokens = backbone.texts(["a red heart", "naïve cafés"], "joint", ["text.token"])["text.token"]
    words = [
        ["a red heart", "naïve cafés"][s][a:b]
        for s, a, b in zip(tokens.source, tokens.start, tokens.end, strict=True)
    ]
    assert words[:3] == ["a", "red", "heart"]
    assert "".join(words[3:]) == "naïvecafés"


def test_only_the_streams_asked_for_are_returned(backbone: OpenClipBackbone) -> None:
    assert set(backbone.images(pictures(), "joint", ["image.pooled"])) == {"image.pooled"}
    assert set(backbone.texts(TEXTS, "joint", ["text.pooled"])) == {"text.pooled"}


def test_an_unknown_hook_point_names_those_there_are(backbone: OpenClipBackbone) -> None:
    with pytest.raises(MmfeatError, match=r"no hook point 'lm.layers.3'; it has: joint"):
        backbone.images(pictures(), "lm.layers.3", STREAMS)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("clip", "is not a backbone; give openmoji-clip"),
        ("open_clip:ViT-B-32", "is not a backbone"),
        ("open_clip:local-dir:nowhere", "cannot be loaded.*check the name, or the folder"),
        ("open_clip:NoSuchArch/openai", "cannot be loaded"),
    ],
)
def test_a_wrong_spec_says_what_to_do(spec: str, message: str) -> None:
    with pytest.raises(MmfeatError, match=message):
        load_backbone(spec, "cpu")


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    spec = save_model(tmp_path / "model", VISION, TEXT, False)
    weights = tmp_path / "model" / "open_clip_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(MmfeatError, match="cannot be loaded"):
        load_backbone(spec, "cpu")


def test_a_tower_that_is_no_transformer_of_open_clip_is_refused(tmp_path: Path) -> None:
    resnet = {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None}
    spec = save_model(tmp_path / "model", resnet, TEXT, False)
    with pytest.raises(MmfeatError, match="choose a ViT model"):
        load_backbone(spec, "cpu")


def test_the_bundled_backbone_knows_every_script() -> None:
    bundled = load_backbone("openmoji-clip", "cpu")
    texts = ["사과", "تفاحة", "りんご", "苹果", "яблоко", "𐍈 \u200b☃"]
    rows = bundled.texts(texts, "joint", ["text.pooled", "text.token"])
    assert rows["text.pooled"].x.shape == (6, bundled.d)
    assert np.isfinite(rows["text.pooled"].x).all()
    covered = {source: set() for source in range(6)}
    tokens = rows["text.token"]
    for source, start, end in zip(tokens.source, tokens.start, tokens.end, strict=True):
        assert 0 <= start <= end <= len(texts[source])
        covered[int(source)].update(range(start, end))
    for source, text in enumerate(texts[:5]):
        assert covered[source] == set(range(len(text)))


def test_the_bundled_backbone_finds_the_name_of_a_picture() -> None:
    from mmfeat.corpus.openmoji import load_emoji, render

    by_id = {entry.item_id: entry for entry in load_emoji()}
    chosen = [by_id[code] for code in ("1F34E", "1F415", "1F697", "2764-FE0F", "1F3E0", "1F319")]
    bundled = load_backbone("openmoji-clip", "cpu")
    image = bundled.images([render(e.picture, 96) for e in chosen], "joint", ["image.pooled"])
    image_x = image["image.pooled"].x
    image_x /= np.linalg.norm(image_x, axis=1, keepdims=True)
    for language in ("en", "ko", "ar", "zh"):
        names = [entry.names[language] for entry in chosen]
        text = bundled.texts(names, "joint", ["text.pooled"])["text.pooled"].x
        text /= np.linalg.norm(text, axis=1, keepdims=True)
        assert (image_x @ text.T).argmax(1).tolist() == list(range(6)), language
