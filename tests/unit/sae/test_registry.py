"""SAEs from settings: every architecture, and what pictures and captions share."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from mmfeat.sae.base import SAE
from mmfeat.sae.registry import build, sae_class
from mmfeat.sae.selecting import SelectingSAE
from mmfeat.sae.settings import (
    ARCHITECTURES,
    BatchTopKSettings,
    GatedSettings,
    JumpReLUSettings,
    MatryoshkaSettings,
    ReLUSettings,
    TopKSettings,
)
from tests.unit.sae.architectures import (
    D_IN,
    D_SAE,
    ROWS,
    K,
    loss,
    rows,
)

# --- registry --------------------------------------------------------------------------------


SECTIONS = [
    TopKSettings(d_sae=D_SAE, k=K),
    BatchTopKSettings(d_sae=D_SAE, k=K),
    MatryoshkaSettings(d_sae=D_SAE, k=K, prefixes=(0.5, 1.0)),
    ReLUSettings(d_sae=D_SAE, sparsity=2.0),
    JumpReLUSettings(d_sae=D_SAE, sparsity=2.0, threshold=0.3, bandwidth=0.4),
    GatedSettings(d_sae=D_SAE, sparsity=2.0),
]
ENCODER = {"W_enc", "b_enc", "threshold", "b_gate", "b_mag", "r_mag"}
DECODER = {"W_dec", "b_dec"}


def tied(saes: dict[str, SAE]) -> set[str]:
    image, text = (dict(saes[modality].named_parameters()) for modality in ("image", "text"))
    assert image.keys() == text.keys()
    for name, parameter in image.items():
        assert torch.equal(parameter, text[name])
    return {name for name, parameter in image.items() if parameter is text[name]}


def test_every_architecture_of_the_settings_is_built() -> None:
    assert set(ARCHITECTURES) == {section.architecture for section in SECTIONS}
    for section in SECTIONS:
        saes = build(section, D_IN)
        assert saes["image"] is saes["text"] and set(saes) == {"image", "text"}
        sae: Any = saes["image"]
        assert type(sae) is sae_class(section.architecture)
        assert isinstance(sae, SelectingSAE) == section.selects
        assert (sae.d_in, sae.d_sae) == (D_IN, D_SAE)
    jump: Any = build(SECTIONS[4], D_IN)["image"]
    assert (jump.sparsity_coefficient, jump.bandwidth) == (2.0, 0.4)
    assert torch.equal(jump.threshold, torch.full((D_SAE,), 0.3))


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.architecture)
def test_what_is_not_apart_is_the_very_same_parameter(section: Any) -> None:
    names = {name for name, _ in build(section, D_IN)["image"].named_parameters()}
    cases = {
        ("modality", "one", False): names & DECODER,
        ("one", "modality", False): names & ENCODER,
        ("modality", "modality", False): set(),
        ("one", "one", True): names,
    }
    for (encoders, decoders, untied), expected in cases.items():
        own = section.model_copy(update={"encoders": encoders, "decoders": decoders})
        saes = build(own, D_IN, untied_selection=untied)
        assert saes["image"] is not saes["text"]
        assert tied(saes) == expected
        buffers = (dict(sae.named_buffers()) for sae in saes.values())
        assert not {id(b) for b in next(buffers).values()} & {id(b) for b in next(buffers).values()}


def test_gradients_of_both_modalities_meet_in_what_they_share() -> None:
    section = ReLUSettings(d_sae=D_SAE, sparsity=2.0, encoders="modality")
    saes = {name: sae.double() for name, sae in build(section, D_IN).items()}
    x = rows()
    parts: dict[str, Any] = {}
    for name, data in (("image", x), ("text", -x)):
        sae: Any = saes[name]
        parts[name] = torch.autograd.grad(loss(sae, data), [sae.W_dec, sae.W_enc])
    (loss(saes["image"], x) + loss(saes["text"], -x)).backward()
    image: Any = saes["image"]
    text: Any = saes["text"]
    torch.testing.assert_close(image.W_dec.grad, parts["image"][0] + parts["text"][0])
    assert image.W_dec.grad is text.W_dec.grad
    torch.testing.assert_close(image.W_enc.grad, parts["image"][1])
    torch.testing.assert_close(text.W_enc.grad, parts["text"][1])


def test_a_threshold_belongs_to_one_modality() -> None:
    section = BatchTopKSettings(d_sae=D_SAE, k=K)
    saes: Any = build(section, D_IN, untied_selection=True)
    saes["image"].observe(torch.rand(ROWS, D_SAE) + 1)
    assert float(saes["image"].threshold) > 1 and float(saes["text"].threshold) == 0
