"""Build the atlas of an SAE: one self-contained file with all that is known of its features."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mmfeat import hdf5, provenance
from mmfeat.analysis.codes import Codes, encode_stream, load_matching
from mmfeat.analysis.fidelity import Kept
from mmfeat.analysis.held_out import held_out
from mmfeat.analysis.scoreboard import ALIVE
from mmfeat.analysis.units import pooled_firing
from mmfeat.atlas.evidence import IMAGE, TEXT, Evidence
from mmfeat.atlas.parts import PARTS, writer
from mmfeat.atlas.positions import write_positions
from mmfeat.atlas.rows import write_codes
from mmfeat.corpus.file import Corpus, open_corpus
from mmfeat.errors import MmfeatError
from mmfeat.progress import SILENT, Progress
from mmfeat.sae.architectures.topk import TopKSAE
from mmfeat.sae.interop import TrainedSAE
from mmfeat.sae.memory import give_freed_memory_back
from mmfeat.store.activations import Activations, Stream, open_activations

KIND = "mmfeat-atlas"


def recorded(
    activations: Path, sae: Path, corpus: Path, thumbnails: bool, second: Path | None = None
) -> str:
    """Return the provenance that an atlas has."""
    inputs = {"activations": activations, "sae": sae, "corpus": corpus}
    if second is not None:
        inputs["second"] = second
    return provenance.record("atlas", {"thumbnails": thumbnails}, inputs)


def build_atlas(
    activations: Path | str,
    sae: Path | str,
    out: Path | str,
    *,
    corpus: Path | str | None = None,
    thumbnails: bool = True,
    second: Path | str | None = None,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Write the atlas of an SAE.

    Parameters
    ----------
    activations : path
        Activations with ``image.pooled`` and ``text.pooled``; patches and
        tokens are used where they are there.
    sae : path
        The SAE folder.
    out : path
        The atlas to write.
    corpus : path, optional
        The corpus, for captions and thumbnails; default: where the
        activations were extracted from.
    thumbnails : bool
        Whether pictures go into the atlas.
    second : path, optional
        Activations of the same corpus by a second encoder, by whose pooled pictures
        monosemanticity is scored, too.

    Returns
    -------
    dict
        ``out``, ``d_sae``, ``alive``, ``testable`` and ``shared`` features.

    Raises
    ------
    MmfeatError
        If the parts do not belong together.
    """
    source, folder, target = Path(activations), Path(sae), Path(out)
    hdf5.check_target(target, KIND)
    with ExitStack() as stack:
        acts = stack.enter_context(open_activations(source))
        trained, hook = load_matching(folder, acts)
        if not acts.languages:
            raise MmfeatError(f"{acts.path} has no captions, and an atlas needs some.")
        place = Path(corpus) if corpus else acts.corpus_path
        if not place.exists():
            raise MmfeatError(
                f"The corpus of {source} is not at {place}; say where it is with --corpus."
            )
        with open_corpus(place) as items:
            if items.digest != acts.corpus_digest:
                raise MmfeatError(
                    f"{place} is not the corpus that {source} was extracted from; give that one "
                    "with --corpus, or extract again."
                )
            other = None
            if second is not None:
                other = _second(stack.enter_context(open_activations(second)), acts)
            beside = None if second is None else Path(second)
            record = recorded(source, folder, place, thumbnails, beside)
            with hdf5.create(target, KIND, record) as file:
                file.attrs["name"] = folder.name
                file.attrs["attribution"] = items.attribution
                file.attrs["backbone"] = acts.backbone
                file.attrs["hook"] = hook
                file.attrs["d_in"], file.attrs["d_sae"] = trained.d_in, trained.d_sae
                _write_items(file, items, thumbnails)
                _write_sae(file, trained)
                return {
                    "out": str(target),
                    **_write_features(file, acts, trained, hook, items, other, progress),
                }


def _second(other: Activations, acts: Activations) -> Stream:
    """Return the pooled pictures of a second encoder, at the first hook point that has them."""
    if other.corpus_digest != acts.corpus_digest:
        raise MmfeatError(
            f"{other.path} and {acts.path} were extracted from different corpora; give activations "
            "of the same one."
        )
    for hook, streams in other.hooks.items():
        if IMAGE in streams:
            return other.stream(hook, IMAGE)
    raise MmfeatError(f"{other.path} has no {IMAGE}, which is what a second encoder is asked for.")


def _write_items(file: h5py.File, corpus: Corpus, thumbnails: bool) -> None:
    items = hdf5.encode_group(file.create_group("items"), "items")
    for column in ("item_id", "concept", "split", "picture"):
        hdf5.write_strings(items, column, getattr(corpus, column))
    attributes = hdf5.encode_group(items.create_group("attributes"), "attributes")
    for name, values in corpus.attributes.items():
        hdf5.write_strings(attributes, name, values)
    captions = hdf5.encode_group(file.create_group("captions"), "captions")
    captions["item"], captions["language"] = corpus.captions.item, corpus.captions.language
    hdf5.write_strings(captions, "text", corpus.captions.text)
    hdf5.write_strings(file, "languages", corpus.languages)
    if thumbnails:
        group = hdf5.encode_group(file.create_group("thumbnails"), "thumbnails")
        hdf5.write_bytes(group, "image", corpus.thumbnails)


def _write_sae(file: h5py.File, trained: TrainedSAE) -> None:
    group = hdf5.encode_group(file.create_group("sae"), "sae")
    group.attrs["architecture"] = trained.architecture
    if trained.recipe:
        group.attrs["recipe"] = trained.recipe
    if trained.seed is not None:
        group.attrs["seed"] = trained.seed
    group["decoder"] = trained.decoder.numpy()
    for modality, sae in trained.saes.items():
        node = hdf5.encode_group(group.create_group(modality), "weights")
        node.attrs["architecture"] = sae.architecture
        if isinstance(sae, TopKSAE):
            group.attrs["k"] = node.attrs["k"] = sae.k
        for name, tensor in sae.tensors().items():
            node[name] = tensor.numpy()
    streams = hdf5.encode_group(group.create_group("streams"), "streams")
    for name, values in trained.streams.items():
        node = hdf5.encode_group(streams.create_group(name), "standardisation")
        node["mean"], node["scale"] = values.mean, values.scale


def _write_features(
    file: h5py.File,
    acts: Activations,
    trained: TrainedSAE,
    hook: str,
    corpus: Corpus,
    second: Stream | None,
    progress: Progress,
) -> dict[str, Any]:
    streams = {
        name: acts.stream(hook, name)
        for name in acts.hooks.get(hook, ())
        if name in trained.streams
    }
    missing = {IMAGE, TEXT} - set(streams)
    if missing:
        raise MmfeatError(
            f"An atlas needs {IMAGE} and {TEXT}, but {acts.path} or the SAE lacks "
            f"{', '.join(sorted(missing))}; extract and train with both."
        )
    group = hdf5.encode_group(file.create_group("codes"), "codes")
    kept: dict[str, Codes] = {}
    evidence: Evidence | None = None
    give_freed_memory_back()
    sums: dict[str, Kept] = {}
    with progress.stage("encoding rows", sum(stream.n for stream in streams.values())) as advance:
        for name in (IMAGE, TEXT, *(own for own in streams if own not in (IMAGE, TEXT))):
            sums[name] = Kept(trained, acts, streams[name])
            codes = encode_stream(trained, streams[name], advance, sums[name].add)
            write_codes(group, streams[name], codes, len(corpus), len(corpus.captions.item))
            if name in (IMAGE, TEXT):
                kept[name] = codes
            if name == TEXT:
                evidence = _evidence(acts, trained, hook, corpus, streams, kept, second)
            elif evidence is not None:
                write_positions(file, evidence, name, streams[name], codes)
    assert evidence is not None
    for part in PARTS:
        give_freed_memory_back()
        writer(part)(file, evidence, progress)
    hdf5.encode_group(file.create_group("maps"), "maps")
    scores = {name: sums[name].scores() for name in (IMAGE, TEXT)}
    group = hdf5.encode_group(file.create_group("scores"), "scores")
    group.attrs["json"] = json.dumps(scores)
    fires = [np.diff(codes.feature_indptr) > 0 for codes in kept.values()]
    return {
        "d_sae": trained.d_sae,
        "alive": int((fires[0] | fires[1]).sum()),
        "testable": int(evidence.sharing.testable.sum()),
        "shared": int(evidence.sharing.shared.sum()),
    }


def _evidence(
    acts: Activations,
    trained: TrainedSAE,
    hook: str,
    corpus: Corpus,
    streams: Mapping[str, Stream],
    codes: Mapping[str, Codes],
    second: Stream | None,
) -> Evidence:
    units = pooled_firing(acts, streams[IMAGE], streams[TEXT], codes[IMAGE], codes[TEXT])
    count = np.zeros(trained.d_sae, np.int64)
    for name in (IMAGE, TEXT):
        rows = np.flatnonzero(acts.split[streams[name].item] == "train")
        count += np.bincount(codes[name].select(rows).indices, minlength=trained.d_sae)
    # A corpus without test concepts has an atlas, too, with nothing that is measured on them.
    tested = bool((units.has_image[:, None] & units.has_text).any())
    return Evidence(
        acts=acts,
        hook=hook,
        trained=trained,
        corpus=corpus,
        streams=streams,
        codes=codes,
        units=units,
        sharing=units.sharing(),
        alive=count >= ALIVE,
        test=held_out(acts, hook, corpus) if tested else None,
        second=second,
    )
