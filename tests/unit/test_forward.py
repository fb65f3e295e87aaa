from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from mmfeat.backbones.base import STREAMS, Backbone
from mmfeat.backbones.device import pictures_at_once
from mmfeat.backbones.registry import load_backbone
from mmfeat.corpus.file import Corpus, open_corpus, write_corpus
from mmfeat.corpus.model import ItemRow
from mmfeat.errors import MmfeatError
from mmfeat.forward import Request, blocks, sampled, stored, wanted

HOOKS = ("joint", "vision.blocks.0", "text.blocks.1.mlp")
PATCHES = 16
MISSING = 4
WORDS = ("red", "heart", "a man with a white cane", "sad", "사과", "two words", "苹果", "tree")


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    """A tiny model of open_clip's own classes."""
    torch.manual_seed(0)
    config = {
        "embed_dim": 24,
        "vision_cfg": {
            "image_size": 32,
            "patch_size": 8,
            "width": 32,
            "layers": 2,
            "head_width": 16,
        },
        "text_cfg": {
            "context_length": 20,
            "vocab_size": 49408,
            "width": 16,
            "heads": 2,
            "layers": 2,
        },
    }
    folder = tmp_path_factory.mktemp("model")
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": config, "preprocess_cfg": {}})
    )
    weights = open_clip.CLIP(**config).state_dict()
    save_file(
        {name: value.contiguous() for name, value in weights.items()},
        folder / "open_clip_model.safetensors",
    )
    return load_backbone(f"open_clip:local-dir:{folder}", "cpu")


def captions_of(item: int) -> tuple[tuple[str, str], ...]:
    """None for some; two in a language for others."""
    texts = [(("de", "en", "ko")[i % 3], WORDS[(item + i) % len(WORDS)]) for i in range(item % 5)]
    return tuple(texts)


@pytest.fixture(scope="module")
def corpus_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve items: 3 and 8 have no picture, 0, 5 and 10 no caption, one picture was deleted."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    rows = []
    for item in range(12):
        image = "" if item in (3, 8) else f"{item}.png"
        if image:
            size = (30 + item, 40, 3)
            Image.fromarray(rng.integers(0, 255, size, dtype=np.uint8)).save(folder / image)
        rows.append(ItemRow(f"i{item:02d}", image, captions_of(item)))
    path = folder / "corpus.h5"
    write_corpus(path, rows, name="a", attribution="", image_root=folder, provenance="{}")
    (folder / f"{MISSING}.png").unlink()
    return path


@pytest.fixture(scope="module")
def corpus(corpus_file: Path) -> Iterable[Corpus]:
    with open_corpus(corpus_file) as opened:
        yield opened


def request(**given: object) -> Request:
    settings = {
        "hooks": HOOKS,
        "streams": STREAMS,
        "dtype": "float32",
        "batch_size": 4,
        "rows_per_item": None,
        "seed": 0,
    }
    return Request(**(settings | given))


def all_of(corpus: Corpus, backbone: Backbone, asked: Request, cuts: Iterable[int]) -> dict:
    """What all blocks hold, joined."""
    edges = [*cuts]
    spans = list(pairwise(edges))
    found = list(blocks(corpus, backbone, asked, spans))
    assert [span for span, _, _ in found] == spans
    names = found[0][1].keys()
    assert all(arrays.keys() == names for _, arrays, _ in found)
    return {name: np.concatenate([arrays[name] for _, arrays, _ in found]) for name in names}


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith(("prepare", "run"))]


def test_every_row_is_that_of_its_item_run_alone(corpus: Corpus, backbone: Backbone) -> None:
    arrays = all_of(corpus, backbone, request(), [0, 5, 12])
    streams = {hook: backbone.point(hook).streams for hook in HOOKS}
    expected: dict[str, list[tuple]] = {}

    def note(inputs: object, item: int, caption: int, language: int) -> None:
        for hook, own in backbone.run(inputs, streams).items():
            for stream, rows in own.items():
                for i, position in enumerate(rows.position):
                    span = (rows.start[i], rows.end[i]) if stream == "text.token" else ()
                    row = (item, caption, language, position, *span)
                    expected.setdefault(f"{hook}/{stream}", []).append((row, rows.x[i]))

    for item in range(12):
        if item not in (3, 8, MISSING):
            note(backbone.prepare_images([corpus.image(item)]), item, -1, -1)
    captions = corpus.captions
    for caption, text in enumerate(captions.text):
        inputs = backbone.prepare_texts([text])
        note(inputs, captions.item[caption], caption, captions.language[caption])

    columns = ("item", "caption", "language", "position", "start", "end")
    assert {name.rsplit("/", 1)[0] for name in arrays} == set(expected)
    for name, rows in expected.items():
        own = [arrays[f"{name}/{column}"] for column in columns if f"{name}/{column}" in arrays]
        assert [tuple(map(int, row)) for row, _ in rows] == list(
            zip(*(column.tolist() for column in own), strict=True)
        )
        direct = np.stack([x for _, x in rows])
        np.testing.assert_allclose(arrays[f"{name}/x"], direct, rtol=1e-4, atol=1e-5)


def test_columns_have_the_types_of_the_file(corpus: Corpus, backbone: Backbone) -> None:
    arrays = all_of(corpus, backbone, request(dtype="float16"), [0, 12])
    types = {name.rsplit("/", 1)[1]: str(array.dtype) for name, array in arrays.items()}
    assert types == {
        "x": "float16",
        "item": "int32",
        "caption": "int32",
        "language": "int16",
        "position": "int16",
        "start": "int32",
        "end": "int32",
        "grid_item": "int32",
        "grid": "int16",
    }
    assert arrays["joint/image.patch/x"].shape == (9 * PATCHES, 24)
    assert arrays["vision.blocks.0/image.patch/x"].shape == (9 * PATCHES, 32)
    assert arrays["text.blocks.1.mlp/text.pooled/x"].shape == (len(corpus.captions.text), 16)
    pictures = [i for i in range(12) if i not in (3, 8, MISSING)]
    assert arrays["joint/image.patch/grid_item"].tolist() == pictures
    assert arrays["joint/image.patch/grid"].tolist() == [[4, 4]] * 9


@pytest.mark.parametrize("batch_size", [1, 3, 128])
@pytest.mark.parametrize("cuts", [(0, 12), (0, 1, 2, 7, 12), range(13)])
def test_neither_batches_nor_blocks_change_what_is_found(
    corpus: Corpus, backbone: Backbone, batch_size: int, cuts: Iterable[int]
) -> None:
    asked = request(rows_per_item=2)
    one = all_of(corpus, backbone, asked, [0, 12])
    other = all_of(corpus, backbone, request(rows_per_item=2, batch_size=batch_size), cuts)
    assert one.keys() == other.keys()
    for name, array in one.items():
        if name.endswith("/x"):
            np.testing.assert_allclose(other[name], array, rtol=1e-4, atol=1e-5)
        else:
            assert other[name].tolist() == array.tolist(), name


def test_the_same_call_gives_the_same_bits(corpus: Corpus, backbone: Backbone) -> None:
    one, other = (all_of(corpus, backbone, request(), [0, 6, 12]) for _ in range(2))
    assert {n: a.tobytes() for n, a in one.items()} == {n: a.tobytes() for n, a in other.items()}


def test_the_number_of_cores_changes_no_bit_of_texts(corpus: Corpus, backbone: Backbone) -> None:
    before, found = torch.get_num_threads(), []
    asked = request(streams=("text.pooled", "text.token"), hooks=("joint", "text.blocks.0.mlp"))
    try:
        for count in (1, 2, 3):  # of some 24 captions, four a batch
            torch.set_num_threads(count)
            running = blocks(corpus, backbone, asked, [(0, 12)])
            arrays = next(running)[1]
            assert sum(name.startswith("run") for name in threads()) == (count if count > 1 else 0)
            running.close()
            found.append({name: array.tobytes() for name, array in arrays.items()})
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1] == found[2]
    assert threads() == []


def test_many_hook_points_and_streams_take_one_pass(corpus: Corpus, backbone: Backbone) -> None:
    calls = []
    first = [backbone.model.visual.conv1, backbone.model.token_embedding]
    handles = [m.register_forward_hook(lambda module, *_: calls.append(module)) for m in first]
    try:
        list(blocks(corpus, backbone, request(batch_size=100), [(0, 12)]))
    finally:
        for handle in handles:
            handle.remove()
    assert [calls.count(module) for module in first] == [1, 1]


def test_a_missing_picture_is_named_with_the_reason(corpus: Corpus, backbone: Backbone) -> None:
    spans = [(0, 4), (4, 8), (8, 12)]
    reasons = [skipped for _, _, skipped in blocks(corpus, backbone, request(), spans)]
    assert reasons == [[], ["i04: 4.png is missing; check the path."], []]


def test_items_without_picture_or_caption_give_empty_streams(
    corpus: Corpus, backbone: Backbone
) -> None:
    found = {span: arrays for span, arrays, _ in blocks(corpus, backbone, request(), [(3, 4)])}
    assert found[3, 4]["joint/image.patch/x"].shape == (0, 24)
    assert found[3, 4]["joint/image.patch/grid"].shape == (0, 2)
    assert found[3, 4]["joint/image.pooled/x"].dtype == np.float32
    assert found[3, 4]["joint/text.pooled/caption"].tolist() == [3, 4, 5]
    for _, arrays, _ in blocks(corpus, backbone, request(), [(0, 1), (5, 6)]):
        assert arrays["joint/text.token/x"].shape == (0, 24)
        assert arrays["joint/text.token/start"].dtype == np.int32
        assert arrays["joint/image.pooled/x"].shape == (1, 24)


def test_only_the_streams_asked_for_are_there(corpus: Corpus, backbone: Backbone) -> None:
    asked = request(streams=("text.pooled",), hooks=("joint", "text.blocks.0", "joint"))
    ((_, arrays, skipped),) = blocks(corpus, backbone, asked, [(0, 12)])
    assert {name.rsplit("/", 1)[0] for name in arrays} == {
        "joint/text.pooled",
        "text.blocks.0/text.pooled",
    }
    assert skipped == []  # no picture was looked for


def test_no_more_rows_are_kept_of_an_item_than_asked(corpus: Corpus, backbone: Backbone) -> None:
    whole = all_of(corpus, backbone, request(), [0, 12])
    few = all_of(corpus, backbone, request(rows_per_item=3, seed=7), [0, 12])
    for stream, source in (("image.patch", "item"), ("text.token", "caption")):
        place = f"joint/{stream}"
        total = dict(zip(*np.unique(whole[f"{place}/{source}"], return_counts=True), strict=True))
        kept = dict(zip(*np.unique(few[f"{place}/{source}"], return_counts=True), strict=True))
        assert kept == {key: min(3, count) for key, count in total.items()}
        rows = {
            (s, p): x
            for s, p, x in zip(
                whole[f"{place}/{source}"],
                whole[f"{place}/position"],
                whole[f"{place}/x"],
                strict=True,
            )
        }
        keys = list(zip(few[f"{place}/{source}"], few[f"{place}/position"], strict=True))
        assert keys == sorted(keys)
        np.testing.assert_array_equal(few[f"{place}/x"], np.stack([rows[key] for key in keys]))
    for stream in ("image.pooled", "text.pooled"):
        np.testing.assert_array_equal(few[f"joint/{stream}/x"], whole[f"joint/{stream}/x"])
    position = "image.patch/position"
    assert few[f"joint/{position}"].tolist() == few[f"vision.blocks.0/{position}"].tolist()


def test_a_draw_is_uniform_nested_and_changes_with_the_seed() -> None:
    source, position = np.repeat(np.arange(4000), 9), np.tile(np.arange(9), 4000)
    three, two = (sampled(source, position, most, 0) for most in (3, 2))
    assert set(two) < set(three)
    counts = np.bincount(position[three], minlength=9)  # 4000 / 3 each, s.d. 30
    assert np.abs(counts - 4000 / 3).max() < 5 * 30
    pairs = np.bincount(position[two].reshape(-1, 2) @ [9, 1])
    pairs = pairs[pairs > 0]  # 36 pairs of positions, 111 each, s.d. 10.4
    assert len(pairs) == 36
    assert np.abs(pairs - 4000 / 36).max() < 5 * 10.4
    assert sampled(source, position, 3, 1).tolist() != three.tolist()
    assert sampled(source, position, 3, -1).tolist() != three.tolist()
    alone = source == 17  # the draw of one item does not need the others
    at = np.flatnonzero(alone)
    assert (
        at[sampled(source[alone], position[alone], 3, 0)].tolist()
        == np.intersect1d(three, at).tolist()
    )


def test_an_iterator_closed_early_leaves_no_thread(corpus: Corpus, backbone: Backbone) -> None:
    before = torch.get_num_threads()
    running = blocks(corpus, backbone, request(batch_size=1), [(i, i + 1) for i in range(12)])
    assert threads() == []
    next(running)
    assert threads() != []
    running.close()
    assert threads() == []
    list(blocks(corpus, backbone, request(), [(0, 12)]))
    assert threads() == []
    assert torch.get_num_threads() == before


def test_a_value_that_does_not_fit_ends_it_and_leaves_no_thread(
    corpus: Corpus, backbone: Backbone
) -> None:
    spans = [(i, i + 1) for i in range(12)]
    running = blocks(corpus, backbone, request(batch_size=1, dtype="float16"), spans)
    next(running)
    projection = backbone.model.visual.proj
    projection.data *= 1e6
    try:
        with pytest.raises(MmfeatError, match="does not fit float16; extract again with dtype fl"):
            list(running)
    finally:
        projection.data /= 1e6
    assert threads() == []


def test_inputs_are_prepared_ahead_but_only_a_few(tmp_path: Path, backbone: Backbone) -> None:
    rows = []
    for item in range(60):
        Image.new("RGB", (8, 8), (item, 0, 0)).save(tmp_path / f"{item}.png")
        rows.append(ItemRow(f"{item:02d}", f"{item}.png"))
    path = tmp_path / "corpus.h5"
    write_corpus(path, rows, name="a", attribution="", image_root=tmp_path, provenance="{}")
    asked = request(hooks=("joint",), streams=("image.pooled",), batch_size=1)
    with open_corpus(path) as corpus:
        running = blocks(corpus, backbone, asked, [(i, i + 1) for i in range(60)])
        next(running)
        time.sleep(1)
        for item in range(60):
            (tmp_path / f"{item}.png").unlink()
        held = [len(arrays["joint/image.pooled/item"]) for _, arrays, _ in running]
    ahead = sum(held)
    assert held == [1] * ahead + [0] * (59 - ahead)
    assert 1 <= ahead <= 12


def sizes_of_batches(folder: Path, backbone: Backbone, items: int, batch_size: int) -> list[int]:
    """How many pictures each forward pass has; each is of 64 pixels."""
    rows, sizes = [ItemRow(f"{item:03d}", "a.png") for item in range(items)], []
    Image.new("RGB", (8, 8), "red").save(folder / "a.png")
    path = folder / "corpus.h5"
    write_corpus(path, rows, name="a", attribution="", image_root=folder, provenance="{}")
    handle = backbone.model.visual.conv1.register_forward_hook(
        lambda _module, _inputs, output: sizes.append(len(output))
    )
    asked = request(hooks=("joint",), streams=("image.pooled",), batch_size=batch_size)
    with open_corpus(path) as corpus:
        ((_, arrays, _),) = blocks(corpus, backbone, asked, [(0, items)])
    handle.remove()
    assert arrays["joint/image.pooled/item"].tolist() == list(range(items))
    return sizes


def test_pictures_are_not_all_held_where_they_are_large(
    tmp_path: Path, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmfeat.forward.MAX_PIXELS", 100)
    assert sizes_of_batches(tmp_path, backbone, 5, 4) == [2, 2, 1]


def test_a_cpu_runs_pictures_of_a_batch_some_at_a_time(tmp_path: Path, backbone: Backbone) -> None:
    assert sizes_of_batches(tmp_path, backbone, 150, 128) == [64, 64, 22]
    assert pictures_at_once(torch.device("cuda"), 128) == 128


def test_drawings_are_drawn_at_the_size_of_the_backbone(tmp_path: Path, backbone: Backbone) -> None:
    path = tmp_path / "corpus.h5"
    rows = [ItemRow("heart", "openmoji:2764.svg")]
    write_corpus(path, rows, name="a", attribution="", image_root=None, provenance="{}")
    assert backbone.image_size == 96
    with open_corpus(path) as corpus:
        ((_, arrays, _),) = blocks(corpus, backbone, request(), [(0, 1)])
        inputs = backbone.prepare_images([corpus.image(0, 96)])
    alone = backbone.run(inputs, {"joint": ("image.pooled",)})["joint"]["image.pooled"].x
    np.testing.assert_allclose(arrays["joint/image.pooled/x"], alone, rtol=1e-4, atol=1e-5)


def test_texts_of_like_length_share_a_batch(tmp_path: Path, backbone: Backbone) -> None:
    texts = ["tree", "one two three four five six seven eight nine ten"] * 8
    rows = [ItemRow(f"{i:02d}", captions=(("en", text),)) for i, text in enumerate(texts)]
    path = tmp_path / "corpus.h5"
    write_corpus(path, rows, name="a", attribution="", image_root=None, provenance="{}")
    widths = []
    handle = backbone.model.token_embedding.register_forward_hook(
        lambda _module, inputs, _output: widths.append(inputs[0].shape[1])
    )
    asked = request(hooks=("joint",), streams=("text.pooled",), batch_size=8)
    with open_corpus(path) as corpus:
        ((_, arrays, _),) = blocks(corpus, backbone, asked, [(0, 16)])
    handle.remove()
    assert sorted(widths) == [3, 12]  # side by side, in any order
    assert arrays["joint/text.pooled/caption"].tolist() == list(range(16))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hooks": ("vision.blocks.9",)}, "has no hook point 'vision.blocks.9'"),
        (
            {"hooks": ("joint", "vision.blocks.0"), "streams": ("text.pooled",)},
            "none of the streams text.pooled at vision.blocks.0; choose from image.pooled, image.p",
        ),
        (
            {"hooks": ("vision.blocks.0",), "streams": ("image.pooled", "text.token")},
            "no stream text.token at vision.blocks.0; leave it out",
        ),
        ({"streams": ("image.pooled", "text.token", "image.whole")}, "no stream image.whole at"),
    ],
)
def test_what_a_backbone_lacks_is_refused(
    backbone: Backbone, given: dict[str, object], message: str
) -> None:
    with pytest.raises(MmfeatError, match=message):
        wanted(backbone, request(**given))


def test_streams_are_read_where_they_are(backbone: Backbone) -> None:
    assert wanted(backbone, request(streams=("text.pooled", "image.patch"))) == {
        "joint": ("image.patch", "text.pooled"),
        "vision.blocks.0": ("image.patch",),
        "text.blocks.1.mlp": ("text.pooled",),
    }


def test_a_value_too_large_for_float16_is_refused_and_not_made_infinite() -> None:
    assert stored(np.array([[7e4, -7e4]], np.float32), "float32").tolist() == [[7e4, -7e4]]
    assert stored(np.array([[65519.0, -65519.0]], np.float32), "float16").tolist() == [
        [65504.0, -65504.0]
    ]
    for value in (65520.0, -65520.0, 3e38):
        with pytest.raises(MmfeatError, match="does not fit float16; extract again with dtype fl"):
            stored(np.array([[0, value]], np.float32), "float16")
    for value, dtype in ((np.nan, "float32"), (np.nan, "float16"), (np.inf, "float32")):
        with pytest.raises(MmfeatError, match=f"not fit {dtype}; .* another backbone: this one gi"):
            stored(np.array([[0, value]], np.float32), dtype)
    assert stored(np.zeros((0, 3), np.float32), "float16").dtype == np.float16
