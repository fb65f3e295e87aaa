"""The ``webdataset`` importer: tar shards, whose files are grouped by name.

Files that follow each other and share a name up to its first dot are a sample:
``000.jpg``, ``000.txt``, ``000.json``, as img2dataset writes them. Captions are
in ``KEY.txt`` (one text), ``KEY.TAG.txt`` or the JSON's ``caption``: a text, a
list, or either by language. The language of a caption without a tag is the
JSON's ``language`` or ``lang``, or ``--language``. Shards are read in place and
nothing is unpacked; they must not be compressed, for a picture is found again
by where it lies. Rows are samples, counted from 1 in each shard.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mmfeat.corpus.cells import text_of, texts_of
from mmfeat.corpus.languages import normalise_tag
from mmfeat.corpus.model import ImportOptions, ItemRow, Rows, Skipped, clean_text
from mmfeat.corpus.packed import archives_in, tar_reference
from mmfeat.corpus.pictures import leaves_folder
from mmfeat.corpus.scratch import scratch_database
from mmfeat.corpus.sources import common_folder, named
from mmfeat.errors import MmfeatError

OPTIONS = frozenset(("language", "concept", "split_column", "attribute"))
_PICTURES = frozenset(("jpg", "jpeg", "png", "gif", "webp", "bmp", "tif", "tiff"))
_LONGEST_TEXT = 1 << 20
_MOST_TEXTS = 256
_DAMAGED = "the shard is truncated or damaged here; it and what follows are left out"


class _Member(NamedTuple):
    """A file of a shard: its sample's key and the rest of its name, where it lies, its text."""

    key: str
    extension: str
    offset: int
    size: int
    text: bytes | None


class _Damage(NamedTuple):
    """The place where a shard breaks off, and the sample it breaks off in if that is known."""

    key: str | None


@dataclass
class _Sample:
    key: str
    row: int
    picture: tuple[int, int] | None = None
    texts: dict[str, bytes] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def image_root(sources: Sequence[Path], options: ImportOptions) -> Path:
    """Return the folder that the shards' paths are relative to: the deepest with all of them."""
    return common_folder(_shards(sources))


def read(sources: Sequence[Path], options: ImportOptions) -> Rows:
    """Yield the items of shards.

    Parameters
    ----------
    sources : sequence of Path
        Tar files, and folders with files ending in ``.tar``.
    options : ImportOptions
        ``language`` of captions that do not say theirs; ``concept``,
        ``split_column`` and ``attribute`` are keys of the JSON.

    Raises
    ------
    MmfeatError
        If a shard is none, a caption has no language, or no JSON has a key asked for.
    """
    if options.language:
        normalise_tag(options.language)
    return _items(_shards(sources), options)


def _shards(sources: Sequence[Path]) -> list[Path]:
    shards: list[Path] = []
    for source in sources:
        found = archives_in(source, "*.tar") if source.is_dir() else [source]
        if not found:
            raise MmfeatError(f"{source} has no file ending in .tar; check the path.")
        shards += found
    return shards


def _items(shards: Sequence[Path], options: ImportOptions) -> Rows:
    by_shard = _keys_repeat(shards)
    keys = [key for key in (options.concept, options.split_column, *options.attribute) if key]
    seen: dict[str, None] = {}
    for name, shard in named(shards):
        for sample in _samples(shard):
            if isinstance(sample, Skipped):
                yield Skipped(name, sample.row, sample.reason)
                continue
            yield from (Skipped(name, sample.row, problem) for problem in sample.problems)
            facts = _facts(sample)
            if isinstance(facts, str):
                yield Skipped(name, sample.row, facts)
                continue
            if len(seen) < 1000:
                seen.update(dict.fromkeys(facts))
            if text_of(facts.get("status", "success")) not in ("success", ""):
                yield Skipped(name, sample.row, "the download was not a success")
                continue
            if sample.picture is None:
                yield Skipped(name, sample.row, "the sample has no picture")
                continue
            cells = {key: text_of(facts.get(key)) for key in keys}
            if None in cells.values():
                yield Skipped(name, sample.row, "a value of the JSON is neither text nor a number")
                continue
            captions = []
            for caption in _captions(sample, facts, options.language, shard):
                if isinstance(caption, str):
                    yield Skipped(name, sample.row, caption)
                else:
                    captions.append(caption)
            yield ItemRow(
                item_id=f"{name.removesuffix('.tar')}/{sample.key}" if by_shard else sample.key,
                image=tar_reference(name, *sample.picture),
                captions=tuple(captions),
                concept=cells.get(options.concept or "") or None,
                split=(cells.get(options.split_column or "") or "").lower() or None,
                attributes={key: cells[key] or "" for key in options.attribute},
                source=name,
                row=sample.row,
            )
    if missing := [key for key in keys if key not in seen]:
        raise MmfeatError(
            f"No sample's JSON has {', '.join(missing)}; there is "
            f"{', '.join(list(seen)[:50]) or 'nothing'}."
        )


def _facts(sample: _Sample) -> dict[str, Any] | str:
    """Return a sample's JSON, or what is wrong with it."""
    try:
        facts = json.loads(sample.texts.get("json", b"{}").decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return "the sample's JSON cannot be read"
    return facts if isinstance(facts, dict) else "the sample's JSON is not an object"


def _captions(
    sample: _Sample, facts: dict[str, Any], language: str | None, shard: Path
) -> Iterator[tuple[str, str] | str]:
    """Yield tag and text of each caption, or why one cannot be used."""
    untagged = next((key for key in facts if key.lower() in ("language", "lang")), None)
    found: list[tuple[str | None, Any]] = []
    for extension, data in sample.texts.items():
        if extension != "json":
            text = data.decode("utf-8-sig", errors="surrogateescape")
            found.append((extension.removesuffix("txt").removesuffix(".") or None, text))
    caption = facts.get("caption")
    found += caption.items() if isinstance(caption, dict) else [(None, caption)]
    done = set()
    for tag, cell in found:
        texts = texts_of(cell)
        if texts == []:
            continue
        if tag is None and untagged is None and language is None:
            raise MmfeatError(
                f"{shard} has captions that do not say their language; give it with --language TAG."
            )
        try:
            known = normalise_tag(tag or text_of(facts.get(untagged or "")) or language or "")
        except MmfeatError:
            yield "the language is not a language tag"
            continue
        if texts is None:
            yield f"the caption is not text ({known})"
        for text in texts or ():
            # img2dataset writes the same caption beside the picture and into the JSON.
            if (key := (known, clean_text(text))) not in done:
                done.add(key)
                yield known, text


def _samples(shard: Path) -> Iterator[_Sample | Skipped]:
    """Yield samples; of a shard that breaks off, those that are surely whole."""
    sample: _Sample | None = None
    row = 0
    for member in _members(shard):
        if isinstance(member, _Damage):
            if sample is not None and member.key not in (None, sample.key):
                yield sample
                row += 1
            yield Skipped("", max(row, 1), _DAMAGED)
            return
        if isinstance(member, str):
            yield Skipped("", max(row, 1), member)
            continue
        if sample is None or member.key != sample.key:
            if sample is not None:
                yield sample
            row += 1
            sample = _Sample(member.key, row)
        if member.extension in _PICTURES:
            if sample.picture is None:
                sample.picture = member.offset, member.size
            elif not sample.problems:
                sample.problems.append("the sample has a second picture; its first is taken")
        elif member.text is not None and len(sample.texts) < _MOST_TEXTS:
            sample.texts[member.extension] = member.text
        elif _is_text(member.extension) and not sample.problems:
            sample.problems.append("the sample has a text of more than 1 MiB, or more than 256")
    if sample is not None:
        yield sample


def _is_text(extension: str) -> bool:
    return extension in ("txt", "json") or extension.endswith(".txt")


class _Bounded(io.BufferedReader):
    """A file of which no more is read at once than a header may need, whatever it states."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read a piece, or refuse a size that only a hostile header has."""
        if size is None or not 0 <= size <= _LONGEST_TEXT:
            raise tarfile.ReadError("a header of this size is not read")
        return super().read(size)


def _members(shard: Path, *, texts: bool = True) -> Iterator[_Member | str | _Damage]:
    """Yield the files of a shard, why one is passed over, and where the shard breaks off."""
    try:
        file = _Bounded(io.FileIO(shard))
        tar: Any = tarfile.TarFile(fileobj=file, encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise MmfeatError(f"{shard} cannot be read; check the file and its permissions.") from error
    except Exception as error:  # tarfile raises nearly anything on hostile headers
        raise MmfeatError(
            f"{shard} is not an uncompressed tar file; unpack it if it is compressed, or copy it "
            "again."
        ) from error
    whole = shard.stat().st_size
    with closing(file):
        end = 0
        while True:
            try:
                member = tar.next()
                if member is None:
                    break
                inside = member.size >= 0 and end < member.offset_data <= tar.offset
                key, extension = _split_name(member.name)
                if not inside or member.offset_data + member.size > whole:
                    yield _Damage(key)
                    return
                end = member.offset_data
                text = None
                if (
                    texts
                    and member.isreg()
                    and _is_text(extension)
                    and member.size <= _LONGEST_TEXT
                ):
                    file.seek(member.offset_data)
                    text = file.read(member.size)
            except Exception:  # as above
                yield _Damage(None)
                return
            tar.members.clear()  # else it would keep them all
            if found := _checked(member, text):
                yield found
        # A shard ends with blocks of zeros; one without was cut off.
        file.seek(tar.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            yield _Damage(None)


def _split_name(name: str) -> tuple[str, str]:
    """Return a member's key, and what follows the first dot of its name's last part."""
    folder, slash, last = name.removeprefix("./").rpartition("/")
    key, _, extension = last.partition(".")
    return (folder + slash + key if key else ""), extension.lower()


def _checked(member: tarfile.TarInfo, text: bytes | None) -> _Member | str | None:
    """Return a member that may belong to a sample, or why it cannot; None for a folder."""
    if member.isdir():
        return None
    if not member.isreg() or member.issparse():
        return "a file of the shard is a link, a device or sparse"
    if leaves_folder(member.name):
        return "a file of the shard has a name that leaves its folder"
    key, extension = _split_name(member.name)
    if not key:
        return "a file of the shard has a name that begins with a dot"
    return _Member(key, extension, member.offset_data, member.size, text)


def _keys_repeat(shards: Sequence[Path]) -> bool:
    """Return whether samples of two shards have the same key."""
    if len(shards) < 2:
        return False
    with scratch_database() as database:
        database.execute("CREATE TABLE key (key BLOB PRIMARY KEY, shard INTEGER) WITHOUT ROWID")
        for number, shard in enumerate(shards):
            last = None
            for member in _members(shard, texts=False):
                if not isinstance(member, _Member) or member.key == last:
                    continue
                last = member.key
                row = (last.encode(errors="surrogateescape"), number)
                new = database.execute("INSERT OR IGNORE INTO key VALUES (?, ?)", row).rowcount
                if not new:
                    find = "SELECT shard FROM key WHERE key = ?"
                    if database.execute(find, row[:1]).fetchone() != (number,):
                        return True
    return False
