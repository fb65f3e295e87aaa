"""`mmfeat demo --quick` from the command line, checked against values computed from scratch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.stats import hypergeom

from mmfeat.corpus.openmoji import load_emoji


def demo(out: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "mmfeat", "demo", "--quick", "--json", "--out", str(out)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=280,
        check=True,
    )
    assert len(done.stdout.splitlines()) == 1  # progress goes elsewhere
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return demo(tmp_path_factory.mktemp("demo") / "an out folder")


def standardised(acts: h5py.File, stream: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows in float64 about train means taken here, with their items and languages."""
    group = acts[f"hooks/joint/{stream}"]
    x, item, language = group["x"][:].astype(np.float64), group["item"][:], group["language"][:]
    train = acts["items/split"].asstr()[:][item] == "train"
    for tag in np.unique(language):
        own = language == tag
        x[own] -= x[own & train].mean(0)
        x[own] *= np.sqrt(x.shape[1] / (x[own & train] ** 2).sum(1).mean())
    return x, item, language


def codes(x: np.ndarray, atlas: h5py.File, modality: str) -> np.ndarray:
    """What a plain TopK SAE makes of the weights; an activation is along a unit direction."""
    sae = atlas[f"sae/{modality}"]
    pre = x @ sae["W_enc"][:].astype(np.float64) + sae["b_enc"][:]
    kth = np.sort(pre, axis=1)[:, -int(sae.attrs["k"]), None]
    norms = np.linalg.norm(sae["W_dec"][:].astype(np.float64), axis=1)
    return np.where(pre >= kth, np.maximum(pre, 0), 0) * norms


def test_the_result_names_its_files_and_cost(result: dict[str, Any]) -> None:
    for key in ("corpus", "activations", "sae", "atlas"):
        assert Path(result[key]).exists(), key
    assert Path(result["naive"]["sae"]).name == "sae-naive"
    assert Path(result["naive"]["atlas"]).exists()


def test_the_default_recipe_shares_more_than_the_naive_one(result: dict[str, Any]) -> None:
    naive = result["naive"]
    assert result["features"] == naive["features"] == 256
    assert result["shared"] > 1.5 * naive["shared"]


def test_the_cost_is_bounded(result: dict[str, Any]) -> None:
    assert 0 < result["seconds"] < 280
    assert 2**28 < result["peak_rss_bytes"] < 4 * 2**30


def test_rates_energies_and_scores_follow_from_the_activations(result: dict[str, Any]) -> None:
    with h5py.File(result["atlas"]) as atlas, h5py.File(result["activations"]) as acts:
        image = codes(standardised(acts, "image.pooled")[0], atlas, "image")
        x, _, language = standardised(acts, "text.pooled")
        text = codes(x, atlas, "text")
        features = atlas["features"]
        # A row near the edge of the support may tip over between float32 and float64.
        rate = (image > 0).mean(0)
        np.testing.assert_allclose(features["firing_rate_image"][:], rate, atol=3 / len(image))
        energy_image = (image**2).mean(0)
        energy = np.stack([(text[language == tag] ** 2).mean(0) for tag in range(14)], 1)
        np.testing.assert_allclose(features["by_language/energy"][:], energy, rtol=0.02, atol=2e-3)
        alive = energy_image + energy.mean(1) > 0.01
        score = energy_image / np.maximum(energy_image + energy.mean(1), 1e-12)
        np.testing.assert_allclose(features["modality_score"][:][alive], score[alive], atol=0.02)
        test = acts["items/split"].asstr()[:][acts["hooks/joint/text.pooled/item"][:]] == "test"
        korean = test & (language == list(acts["languages"].asstr()[:]).index("ko"))
        back = text[korean] @ atlas["sae/decoder"][:] + atlas["sae/text/b_dec"][:]
        fvu = ((x[korean] - back) ** 2).sum() / (x[korean] ** 2).sum()
        stored = json.loads(atlas["scores"].attrs["json"])["text.pooled"]["fvu"]["ko"]
        assert stored == pytest.approx(fvu, rel=0.01)


def test_shared_features_follow_from_the_definition(result: dict[str, Any]) -> None:
    """The whole definition again, by loops: units, hypergeometric p, 10 of 14, BH, effect."""
    from scipy.stats import beta

    with h5py.File(result["atlas"]) as atlas, h5py.File(result["activations"]) as acts:
        d_sae = int(atlas.attrs["d_sae"])

        def fires(stream: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            by_row, rows = atlas[f"codes/{stream}/by_row"], atlas[f"codes/{stream}/rows"]
            indptr = by_row["indptr"][:]
            on = np.zeros((len(indptr) - 1, d_sae), bool)
            on[np.repeat(np.arange(len(on)), np.diff(indptr)), by_row["indices"][:]] = True
            return on, rows["item"][:], rows["language"][:]

        image, image_item, _ = fires("image.pooled")
        text, text_item, language = fires("text.pooled")
        from mmfeat.analysis.sharing import units

        names = {k: acts[f"items/{k}"].asstr()[:].tolist() for k in acts["items"]}
        chosen = units(names["item_id"], names["concept"], names["split"], names["picture"], 0)
        assert {names["split"][u] for u in chosen} == {"test"}
        on_image = image[np.searchsorted(image_item, chosen)]
        n = len(chosen)
        p, lower = np.ones((d_sae, 14)), np.zeros((d_sae, 14))
        enough = np.zeros((d_sae, 14), bool)
        for tag in range(14):
            rows = np.flatnonzero(language == tag)
            on_text = text[rows[np.searchsorted(text_item[rows], chosen)]]
            both, a, b = (on_image & on_text).sum(0), on_image.sum(0), on_text.sum(0)
            p[:, tag] = hypergeom.sf(both - 1, n, a, b)
            with np.errstate(invalid="ignore"):
                bound = beta.ppf(0.05, both, np.maximum(a, b) - both + 1)
            lower[:, tag] = np.where(both > 0, bound, 0)
            enough[:, tag] = (a >= 5) & (b >= 5)
        testable = enough.sum(1) >= 10
        joint = np.minimum(1, 5 * np.sort(p, axis=1)[:, 9])
        order = np.argsort(joint[testable])
        ranked = joint[testable][order] * testable.sum() / np.arange(1, testable.sum() + 1)
        q = np.full(d_sae, np.nan)
        q[np.flatnonzero(testable)[order]] = np.minimum.accumulate(ranked[::-1])[::-1]
        shared = (q <= 0.05) & (np.sort(lower, axis=1)[:, -10] >= 0.1)
        assert atlas["features/testable"][:].tolist() == testable.tolist()
        np.testing.assert_allclose(atlas["features/shared_q"][:], q, rtol=1e-6)
        assert atlas["features/shared"][:].tolist() == shared.tolist()
        assert shared.sum() == result["shared"] > 0


def test_a_second_run_reuses_everything(result: dict[str, Any]) -> None:
    stamps = {k: Path(result[k]).stat().st_mtime_ns for k in ("corpus", "activations", "atlas")}
    again = demo(Path(result["atlas"]).parent)
    assert again["seconds"] < 0.2 * result["seconds"]
    assert stamps == {k: Path(result[k]).stat().st_mtime_ns for k in stamps}


def test_the_corpus_is_a_subset_in_all_languages(result: dict[str, Any]) -> None:
    with h5py.File(result["corpus"]) as corpus:
        assert len(corpus["languages"]) == 14
        assert 500 < len(corpus["items/item_id"]) < len(load_emoji()) / 2


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_one_sentence_and_leaves_no_half_file(tmp_path: Path, sent: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mmfeat", "demo", "--quick", "--no-view", "--out", str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 200
    while not (tmp_path / ".activations.h5.parts").exists() and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(sent)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "run the same command again to go on" in stderr
    assert "Traceback" not in stderr
    assert not (tmp_path / "activations.h5").exists()
    assert not list(tmp_path.glob("*.tmp")) and not list(tmp_path.glob(".*.tmp"))
