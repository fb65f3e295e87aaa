from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.backbones.registry import load_backbone
from mmfeat.corpus.file import open_corpus
from mmfeat.errors import MmfeatError
from mmfeat.extraction import ExtractSettings, extract, plan
from mmfeat.hdf5 import stored_digest
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
        alone = backbone.images([corpus.image(7)], "joint", ["image.pooled"])["image.pooled"].x
        np.testing.assert_allclose(image.x[7].astype(np.float32), alone[0], rtol=2e-3, atol=2e-3)
        text = acts.stream("joint", "text.token")
        caption = 31
        rows = np.flatnonzero(text.caption == caption)
        alone = backbone.texts([corpus.captions.text[caption]], "joint", ["text.token"])
        np.testing.assert_allclose(
            text.x[rows].astype(np.float32), alone["text.token"].x, rtol=2e-3, atol=2e-3
        )


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


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_a_killed_extraction_resumes_to_the_same_content(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.h5"
    script = (
        "import sys; from pathlib import Path\n"
        "from mmfeat import extraction\n"
        "extraction.BLOCK = 16\n"
        "extraction.extract(sys.argv[1], sys.argv[2], extraction.ExtractSettings(\n"
        "    streams=('image.pooled', 'text.pooled')))\n"
    )
    from mmfeat.corpus import openmoji
    from mmfeat.corpus.file import write_corpus

    rows = [row for number, row in enumerate(openmoji.rows()) if number % 40 == 0]
    write_corpus(corpus, rows, name="a", attribution="", image_root=None, provenance="{}")
    command = [sys.executable, "-c", script, str(corpus)]
    unbroken, broken = tmp_path / "unbroken.h5", tmp_path / "broken.h5"
    subprocess.run([*command, str(unbroken)], check=True, timeout=200)

    process = subprocess.Popen([*command, str(broken)])
    parts = tmp_path / ".broken.h5.parts"
    deadline = time.monotonic() + 200
    while len(list(parts.glob("0*.npz"))) < 2 and time.monotonic() < deadline:
        assert process.poll() is None, "it finished before it could be killed"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not broken.exists()
    kept = {part.name: part.stat().st_mtime_ns for part in parts.glob("0*.npz")}
    subprocess.run([*command, str(broken)], check=True, timeout=200)
    assert len(kept) >= 2
    assert stored_digest(broken) == stored_digest(unbroken)
    assert not parts.exists()


def test_parts_of_other_settings_are_not_used(corpus_path: Path, tmp_path: Path) -> None:
    from mmfeat.store.writer import Parts

    out = tmp_path / "a.h5"
    Parts(out, "one").commit("000000000", {"joint/image.pooled/item": np.zeros(1)})
    assert "000000000" in Parts(out, "one")
    assert "000000000" not in Parts(out, "two")


def test_a_plan_counts_rows_without_running(corpus_path: Path) -> None:
    settings = ExtractSettings(streams=("image.pooled", "image.patch", "text.pooled"))
    with open_corpus(corpus_path) as corpus:
        n = len(corpus)
    found = plan(corpus_path, settings)
    assert found["rows"] == {"image.pooled": n, "image.patch": 64 * n, "text.pooled": 14 * n}
    assert found["bytes_without_tokens"] == (n + 64 * n + 14 * n) * 192 * 2


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


def test_a_value_too_large_for_float16_is_refused_and_not_made_infinite() -> None:
    from mmfeat.extraction import _stored

    assert _stored(np.array([[7e4]], np.float32), "float32")[0, 0] == 7e4
    with pytest.raises(MmfeatError, match="does not fit float16; extract again with dtype float32"):
        _stored(np.array([[7e4]], np.float32), "float16")


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


def test_a_language_without_train_rows_takes_the_mean_of_all(tmp_path: Path) -> None:
    from mmfeat.store.writer import _write_statistics

    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3)) + np.repeat([[0.0], [5.0]], [30, 10], axis=0)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        node = file.create_group("text.pooled")
        node["x"], node["item"] = x, np.arange(40)
        node["language"] = np.repeat([0, 1, 2], [20, 10, 10])
        _write_statistics(node, np.arange(40) < 30, 3)
        train = x[:30]
        np.testing.assert_allclose(node["mean"][2], train.mean(0), rtol=1e-5)
        scale = np.sqrt(3 / ((train - train.mean(0)) ** 2).sum(1).mean())
        assert node["scale"][2] == pytest.approx(scale, rel=1e-5)
        assert node["count"][:].tolist() == [20, 10, 0]
