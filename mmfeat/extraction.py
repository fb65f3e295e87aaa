"""From a corpus and a backbone to an activations file."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mmfeat import provenance
from mmfeat.backbones.base import IMAGE_STREAMS, STREAMS
from mmfeat.blocks import Span, cut, rows_each
from mmfeat.errors import MmfeatError
from mmfeat.files import exclusive
from mmfeat.hdf5 import check_target
from mmfeat.progress import SILENT, Progress, ignore
from mmfeat.store.activations import KIND

if TYPE_CHECKING:
    from mmfeat.backbones.base import Backbone
    from mmfeat.corpus.file import Corpus
    from mmfeat.forward import Request
    from mmfeat.store.shards import Processes
    from mmfeat.store.writer import Layout, Parts, Tables

_TIMED = 5.0  # seconds of batches from which the hours are told
_TRIALS = 8  # batches, at most


class ExtractSettings(BaseModel):
    """What is read from which backbone, and how rows are stored."""

    model_config = ConfigDict(extra="forbid")

    backbone: str = "openmoji-clip"
    hooks: tuple[str, ...] = ("joint",)
    streams: tuple[str, ...] = STREAMS
    dtype: str = Field("float16", pattern="^float(16|32)$")
    device: str = "auto"
    batch_size: int = Field(128, ge=1)
    rows_per_item: int | None = Field(None, ge=1)
    seed: int = 0


def extract(
    corpus: Path | str,
    out: Path | str,
    settings: ExtractSettings | None = None,
    *,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Write the activations of a corpus under a backbone.

    Runs in blocks of items that are committed one by one; the same call after
    an interruption goes on where it stopped and gives the same content. Under
    torchrun each process writes a shard with its share of the blocks, and the
    first joins them.

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
        ``out``, ``rows`` by hook/stream, ``skipped`` pictures with the reason;
        of a process that is not the first, ``out`` and its ``shard``.

    Raises
    ------
    MmfeatError
        If the corpus or the backbone cannot be used, a stream is unknown, the
        disk is too small, or there are parts of another extraction.
    """
    from mmfeat.corpus.file import open_corpus
    from mmfeat.store.shards import Processes, remove_others
    from mmfeat.store.writer import Parts, assemble

    settings = settings or ExtractSettings()
    corpus, out = Path(corpus), Path(out)
    with open_corpus(corpus) as source:
        processes = Processes()
        work = _work(source, corpus, out, settings)
        if processes.size > 1:
            return _extract_share(work, processes, progress if processes.rank == 0 else SILENT)
        with exclusive(out):
            parts = Parts(out, work.record)
            work.check_disk(parts)
            _run(work, work.blocks, parts, progress)
            names = [part_name(block) for block in work.blocks]
            skipped = parts.skipped(names)
            rows = assemble(
                out,
                work.tables,
                work.layout,
                parts,
                names,
                attributes=work.attributes,
                provenance=work.record,
                progress=progress,
            )
            parts.remove_all()
            remove_others(out, [])
    return {"out": str(out), "rows": rows, "skipped": skipped}


def _extract_share(work: _Work, processes: Processes, progress: Progress) -> dict[str, Any]:
    """Write this process's shard, and if it is the first, join all when they are there."""
    from mmfeat.store.shards import join, keep, remove_others, shard_paths, write_shard
    from mmfeat.store.writer import Parts

    out = work.out
    shards = shard_paths(out, processes.size)
    own = shards[processes.rank]
    kept = keep(own, work.record)
    parts = Parts(out, work.record)

    def share() -> None:
        with exclusive(own):
            if not kept:
                blocks = processes.share(work.blocks)
                _run(work, blocks, parts, progress)
                names = [part_name(block) for block in blocks]
                write_shard(own, work.layout, parts, names, work.record, progress)
                parts.remove(names)

    with processes:
        if processes.rank > 0:
            share()
            processes.wait(shards, ignore)
            return {"out": str(out), "shard": str(own)}
        with exclusive(out):
            if not kept:
                work.check_disk(parts)
            share()
            with progress.stage("waiting for shards", len(shards)) as advance:
                processes.wait(shards, advance)
            rows, skipped = join(
                out,
                shards,
                work.tables,
                work.layout,
                attributes=work.attributes,
                provenance=work.record,
            )
            parts.remove_all()
            remove_others(out, shards)
    return {"out": str(out), "rows": rows, "skipped": skipped}


@dataclass(frozen=True)
class _Work:
    """An extraction that is about to run.

    Attributes
    ----------
    blocks : list of (start, stop)
        Items of each part.
    bytes : int
        Of all rows, about.
    """

    source: Corpus
    backbone: Backbone
    request: Request
    out: Path
    record: str
    layout: Layout
    tables: Tables
    attributes: dict[str, str]
    rows: dict[str, int]
    blocks: list[Span]
    bytes: int

    def check_disk(self, parts: Parts) -> None:
        """Refuse to begin what the disk cannot hold: parts, and the file made of them."""
        free, needed = free_bytes(self.out), 2 * self.bytes - parts.size()
        if free < 0.95 * needed:
            raise MmfeatError(
                f"{self.out} takes about {_gigabytes(needed)} while it is written, but "
                f"{_gigabytes(free)} are free there; free some space, choose fewer hook points or "
                "streams or --rows-per-item, or give an --out on another disk."
            )


def _work(source: Corpus, corpus: Path, out: Path, settings: ExtractSettings) -> _Work:
    from mmfeat.backbones.registry import load_backbone
    from mmfeat.forward import Request, wanted
    from mmfeat.store.writer import Layout, Tables

    check_streams(settings.streams)
    check_target(out, KIND)
    backbone = load_backbone(settings.backbone, settings.device)
    request = Request(
        settings.hooks,
        tuple(stream for stream in STREAMS if stream in settings.streams),
        settings.dtype,
        settings.batch_size,
        settings.rows_per_item,
        settings.seed,
    )
    widths = {
        (hook, stream): backbone.point(hook).d
        for hook, streams in wanted(backbone, request).items()
        for stream in streams
    }
    captions = len(source.texts("captions/text"))
    tables = Tables(
        source.texts("items/item_id"),
        source.texts("items/concept"),
        source.texts("items/split"),
        source.texts("items/picture"),
        source.part("captions/item", 0, captions),
        source.part("captions/language", 0, captions),
        source.languages,
        source.digest,
    )
    pictures = np.fromiter(map(bool, tables.picture), bool, len(source))
    each = rows_each(source, backbone, settings.rows_per_item, widths, np.flatnonzero(pictures))
    captions_each = np.bincount(tables.caption_item, minlength=len(source))
    size = np.dtype(settings.dtype).itemsize
    rows, held = {}, np.zeros(len(source))
    for (hook, stream), d in widths.items():
        inputs = pictures if stream in IMAGE_STREAMS else captions_each
        rows[f"{hook}/{stream}"] = round(each[hook, stream] * int(inputs.sum()))
        held += inputs * each[hook, stream] * d * size
    return _Work(
        source,
        backbone,
        request,
        out,
        recorded(corpus, settings),
        Layout(widths, settings.dtype, tables.is_train, len(source.languages)),
        tables,
        {
            "backbone": backbone.spec,
            "corpus_path": Path(os.path.relpath(corpus, out.parent)).as_posix(),
        },
        rows,
        cut(held, settings.batch_size),
        int(held.sum()),
    )


def recorded(corpus: Path, settings: ExtractSettings) -> str:
    """Return the provenance that an extraction writes; the device does not matter to it."""
    from mmfeat.backbones.registry import weights

    inputs = {"corpus": corpus}
    found = weights(settings.backbone)
    if found is not None:
        inputs["backbone"] = found
    return provenance.record(
        "extract", settings.model_dump(mode="json", exclude={"device"}), inputs
    )


def plan(
    corpus: Path | str, out: Path | str, settings: ExtractSettings | None = None
) -> dict[str, Any]:
    """Return what an extraction would write, and how long it would take; nothing is written.

    Some inputs are tokenised to count rows, and some batches run for a few seconds.

    Parameters
    ----------
    corpus, out, settings
        As of `extract`.

    Returns
    -------
    dict
        ``rows`` by hook/stream, their ``bytes``, ``bytes_needed`` on the disk while the file is
        written and ``bytes_free`` there, whether it ``fits``, and ``hours`` on this machine in one
        process.

    Raises
    ------
    MmfeatError
        As `extract`, except for the disk.
    """
    from mmfeat.corpus.file import open_corpus

    settings = settings or ExtractSettings()
    corpus, out = Path(corpus), Path(out)
    began = time.perf_counter()
    with open_corpus(corpus) as source:
        work = _work(source, corpus, out, settings)
        seconds = time.perf_counter() - began + _seconds(work)
    free, needed = free_bytes(out), 2 * work.bytes
    return {
        "rows": work.rows,
        "bytes": work.bytes,
        "bytes_needed": needed,
        "bytes_free": free,
        "fits": free >= needed,
        "hours": seconds / 3600,
    }


def _seconds(work: _Work) -> float:
    """Return how long all items take, from some batches all over the corpus."""
    from mmfeat.forward import blocks

    size, n = work.request.batch_size, len(work.source)
    starts = np.unique(np.linspace(0, max(n - size, 0), _TRIALS).astype(int)).tolist()
    spans = [(start, min(start + size, n)) for start in starts]
    began, took, items = time.perf_counter(), [], []
    with closing(blocks(work.source, work.backbone, work.request, spans)) as batches:
        for (start, stop), _, _ in batches:
            took.append(time.perf_counter() - began)
            items.append(stop - start)
            if took[-1] > _TIMED:
                break
    first, more = items[0], sum(items[1:])  # with the first is all that is done once
    each = (took[-1] - took[0]) / more if more else took[0] / max(first, 1)
    return took[0] + each * (n - first)


def free_bytes(out: Path) -> int:
    """Return how many bytes are free where a file is to be written."""
    folder = out.absolute().parent
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:,.1f} GB"


def check_streams(streams: Sequence[str]) -> None:
    """Refuse streams that do not exist."""
    unknown = sorted(set(streams) - set(STREAMS))
    if unknown or not streams:
        raise MmfeatError(
            f"{', '.join(unknown) or 'An empty list'} is not a stream; choose from "
            f"{', '.join(STREAMS)}."
        )


def part_name(block: Span) -> str:
    """Return the name of a block's part."""
    return f"{block[0]:09d}-{block[1]:09d}"


def _run(work: _Work, spans: Sequence[Span], parts: Parts, progress: Progress) -> None:
    """Run blocks and commit each; one is written while the next is computed."""
    from mmfeat.forward import blocks

    todo = [span for span in spans if part_name(span) not in parts]
    found = blocks(work.source, work.backbone, work.request, todo)
    with (
        progress.stage("extracting items", sum(stop - start for start, stop in spans)) as advance,
        closing(found),
        ThreadPoolExecutor(1, "commit") as writer,
    ):
        advance(sum(b - a for a, b in spans) - sum(b - a for a, b in todo))
        written: Future[None] | None = None
        for span, arrays, skipped in found:
            if written is not None:
                written.result()
            written = writer.submit(parts.commit, part_name(span), arrays, skipped, work.layout)
            advance(span[1] - span[0])
        if written is not None:
            written.result()
