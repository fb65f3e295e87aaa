from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from mmfeat.analysis.atom_error import atom_error
from mmfeat.sae.architectures.topk import TopKSAE
from mmfeat.sae.interop import TrainedSAE, load_sae
from mmfeat.sae.standardisation import Standardisation
from mmfeat.store.activations import open_activations


def test_errors_equal_a_loop_over_rows_and_latents(activations_path: Path, sae_path: Path) -> None:
    trained = load_sae(sae_path)
    trained.saes["text"].b_enc[0] = -1e4  # silent; one SAE serves both modalities
    w = {n: p.double().numpy() for n, p in trained.sae_of("text.pooled").state_dict().items()}
    with open_activations(activations_path) as acts:
        for name in ("image.pooled", "text.pooled"):
            stream, stats = acts.stream("joint", name), trained.streams[name]
            chosen = np.zeros(stream.n, bool)
            chosen[::5] = True
            left, without = np.zeros(trained.d_sae), np.zeros(trained.d_sae)
            for row in np.flatnonzero(chosen):
                g = max(int(stream.language[row]), 0)
                x = (np.asarray(stream.x[row], np.float64) - stats.mean[g]) * stats.scale[g]
                values, latents = trained.encode(
                    name, np.asarray(stream.x[row : row + 1], np.float32), np.array([g])
                )
                z = dict(zip(latents[0].tolist(), values[0].double().tolist(), strict=True))
                back = w["b_dec"] + sum(value * w["W_dec"][k] for k, value in z.items())
                for k, value in z.items():
                    if value > 0:
                        r = x - back + value * w["W_dec"][k]
                        left[k] += ((r - value * w["W_dec"][k]) ** 2).sum()
                        without[k] += (r**2).sum()
            found = atom_error(trained, stream, chosen)
            fired = without > 0
            assert fired.any()
            assert not fired.all()
            np.testing.assert_allclose(found[fired], left[fired] / without[fired], rtol=1e-4)
            assert np.isnan(found[~fired]).all()


def test_a_bisector_of_two_half_aligned_directions_is_seen(
    activations_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "two directions.h5"
    shutil.copy(activations_path, path)
    with h5py.File(path, "r+") as file:
        x = file["hooks/joint/image.pooled/x"]
        n, d = x.shape
        u, v = np.eye(d)[:2]
        x[:] = np.where(np.arange(n)[:, None] % 2 == 0, u, v)

    def error(direction: np.ndarray, rows: np.ndarray) -> float:
        sae = TopKSAE(d, 1, k=1)
        with torch.no_grad():
            sae.W_dec.copy_(torch.from_numpy(direction[None]))
            sae.W_enc.copy_(sae.W_dec.T)
        stats = Standardisation(np.zeros((1, d), np.float32), np.ones(1, np.float32))
        trained = TrainedSAE(dict.fromkeys(("image", "text"), sae), {"image.pooled": stats}, {})
        with open_activations(path) as acts:
            return float(atom_error(trained, acts.stream("joint", "image.pooled"), rows)[0])

    everything, even = np.ones(n, bool), np.arange(n) % 2 == 0
    # A row and its projection on the bisector enclose 45 degrees: half of its square is left.
    assert error((u + v) / np.sqrt(2), everything) == pytest.approx(0.5, abs=1e-6)
    assert error(u, even) == pytest.approx(0, abs=1e-6)


def test_modalities_are_explained_by_their_own_decoder(
    activations_path: Path, sae_path: Path
) -> None:
    trained = load_sae(sae_path)
    other = load_sae(sae_path).saes["image"]
    with torch.no_grad():
        other.W_dec.copy_(other.W_dec.roll(1, dims=0))
    apart = replace(trained, saes={"image": trained.saes["image"], "text": other})
    with open_activations(activations_path) as acts:
        for name, same in (("image.pooled", True), ("text.pooled", False)):
            stream = acts.stream("joint", name)
            everything = np.ones(stream.n, bool)
            one, two = (atom_error(sae, stream, everything) for sae in (trained, apart))
            assert np.array_equal(one, two, equal_nan=True) == same
