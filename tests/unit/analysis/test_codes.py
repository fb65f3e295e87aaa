from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmfeat.analysis.codes import Codes, encode_stream
from mmfeat.analysis.examples import examples
from mmfeat.analysis.firing import firing, modality_score
from mmfeat.errors import MmfeatError
from mmfeat.sae.interop import TrainedSAE, load_sae
from mmfeat.store.activations import open_activations


def random_codes(n: int = 200, f: int = 30, seed: int = 0) -> tuple[Codes, np.ndarray]:
    """Codes with ties and silent rows and features, and the same as a dense array."""
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((n, f)) < 0.2, rng.integers(1, 9, (n, f)) / 4, 0)
    dense[5], dense[:, 7] = 0, 0
    rows, columns = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum((dense > 0).sum(1))])
    codes = Codes(
        indptr, columns.astype(np.int32), dense[rows, columns].astype(np.float16), d_sae=f
    )
    return codes, dense


def test_both_orders_hold_the_same_codes() -> None:
    codes, dense = random_codes()
    for feature in range(codes.d_sae):
        part = slice(codes.feature_indptr[feature], codes.feature_indptr[feature + 1])
        rows = np.flatnonzero(dense[:, feature])
        assert codes.feature_rows[part].tolist() == rows.tolist()
        assert codes.feature_data[part].tolist() == dense[rows, feature].tolist()
    assert (codes.firing().toarray() == (dense > 0)).all()


def test_selected_rows_hold_their_codes_in_the_order_given() -> None:
    codes, dense = random_codes()
    rows = np.array([7, 5, 199, 0, 7])
    assert (codes.select(rows).matrix().toarray() == dense[rows]).all()
    assert codes.select(np.zeros(0, np.int64)).n == 0


def test_chunks_of_chosen_rows_are_encoded_as_each_row_alone(
    activations_path: Path, sae_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmfeat.analysis import codes

    trained = load_sae(sae_path)
    with open_activations(activations_path) as acts:
        stream = acts.stream("joint", "text.pooled")
        chosen = np.zeros(stream.n, bool)
        chosen[3:40:2] = True
        monkeypatch.setattr(codes, "_CELLS", 16 * trained.d_sae)
        parts = list(codes.encoded(trained, stream, chosen))
        assert max(len(part.row) for part in parts) <= 16
        assert np.concatenate([part.row for part in parts]).tolist() == list(range(3, 40, 2))
        for part in parts:
            for at, row in enumerate(part.row):
                assert (part.raw[at] == stream.x[row]).all()
                assert part.group[at] == stream.language[row]
                values, latents = trained.encode(
                    "text.pooled", part.raw[at, None], part.group[[at]]
                )
                alone = dict(zip(latents[0].tolist(), values[0].tolist(), strict=True))
                own = dict(zip(part.latents[at].tolist(), part.values[at].tolist(), strict=True))
                assert own == pytest.approx(alone, rel=1e-4, abs=1e-4)


def test_encoding_a_stream_equals_the_dense_definition(
    activations_path: Path, sae_path: Path
) -> None:
    trained = load_sae(sae_path)
    weights = {n: p.double().numpy() for n, p in trained.saes["text"].state_dict().items()}
    with open_activations(activations_path) as acts:
        stream = acts.stream("joint", "text.pooled")
        seen = []
        codes = encode_stream(trained, stream, seen.append)
        assert sum(seen) == stream.n == codes.n
        for row in range(0, stream.n, 101):
            group = stream.language[row]
            x = (stream.x[row].astype(np.float64) - stream.mean[group]) * stream.scale[group]
            pre = x @ weights["W_enc"] + weights["b_enc"]
            best = np.sort(np.argsort(-pre)[: trained.saes["text"].k])
            best = best[pre[best] > 1e-3]
            part = slice(codes.indptr[row], codes.indptr[row + 1])
            assert codes.indices[part].tolist() == best.tolist()
            np.testing.assert_allclose(codes.data[part], pre[best], rtol=2e-3, atol=1e-3)


def test_a_stream_the_sae_does_not_know_is_refused(activations_path: Path, sae_path: Path) -> None:
    trained = load_sae(sae_path)
    without = TrainedSAE(trained.saes, {}, {})
    with (
        open_activations(activations_path) as acts,
        pytest.raises(MmfeatError, match=r"no mean and scale for image.pooled of width 192"),
    ):
        encode_stream(without, acts.stream("joint", "image.pooled"), print)


def test_firing_equals_sums_over_a_dense_array() -> None:
    codes, dense = random_codes()
    group = np.arange(codes.n) % 3
    found = firing(codes, group, 4)
    for g in range(3):
        part = dense[group == g]
        assert found.count[:, g].tolist() == (part > 0).sum(0).tolist()
        np.testing.assert_allclose(found.rate[:, g], (part > 0).mean(0), rtol=1e-6)
        np.testing.assert_allclose(found.energy[:, g], (part**2).mean(0), rtol=1e-6)
        assert found.maximum[:, g].tolist() == part.max(0).tolist()
    assert np.isnan(found.rate[:, 3]).all()  # a group without rows


def test_the_modality_score_is_the_pictures_share_of_the_energy() -> None:
    score = modality_score(np.array([1.0, 0, 3, 0]), np.array([1.0, 2, 0, 0]))
    assert score[:3].tolist() == [0.5, 0, 1]
    assert np.isnan(score[3])


def test_examples_are_the_strongest_rows_and_rows_of_even_bands() -> None:
    codes, dense = random_codes()
    group = np.arange(codes.n) % 2
    found = examples(codes, group, 2, top=6, per_band=3, seed=1, advance=lambda n: None)
    for feature in range(codes.d_sae):
        for g in range(2):
            rows = [r for r in np.flatnonzero(dense[:, feature]) if group[r] == g]
            best = sorted(rows, key=lambda r: (-dense[r, feature], r))[:6]
            assert found.top[feature, g].tolist() == best + [-1] * (6 - len(best))
            if not rows:
                assert (found.bands[feature, g] == -1).all()
                continue
            maximum = dense[rows, feature].max()
            for b in range(4):
                low, high = maximum * (3 - b) / 4, maximum * (4 - b) / 4
                inside = [r for r in rows if low < dense[r, feature] <= high]
                if b == 3:
                    inside = [r for r in rows if dense[r, feature] <= high]
                chosen = [r for r in found.bands[feature, g, b] if r >= 0]
                assert len(chosen) == len(set(chosen)) == min(3, len(inside))
                assert set(chosen) <= set(inside)


def test_examples_depend_on_the_seed_in_the_bands_only() -> None:
    codes, _ = random_codes()
    group = np.zeros(codes.n, int)

    def pick(seed: int):
        return examples(codes, group, 1, top=5, per_band=2, seed=seed, advance=lambda n: None)

    assert (pick(1).bands == pick(1).bands).all()
    assert (pick(1).top == pick(2).top).all()
    assert (pick(1).bands != pick(2).bands).any()
