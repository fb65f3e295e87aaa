from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from mmfeat.analysis import absorption as module
from mmfeat.analysis import completeness
from mmfeat.analysis.absorption import Absorption, absorption, main_features, probes
from mmfeat.analysis.codes import Codes
from mmfeat.analysis.completeness import labels_of
from mmfeat.store.activations import open_activations


def codes_of(dense: np.ndarray) -> Codes:
    rows, columns = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum((dense > 0).sum(1))])
    return Codes(
        indptr, columns.astype(np.int32), dense[rows, columns].astype(np.float16), dense.shape[1]
    )


def f1_of(fires: np.ndarray, own: np.ndarray) -> float:
    return 2 * (fires & own).sum() / (fires.sum() + own.sum())


def greedy(fires: np.ndarray, own: np.ndarray) -> tuple[list[int], list[float]]:
    """Main features of a label by trying every one, and F1 with one more than needed."""
    chosen: list[int] = []
    scores: list[float] = []
    union = np.zeros(len(own), bool)
    while len(chosen) < 8:
        tried = [
            f1_of(union | fires[:, f], own) if (fires[:, f] & own).any() else -1
            for f in range(fires.shape[1])
        ]
        best = int(np.argmax(tried))
        scores.append(tried[best])
        if len(scores) > 1 and scores[-1] - scores[-2] < 0.03:
            break
        chosen.append(best)
        union |= fires[:, best]
    return chosen, scores


def random_world(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels that are unions of two features and parts, among noise."""
    rng = np.random.default_rng(seed)
    n = 400
    member = np.zeros((n, 5), int)
    member[np.arange(n), rng.integers(0, 4, n)] = 1  # four values of one attribute
    member[:, 4] = rng.random(n) < 0.3
    dense = np.where(rng.random((n, 20)) < 0.1, rng.random((n, 20)) + 0.1, 0)
    half = rng.random(n) < 0.5
    dense[:, 2] = np.where((member[:, 0] == 1) & half, 1.5, dense[:, 2] * (rng.random(n) < 0.3))
    dense[:, 6] = np.where((member[:, 0] == 1) & ~half, 0.8, dense[:, 6] * (rng.random(n) < 0.3))
    dense[:, 9] = np.where((member[:, 4] == 1) & (rng.random(n) < 0.9), 1.0, 0)
    dense[:, 11] = 0
    return dense.astype(np.float16).astype(float), member


def test_main_features_are_those_a_greedy_search_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed, cells in ((0, 1 << 20), (1, 300)):
        dense, member = random_world(seed)
        monkeypatch.setattr(completeness, "_CELLS", cells)
        main, f1, needed, found = main_features(codes_of(dense), sp.csr_array(member))
        for label in range(5):
            chosen, scores = greedy(dense > 0, member[:, label] == 1)
            assert needed[label] == len(chosen)
            assert main[label].tolist() == chosen + [-1] * (8 - len(chosen))
            np.testing.assert_allclose(f1[label, : len(scores)], scores, rtol=1e-12)
            assert np.isnan(f1[label, len(scores) :]).all()
            reached = (dense[:, chosen] > 0).any(1) & (member[:, label] == 1)
            assert found[label] == reached.sum()
        assert {2, 6} <= set(main[0]) and needed[0] >= 2
        assert main[4, 0] == 9


def brute(
    dense: np.ndarray,
    member: np.ndarray,
    attribute: tuple[str, ...],
    train: np.ndarray,
    probe: np.ndarray,
    decoder: np.ndarray,
) -> list[dict[str, float]]:
    """Every score of every label from the dense codes, in float64."""
    enough = (member[train].sum(0) >= 20) & (member[~train].sum(0) >= 5)
    found = []
    for label in range(member.shape[1]):
        if not enough[label]:
            found.append({})
            continue
        own = member[:, label] == 1
        chosen, _ = greedy(dense[train] > 0, own[train])
        along = decoder @ probe[label]
        cosine = along / np.linalg.norm(decoder, axis=1)
        g = dense * along
        fires = (dense[:, chosen] > 0).any(1)
        carried = g[:, chosen].sum(1)[train & own & fires].mean()
        r = g.sum(1)
        theta = (r[train & own].mean() + r[train & ~own].mean()) / 2
        others = [f for f in range(dense.shape[1]) if cosine[f] >= 0.1 and f not in chosen]

        def absorbed(
            rows: np.ndarray,
            r: np.ndarray = r,
            theta: float = theta,
            fires: np.ndarray = fires,
            g: np.ndarray = g,
            carried: float = carried,
            others: list[int] = others,
        ) -> list[int]:
            kept = []
            for u in np.flatnonzero(rows):
                active = [(g[u, f], -f) for f in others if dense[u, f] > 0]
                if r[u] < theta or fires[u] or not active:
                    continue
                most, best = max(active)
                if most >= carried / 2:
                    kept.append(-best)
            return kept

        test = ~train & own
        hits = absorbed(test)
        same = [i for i in range(member.shape[1]) if attribute[i] == attribute[label] and enough[i]]
        control = np.nan
        if len(same) > 1:
            following = same[(same.index(label) + 1) % len(same)]
            rows = ~train & (member[:, following] == 1) & ~own
            control = len(absorbed(rows)) / rows.sum()
        values, counts = np.unique(hits, return_counts=True)
        found.append(
            {
                "positives": test.sum(),
                "missed": (test & ~fires).sum(),
                "absorbed": len(hits),
                "share": len(hits) / test.sum(),
                "control": control,
                "absorber": values[counts.argmax()] if hits else -1,
            }
        )
    return found


ATTRIBUTE = ("kind",) * 4 + ("other",)


def scored(seed: int, order: np.ndarray | None = None) -> tuple[Absorption, list[dict]]:
    dense, member = random_world(seed)
    rng = np.random.default_rng(seed + 10)
    decoder = rng.normal(size=(20, 6)) * rng.uniform(0.5, 2, (20, 1))
    probe = rng.normal(size=(5, 6))
    probe[0] = decoder[2] / 2 + decoder[6] + decoder[7]
    probe /= np.linalg.norm(probe, axis=1, keepdims=True)
    train = np.arange(400) % 2 == 0
    if order is not None:
        dense, member, train = dense[order], member[order], train[order]
    found = absorption(codes_of(dense), sp.csr_array(member), ATTRIBUTE, train, probe, decoder)
    return found, brute(dense, member, ATTRIBUTE, train, probe, decoder)


def test_every_score_equals_brute_force_whatever_the_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    some = 0
    for seed in range(4):
        monkeypatch.setattr(module, "_CELLS", 1 << 20 if seed % 2 else 45)
        found, expected = scored(seed)
        for label, truth in enumerate(expected):
            for name, value in truth.items():
                got = getattr(found, name)[label]
                assert got == pytest.approx(value, nan_ok=True), (seed, label, name)
            some += truth["absorbed"]
    assert some > 50
    assert np.isnan(found.control[4])  # its attribute has no other value


def test_the_order_of_rows_does_not_matter() -> None:
    a, _ = scored(1)
    b, _ = scored(1, np.random.default_rng(3).permutation(400))
    for x, y in zip(vars(a).values(), vars(b).values(), strict=True):
        np.testing.assert_allclose(x, y)


def test_a_planted_absorption_is_found_and_an_absent_one_is_not() -> None:
    n = 600
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, n)
    member = np.eye(3, dtype=int)[kind]
    special = (kind == 0) & (rng.random(n) < 0.25)  # e.g. lions among animals
    dense = np.zeros((n, 6))
    for k in range(3):
        dense[kind == k, k] = 1
    dense[special, 0] = 0  # the main feature leaves them to feature 3
    dense[special, 3] = 1
    dense[:, 5] = rng.random(n) + 0.1
    decoder = np.eye(6)
    decoder[3] = [0.7, 0, 0, 0.7, 0, 0]
    train = np.arange(n) % 2 == 0
    probe = np.eye(3, 6)
    found = absorption(codes_of(dense), sp.csr_array(member), ("k",) * 3, train, probe, decoder)
    assert found.main[:, 0].tolist() == [0, 1, 2]
    truth = special[~train & (kind == 0)].mean()
    # With two features the label is whole: feature 3 is then a split, and nothing is absorbed.
    assert found.splitting.tolist() == [2, 1, 1]
    assert found.share.tolist() == [0, 0, 0]
    rare = np.flatnonzero(train & special)[4:]  # too rare in training to be worth a split
    kept = np.setdiff1d(np.arange(n), rare)
    found = absorption(
        codes_of(dense[kept]), sp.csr_array(member[kept]), ("k",) * 3, train[kept], probe, decoder
    )
    assert found.splitting.tolist() == [1, 1, 1]
    assert found.share[0] == pytest.approx(truth) and found.absorber[0] == 3
    assert found.share[1:].tolist() == [0, 0] and found.control.tolist() == [0, 0, 0]


def test_labels_with_too_few_rows_are_not_scored() -> None:
    dense, member = random_world(0)
    train = np.zeros(400, bool)
    train[:30] = True
    found = absorption(
        codes_of(dense), sp.csr_array(member), ATTRIBUTE, train, np.eye(5, 6), np.ones((20, 6))
    )
    assert found.splitting.max() == 0 and (found.main == -1).all()
    assert np.isnan(found.share).all() and np.isnan(found.f1).all()


def test_probes_are_differences_of_means_of_train_rows(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        stream = acts.stream("joint", "text.pooled")
        rng = np.random.default_rng(0)
        values = rng.choice(["a", "b", "c"], len(acts.item_id)).tolist()
        labels = labels_of({"x": values}, len(values), 3)
        train = acts.split == "train"
        found = probes(stream, labels, train)
        x = stream.standardised(stream.x[:], stream.group).astype(np.float64)
        kept = train[stream.item]
        for label, value in enumerate(labels.value):
            own = np.array(values)[stream.item] == value
            direction = x[kept & own].mean(0) - x[kept & ~own].mean(0)
            np.testing.assert_allclose(
                found[label], direction / np.linalg.norm(direction), atol=1e-5
            )
        assert not probes(stream, labels, np.zeros(len(train), bool)).any()
