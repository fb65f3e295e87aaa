from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from open_clip.tokenizer import HFTokenizer
from torch import Tensor

from mmfeat.backbones.base import STREAMS, Inputs
from mmfeat.backbones.open_clip import OpenClipBackbone
from mmfeat.backbones.open_clip_text import text_tower
from mmfeat.backbones.open_clip_vision import vision_tower
from mmfeat.backbones.registry import load_backbone
from mmfeat.backbones.tokens import token_spans
from mmfeat.errors import MmfeatError
from tests.unit.backbones.clip_models import (
    CONFIGS,
    TEXT,
    TEXTS,
    VISION,
    pictures,
    save_config,
    save_family,
    spans,
    word_tokenizer,
)
from tests.unit.backbones.open_clip_truth import TRUTH, expected_rows, streams_of


@pytest.fixture(scope="module", params=sorted(TRUTH))
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def backbone(family: str, tmp_path_factory: pytest.TempPathFactory) -> OpenClipBackbone:
    spec = save_family(tmp_path_factory.mktemp("models") / "a model", family)
    loaded = load_backbone(spec, "cpu")
    assert isinstance(loaded, OpenClipBackbone)
    return loaded


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> OpenClipBackbone:
    loaded = load_backbone(save_family(tmp_path_factory.mktemp("models") / "m", "clip"), "cpu")
    assert isinstance(loaded, OpenClipBackbone)
    return loaded


def test_every_family_has_a_truth() -> None:
    assert set(TRUTH) == set(CONFIGS)


# -- what is found without the adapter
def modules(backbone: OpenClipBackbone, family: str) -> dict[str, torch.nn.Module]:
    """Modules by hook point."""
    truth = TRUTH[family]
    found = {}
    for number in range(truth.blocks):
        for end, path in truth.vision.items():
            first = 1 if family == "resnet" else 0  # from which its stages are counted
            if family == "timm-resnet" and number == 0:
                path = "visual.trunk.act1"  # timm takes the stem for a stage
            module = backbone.model.get_submodule(path.format(number + first))
            found[f"vision.blocks.{number}{end}"] = module
    for number in range(2):
        for end, path in truth.text.items():
            found[f"text.blocks.{number}{end}"] = backbone.model.get_submodule(path.format(number))
    return found


@contextmanager
def watched(found: dict[str, torch.nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Copies of what modules put out."""
    outputs: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(_module: Any, _arguments: Any, output: Any) -> None:
            outputs[name] = (output[0] if isinstance(output, tuple) else output).clone()

        return hook

    handles = [m.register_forward_hook(keep(name)) for name, m in found.items()]
    try:
        with torch.inference_mode():
            yield outputs
    finally:
        for handle in handles:
            handle.remove()


def encoded(backbone: OpenClipBackbone, inputs: Inputs) -> Tensor:
    """The model's own result for a batch."""
    if not inputs.is_text:
        return backbone.model.encode_image(inputs.tensors["image"], normalize=False)
    ids = inputs.tensors["text"]
    with ExitStack() as stack:
        if ids.shape[1] < backbone.context_length:
            stack.enter_context(backbone._text.taking(ids.shape[1]))
        return backbone.model.encode_text(ids, normalize=False)


def both(backbone: OpenClipBackbone) -> tuple[Inputs, Inputs]:
    return backbone.prepare_images(pictures()), backbone.prepare_texts(TEXTS)


# -- rows
def test_rows_at_every_hook_point_are_exactly_those_of_a_direct_forward_hook(
    backbone: OpenClipBackbone, family: str
) -> None:
    truth, found = TRUTH[family], modules(backbone, family)
    points = {point.name: point for point in backbone.hook_points}
    unwatched = {n for n in points if family == "timm-eva" and n.endswith((".attn", ".mlp"))}
    assert set(found) | unwatched == set(points) - {"joint"} | unwatched
    for inputs in both(backbone):
        with watched(found) as outputs:
            result = encoded(backbone, inputs)
        rows = backbone.run(inputs, {name: points[name].streams for name in points})
        np.testing.assert_array_equal(
            rows["joint"]["text.pooled" if inputs.is_text else "image.pooled"].x,
            result.reshape(inputs.count, -1).numpy(),
        )
        for name, output in outputs.items():
            assert points[name].streams == streams_of(name, truth), name
            for stream in points[name].streams:
                wanted = expected_rows(output, stream, truth, inputs.tensors.get("text"))
                assert torch.equal(torch.from_numpy(rows[name][stream].x), wanted), (name, stream)
                assert points[name].d == wanted.shape[1]
                each = points[name].rows(stream)
                assert each is None or each * inputs.count == len(wanted)


def test_attention_and_mlp_are_what_is_added_to_the_residual_stream(
    backbone: OpenClipBackbone, family: str
) -> None:
    if not TRUTH[family].adds_up:
        pytest.skip("it norms the sum")
    towers = ["text"] + (["vision"] if "vision.blocks.0.attn" in backbone.sites else [])
    names = [f"{t}.blocks.{n}" for t in towers for n in (0, 1)]
    wanted = {f"{n}{end}": STREAMS_OF[n.split(".")[0]] for n in names for end in ENDS}
    found: dict[str, Any] = {}
    for inputs in both(backbone):
        found |= backbone.run(inputs, wanted)
    for tower in towers:
        stream = STREAMS_OF[tower][0]
        x = {end: found[f"{tower}.blocks.1{end}"][stream].x for end in ENDS}
        before = found[f"{tower}.blocks.0"][stream].x
        np.testing.assert_allclose(before + x[".attn"] + x[".mlp"], x[""], rtol=1e-4, atol=1e-4)
        assert np.abs(x[".attn"]).max() > 1e-3


STREAMS_OF = {"vision": ("image.patch",), "text": ("text.token",)}
ENDS = ("", ".attn", ".mlp")


def test_coordinates_say_which_row_is_which(backbone: OpenClipBackbone, family: str) -> None:
    images, texts = both(backbone)
    rows = backbone.run(images, {"vision.blocks.1": ["image.patch"]})["vision.blocks.1"]
    grid = backbone.point("vision.blocks.1").grid
    assert grid is not None
    patches = grid[0] * grid[1]
    assert rows["image.patch"].source.tolist() == [s for s in range(3) for _ in range(patches)]
    assert rows["image.patch"].position.tolist() == list(range(patches)) * 3
    pooled = backbone.run(images, {"joint": ["image.pooled"]})["joint"]["image.pooled"]
    assert (pooled.position.tolist(), pooled.source.tolist()) == ([-1] * 3, [0, 1, 2])
    tokens = backbone.run(texts, {"text.blocks.0": ["text.token"]})["text.blocks.0"]["text.token"]
    assert tokens.start is not None and tokens.end is not None
    found = zip(tokens.source, tokens.position, tokens.start, tokens.end, strict=True)
    assert [tuple(map(int, row)) for row in found] == [
        (number, 1 + place, *span)
        for number, text in enumerate(TEXTS)
        for place, span in enumerate(spans(text))
    ]


def test_padding_that_is_cut_off_changes_nothing(backbone: OpenClipBackbone, family: str) -> None:
    truth = TRUTH[family]
    texts = backbone.prepare_texts(TEXTS)
    whole = backbone._tokenizer(TEXTS)
    assert whole.shape[1] == backbone.context_length
    found = {n: m for n, m in modules(backbone, family).items() if n.startswith("text")}
    with watched(found) as outputs:
        pooled = backbone.model.encode_text(whole, normalize=False)
    rows = backbone.run(texts, {n: backbone.point(n).streams for n in [*found, "joint"]})
    close = {"rtol": 1e-4, "atol": 1e-5}
    np.testing.assert_allclose(rows["joint"]["text.pooled"].x, pooled.numpy(), **close)
    for name, output in outputs.items():
        for stream in streams_of(name, truth):
            direct = expected_rows(output, stream, truth, whole).numpy()
            np.testing.assert_allclose(rows[name][stream].x, direct, **close)


def test_several_hook_points_in_one_pass_equal_one_by_one(backbone: OpenClipBackbone) -> None:
    for inputs in both(backbone):
        chosen = [p for p in backbone.hook_points if p.name == "joint" or ".1" in p.name]
        together = backbone.run(inputs, {p.name: p.streams for p in chosen})
        count = 0
        for name, streams in together.items():
            for stream, rows in streams.items():
                alone = backbone.run(inputs, {name: [stream]})
                assert list(alone) == [name] and list(alone[name]) == [stream]
                np.testing.assert_array_equal(alone[name][stream].x, rows.x)
                count += 1
        assert count >= 2


def test_it_stops_after_the_last_block_that_is_needed(
    backbone: OpenClipBackbone, family: str
) -> None:
    found = modules(backbone, family)
    images, texts = both(backbone)
    for tower, inputs, stream in (
        ("vision", images, "image.patch"),
        ("text", texts, "text.token"),
    ):
        with watched(found) as outputs:
            backbone.run(inputs, {f"{tower}.blocks.0": [stream]})
        # The block itself is left before a hook that is not ours sees its output.
        last = f"{tower}.blocks.0"
        assert set(outputs) == {n for n in found if n.startswith(last) and n != last}
        with watched(found) as outputs:
            backbone.run(inputs, {"joint": [s for s in STREAMS if s.endswith("pooled")]})
        assert set(outputs) == {n for n in found if n.startswith(tower)}
    assert all(not site.module._forward_hooks for site in backbone.sites.values())


# -- edits
def test_an_edit_acts_as_a_forward_hook_that_overwrites_these_rows(
    backbone: OpenClipBackbone, family: str
) -> None:
    truth, found = TRUTH[family], modules(backbone, family)

    def edit(x: Tensor) -> Tensor:
        return 2 * x.flip(0) + 1

    for inputs in both(backbone):
        tower = "text" if inputs.is_text else "vision"
        for name in [n for n in found if n.startswith(f"{tower}.blocks.0")]:
            for stream in streams_of(name, truth):
                # Where rows of the stream are, by giving every vector a number of its own.
                def overwrite(
                    _m: Any, _a: Any, output: Any, stream: str = stream, inputs: Inputs = inputs
                ) -> Any:
                    first = output[0] if isinstance(output, tuple) else output
                    numbers = torch.arange(first.numel(), dtype=torch.float64).reshape(first.shape)
                    ids = inputs.tensors.get("text")
                    places = expected_rows(numbers, stream, truth, ids).long()
                    changed = first.flatten().clone()
                    changed[places] = edit(changed[places])
                    changed = changed.reshape(first.shape)
                    return (changed, *output[1:]) if isinstance(output, tuple) else changed

                last = list(n for n in backbone.sites if n.startswith(tower))[-1]
                handle = found[name].register_forward_hook(overwrite)
                try:
                    with watched({last: found[last]}) as outputs:
                        result = encoded(backbone, inputs)
                finally:
                    handle.remove()
                pooled = "text.pooled" if inputs.is_text else "image.pooled"
                other = streams_of(last, truth)[-1]
                rows = backbone.run(
                    inputs, {"joint": [pooled], last: [other]}, {(name, stream): edit}
                )
                direct = result.reshape(inputs.count, -1).numpy()
                np.testing.assert_array_equal(rows["joint"][pooled].x, direct)
                wanted = expected_rows(outputs[last], other, truth, inputs.tensors.get("text"))
                np.testing.assert_array_equal(rows[last][other].x, wanted.numpy())
                plain = backbone.run(inputs, {"joint": [pooled]})["joint"][pooled].x
                # A cell that is pooled alone in what follows may drown; a tower as a whole not.
                assert not np.array_equal(plain, direct)


def test_edits_of_the_other_modality_and_at_joint(clip: OpenClipBackbone) -> None:
    _, texts = both(clip)
    plain = clip.run(texts, {"joint": ["text.pooled"]})["joint"]["text.pooled"].x
    edits: dict[Any, Any] = {
        ("vision.blocks.0", "image.patch"): lambda x: x * 0,
        ("joint", "text.pooled"): lambda x: -x,
    }
    rows = clip.run(texts, {"joint": ["text.pooled"]}, edits)["joint"]["text.pooled"].x
    np.testing.assert_array_equal(rows, -plain)


def test_an_edit_of_another_shape_is_refused(clip: OpenClipBackbone) -> None:
    images, _ = both(clip)
    with pytest.raises(
        MmfeatError, match=r"at vision.blocks.0 has shape \[1, 32\]; it must have \[3, 32\]"
    ):
        clip.run(
            images,
            {"joint": ["image.pooled"]},
            {("vision.blocks.0", "image.pooled"): lambda x: x[:1]},
        )
    assert all(not site.module._forward_hooks for site in clip.sites.values())


# -- the joint space
def test_the_last_rows_projected_are_the_rows_at_joint(
    backbone: OpenClipBackbone, family: str
) -> None:
    assert backbone.joint is not None
    assert ("image.patch" in backbone.joint.streams) == TRUTH[family].patches_at_joint
    assert ("image.patch" in backbone.last) == TRUTH[family].patches_at_joint
    for inputs, tower in zip(both(backbone), ("vision", "text"), strict=True):
        for stream in STREAMS_OF[tower]:
            if stream not in backbone.last:
                continue
            last = [name for name in backbone.sites if name.startswith(tower)][-1]
            assert backbone.last[stream] == last
            rows = backbone.run(inputs, {last: [stream], "joint": [stream]})
            x = torch.from_numpy(rows[last][stream].x)
            projected = backbone.project(last, stream, x).numpy()
            np.testing.assert_array_equal(rows["joint"][stream].x, projected)
            assert projected.shape[1] == backbone.joint.d
        pooled = "text.pooled" if inputs.is_text else "image.pooled"
        last = [name for name in backbone.sites if name.startswith(tower)][-1]
        if pooled in backbone.point(last).streams and STREAMS_OF[tower][0] in backbone.last:
            rows = backbone.run(inputs, {last: [pooled], "joint": [pooled]})
            x = torch.from_numpy(rows[last][pooled].x)
            np.testing.assert_allclose(
                backbone.project(last, pooled, x).numpy(),
                rows["joint"][pooled].x,
                rtol=1e-4,
                atol=1e-5,
            )


@pytest.mark.parametrize("name", ["custom", "mt5"])
def test_where_a_tower_pools_by_averaging_joint_rows_average_to_the_pooled(
    name: str, tmp_path: Path
) -> None:
    backbone = load_backbone(save_family(tmp_path / "m", name), "cpu")
    if name == "custom":
        inputs, streams = backbone.prepare_images(pictures()), ("image.pooled", "image.patch")
        rows = backbone.run(inputs, {"joint": streams})["joint"]
        mean = rows["image.patch"].x.reshape(3, 24, -1).mean(1)
        np.testing.assert_allclose(mean, rows["image.pooled"].x, rtol=1e-4, atol=1e-5)
        return
    # Start and end token are averaged too: the words cannot give the pooled row by themselves.
    inputs = backbone.prepare_texts(["a red heart"])
    backbone.model.text.pooler.forward = lambda out, mask: out.last_hidden_state[:, 1:4].mean(1)
    rows = backbone.run(inputs, {"joint": ["text.pooled", "text.token"]})["joint"]
    np.testing.assert_allclose(
        rows["text.token"].x.mean(0), rows["text.pooled"].x[0], rtol=1e-4, atol=1e-5
    )


def test_a_cell_of_a_convnext_is_projected_as_a_picture_of_that_cell(tmp_path: Path) -> None:
    backbone = load_backbone(save_family(tmp_path / "m", "timm-convnext"), "cpu")
    visual = backbone.model.visual
    x = torch.randn(5, backbone.point("vision.blocks.3").d)
    with torch.no_grad():
        norm = visual.trunk.head.norm
        normed = torch.nn.functional.layer_norm(x, x.shape[1:], norm.weight, norm.bias, norm.eps)
        direct = visual.head.mlp(normed)
    projected = backbone.project("vision.blocks.3", "image.patch", x)
    np.testing.assert_allclose(projected.numpy(), direct.numpy(), rtol=1e-4, atol=1e-5)
    with pytest.raises(MmfeatError, match="another width.*choose vision.blocks.3"):
        backbone.project("vision.blocks.0", "image.patch", x)


def test_what_cannot_be_projected_says_so(clip: OpenClipBackbone, tmp_path: Path) -> None:
    x = torch.zeros(1, 32)
    for hook in ("vision.blocks.0.mlp", "text.blocks.1.attn", "joint"):
        with pytest.raises(MmfeatError, match="is not in a residual stream"):
            clip.project(hook, "image.patch", x)
    coca = load_backbone(save_family(tmp_path / "m", "coca"), "cpu")
    with pytest.raises(MmfeatError, match="projects whole pictures"):
        coca.project("vision.blocks.1", "image.patch", x)
    with pytest.raises(MmfeatError, match=r"no image.patch at joint; it has image.pooled, text"):
        coca.run(coca.prepare_images(pictures()), {"joint": ["image.patch"]})


# -- layouts and tokens
def test_outputs_with_the_sequence_first_give_the_same_rows(clip: OpenClipBackbone) -> None:
    wanted = {point.name: point.streams for point in clip.hook_points}
    before = [clip.run(inputs, wanted) for inputs in both(clip)]
    towers = (clip.model.visual.transformer, clip.model.transformer)

    def turn(batch_first: bool) -> None:
        for transformer in towers:
            transformer.batch_first = batch_first
            for block in transformer.resblocks:
                block.attn.batch_first = batch_first
        clip._vision = vision_tower("clip", clip.model.visual)
        clip._text = text_tower("clip", clip.model)

    turn(False)
    try:
        after = [clip.run(inputs, wanted) for inputs in both(clip)]
    finally:
        turn(True)
    for old, new in zip(before, after, strict=True):
        for name in old:
            for stream in old[name]:
                np.testing.assert_allclose(
                    old[name][stream].x, new[name][stream].x, rtol=1e-4, atol=1e-5
                )


def test_a_token_stands_for_its_characters_in_a_byte_pair_tokenizer(
    clip: OpenClipBackbone,
) -> None:
    texts = ["A red Heart", "naïve cafés"]
    inputs = clip.prepare_texts(texts)
    assert inputs.spans is not None
    words = [texts[s][a:b] for s, own in enumerate(inputs.spans) for _, (a, b) in own]
    assert words[:3] == ["A", "red", "Heart"]
    assert "".join(words[3:]) == "naïvecafés"


@pytest.mark.parametrize("mode", ["right", "left", "clips"])
def test_positions_of_words_are_those_in_the_models_input(mode: str, tmp_path: Path) -> None:
    inner = word_tokenizer(0, "left" if mode == "left" else "right")
    inner.save_pretrained(tmp_path)
    tokenizer = HFTokenizer(
        str(tmp_path), context_length=8, tokenizer_mode="clips" if mode == "clips" else None
    )
    texts = [*TEXTS, " ".join(["red"] * 20)]
    ids = tokenizer(texts)
    words = set(inner.convert_tokens_to_ids(list({w for text in texts for w in text.split()})))
    expected = [
        [(place, int(token)) for place, token in enumerate(row) if int(token) in words]
        for row in ids
    ]
    found = token_spans(tokenizer, texts, 8)
    assert [
        [(place, inner.convert_tokens_to_ids(text[a:b])) for place, (a, b) in own]
        for text, own in zip(texts, found, strict=True)
    ] == expected
    assert len(found[-1]) == (5 if mode == "clips" else 6)


def test_a_tower_that_pools_nothing_can_be_read_in_its_blocks(tmp_path: Path) -> None:
    vision = VISION | {"pool_type": "none"}
    spec = save_config(tmp_path / "m", {"vision_cfg": vision, "text_cfg": TEXT})
    backbone = load_backbone(spec, "cpu")
    inputs = backbone.prepare_images(pictures())
    rows = backbone.run(inputs, {"vision.blocks.1": ["image.patch"]})
    assert rows["vision.blocks.1"]["image.patch"].x.shape == (48, 32)
    with pytest.raises(MmfeatError, match="does not pool its rows"):
        backbone.run(inputs, {"joint": ["image.pooled"]})
