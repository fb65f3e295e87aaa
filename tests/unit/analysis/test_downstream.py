from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from mmfeat.analysis import retrieval
from mmfeat.analysis.codes import encode_stream
from mmfeat.analysis.downstream import SPACES, downstream
from mmfeat.analysis.held_out import HeldOut, held_out
from mmfeat.analysis.retrieval import wrong_before, wrong_before_both
from mmfeat.corpus.file import open_corpus
from mmfeat.progress import ignore
from mmfeat.sae.interop import load_sae
from mmfeat.store.activations import open_activations


def test_both_directions_at_once_are_those_of_two_rankings(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x = np.where(rng.random((70, 9)) < 0.4, rng.integers(1, 4, (70, 9)), 0).astype(np.float32)
    y = np.where(rng.random((50, 9)) < 0.4, rng.integers(1, 4, (50, 9)), 0).astype(np.float32)
    x[3], y[4] = 0, 0
    x_key, y_key = rng.integers(0, 30, 70), rng.integers(5, 35, 50)
    for a, b in ((x, y), (sp.csr_array(x), sp.csr_array(y))):
        expected = wrong_before(a, b, x_key, y_key), wrong_before(b, a, y_key, x_key)
        for chunk in (None, 7):
            found = wrong_before_both(a, b, x_key, y_key, chunk)
            assert [part.tolist() for part in found] == [part.tolist() for part in expected]
        monkeypatch.setattr(retrieval, "_CELLS", 100)
        again = wrong_before_both(a, b, x_key, y_key)
        assert [part.tolist() for part in again] == [part.tolist() for part in expected]
        monkeypatch.undo()
        assert (expected[0] > 50).any() and 0 < (expected[0] < 1).sum() < 70


def share_of_first(scores: np.ndarray, hit: np.ndarray, k: int) -> float:
    """Recall at k with ties against us, a query a row; queries without a hit do not count."""
    found = []
    for row, own in zip(scores, hit, strict=True):
        if own.any():
            found.append((row[~own] >= row[own].max() - 1e-6).sum() < k)
    return float(np.mean(found))


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


@pytest.fixture(scope="module")
def scored(activations_path: Path, corpus_path: Path, sae_path: Path):
    """Scores of the small demo, and every row in every space, dense in float64."""
    trained = load_sae(sae_path)
    with open_activations(activations_path) as acts, open_corpus(corpus_path) as corpus:
        test = held_out(acts, "joint", corpus)
        codes, spaces = {}, {}
        for stream in (test.image, test.text):
            codes[stream.name] = encode_stream(trained, stream, ignore)
            raw = np.asarray(stream.x[:], np.float64)
            z = codes[stream.name].matrix().toarray()
            sae, stats = trained.sae_of(stream.name), trained.streams[stream.name]
            rebuilt = z @ sae.W_dec.double().numpy() + sae.b_dec.double().numpy()
            group = stream.group.astype(int)
            mean, scale = stream.mean[group], stream.scale[group, None]
            back = rebuilt / stats.scale[group, None] + stats.mean[group]
            spaces[stream.name] = {
                "raw": raw,
                "centred": (raw - mean) * scale,
                "reconstruction": (back - mean) * scale,
                "code": z,
            }
        groups = corpus.attributes["group"]
        found = downstream(test, trained, codes["image.pooled"], codes["text.pooled"], groups)
        yield test, spaces, groups, found


Scored = tuple[HeldOut, dict[str, dict[str, np.ndarray]], list[str], dict]


def test_every_task_equals_brute_force(scored: Scored) -> None:
    test, spaces, groups, found = scored
    split, group = test.acts.split, np.array(groups)
    assert set(found) == {
        "caption_to_picture", "picture_to_caption", "zero_shot_concept", "zero_shot_group",
    }  # fmt: skip
    for space in SPACES:
        pictures = unit(spaces["image.pooled"][space][test.pictures])
        for tag in ("en", "ko"):
            language = test.acts.languages.index(tag)
            own = test.text.language[test.captions] == language
            texts = unit(spaces["text.pooled"][space][test.captions[own]])
            scores = texts @ pictures.T
            hit = test.caption_key[own][:, None] == test.picture_key[None]
            for k in (1, 10):
                value = found["caption_to_picture"][space][f"recall@{k}"][tag]
                assert value == pytest.approx(share_of_first(scores, hit, k), abs=0.006)
                value = found["picture_to_caption"][space][f"recall@{k}"][tag]
                assert value == pytest.approx(share_of_first(scores.T, hit.T, k), abs=0.006)
            # Every unit has one caption a language in this corpus.
            accuracy = found["zero_shot_concept"][space]["accuracy"][tag]
            assert accuracy == found["picture_to_caption"][space]["recall@1"][tag]

            rows = np.flatnonzero((split[test.text.item] == "train")
                                  & (test.text.language == language))  # fmt: skip
            names = np.unique(group[test.text.item[rows]])
            x = unit(spaces["text.pooled"][space])
            of = group[test.text.item[rows]]
            prototypes = unit(np.stack([x[rows[of == name]].mean(0) for name in names]))
            asked = group[test.image.item[test.pictures]]
            right = asked[:, None] == names[None]
            kept = right.any(1)
            expected = share_of_first(pictures[kept] @ prototypes.T, right[kept], 1)
            scored_ = found["zero_shot_group"][space]
            assert scored_["accuracy"][tag] == pytest.approx(expected, abs=0.011)
            _, count = np.unique(asked[kept], return_counts=True)
            assert scored_["chance"][tag] == count.max() / kept.sum()
        by_language = dict(found["caption_to_picture"][space]["recall@10"])
        mean = by_language.pop("mean")
        assert len(by_language) == 14
        assert mean == pytest.approx(np.mean(list(by_language.values())))


def test_embeddings_keep_what_the_gallery_is_compared_with(scored: Scored) -> None:
    test, _, _, found = scored
    own = found["caption_to_picture"]
    for tag, dense in test.r10_dense.items():
        best = [own[space]["recall@10"][tag] for space in ("raw", "centred")]
        if tag != "mean":
            assert max(best) == pytest.approx(dense, abs=0.006)


def test_a_class_of_several_captions_is_their_mean() -> None:
    from mmfeat.analysis.downstream import _retrieval

    rng = np.random.default_rng(0)
    pictures, captions = rng.normal(size=(30, 5)), rng.normal(size=(80, 5))
    item = np.sort(rng.integers(0, 28, 80))  # two units have none
    for x, y in ((captions, pictures), (sp.csr_array(captions), sp.csr_array(pictures))):
        found = _retrieval(x, item, item, y, np.arange(30))
        names = np.unique(item)
        means = np.stack([unit(captions)[item == name].mean(0) for name in names])
        scores = unit(pictures) @ unit(means).T
        hit = np.arange(30)[:, None] == names[None]
        expected = share_of_first(scores, hit, 1)
        assert found["zero_shot_concept"]["accuracy"] == pytest.approx(expected)
        expected = share_of_first(
            unit(pictures) @ unit(captions).T, np.arange(30)[:, None] == item, 10
        )
        assert found["picture_to_caption"]["recall@10"] == pytest.approx(expected)


def test_a_language_without_captions_has_no_scores() -> None:
    from mmfeat.analysis.downstream import _retrieval

    none = np.zeros(0, np.int64)
    for x, y in ((np.zeros((0, 4)), np.eye(4)), (sp.csr_array((0, 4)), sp.csr_array(np.eye(4)))):
        found = _retrieval(x, none, none, y, np.arange(4))
        assert found["caption_to_picture"] == {"recall@1": None, "recall@10": None}
        assert found["zero_shot_concept"] == {"accuracy": None}


def test_without_groups_there_is_no_task_of_groups(
    activations_path: Path, corpus_path: Path, sae_path: Path
) -> None:
    trained = load_sae(sae_path)
    with open_activations(activations_path) as acts:
        test = held_out(acts, "joint")
        image, text = (encode_stream(trained, s, ignore) for s in (test.image, test.text))
        found = downstream(test, trained, image, text)
        assert set(found) == {"caption_to_picture", "picture_to_caption", "zero_shot_concept"}
        unknown = downstream(test, trained, image, text, [""] * len(acts.item_id))
        assert unknown["zero_shot_group"]["code"]["accuracy"]["mean"] is None
