"""Build the atlas of an SAE: one self-contained file with all that is known of its features."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mmfeat import hdf5, provenance
from mmfeat.analysis.codes import Codes, encode_stream, load_matching
from mmfeat.analysis.examples import Examples, examples
from mmfeat.analysis.fidelity import fidelity
from mmfeat.analysis.firing import MIN_FIRINGS, Firing, firing, modality_score
from mmfeat.analysis.held_out import held_out
from mmfeat.analysis.naming import nearest_captions
from mmfeat.analysis.neighbours import neighbours
from mmfeat.analysis.scoreboard import ALIVE
from mmfeat.analysis.sharing import Sharing
from mmfeat.analysis.units import pooled_firing
from mmfeat.atlas.evidence import IMAGE, TEXT, Evidence
from mmfeat.corpus.file import Corpus, open_corpus
from mmfeat.errors import MmfeatError
from mmfeat.progress import SILENT, Progress
from mmfeat.sae.interop import TrainedSAE
from mmfeat.sae.topk import TopKSAE
from mmfeat.store.activations import Activations, Stream, open_activations

KIND = "mmfeat-atlas"
EXAMPLE_SEED = 0


def recorded(activations: Path, sae: Path, corpus: Path, thumbnails: bool) -> str:
    """Return the provenance that an atlas has."""
    return provenance.record(
        "atlas",
        {"thumbnails": thumbnails},
        {"activations": activations, "sae": sae, "corpus": corpus},
    )


def build_atlas(
    activations: Path | str,
    sae: Path | str,
    out: Path | str,
    *,
    corpus: Path | str | None = None,
    thumbnails: bool = True,
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
    with open_activations(source) as acts:
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
            record = recorded(source, folder, place, thumbnails)
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
                    **_write_features(file, acts, trained, hook, items, progress),
                }


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
    progress: Progress,
) -> dict[str, Any]:
    languages = len(acts.languages)
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
    codes_group = hdf5.encode_group(file.create_group("codes"), "codes")
    kept: dict[str, Codes] = {}
    with progress.stage("encoding rows", sum(stream.n for stream in streams.values())) as advance:
        for name, stream in streams.items():
            codes = encode_stream(trained, stream, advance)
            _write_codes(codes_group, stream, codes, len(corpus), len(corpus.captions.item))
            if name in (IMAGE, TEXT):
                kept[name] = codes
    image, text = streams[IMAGE], streams[TEXT]
    on_image = firing(kept[IMAGE], image.group, 1)
    on_text = firing(kept[TEXT], text.group, languages)
    evidence = _evidence(acts, trained, hook, corpus, streams, kept)
    shared = evidence.sharing
    _write_scores(file, on_image, on_text, shared)

    chosen = hdf5.encode_group(file.create_group("examples"), "examples")
    with progress.stage("choosing examples", 2 * trained.d_sae) as advance:
        for name, stream, groups, top, per_band in (
            (IMAGE, image, 1, 20, 5),
            (TEXT, text, languages, 10, 3),
        ):
            found = examples(
                kept[name],
                stream.group,
                groups,
                top=top,
                per_band=per_band,
                seed=EXAMPLE_SEED,
                advance=advance,
            )
            _write_examples(chosen, name, found)

    decoder = trained.decoder.numpy()
    index, cosine = neighbours(decoder)
    group = hdf5.encode_group(file.create_group("neighbours"), "neighbours")
    group["index"], group["cosine"] = index, cosine
    hdf5.encode_group(file.create_group("maps"), "maps")

    own = trained.sae_of(TEXT).W_dec.detach().numpy()
    row, score = nearest_captions(text, kept[TEXT], own, languages)
    names = hdf5.encode_group(file.create_group("names"), "names")
    texts = [corpus.captions.text[text.caption[r]] if r >= 0 else "" for r in row.ravel()]
    hdf5.write_strings(names, "text", texts, row.shape)
    names["score"] = score

    scores = {name: fidelity(trained, acts, hook, name) for name in (IMAGE, TEXT)}
    group = hdf5.encode_group(file.create_group("scores"), "scores")
    group.attrs["json"] = json.dumps(scores)
    alive = (on_image.count.sum(1) + on_text.count.sum(1)) > 0
    return {
        "d_sae": trained.d_sae,
        "alive": int(alive.sum()),
        "testable": int(shared.testable.sum()),
        "shared": int(shared.shared.sum()),
    }


def _evidence(
    acts: Activations,
    trained: TrainedSAE,
    hook: str,
    corpus: Corpus,
    streams: Mapping[str, Stream],
    codes: Mapping[str, Codes],
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
    )


def _write_codes(
    parent: h5py.Group, stream: Stream, codes: Codes, items: int, captions: int
) -> None:
    group = hdf5.encode_group(parent.create_group(stream.name), "stream-codes")
    by_row = hdf5.encode_group(group.create_group("by_row"), "csr")
    by_row["indptr"], by_row["indices"], by_row["data"] = codes.indptr, codes.indices, codes.data
    by_feature = hdf5.encode_group(group.create_group("by_feature"), "postings")
    by_feature["indptr"], by_feature["rows"] = codes.feature_indptr, codes.feature_rows
    by_feature["data"] = codes.feature_data
    rows = hdf5.encode_group(group.create_group("rows"), "coordinates")
    columns: Mapping[str, np.ndarray | None] = {
        "item": stream.item,
        "caption": stream.caption,
        "language": stream.language,
        "position": stream.position,
        "start": stream.start,
        "end": stream.end,
    }
    for name, values in columns.items():
        if values is not None:
            rows[name] = values
    if stream.is_text:
        rows["caption_start"] = np.searchsorted(stream.caption, np.arange(captions + 1))
    else:
        rows["item_start"] = np.searchsorted(stream.item, np.arange(items + 1))
    if stream.grid is not None:
        group.attrs["grid"] = stream.grid
    elif stream.name == "image.patch":
        found = [stream.grid_of(item) or (0, 0) for item in range(items)]
        group["grids"] = np.array(found, np.int16).reshape(-1, 2)


def _write_scores(file: h5py.File, image: Firing, text: Firing, shared: Sharing) -> None:
    group = hdf5.encode_group(file.create_group("features"), "features")
    energy_text = np.nanmean(text.energy, axis=1)
    columns = {
        "firing_rate_image": image.rate[:, 0],
        "firing_rate_text": np.nanmean(text.rate, axis=1),
        "energy_image": image.energy[:, 0],
        "energy_text": energy_text,
        "modality_score": modality_score(image.energy[:, 0], energy_text),
        "max_activation_image": image.maximum[:, 0],
        "max_activation_text": text.maximum.max(axis=1),
        "n_languages": (text.count >= MIN_FIRINGS).sum(axis=1).astype(np.int16),
        "testable": shared.testable,
        "shared": shared.shared,
        "shared_p": shared.pc_p,
        "shared_q": shared.q,
        "shared_effect": shared.effect,
        "n_shared_languages": shared.shared_in_language.sum(axis=1).astype(np.int16),
    }
    for name, values in columns.items():
        group[name] = values
    by_language = hdf5.encode_group(group.create_group("by_language"), "by-language")
    by_language["firing_rate"], by_language["energy"] = text.rate, text.energy
    by_language["p"], by_language["effect"] = shared.p, shared.lower
    by_language["shared"] = shared.shared_in_language


def _write_examples(parent: h5py.Group, name: str, found: Examples) -> None:
    group = hdf5.encode_group(parent.create_group(name), "examples")
    for column in ("top", "top_activation", "bands", "bands_activation"):
        values = getattr(found, column)
        group[column] = values[:, 0] if name == IMAGE else values
