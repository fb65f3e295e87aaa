"""Best neurons against numpy's correlations of dense codes."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.analysis.codes import Codes
from mmfeat.analysis.neurons import best_neuron, same_rows, weak_share
from mmfeat.errors import MmfeatError
from mmfeat.store.activations import Stream, open_activations


def codes_of(dense: np.ndarray) -> Codes:
    rows, columns = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum((dense > 0).sum(1))])
    values = dense[rows, columns].astype(np.float16)
    return Codes(indptr, columns.astype(np.int32), values, dense.shape[1])


def stream_of(path: Path, name: str, x: np.ndarray, item: np.ndarray | None = None) -> Stream:
    """A stream written by hand, in the layout of docs/file-format.md."""
    n = len(x)
    with h5py.File(path, "a") as file:
        group = file.create_group(name)
        group["x"] = x
        group["item"] = np.arange(n, dtype=np.int32) if item is None else item
        for column in ("caption", "language", "position"):
            group[column] = np.full(n, -1, np.int32)
        group["mean"] = x.astype(np.float64).mean(0, keepdims=True).astype(np.float32)
        group["scale"] = np.ones(1, np.float32)
    with h5py.File(path) as file:
        return Stream(file[name], path, n, 0, 0)


def dense_codes(n: int, features: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    z = np.where(rng.random((n, features)) < 0.2, rng.gamma(2, 1, (n, features)), 0)
    z[:, 4] = 0
    z[:, 5] = 2  # alike everywhere
    return z.astype(np.float16).astype(np.float64)


def neurons(z: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(len(z), 9)).astype(np.float32) * 3 + 50
    x[:, 2] -= 4 * z[:, 1]
    x[:, 6] += 0.5 * z[:, 3]
    x[:, 8] = 7.3  # constant
    return x


@pytest.mark.parametrize(("chunk", "cells"), [(7, 12), (64, 1 << 20), (1000, 25)])
def test_best_neuron_is_the_largest_correlation(tmp_path: Path, chunk: int, cells: int) -> None:
    z = dense_codes(200, 12)
    x = neurons(z)
    rows, other = (stream_of(tmp_path / "a.h5", f"{h}.image.pooled", x) for h in "ab")
    found = best_neuron(codes_of(z), rows, other, chunk, cells)
    for feature in range(12):
        if feature in (4, 5):
            assert np.isnan(found.correlation[feature]) and found.neuron[feature] == -1
            continue
        r = np.array([np.corrcoef(z[:, feature], x[:, at].astype(float))[0, 1] for at in range(8)])
        best = np.abs(r).argmax()
        assert found.neuron[feature] == best
        assert found.correlation[feature] == pytest.approx(r[best], abs=1e-6)
    assert found.neuron[1] == 2 and found.correlation[1] < -0.5
    known = np.setdiff1d(np.arange(12), [4, 5])
    weak = (np.abs(found.correlation[known]) <= 0.3).mean()
    assert weak_share(found.correlation, np.ones(12, bool)) == pytest.approx(weak)
    assert 0 < weak < 1
    assert weak_share(found.correlation, np.isin(np.arange(12), [4, 5])) is None


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    z = dense_codes(150, 8)
    x = neurons(z)
    order = np.random.default_rng(2).permutation(150)
    one = stream_of(tmp_path / "a.h5", "a.image.pooled", x)
    two = stream_of(tmp_path / "a.h5", "b.image.pooled", x[order])
    a, b = best_neuron(codes_of(z), one, one), best_neuron(codes_of(z[order]), two, two)
    np.testing.assert_array_equal(a.neuron, b.neuron)
    np.testing.assert_allclose(a.correlation, b.correlation, atol=1e-9)


def test_other_rows_are_refused(tmp_path: Path) -> None:
    z = dense_codes(30, 8)
    x = neurons(z)
    rows = stream_of(tmp_path / "a.h5", "a.image.pooled", x)
    item = np.arange(30, dtype=np.int32)
    item[3] = 2
    moved = stream_of(tmp_path / "a.h5", "b.image.pooled", x, item)
    fewer = stream_of(tmp_path / "a.h5", "c.image.pooled", x[:29])
    assert same_rows(rows, rows) and not same_rows(rows, moved)
    for codes, other in ((z, moved), (z, fewer), (z[:29], rows)):
        with pytest.raises(MmfeatError, match="extract both hook points into one file"):
            best_neuron(codes_of(codes), rows, other)


def test_dimensions_of_the_joint_space_are_neurons_too(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        stream = acts.stream("joint", "text.pooled")
        x = np.asarray(stream.x[:], np.float64)
        z = np.maximum(x[:, [11, 40]] - np.quantile(x[:, [11, 40]], 0.9, axis=0), 0) + 0.0
        z = z.astype(np.float16).astype(np.float64)
        found = best_neuron(codes_of(z), stream, stream)
        for feature in range(2):
            r = np.array([np.corrcoef(z[:, feature], column)[0, 1] for column in x.T])
            assert found.neuron[feature] == np.abs(r).argmax()
            assert found.correlation[feature] == pytest.approx(r[np.abs(r).argmax()], abs=1e-6)
