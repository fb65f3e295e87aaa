from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmfeat.backbones.base import STREAMS
from mmfeat.backbones.dual_encoder import DualEncoderBackbone
from mmfeat.errors import MmfeatError
from tests.unit.backbones.hf_models import (
    FAMILIES,
    align,
    clip,
    dual,
    pictures,
    save,
    siglip2,
)

TEXTS = ["a red heart", "Herz", "the sad cat and the happy dog", "빨간 하트, 红色的心"]


@pytest.fixture(scope="module")
def backbones(tmp_path_factory: pytest.TempPathFactory) -> dict[str, DualEncoderBackbone]:
    return {
        name: loaded(save(tmp_path_factory.mktemp(name), family))
        for name, family in FAMILIES.items()
    }


def loaded(folder: Path) -> DualEncoderBackbone:
    return DualEncoderBackbone(f"hf:{folder}", str(folder), "cpu")


@pytest.fixture(params=list(FAMILIES))
def backbone(
    request: pytest.FixtureRequest, backbones: dict[str, DualEncoderBackbone]
) -> DualEncoderBackbone:
    return backbones[request.param]


def everything(backbone: DualEncoderBackbone) -> dict[str, tuple[str, ...]]:
    return {point.name: point.streams for point in backbone.hook_points}


def whole(backbone: DualEncoderBackbone, inputs: Any, **arguments: Any) -> Any:
    """The model's own output, from the tensors it is given."""
    embed = (
        backbone.model.get_text_features if inputs.is_text else backbone.model.get_image_features
    )
    with torch.inference_mode():
        return embed(**inputs.tensors, **arguments)


def direct(backbone: DualEncoderBackbone, inputs: Any, module: torch.nn.Module) -> torch.Tensor:
    """What a hook on a module of the model sees."""
    found = []

    def keep(_module: Any, _arguments: Any, output: Any) -> None:
        found.append(output[0] if isinstance(output, tuple) else output)

    handle = module.register_forward_hook(keep)
    whole(backbone, inputs)
    handle.remove()
    return found[0]


def part(backbone: DualEncoderBackbone, name: str) -> torch.nn.Module:
    """The module of a hook point, found by the names each family gives its modules."""
    tower, _, number, *rest = name.split(".")
    root = backbone.model.vision_model if tower == "vision" else backbone.model.text_model
    root = getattr(root, "roberta", root)
    encoder = root.encoder
    block = (encoder.layers if hasattr(encoder, "layers") else encoder.layer)[int(number)]
    if hasattr(block, "self_attn"):
        inner = {"attn": "self_attn", "mlp": "mlp"}
    else:
        inner = {"attn": "attention.output.dense", "mlp": "output.dense"}
    return block.get_submodule(inner[rest[0]]) if rest else block


def pooled_place(family: str, ids: torch.Tensor, tokenizer: Any) -> list[int]:
    if family in ("clip", "clip-legacy", "metaclip_2"):
        return [row.tolist().index(tokenizer.eos_token_id) for row in ids]
    return [ids.shape[1] - 1 if family in ("siglip", "siglip2") else 0] * len(ids)


def name_of(backbones: dict[str, DualEncoderBackbone], backbone: DualEncoderBackbone) -> str:
    return next(name for name, other in backbones.items() if other is backbone)


def test_every_hook_point_is_offered(
    backbone: DualEncoderBackbone, backbones: dict[str, DualEncoderBackbone]
) -> None:
    siglips = "siglip" in name_of(backbones, backbone)
    points = everything(backbone)
    names = ["joint"]
    for tower, count in (("vision", 3), ("text", 2)):
        for number in range(count):
            names += [f"{tower}.blocks.{number}{suffix}" for suffix in (".attn", ".mlp", "")]
    assert list(points) == names
    image = STREAMS[1:2] if siglips else STREAMS[:2]
    assert all(points[name] == image for name in names if name.startswith("vision"))
    assert all(points[name] == STREAMS[2:] for name in names if name.startswith("text"))
    expected = ("image.pooled", *STREAMS[2:]) if siglips else STREAMS
    assert points["joint"] == expected
    dynamic = name_of(backbones, backbone) == "siglip2"
    grids = {point.name: point.grid for point in backbone.hook_points}
    assert grids["vision.blocks.0"] == (None if dynamic else (4, 4))
    assert grids["joint"] == (None if siglips else (4, 4)) and grids["text.blocks.0"] is None
    widths = {point.name: point.d for point in backbone.hook_points}
    assert widths["joint"] == (32 if siglips else 28)
    assert widths["vision.blocks.1.mlp"] == 32 and widths["text.blocks.0"] == 24


def test_picture_rows_are_what_the_models_modules_put_out(
    backbone: DualEncoderBackbone, backbones: dict[str, DualEncoderBackbone]
) -> None:
    inputs = backbone.prepare_images(pictures())
    rows = backbone.run(inputs, everything(backbone))
    assert torch.equal(
        torch.from_numpy(rows["joint"]["image.pooled"].x), whole(backbone, inputs).pooler_output
    )
    dynamic = name_of(backbones, backbone) == "siglip2"
    # 20 patches at most, in the shape of the picture: 40 x 30, 32 x 32, 64 x 128 pixels.
    sizes = [5 * 4, 4 * 4, 3 * 6] if dynamic else [16, 16, 16]
    assert [high * wide for high, wide in inputs.grids] == sizes
    before = 0 if "siglip" in name_of(backbones, backbone) else 1
    names = [name for name in rows if name.startswith("vision")]
    assert len(names) == 9
    for name in names:
        output = direct(backbone, inputs, part(backbone, name))
        patches = rows[name]["image.patch"]
        assert torch.equal(
            torch.from_numpy(patches.x),
            torch.cat([output[at, before : before + size] for at, size in enumerate(sizes)]),
        )
        assert patches.source.tolist() == [at for at, size in enumerate(sizes) for _ in range(size)]
        assert patches.position.tolist() == [p for size in sizes for p in range(size)]
        if before:
            pooled = rows[name]["image.pooled"]
            assert torch.equal(torch.from_numpy(pooled.x), output[:, 0])
            assert pooled.position.tolist() == [-1, -1, -1]
        else:
            assert "image.pooled" not in rows[name]


def test_text_rows_are_what_the_models_modules_put_out(
    backbone: DualEncoderBackbone, backbones: dict[str, DualEncoderBackbone]
) -> None:
    inputs = backbone.prepare_texts(TEXTS)
    rows = backbone.run(inputs, everything(backbone))
    assert torch.equal(
        torch.from_numpy(rows["joint"]["text.pooled"].x), whole(backbone, inputs).pooler_output
    )
    tokenizer = backbone.processor.tokenizer
    ids = inputs.tensors["input_ids"]
    special = {
        tokenizer.pad_token_id,
        tokenizer.eos_token_id,
        tokenizer.bos_token_id,
        tokenizer.cls_token_id,
        tokenizer.sep_token_id,
    } - {None}
    content = [[p for p, token in enumerate(row) if token not in special] for row in ids.tolist()]
    assert min(map(len, content)) >= 1
    places = pooled_place(name_of(backbones, backbone), ids, tokenizer)
    names = [name for name in rows if name.startswith("text")]
    assert len(names) == 6
    for name in names:
        output = direct(backbone, inputs, part(backbone, name))
        tokens, pooled = rows[name]["text.token"], rows[name]["text.pooled"]
        assert torch.equal(
            torch.from_numpy(tokens.x), torch.cat([output[s, p] for s, p in enumerate(content)])
        )
        assert tokens.source.tolist() == [s for s, own in enumerate(content) for _ in own]
        assert tokens.position.tolist() == [p for own in content for p in own]
        assert torch.equal(torch.from_numpy(pooled.x), output[range(len(TEXTS)), places])


def test_the_residual_stream_is_the_models_hidden_states(backbone: DualEncoderBackbone) -> None:
    for inputs, tower, stream in (
        (backbone.prepare_images(pictures()), "vision", "image.patch"),
        (backbone.prepare_texts(TEXTS), "text", "text.token"),
    ):
        root = getattr(backbone.model, f"{tower}_model")
        tensors = dict(inputs.tensors)
        with torch.inference_mode():
            states = root(**tensors, output_hidden_states=True).hidden_states
        count = len(states) - 1
        rows = backbone.run(inputs, {f"{tower}.blocks.{n}": [stream] for n in range(count)})
        for number in range(count):
            where = backbone._where(tower, stream, inputs)
            flat = states[number + 1].flatten(0, 1)[torch.from_numpy(where.index)]
            assert torch.equal(
                torch.from_numpy(rows[f"{tower}.blocks.{number}"][stream].x), flat
            ), number


def test_what_the_parts_add_makes_the_block(backbone: DualEncoderBackbone) -> None:
    inputs = backbone.prepare_images(pictures())
    names = ("vision.blocks.0", "vision.blocks.1.attn", "vision.blocks.1.mlp", "vision.blocks.1")
    rows = backbone.run(inputs, {name: ["image.patch"] for name in names})
    before, attention, mlp, after = (rows[name]["image.patch"].x for name in names)
    np.testing.assert_allclose(before + attention + mlp, after, rtol=1e-4, atol=1e-5)


def test_each_input_alone_has_the_same_rows(backbone: DualEncoderBackbone) -> None:
    for prepare, many in (
        (backbone.prepare_images, pictures()),
        (backbone.prepare_texts, TEXTS),
    ):
        together = backbone.run(prepare(many), everything(backbone))
        alone = [backbone.run(prepare([one]), everything(backbone)) for one in many]
        for name, streams in together.items():
            for stream, rows in streams.items():
                own = [found[name][stream] for found in alone]
                counts = [len(found.x) for found in own]
                assert rows.source.tolist() == [s for s, n in enumerate(counts) for _ in range(n)]
                for field in ("position", "start", "end"):
                    if getattr(rows, field) is not None:
                        parts = [getattr(found, field) for found in own]
                        assert getattr(rows, field).tolist() == np.concatenate(parts).tolist()
                np.testing.assert_allclose(
                    rows.x, np.concatenate([found.x for found in own]), rtol=1e-3, atol=1e-4
                )


def test_rows_at_joint_went_through_the_models_own_norm_and_projection(
    backbone: DualEncoderBackbone, backbones: dict[str, DualEncoderBackbone]
) -> None:
    model, family = backbone.model, name_of(backbones, backbone)
    inputs = backbone.prepare_texts(TEXTS)
    rows = backbone.run(inputs, {"joint": STREAMS[2:], "text.blocks.1": STREAMS[2:]})
    last = whole(backbone, inputs).last_hidden_state  # after the model's own final norm
    projection = model.text_model.head if "siglip" in family else model.text_projection
    with torch.inference_mode():
        every = projection(last).flatten(0, 1)
    where = backbone._where("text", "text.token", inputs)
    np.testing.assert_allclose(
        rows["joint"]["text.token"].x, every[torch.from_numpy(where.index)], rtol=1e-4, atol=1e-5
    )
    pooled = rows["text.blocks.1"]["text.pooled"].x
    np.testing.assert_allclose(
        backbone.project("text.blocks.1", "text.pooled", torch.from_numpy(pooled)),
        rows["joint"]["text.pooled"].x,
        rtol=1e-4,
        atol=1e-5,
    )
    inputs = backbone.prepare_images(pictures())
    if "siglip" in family:
        with pytest.raises(MmfeatError, match="no image.patch at joint; it has image.pooled"):
            backbone.run(inputs, {"joint": ["image.patch"]})
        with pytest.raises(MmfeatError, match="takes no single rows of vision.blocks.2"):
            backbone.project("vision.blocks.2", "image.patch", torch.zeros(1, 32))
        return
    rows = backbone.run(inputs, {"joint": STREAMS[:2], "vision.blocks.2": STREAMS[:2]})
    with torch.inference_mode():
        normed = model.vision_model.post_layernorm(whole(backbone, inputs).last_hidden_state)
        every = model.visual_projection(normed)
    np.testing.assert_allclose(
        rows["joint"]["image.patch"].x, every[:, 1:].flatten(0, 1), rtol=1e-4, atol=1e-5
    )
    pooled = rows["vision.blocks.2"]["image.pooled"].x
    np.testing.assert_allclose(
        backbone.project("vision.blocks.2", "image.pooled", torch.from_numpy(pooled)),
        rows["joint"]["image.pooled"].x,
        rtol=1e-4,
        atol=1e-5,
    )
    with pytest.raises(MmfeatError, match="not in a residual stream"):
        backbone.project("vision.blocks.2.mlp", "image.patch", torch.zeros(1, 32))


@pytest.mark.parametrize("suffix", ["", ".attn", ".mlp"])
def test_an_edit_does_what_overwriting_by_hand_does(
    backbone: DualEncoderBackbone, suffix: str
) -> None:
    for inputs, tower, stream in (
        (backbone.prepare_images(pictures()), "vision", "image.patch"),
        (backbone.prepare_texts(TEXTS), "text", "text.token"),
    ):
        name, pooled = f"{tower}.blocks.0{suffix}", stream.split(".")[0] + ".pooled"
        wanted = {"joint": [pooled], name: [stream]}
        plain = backbone.run(inputs, wanted)
        edited = backbone.run(inputs, wanted, {(name, stream): lambda x: 2 * x - 1})
        index = torch.from_numpy(backbone._where(tower, stream, inputs).index)

        def overwrite(
            _module: Any, _arguments: Any, output: Any, index: torch.Tensor = index
        ) -> Any:
            first = output[0] if isinstance(output, tuple) else output
            flat = first.flatten(0, 1).clone()
            flat[index] = 2 * flat[index] - 1
            changed = flat.view_as(first)
            return (changed, *output[1:]) if isinstance(output, tuple) else changed

        handle = part(backbone, name).register_forward_hook(overwrite)
        expected = whole(backbone, inputs).pooler_output
        handle.remove()
        assert torch.equal(torch.from_numpy(edited["joint"][pooled].x), expected)
        assert not np.allclose(edited["joint"][pooled].x, plain["joint"][pooled].x)
        np.testing.assert_array_equal(edited[name][stream].x, 2 * plain[name][stream].x - 1)


def test_nothing_is_computed_past_the_last_block_needed(backbone: DualEncoderBackbone) -> None:
    for inputs, tower, stream in (
        (backbone.prepare_images(pictures()), "vision", "image.patch"),
        (backbone.prepare_texts(TEXTS), "text", "text.token"),
    ):
        begun: list[int] = []
        handles = [
            part(backbone, f"{tower}.blocks.{number}").register_forward_pre_hook(
                lambda *_, number=number, begun=begun: begun.append(number)
            )
            for number in (0, 1)
        ]
        backbone.run(inputs, {f"{tower}.blocks.0": [stream]})
        assert begun == [0]
        backbone.run(inputs, {f"{tower}.blocks.0.attn": [stream], f"{tower}.blocks.1": [stream]})
        assert begun == [0, 0, 1]
        for handle in handles:
            handle.remove()


def test_tokens_stand_for_characters_of_the_text_as_given(backbone: DualEncoderBackbone) -> None:
    texts = [" Naïve  CAFÉS", unicodedata.normalize("NFD", "naïve cafés"), "红色的心 빨간"]
    for text, spans in zip(texts, backbone.prepare_texts(texts).spans, strict=True):
        covered = {at for _, (start, end) in spans for at in range(start, end)}
        assert all(0 <= start <= end <= len(text) for _, (start, end) in spans)
        shown = {
            at
            for at, char in enumerate(text)
            if not char.isspace() and not unicodedata.combining(char)
        }
        assert shown <= covered
        starts = [start for _, (start, _) in spans]
        assert starts == sorted(starts)


def test_long_texts_are_cut_where_the_positions_end(backbone: DualEncoderBackbone) -> None:
    inputs = backbone.prepare_texts(["heart " * 50, "a"])
    assert inputs.tensors["input_ids"].shape == (2, 20)
    rows = backbone.run(inputs, everything(backbone))
    assert np.isfinite(rows["joint"]["text.pooled"].x).all()
    assert rows["text.blocks.0"]["text.token"].position.max() < 20


def test_siglip_reads_lower_case_and_its_padding_unmasked(
    backbones: dict[str, DualEncoderBackbone],
) -> None:
    for name in ("siglip", "siglip2"):
        inputs = backbones[name].prepare_texts(["A Red HEART", "a red heart"])
        ids = inputs.tensors["input_ids"]
        assert ids[0].tolist() == ids[1].tolist()
        assert ids.shape == (2, 20)
        assert set(inputs.tensors) == {"input_ids"}
        assert inputs.spans[0] == inputs.spans[1]
    # A letter whose lower case is two characters leaves all others where they were.
    spans = backbones["siglip"].prepare_texts(["İ HEART"]).spans[0]
    assert spans[-1][1][1] == 7


def test_padding_patches_are_cut_to_the_largest_picture(
    backbones: dict[str, DualEncoderBackbone],
) -> None:
    inputs = backbones["siglip2"].prepare_images(pictures()[1:])
    assert inputs.grids == [(4, 4), (3, 6)]
    assert inputs.tensors["pixel_values"].shape == (2, 18, 8 * 8 * 3)
    assert inputs.tensors["pixel_attention_mask"].sum(1).tolist() == [16, 18]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("family", [clip, siglip2])
def test_models_run_in_the_format_they_were_saved_in(
    tmp_path: Path, family: Any, dtype: torch.dtype
) -> None:
    backbone = loaded(save(tmp_path, family, dtype))
    assert backbone.info()["dtype"] == str(dtype).removeprefix("torch.")
    for inputs in (backbone.prepare_images(pictures()), backbone.prepare_texts(TEXTS)):
        rows = backbone.run(inputs, everything(backbone))
        stream = "text.pooled" if inputs.is_text else "image.pooled"
        x = rows["joint"][stream].x
        assert x.dtype == np.float32
        tensors = {
            name: value.to(dtype) if value.is_floating_point() else value
            for name, value in inputs.tensors.items()
        }
        embed = (
            backbone.model.get_text_features
            if inputs.is_text
            else backbone.model.get_image_features
        )
        with torch.inference_mode():
            assert torch.equal(torch.from_numpy(x), embed(**tensors).pooler_output.float())


def test_towers_of_other_families_have_patches_and_tokens_but_no_pooled_rows(
    tmp_path: Path,
) -> None:
    backbone = loaded(save(tmp_path, dual))
    points = everything(backbone)
    assert points["joint"] == ("image.pooled", "text.pooled")
    assert points["vision.blocks.2"] == ("image.patch",)
    assert points["text.blocks.1.mlp"] == ("text.token",)
    assert "vision.blocks.2.mlp" not in points
    inputs = backbone.prepare_images(pictures())
    rows = backbone.run(inputs, points)
    with torch.inference_mode():
        states = backbone.model.vision_model(**inputs.tensors, output_hidden_states=True)
    assert torch.equal(
        torch.from_numpy(rows["vision.blocks.0"]["image.patch"].x),
        states.hidden_states[1][:, 1:].flatten(0, 1),
    )


def test_a_convolutional_tower_has_only_its_joint_vectors(tmp_path: Path) -> None:
    backbone = loaded(save(tmp_path, align))
    points = everything(backbone)
    assert not [name for name in points if name.startswith("vision")]
    assert points["joint"] == ("image.pooled", "text.pooled")
    inputs = backbone.prepare_images(pictures())
    rows = backbone.run(inputs, points)
    assert list(rows) == ["joint"]
    assert torch.equal(
        torch.from_numpy(rows["joint"]["image.pooled"].x), whole(backbone, inputs).pooler_output
    )


def test_info_says_what_the_model_is(backbones: dict[str, DualEncoderBackbone]) -> None:
    info = backbones["clip"].info()
    assert info["class"] == "CLIPModel"
    assert info["d"] == 28 and info["patch_size"] == 8 and info["context_length"] == 20
    assert info["image_size"] == 96 and info["dtype"] == "float32"
    assert info["parameters"] == sum(p.numel() for p in backbones["clip"].model.parameters())
    json.dumps(info)
