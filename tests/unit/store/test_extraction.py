from __future__ import annotations

import mmap
import shutil
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from mmfeat.backbones.registry import load_backbone
from mmfeat.blocks import cut
from mmfeat.corpus.file import open_corpus
from mmfeat.errors import MmfeatError
from mmfeat.extraction import ExtractSettings, extract, plan
from mmfeat.store.activations import open_activations


def test_rows_have_the_coordinates_of_the_corpus(corpus_path: Path, activations_path: Path) -> None:
    with open_corpus(corpus_path) as corpus, h5py.File(activations_path) as file:
        n, m = len(corpus), len(corpus.captions.item)
        streams = file["hooks/joint"]
        assert streams["image.pooled/item"][:].tolist() == list(range(n))
        assert streams["image.pooled/caption"][:].tolist() == [-1] * n
        assert streams["image.patch/item"][:].tolist() == np.repeat(np.arange(n), 64).tolist()
        assert streams["image.patch/position"][:].tolist() == list(range(64)) * n
        assert streams["image.patch"].attrs["grid"].tolist() == [8, 8]
        assert streams["text.pooled/caption"][:].tolist() == list(range(m))
        assert (streams["text.pooled/item"][:] == corpus.captions.item).all()
        assert (streams["text.pooled/language"][:] == corpus.captions.language).all()
        tokens = streams["text.token"]
        assert (np.diff(tokens["caption"][:]) >= 0).all()
        assert set(tokens["caption"][:]) == set(range(m))
        for row in range(0, tokens["x"].shape[0], 997):
            text = corpus.captions.text[tokens["caption"][row]]
            assert 0 <= tokens["start"][row] < tokens["end"][row] <= len(text)


def test_rows_equal_the_backbone_run_on_one_input(
    corpus_path: Path, activations_path: Path
) -> None:
    backbone = load_backbone("openmoji-clip", "cpu")
    with open_corpus(corpus_path) as corpus, open_activations(activations_path) as acts:
        image = acts.stream("joint", "image.pooled")
        inputs = backbone.prepare_images([corpus.image(7)])
        alone = backbone.run(inputs, {"joint": ("image.pooled",)})["joint"]["image.pooled"].x
        np.testing.assert_allclose(image.x[7].astype(np.float32), alone[0], rtol=2e-3, atol=2e-3)
        text = acts.stream("joint", "text.token")
        caption = 31
        rows = np.flatnonzero(text.caption == caption)
        inputs = backbone.prepare_texts([corpus.captions.text[caption]])
        alone = backbone.run(inputs, {"joint": ("text.token",)})["joint"]["text.token"].x
        np.testing.assert_allclose(text.x[rows].astype(np.float32), alone, rtol=2e-3, atol=2e-3)


def test_mean_and_scale_are_those_of_the_train_rows(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        for name in ("image.pooled", "text.pooled", "text.token"):
            stream = acts.stream("joint", name)
            x = np.asarray(stream.x, np.float64)
            for group in range(len(stream.scale)):
                train = acts.is_train[stream.item] & (stream.group == group)
                mean = x[train].mean(0)
                scale = np.sqrt(x.shape[1] / ((x[train] - mean) ** 2).sum(1).mean())
                np.testing.assert_allclose(stream.mean[group], mean, atol=1e-5)
                assert stream.scale[group] == pytest.approx(scale, rel=1e-5)
            z = stream.standardised(stream.x[:], stream.group)
            train = acts.is_train[stream.item]
            assert (z[train] ** 2).sum(1).mean() == pytest.approx(x.shape[1], rel=1e-3)


def test_rows_are_mapped_from_disk_and_not_loaded(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        assert isinstance(acts.stream("joint", "image.patch").x, np.memmap)


def test_a_plan_counts_rows_bytes_and_hours_and_writes_nothing(
    corpus_path: Path, activations_path: Path, tmp_path: Path
) -> None:
    with h5py.File(activations_path) as file:
        wanted = {f"joint/{name}": len(node["x"]) for name, node in file["hooks/joint"].items()}
    found = plan(corpus_path, tmp_path / "a folder" / "a.h5")
    assert list(tmp_path.iterdir()) == []
    tokens = wanted.pop("joint/text.token")
    counted = found["rows"].pop("joint/text.token")
    assert found["rows"] == wanted
    assert counted == pytest.approx(tokens, rel=0.05)  # from some captions
    assert found["bytes"] == pytest.approx((sum(wanted.values()) + tokens) * 192 * 2, rel=0.05)
    assert found["bytes_needed"] == 2 * found["bytes"]
    assert 1e-5 < found["hours"] < 1
    assert found["bytes_free"] > 0 and found["fits"] == (
        found["bytes_free"] >= found["bytes_needed"]
    )


def test_a_plan_of_rows_per_item_counts_these(corpus_path: Path, tmp_path: Path) -> None:
    settings = ExtractSettings(streams=("image.patch", "text.token"), rows_per_item=2)
    with open_corpus(corpus_path) as corpus:
        pictures, captions = len(corpus), len(corpus.captions.item)
    rows = plan(corpus_path, tmp_path / "a.h5", settings)["rows"]
    assert rows["joint/image.patch"] == 2 * pictures
    assert captions < rows["joint/text.token"] <= 2 * captions


def test_a_disk_that_is_too_small_is_refused_before_anything_is_read(
    corpus_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1_000_000))
    with pytest.raises(MmfeatError, match=r"a.h5 takes about 0.0 GB .* but 0.0 GB are free"):
        extract(corpus_path, tmp_path / "a.h5")
    assert not list(tmp_path.rglob("*.npz"))
    assert not plan(corpus_path, tmp_path / "a.h5")["fits"]


def test_blocks_hold_so_many_bytes_or_items_and_all_items_once() -> None:
    rng = np.random.default_rng(0)
    held = rng.choice([0.0, 1e6, 20e6, 200e6], 5000, p=[0.3, 0.5, 0.19, 0.01])
    blocks = cut(held, 1)
    assert [start for start, _ in blocks[1:]] == [stop for _, stop in blocks[:-1]]
    assert blocks[0][0] == 0 and blocks[-1][1] == 5000
    for start, stop in blocks:
        assert 1 <= stop - start <= 256
        assert held[start:stop].sum() <= 64 << 20 or stop - start == 1
        full = held[start : stop + 1].sum() > 64 << 20 or stop - start == 256
        assert full or stop == 5000
    # A model with 24 hook points of 257 patches of 1,024 numbers: five items a part.
    many = np.full(100, 24 * 257 * 1024 * 2.0)
    assert {stop - start for start, stop in cut(many, 1)} == {5}
    assert [stop for _, stop in cut(many, 32)] == [32, 64, 96, 100]
    assert cut(np.zeros(0), 1) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (ExtractSettings(streams=("image.whole",)), "image.whole is not a stream; choose from"),
        (ExtractSettings(hooks=("vision.blocks.99",)), "no hook point 'vision.blocks.99'"),
        (ExtractSettings(backbone="nothing"), "'nothing' is not a backbone"),
    ],
)
def test_wrong_settings_write_nothing(
    corpus_path: Path, tmp_path: Path, settings: ExtractSettings, message: str
) -> None:
    with pytest.raises(MmfeatError, match=message):
        extract(corpus_path, tmp_path / "a.h5", settings)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_stream_says_which_there_are(activations_path: Path) -> None:
    with (
        open_activations(activations_path) as acts,
        pytest.raises(MmfeatError, match=r"no stream 'image.pooled' at hook point 'lm'.*joint: "),
    ):
        acts.stream("lm", "image.pooled")


def test_the_provenance_names_the_content_of_the_backbone(corpus_path: Path) -> None:
    import json

    from mmfeat.extraction import recorded

    inputs = json.loads(recorded(corpus_path, ExtractSettings()))["inputs"]
    assert len(inputs["backbone"]["sha256"]) == len(inputs["corpus"]["sha256"]) == 64


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text.pooled/item", 99_999),
        ("text.pooled/language", -1),
        ("text.token/caption", 10**6),
        ("image.pooled/item", 3),
        ("image.pooled/scale", np.nan),
    ],
)
def test_rows_that_point_nowhere_are_refused(
    activations_path: Path, tmp_path: Path, name: str, value: float
) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(activations_path.read_bytes())
    with h5py.File(path, "r+") as file:
        file[f"hooks/joint/{name}"][0] = value
    with (
        open_activations(path) as acts,
        pytest.raises(MmfeatError, match=r"contradict each other; extract it again"),
    ):
        acts.stream("joint", name.split("/")[0])


def test_a_stream_asked_for_twice_maps_the_file_once(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        hook = next(iter(acts.hooks))
        first = acts.stream(hook, "text.pooled")
        assert acts.stream(hook, "text.pooled") is first
        assert acts.stream(hook, "image.pooled") is not first


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="a system without it")
def test_rows_that_were_let_go_can_be_read_again(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        stream = acts.stream("joint", "image.patch")
        before = np.array(stream.x[:])
        stream.let_go()
        assert np.array_equal(stream.x[:], before)
