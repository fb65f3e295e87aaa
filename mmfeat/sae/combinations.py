"""Which remedies and architectures combine.

================== =================== ==========================================
remedy             architectures       needs, and what it excludes
================== =================== ==========================================
batch.standardise  all                 nothing
batch.concept_...  all                 nothing
batch.second_...   all                 a text stream
encoders, decoders all                 rows of both modalities
support.shared     those that select   pairs; one k for both
support.mask       those that select   pairs
support.balance    those that select   rows of both modalities
loss.*             all                 pairs
================== =================== ==========================================

Those that select their support from a score are TopK, BatchTopK and Matryoshka.

Pairs are there where a batch has two views of an item: streams of both
modalities, or a second caption. All remedies of the table combine with each
other. Ranks that divide the rows of a batch train all of them alike; ranks that divide the
latents train TopK, without the terms that see all latents of a pair (group sparsity, iso-energy,
the energy gap) and without resampling.
"""

from __future__ import annotations

from mmfeat.errors import MmfeatError
from mmfeat.sae.batch import modality_of
from mmfeat.sae.settings import ARCHITECTURES, TERMS, TrainSettings


def check(settings: TrainSettings) -> None:
    """Refuse settings that do not combine.

    Raises
    ------
    MmfeatError
        Naming the setting, what it clashes with, and what to change.
    """
    support, loss = settings.support, settings.loss
    modalities = {modality_of(stream) for stream in settings.streams}
    pairs = len(settings.streams) > 1 or (settings.batch.second_caption and "text" in modalities)
    for name in ("shared", "mask"):
        if getattr(support, name):
            _need_selection(settings, f"support.{name}")
            _need(pairs, f"support.{name}")
    if support.balance:
        _need_selection(settings, "support.balance")
    for name in TERMS:
        if getattr(loss, name):
            _need(pairs, f"loss.{name}")
    apart = {
        "sae.encoders": settings.sae.encoders == "modality",
        "sae.decoders": settings.sae.decoders == "modality",
        "support.balance": bool(support.balance),
    }
    for name, wanted in apart.items():
        if wanted and modalities != {"image", "text"}:
            raise MmfeatError(
                f"{name} treats pictures and captions apart, but only "
                f"{', '.join(settings.streams)} is trained on; add a stream of the other modality "
                "or leave it out."
            )


def check_ranks(settings: TrainSettings, rows: int, shards: int) -> None:
    """Refuse settings that so many ranks cannot divide among them.

    Raises
    ------
    MmfeatError
        Naming the setting, and what to change.
    """
    if settings.batch.size % rows:
        raise MmfeatError(
            f"batch.size {settings.batch.size} cannot be divided among {rows} ranks; choose a "
            f"multiple of {rows}."
        )
    if shards == 1:
        return
    if settings.sae.d_sae % shards:
        raise MmfeatError(
            f"sae.d_sae {settings.sae.d_sae} cannot be divided among {shards} shards; choose a "
            f"multiple of {shards}."
        )
    excluded = {
        f"sae.architecture {settings.sae.architecture!r}": settings.sae.architecture != "topk",
        "optimiser.resample_every": bool(settings.optimiser.resample_every),
        **{
            f"loss.{name}": bool(getattr(settings.loss, name))
            for name, term in TERMS.items()
            if term.all_latents
        },
    }
    for name, wanted in excluded.items():
        if wanted:
            raise MmfeatError(
                f"{name} needs all latents in one process; train it without --shards."
            )


def _need_selection(settings: TrainSettings, name: str) -> None:
    if not settings.sae.selects:
        known = ", ".join(own for own, kind in ARCHITECTURES.items() if kind.selects)
        raise MmfeatError(
            f"{name} needs an architecture that selects its support ({known}), not "
            f"{settings.sae.architecture!r}; change sae.architecture or leave {name} out."
        )


def _need(pairs: bool, name: str) -> None:
    if not pairs:
        raise MmfeatError(
            f"{name} works on pairs, but there is one view of each item; train on a stream of "
            "pictures and one of captions, or set batch.second_caption."
        )
