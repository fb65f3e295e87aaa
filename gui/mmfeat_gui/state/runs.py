"""Folders of trainings: which there are, how their curves run, and what they score."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from mmfeat.errors import MmfeatError
from mmfeat_gui.resources.strings import tr

METRICS, SCORES, SWEEP, CONFIG = "metrics.jsonl", "scores.json", "sweep.json", "cfg.json"
CURVES = ("loss", "l0", "dead")
_DEEP = 4  # folders below the chosen one
_MOST_RUNS, _MOST_FOLDERS = 1000, 5000
_MOST_BYTES = 8 << 20  # of a JSON file that is read
_MOST_BOARD = 32 << 20
_BLOCK = 4 << 20  # bytes of a log that are read at once
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class RunInfo:
    """A folder that an SAE was or is trained into.

    Attributes
    ----------
    folder : Path
    name : str
        From the folder that was looked through.
    architecture, recipe : str
        Empty where nobody says.
    settings : dict of str to float
        ``d_sae``, ``k``, ``steps``, ``lr``, ``seed`` as far as they are known.
    scores : dict of str to float
        On test concepts ``fvu``, ``l0`` and ``dead``, and the same of each stream as
        ``fvu[image.pooled]``; streams count alike, and in each its languages. Empty until the
        training has finished.
    """

    folder: Path
    name: str
    architecture: str = ""
    recipe: str = ""
    settings: dict[str, float] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether it has been scored."""
        return bool(self.scores)


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes
    ----------
    folder : Path
    runs : tuple of RunInfo
    sweeps : tuple of Path
        Folders that ``mmfeat sweep`` wrote.
    boards : tuple of Path
        Scoreboards that ``mmfeat evaluate`` wrote.
    more : bool
        Whether there was too much to look at everything.
    """

    folder: Path
    runs: tuple[RunInfo, ...] = ()
    sweeps: tuple[Path, ...] = ()
    boards: tuple[Path, ...] = ()
    more: bool = False


def find_runs(folder: Path) -> Found:
    """Look through a folder and those in it.

    Raises
    ------
    MmfeatError
        If there is no such folder.
    """
    if not folder.is_dir():
        raise MmfeatError(tr("runs.no_folder", path=folder))
    runs: list[RunInfo] = []
    sweeps: list[Path] = []
    boards: list[Path] = []
    planned: dict[Path, Mapping[str, Any]] = {}
    more = False
    for count, (place, names) in enumerate(_walk(folder, _DEEP)):
        if count >= _MOST_FOLDERS or len(runs) >= _MOST_RUNS:
            more = True
            break
        if SWEEP in names:
            entries = _planned(place)
            if entries:
                sweeps.append(place)
                planned |= entries
        boards += [
            place / name for name in names if name.endswith(".csv") and _is_board(place / name)
        ]
        if METRICS in names or SCORES in names:
            runs.append(_run(place, folder, planned.get(place, {})))
    return Found(folder, tuple(runs), tuple(sweeps), tuple(boards), more)


def _walk(folder: Path, deep: int) -> Iterator[tuple[Path, set[str]]]:
    """Yield folders with the names of the files in them, each before those in it."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
            names = {entry.name for entry in found if entry.is_file()}
            inner = [
                Path(entry.path)
                for entry in found
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
            ]
    except OSError:
        return
    yield folder, names
    if deep:
        for own in inner:
            yield from _walk(own, deep - 1)


def _json(path: Path) -> Any:
    """Return what a JSON file says that a stranger may have written; None where it says nothing."""
    try:
        return json.loads(path.read_bytes()) if path.stat().st_size <= _MOST_BYTES else None
    except (OSError, ValueError, RecursionError):
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _planned(sweep: Path) -> dict[Path, Mapping[str, Any]]:
    """Return the settings of a sweep's trainings by folder."""
    runs = _mapping(_json(sweep / SWEEP)).get("runs")
    entries = [_mapping(entry) for entry in runs] if isinstance(runs, list) else []
    return {
        sweep / str(entry["folder"]): _mapping(entry["settings"])
        for entry in entries
        if "folder" in entry and "settings" in entry
    }


def _run(place: Path, folder: Path, planned: Mapping[str, Any]) -> RunInfo:
    config: Mapping[str, Any] = {}
    for part in (".", "image", "text"):
        config = config or _mapping(_json(place / part / CONFIG))
    metadata = _mapping(config.get("metadata"))
    made = _mapping(_mapping(metadata.get("provenance")).get("settings")) or planned
    sae, optimiser = _mapping(made.get("sae")), _mapping(made.get("optimiser"))
    known = {
        "d_sae": config.get("d_sae", sae.get("d_sae")),
        "k": sae.get("k", config.get("k")),
        "steps": optimiser.get("steps"),
        "lr": optimiser.get("lr"),
        "seed": made.get("seed"),
    }
    architecture = sae.get("architecture", metadata.get("training_architecture", ""))
    name = place.name if place == folder else place.relative_to(folder).as_posix()
    return RunInfo(
        place,
        name,
        str(architecture or ""),
        str(made.get("recipe") or ""),
        {key: float(value) for key, value in known.items() if _is_number(value)},
        _scores(_json(place / SCORES)),
    )


def _is_number(value: Any) -> bool:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return known and abs(value) < 1e300


def _mean(values: Iterable[Any]) -> float | None:
    known = [float(value) for value in values if _is_number(value)]
    return math.fsum(known) / len(known) if known else None


def _scores(found: Any) -> dict[str, float]:
    """Return means of what a training scored, by kind and by kind and stream."""
    scores: dict[str, float] = {}
    for kind in ("fvu", "l0", "dead"):
        streams = {
            str(stream): _mean(_mapping(_mapping(own).get(kind)).values())
            for stream, own in _mapping(found).items()
        }
        whole = _mean(streams.values())
        if whole is not None:
            scores[kind] = whole
            scores |= {f"{kind}[{name}]": own for name, own in streams.items() if own is not None}
    return scores


# Curves -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Curve:
    """A training on its way.

    Attributes
    ----------
    steps : array [n]
        Steps at which it was looked at, ascending.
    loss : array [n]
        Squared error of the batch, as a share of the norm of its rows.
    l0, dead : array [n]
        Active latents of a row, and the share of latents that no longer fire: means over
        streams, in each over its languages. NaN where a line does not say.
    """

    steps: Float[np.ndarray, " n"]
    loss: Float[np.ndarray, " n"]
    l0: Float[np.ndarray, " n"]
    dead: Float[np.ndarray, " n"]


class Log:
    """Reads the log of a training, from where it was read to the last time.

    A training that goes on from a checkpoint writes its log anew; then it is read from the start.

    Parameters
    ----------
    path : Path
        ``metrics.jsonl``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = (0, 0)
        self._read = 0
        self._rows: list[tuple[float, float, float, float]] = []

    def read(self) -> Curve | None:
        """Return the curve, or None if it is as it was the last time."""
        try:
            with self._path.open("rb") as log:
                status = os.fstat(log.fileno())
                file = (status.st_dev, status.st_ino)
                if file != self._file or status.st_size < self._read:
                    self._file, self._read, self._rows = file, 0, []
                elif status.st_size == self._read:
                    return None
                log.seek(self._read)
                if not self._take(log):
                    return None
        except OSError:
            return None
        rows = np.array(self._rows, np.float64).reshape(-1, 4)
        return Curve(*np.ascontiguousarray(rows.T))

    def _take(self, log: Any) -> bool:
        """Take all whole lines; return whether there was one."""
        rest, before = b"", self._read
        while block := log.read(_BLOCK):
            *lines, rest = (rest + block).split(b"\n")
            if len(rest) > _LONGEST_LINE:  # no log of ours
                rest = b""
            for line in lines:
                self._read += len(line) + 1
                row = _row(line)
                if row is not None:
                    self._rows.append(row)
        return self._read > before


def _row(line: bytes) -> tuple[float, float, float, float] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not (isinstance(found, dict) and _is_number(found.get("step"))):
        return None
    shares = [_mean(_mapping(own).values()) for own in _mapping(found.get("dead")).values()]
    values = found.get("loss"), _mean(_mapping(found.get("l0")).values()), _mean(shares)
    loss, l0, dead = (float(own) if _is_number(own) else math.nan for own in values)  # type: ignore[arg-type]
    return float(found["step"]), loss, l0, dead


# Scoreboards --------------------------------------------------------------------------

Cell = str | float | None


@dataclass(frozen=True, eq=False)
class Board:
    """A scoreboard: a row an SAE.

    Attributes
    ----------
    columns : tuple of str
        Names of the scores, `name` first.
    rows : tuple of tuple
        A text or number each; None where there is none.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def board_of(runs: Iterable[RunInfo]) -> Board:
    """Return what trainings say of themselves: settings, and scores on test concepts."""
    runs = list(runs)
    numbers = list(dict.fromkeys(key for run in runs for key in (*run.settings, *run.scores)))
    rows = [
        (
            run.name,
            run.architecture or None,
            run.recipe or None,
            *(run.settings.get(key, run.scores.get(key)) for key in numbers),
        )
        for run in runs
    ]
    return Board(("name", "architecture", "recipe", *numbers), tuple(rows))


def _is_board(path: Path) -> bool:
    """Return whether a CSV is one of `mmfeat evaluate`."""
    try:
        with path.open("rb") as handle:
            return handle.readline(1000).startswith(b"name,path,architecture,d_sae,")
    except OSError:
        return False


def read_board(path: Path) -> Board:
    """Read a scoreboard that ``mmfeat evaluate --out`` wrote; scores by language are means.

    Raises
    ------
    MmfeatError
        If it is missing, too large, or no such CSV.
    """
    try:
        if path.stat().st_size > _MOST_BOARD or not _is_board(path):
            raise MmfeatError(tr("runs.no_board", path=path))
        with path.open(encoding="utf-8", newline="") as handle:
            found = list(csv.DictReader(handle, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error):
        raise MmfeatError(tr("runs.no_board", path=path)) from None
    groups: dict[str, list[str]] = {}
    for column in found[0] if found else ():
        groups.setdefault(_score_of(str(column)), []).append(str(column))
    groups.pop("path", None)
    rows = [tuple(_cell(row, columns) for columns in groups.values()) for row in found]
    return Board(tuple(groups), tuple(rows))


def _score_of(column: str) -> str:
    """Return the score that a column belongs to: without the language in its last brackets."""
    score, bracket, last = column.rpartition("[")
    return score if bracket and last not in ("image]", "text]", "across]") else column


def _cell(row: Mapping[str, Any], columns: list[str]) -> Cell:
    mean = [column for column in columns if column.endswith("[mean]")]
    texts = [str(row[column] or "") for column in (mean or columns)]
    values = []
    for text in texts:
        try:
            values.append(float(text))
        except ValueError:
            continue
    if values:
        return _mean(values)
    return next((text.removeprefix("'") for text in texts if text), None)
