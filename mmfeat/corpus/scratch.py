"""A database for what an import must remember of more rows than fit in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from mmfeat.errors import MmfeatError


@contextmanager
def scratch_database() -> Iterator[sqlite3.Connection]:
    """Open a nameless database in the folder of temporary files; it vanishes when closed.

    Raises
    ------
    MmfeatError
        If the disk of temporary files is full.
    """
    # SQLite keeps a database without a name on disk, with a cache of about 2 MB.
    with closing(sqlite3.connect("")) as database:
        database.execute("PRAGMA journal_mode = OFF")  # nothing is ever rolled back
        try:
            yield database
        except sqlite3.OperationalError as error:
            raise MmfeatError(
                f"The folder for temporary files cannot hold the import ({error}); free some "
                "space there, or set TMPDIR to another folder."
            ) from error
