"""The table in `mmfeat.sae.combinations`: what combines trains, what does not is refused."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
import torch

from mmfeat.errors import MmfeatError
from mmfeat.sae.batch import PairBatch
from mmfeat.sae.combinations import check
from mmfeat.sae.settings import ARCHITECTURES, TERMS, load_settings
from mmfeat.sae.trainer import train_sae

SELECTING = ("topk", "batch-topk", "matryoshka")
SUPPORTS = {"shared": True, "mask": 0.2, "balance": 0.01}
REMEDIES = {
    **{f"support.{name}": value for name, value in SUPPORTS.items()},
    **{f"loss.{name}": 0.1 for name in TERMS},
    "sae.encoders": "modality",
    "sae.decoders": "modality",
}


def settings(architecture: str, **changes: object):
    values = {
        "sae.architecture": architecture,
        "sae.d_sae": 12,
        "optimiser.steps": 3,
        "loss.masked": 1,
    }
    values |= {"loss.masked": 1, **changes}
    if architecture in SELECTING:
        values["sae.k"] = 3
    return load_settings(None, values)


def pairs(step: int) -> PairBatch:
    generator = torch.Generator().manual_seed(step)
    names = ("image.pooled", "text.pooled", "text.pooled/2")
    rows = {name: torch.randn(16, 5, generator=generator) for name in names}
    language = {name: torch.full((16,), -1 if "image" in name else 0) for name in names}
    number = torch.arange(16)
    return PairBatch(rows, language, dict.fromkeys(names, torch.ones(16)), number, number // 2)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_remedy_trains_with_every_architecture_or_is_refused(
    tmp_path: Path, architecture: str
) -> None:
    for name, value in REMEDIES.items():
        options = settings(architecture, **{name: value})
        if name.startswith("support.") and architecture not in SELECTING:
            with pytest.raises(MmfeatError, match=f"{name} needs an architecture that selects"):
                check(options)
            continue
        saes = train_sae(pairs, 5, options, tmp_path / name)
        plain = train_sae(pairs, 5, settings(architecture), tmp_path / "plain")
        # Each remedy changes what is learnt: none is accepted and then forgotten.
        changed = any(
            not torch.equal(a, b)
            for modality in ("image", "text")
            for a, b in zip(
                saes[modality].tensors().values(), plain[modality].tensors().values(), strict=True
            )
        )
        assert changed, name


@pytest.mark.parametrize(("first", "second"), list(combinations(REMEDIES, 2)))
def test_every_two_remedies_train_together(tmp_path: Path, first: str, second: str) -> None:
    options = settings("topk", **{first: REMEDIES[first], second: REMEDIES[second]})
    saes = train_sae(pairs, 5, options, tmp_path)
    for sae in saes.values():
        for tensor in sae.tensors().values():
            assert torch.isfinite(tensor).all()
        x = torch.randn(20, 5)
        values, _ = sae.encode(x)
        assert values.shape == (20, 3)
        # A row's code comes from the row alone, whatever rows stand beside it.
        alone = torch.cat([sae.encode(row[None])[0] for row in x])
        torch.testing.assert_close(values, alone)


@pytest.mark.parametrize("name", [name for name in REMEDIES if not name.startswith("sae.")])
def test_what_works_on_pairs_is_refused_where_there_are_none(name: str) -> None:
    options = settings("topk", streams=["image.pooled"], **{name: REMEDIES[name]})
    message = "treats pictures and captions apart" if "balance" in name else "works on pairs"
    with pytest.raises(MmfeatError, match=f"{name} {message}"):
        check(options)


@pytest.mark.parametrize("name", ["sae.encoders", "sae.decoders", "support.balance"])
def test_what_treats_modalities_apart_needs_both(name: str) -> None:
    options = settings("topk", streams=["text.pooled"], **{name: REMEDIES[name]})
    with pytest.raises(MmfeatError, match="only text.pooled is trained on; add a stream"):
        check(options)


def test_captions_alone_make_pairs_with_a_second_caption() -> None:
    changes = {"batch.second_caption": True, "loss.translation": 1.0}
    check(settings("topk", streams=["text.pooled"], **changes))
    with pytest.raises(MmfeatError, match="works on pairs"):
        check(settings("topk", streams=["image.pooled"], **changes))
