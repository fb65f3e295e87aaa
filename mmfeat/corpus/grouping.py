"""Captions gathered by item from rows in any order, on disk."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from mmfeat.corpus.model import ItemRow


class Groups:
    """Items and their captions in a scratch database, so that millions take no memory.

    Everything added must be text that UTF-8 can hold (see `mmfeat.corpus.model.is_text`).

    Parameters
    ----------
    database : sqlite3.Connection
        See `mmfeat.corpus.scratch.scratch_database`.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database
        self._order = 0
        database.execute("CREATE TABLE item (n INTEGER PRIMARY KEY, id TEXT UNIQUE, row TEXT)")
        database.execute(
            "CREATE TABLE caption (item INTEGER, n INTEGER, key TEXT, language TEXT, text TEXT, "
            "PRIMARY KEY (item, n), UNIQUE (item, key)) WITHOUT ROWID"
        )

    def item(self, row: ItemRow) -> int:
        """Return the number of a row's item; all else is kept of the item's first row."""
        found = self._db.execute("SELECT n FROM item WHERE id = ?", (row.item_id,)).fetchone()
        if found:
            return int(found[0])
        fields = {**vars(row), "attributes": dict(row.attributes)}
        cursor = self._db.execute(
            "INSERT INTO item VALUES (NULL, ?, ?)", (row.item_id, json.dumps(fields))
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def contradicts(self, row: ItemRow) -> bool:
        """Return whether a row says another picture, concept or split than its item's first."""
        found = self._db.execute("SELECT row FROM item WHERE id = ?", (row.item_id,)).fetchone()
        if not found:
            return False
        first = json.loads(found[0])
        return any(first[name] != getattr(row, name) for name in ("image", "concept", "split"))

    def add(self, item: int, language: str, text: str, key: str | None = None) -> bool:
        """Add a caption to an item, unless the item has one of the same key; return whether."""
        self._order += 1
        cursor = self._db.execute(
            "INSERT OR IGNORE INTO caption VALUES (?, ?, ?, ?, ?)",
            (item, self._order, key, language, text),
        )
        return cursor.rowcount == 1

    def rows(self) -> Iterator[ItemRow]:
        """Yield the items with their captions, both in the order of their first rows."""
        for number, fields in self._db.execute("SELECT n, row FROM item ORDER BY n"):
            captions = self._db.execute(
                "SELECT language, text FROM caption WHERE item = ? ORDER BY n", (number,)
            )
            yield ItemRow(**{**json.loads(fields), "captions": tuple(captions)})
