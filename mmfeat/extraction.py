"""From a corpus and a backbone to an activations file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mmfeat import provenance
from mmfeat.backbones.base import IMAGE_STREAMS, STREAMS, TEXT_STREAMS, Rows
from mmfeat.errors import MmfeatError
from mmfeat.files import exclusive
from mmfeat.hdf5 import check_target
from mmfeat.progress import SILENT, Progress
from mmfeat.store.activations import KIND

if TYPE_CHECKING:
    from mmfeat.backbones.base import Backbone
    from mmfeat.corpus.file import Corpus
    from mmfeat.store.writer import Parts

BLOCK = 256  # items in a committed part


class ExtractSettings(BaseModel):
    """What is read from which backbone, and how rows are stored."""

    model_config = ConfigDict(extra="forbid")

    backbone: str = "openmoji-clip"
    hooks: tuple[str, ...] = ("joint",)
    streams: tuple[str, ...] = STREAMS
    dtype: str = Field("float16", pattern="^float(16|32)$")
    device: str = "auto"
    batch_size: int = Field(128, ge=1)


def extract(
    corpus: Path | str,
    out: Path | str,
    settings: ExtractSettings | None = None,
    *,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Write the activations of a corpus under a backbone.

    Runs in blocks of items that are committed one by one; the same call after
    an interruption goes on where it stopped and gives the same content.

    Parameters
    ----------
    corpus : path
        A corpus file.
    out : path
        The activations file to write.
    settings : ExtractSettings
        Backbone, hook points, streams, storage.

    Returns
    -------
    dict
        ``out``, ``rows`` by hook/stream, ``skipped`` pictures with the reason.

    Raises
    ------
    MmfeatError
        If the corpus or the backbone cannot be used, or a stream is unknown.
    """
    from mmfeat.backbones.registry import load_backbone
    from mmfeat.corpus.file import open_corpus
    from mmfeat.store.writer import Parts, Tables, assemble

    settings = settings or ExtractSettings()
    corpus, out = Path(corpus), Path(out)
    with open_corpus(corpus) as source:
        check_streams(settings.streams)
        check_target(out, KIND)
        backbone = load_backbone(settings.backbone, settings.device)
        _check_hooks(backbone, settings)
        record = recorded(corpus, settings)
        tables = Tables(
            source.item_id,
            source.concept,
            source.split,
            source.picture,
            source.captions.item,
            source.captions.language,
            source.languages,
            source.digest,
        )
        with exclusive(out):
            parts = Parts(out, record)
            blocks = [
                (start, min(start + BLOCK, len(source.item_id)))
                for start in range(0, len(source.item_id), BLOCK)
            ]
            skipped = list(_run_blocks(source, backbone, settings, blocks, parts, progress))
            names = [f"{start:09d}" for start, _ in blocks]
            rows = assemble(
                out,
                tables,
                {
                    (hook, stream): names
                    for hook in dict.fromkeys(settings.hooks)
                    for stream in STREAMS
                    if stream in settings.streams
                },
                parts,
                attributes={
                    "backbone": backbone.spec,
                    "corpus_path": Path(os.path.relpath(corpus, out.parent)).as_posix(),
                },
                grids={hook: backbone.grid for hook in settings.hooks},
                provenance=record,
                progress=progress,
            )
    return {"out": str(out), "rows": rows, "skipped": skipped}


def recorded(corpus: Path, settings: ExtractSettings) -> str:
    """Return the provenance that an extraction writes; the device does not matter to it."""
    from mmfeat.backbones.registry import local_folder

    inputs = {"corpus": corpus}
    folder = local_folder(settings.backbone)
    if folder is not None and folder.is_dir():
        inputs["backbone"] = folder
    return provenance.record(
        "extract", settings.model_dump(mode="json", exclude={"device"}), inputs
    )


def plan(corpus: Path | str, settings: ExtractSettings) -> dict[str, Any]:
    """Return what an extraction would write: rows of pooled streams, patches and bytes."""
    from mmfeat.backbones.registry import load_backbone
    from mmfeat.corpus.file import open_corpus

    with open_corpus(Path(corpus)) as source:
        check_streams(settings.streams)
        backbone = load_backbone(settings.backbone, settings.device)
        _check_hooks(backbone, settings)
        pictures = sum(1 for reference in source.picture if reference)
        captions = len(source.captions.item)
    rows: dict[str, int | None] = {
        "image.pooled": pictures,
        "image.patch": pictures * backbone.grid[0] * backbone.grid[1],
        "text.pooled": captions,
        "text.token": None,  # known once the captions are tokenised
    }
    chosen = {name: rows[name] for name in settings.streams}
    width = backbone.hook_points[0].d * (2 if settings.dtype == "float16" else 4)
    return {
        "rows": chosen,
        "bytes_without_tokens": sum(n or 0 for n in chosen.values()) * width * len(settings.hooks),
    }


def check_streams(streams: Sequence[str]) -> None:
    """Refuse streams that do not exist."""
    unknown = sorted(set(streams) - set(STREAMS))
    if unknown or not streams:
        raise MmfeatError(
            f"{', '.join(unknown) or 'An empty list'} is not a stream; choose from "
            f"{', '.join(STREAMS)}."
        )


def _check_hooks(backbone: Backbone, settings: ExtractSettings) -> None:
    known = {point.name: point for point in backbone.hook_points}
    for hook in settings.hooks:
        if hook not in known:
            raise MmfeatError(
                f"{backbone.spec} has no hook point {hook!r}; it has: {', '.join(known)}."
            )


def _run_blocks(
    source: Corpus,
    backbone: Backbone,
    settings: ExtractSettings,
    blocks: Sequence[tuple[int, int]],
    parts: Parts,
    progress: Progress,
) -> Iterator[str]:
    first_caption = np.searchsorted(source.captions.item, np.arange(len(source.item_id) + 1))
    with progress.stage("extracting items", len(source.item_id)) as advance:
        for start, stop in blocks:
            name = f"{start:09d}"
            if name not in parts:
                arrays: dict[str, np.ndarray] = {}
                for hook in dict.fromkeys(settings.hooks):
                    images = [s for s in settings.streams if s in IMAGE_STREAMS]
                    if images:
                        found, reasons = _block_images(
                            source, backbone, hook, images, start, stop, settings.batch_size
                        )
                        arrays |= _named(found, hook, settings.dtype)
                        arrays["skipped"] = np.array(reasons, dtype=str)
                    texts = [s for s in settings.streams if s in TEXT_STREAMS]
                    if texts:
                        captions = range(int(first_caption[start]), int(first_caption[stop]))
                        arrays |= _named(
                            _block_texts(
                                source, backbone, hook, texts, captions, settings.batch_size
                            ),
                            hook,
                            settings.dtype,
                        )
                arrays.setdefault("skipped", np.zeros(0, dtype="U1"))
                parts.commit(name, arrays)
            yield from parts.read(name, "", "skipped").tolist()
            advance(stop - start)


def _named(
    streams: dict[str, dict[str, np.ndarray]], hook: str, dtype: str
) -> dict[str, np.ndarray]:
    return {
        f"{hook}/{stream}/{column}": _stored(value, dtype) if column == "x" else value
        for stream, columns in streams.items()
        for column, value in columns.items()
    }


def _stored(x: np.ndarray, dtype: str) -> np.ndarray:
    """Return rows in the type they are stored in.

    Raises
    ------
    MmfeatError
        If a value is too large for it, or was not finite to begin with.
    """
    with np.errstate(over="ignore"):
        stored = x.astype(dtype)
    if not np.isfinite(stored).all():
        what = "dtype float32" if np.isfinite(x).all() else "another backbone: this one gives NaN"
        raise MmfeatError(f"An activation does not fit {dtype}; extract again with {what}.")
    return stored


def _block_images(
    source: Corpus,
    backbone: Backbone,
    hook: str,
    streams: Sequence[str],
    start: int,
    stop: int,
    batch_size: int,
) -> tuple[dict[str, dict[str, np.ndarray]], list[str]]:
    wanted = [item for item in range(start, stop) if source.picture[item]]
    items: list[int] = []
    reasons: list[str] = []
    found: dict[str, list[Rows]] = {stream: [] for stream in streams}
    # A batch at a time, for pictures can be large.
    for first in range(0, len(wanted), batch_size):
        pictures = []
        done = len(items)
        for item in wanted[first : first + batch_size]:
            try:
                pictures.append(source.image(item, backbone.image_size))
                items.append(item)
            except MmfeatError as error:  # it was there when the corpus was made
                reasons.append(f"{source.item_id[item]}: {error}")
        if pictures:
            for stream, rows in backbone.images(pictures, hook, streams).items():
                found[stream].append(_shifted(rows, done))
    return {
        stream: _image_columns(rows, np.array(items, np.int32), backbone.hook_points[0].d)
        for stream, rows in found.items()
    }, reasons


def _shifted(rows: Rows, by: int) -> Rows:
    return Rows(rows.x, rows.source + by, rows.position, rows.start, rows.end)


def _stacked(rows: Sequence[Rows], d: int) -> Rows:
    """Join rows of several batches, in the order of their inputs."""
    if not rows:
        empty = np.zeros(0, np.int64)
        return Rows(np.zeros((0, d), np.float32), empty, empty, empty, empty)
    source = np.concatenate([part.source for part in rows])
    order = np.argsort(source, kind="stable")

    def joined(values: list[Any]) -> Any:
        return None if values[0] is None else np.concatenate(values)[order]

    return Rows(
        joined([part.x for part in rows]),
        source[order],
        joined([part.position for part in rows]),
        joined([part.start for part in rows]),
        joined([part.end for part in rows]),
    )


def _image_columns(rows: Sequence[Rows], items: np.ndarray, d: int) -> dict[str, np.ndarray]:
    joined = _stacked(rows, d)
    none = np.full(len(joined.source), -1)
    return {
        "x": joined.x,
        "item": items[joined.source] if len(items) else none,
        "caption": none,
        "language": none,
        "position": joined.position,
    }


def _block_texts(
    source: Corpus,
    backbone: Backbone,
    hook: str,
    streams: Sequence[str],
    captions: range,
    batch_size: int,
) -> dict[str, dict[str, np.ndarray]]:
    texts = source.captions.text[captions.start : captions.stop]
    # Captions of like length share a batch, so that little padding is computed.
    order = sorted(range(len(texts)), key=lambda i: (len(texts[i].encode()), i))
    found: dict[str, list[Rows]] = {stream: [] for stream in streams}
    for first in range(0, len(order), batch_size):
        chosen = np.array(order[first : first + batch_size])
        for stream, rows in backbone.texts([texts[i] for i in chosen], hook, streams).items():
            found[stream].append(
                Rows(rows.x, chosen[rows.source], rows.position, rows.start, rows.end)
            )
    result = {}
    for stream, parts in found.items():
        joined = _stacked(parts, backbone.hook_points[0].d)
        caption = joined.source + captions.start
        columns = {
            "x": joined.x,
            "item": source.captions.item[caption],
            "caption": caption,
            "language": source.captions.language[caption],
            "position": joined.position,
        }
        if stream == "text.token":
            columns |= {"start": joined.start, "end": joined.end}
        result[stream] = columns
    return result
