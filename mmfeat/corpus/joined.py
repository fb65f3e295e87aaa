"""The ``corpus`` importer: corpus files of mmfeat, joined into one.

Items come in order, file after file, with their captions, concepts, splits and
attributes. An item whose id was there before is the same item if its picture
is the same, pixel by pixel: its captions and attributes are merged, and a
caption that both have is taken once. With another picture, or none to compare,
it is another item: the corpus's name goes before its id (``NAME/ID``), and
before concepts named after it.

Concepts of one name are one concept; its split is that in the first file that
has it. The lines of attribution are joined.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from mmfeat.corpus.file import Corpus, open_corpus
from mmfeat.corpus.grouping import Groups
from mmfeat.corpus.model import ImportOptions, Rows
from mmfeat.corpus.packed import moved
from mmfeat.corpus.scratch import scratch_database
from mmfeat.corpus.sources import named
from mmfeat.errors import MmfeatError

OPTIONS: frozenset[str] = frozenset()


def image_root(sources: Sequence[Path], options: ImportOptions) -> Path | None:
    """Return the deepest folder with the pictures of all corpora; None where none has files.

    Raises
    ------
    MmfeatError
        If there is no such folder.
    """
    with ExitStack() as stack:
        corpora = [stack.enter_context(open_corpus(source)) for source in sources]
        roots = [corpus.image_root for corpus in corpora if corpus.image_root]
    try:
        return Path(os.path.commonpath(roots)) if roots else None
    except ValueError as error:  # drives of Windows
        raise MmfeatError(
            "The pictures of the corpora are on different drives; move them to one."
        ) from error


def attribution(sources: Sequence[Path]) -> str:
    """Return the corpora's lines of attribution, each once, as one line."""
    lines: dict[str, None] = {}
    for source in sources:
        with open_corpus(source) as corpus:
            lines[corpus.attribution] = None
    return " ".join(line for line in lines if line)


def read(sources: Sequence[Path], options: ImportOptions) -> Rows:
    """Yield the items of corpora, merged where they are the same.

    Parameters
    ----------
    sources : sequence of Path
        Files that mmfeat wrote.
    options : ImportOptions
        None are taken.

    Raises
    ------
    MmfeatError
        If one is not a sound corpus.
    """
    root = image_root(sources, options)
    with scratch_database() as database, ExitStack() as stack:
        database.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, picture TEXT) WITHOUT ROWID")
        database.execute(
            "CREATE TABLE renamed (corpus INTEGER, old TEXT, new TEXT, PRIMARY KEY (corpus, old)) "
            "WITHOUT ROWID"
        )
        database.execute("CREATE TABLE concept (id TEXT PRIMARY KEY, split TEXT) WITHOUT ROWID")
        database.execute(
            "CREATE TABLE attribute (id TEXT, name TEXT, value TEXT, PRIMARY KEY (id, name)) "
            "WITHOUT ROWID"
        )
        groups = Groups(database)
        corpora = [
            (name, stack.enter_context(open_corpus(source))) for name, source in named(sources)
        ]
        for number, (_, corpus) in enumerate(corpora):
            _note_ids(database, number, corpus)
        for number, (name, corpus) in enumerate(corpora):
            _gather(database, groups, number, name, corpus, root)
        for row in groups.rows():
            attributes = database.execute(
                "SELECT name, value FROM attribute WHERE id = ?", (row.item_id,)
            )
            yield replace(row, attributes=dict(attributes))


def _note_ids(database: sqlite3.Connection, number: int, corpus: Corpus) -> None:
    """Decide under which id each item of a corpus goes."""
    for old, picture in corpus.columns("items/item_id", "items/picture"):
        new = old
        while True:
            seen = database.execute("SELECT picture FROM seen WHERE id = ?", (new,)).fetchone()
            if seen is None:
                database.execute("INSERT INTO seen VALUES (?, ?)", (new, picture))
            if seen is None or (picture and seen[0] == picture):
                break
            new = f"{corpus.name}/{new}"
        if new != old:
            database.execute("INSERT OR IGNORE INTO renamed VALUES (?, ?, ?)", (number, old, new))


def _gather(
    database: sqlite3.Connection,
    groups: Groups,
    number: int,
    name: str,
    corpus: Corpus,
    root: Path | None,
) -> None:
    """Add a corpus's items, and their captions to those there are."""

    def renamed(item: str) -> str:
        found = database.execute(
            "SELECT new FROM renamed WHERE corpus = ? AND old = ?", (number, item)
        ).fetchone()
        return str(found[0]) if found else item

    folder = corpus.image_root.relative_to(root) if corpus.image_root and root else Path()
    for row in corpus.rows():
        item_id, concept = renamed(row.item_id), renamed(row.concept or row.item_id)
        item = groups.item(
            replace(
                row,
                item_id=item_id,
                image=moved(row.image, folder) if row.image else "",
                captions=(),
                concept=concept,
                split=_split(database, concept, row.split),
                source=name,
            )
        )
        database.executemany(
            "INSERT OR IGNORE INTO attribute VALUES (?, ?, ?)",
            ((item_id, key, value) for key, value in row.attributes.items()),
        )
        # A caption that one corpus has twice stays twice; one that both have is one.
        times: Counter[tuple[str, str]] = Counter()
        for tag, text in row.captions:
            times[tag, text] += 1
            groups.add(item, tag, text, key=f"{tag} {times[tag, text]} {text}")


def _split(database: sqlite3.Connection, concept: str, split: str | None) -> str:
    """Return the split of a concept in the first corpus that has it."""
    database.execute("INSERT OR IGNORE INTO concept VALUES (?, ?)", (concept, split))
    found = database.execute("SELECT split FROM concept WHERE id = ?", (concept,)).fetchone()
    return str(found[0])
