"""What can be ordered from a form: its fields, what is wrong with them, and the commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mmfeat.backbones.base import STREAMS
from mmfeat.errors import MmfeatError
from mmfeat.extraction import ExtractSettings, check_streams
from mmfeat.hdf5 import check_target, kind_of
from mmfeat.sae.settings import TrainSettings, parse_overrides
from mmfeat.store.activations import KIND as ACTIVATIONS
from mmfeat.training import DEFAULT_RECIPE, recipe
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.jobs import Order

CORPUS, ATLAS = "mmfeat-corpus", "mmfeat-atlas"

Sort = Literal["open", "folder", "save", "make", "text", "number", "flag", "choice"]
Values = Mapping[str, str]


@dataclass(frozen=True)
class Field:
    """A line of a form.

    Attributes
    ----------
    key : str
        ``field.<key>`` is its name, ``field.<key>_tip`` what it means.
    sort : str
        What is entered: a file to open, a folder that is there, a file to save, a folder to
        make, a text, a whole or decimal number, yes or no (``yes`` or empty), one of `choices`.
    default : str
    choices : tuple of str
        Offered; a text may be another one.
    needed : bool
        Whether it may not be empty.
    encoding : str
        What kind of mmfeat's files it must be.
    """

    key: str
    sort: Sort = "text"
    default: str = ""
    choices: tuple[str, ...] = ()
    needed: bool = False
    encoding: str = ""

    @property
    def name(self) -> str:
        """Its name for people."""
        return tr(f"field.{self.key}")

    @property
    def suffix(self) -> str:
        """The ending of its files; empty for folders."""
        return ".csv" if self.key == "board" else ".h5" if self.sort in ("open", "save") else ""


def _extraction() -> tuple[Field, ...]:
    usual = ExtractSettings()
    return (
        Field("corpus", "open", needed=True, encoding=CORPUS),
        Field("activations_out", "save", needed=True, encoding=ACTIVATIONS),
        Field("backbone", default=usual.backbone, needed=True),
        Field("hooks", default=" ".join(usual.hooks), needed=True),
        Field("streams", default=" ".join(usual.streams), choices=STREAMS, needed=True),
        Field("dtype", "choice", usual.dtype, ("float16", "float32")),
        Field("device", default=usual.device, choices=("auto", "cpu", "cuda"), needed=True),
        Field("batch_size", "number", str(usual.batch_size), needed=True),
        Field("rows_per_item", "number"),
        Field("seed", "number", str(usual.seed), needed=True),
    )


def _training() -> tuple[Field, ...]:
    # Empty fields leave what the recipe says.
    return (
        Field("activations", "open", needed=True, encoding=ACTIVATIONS),
        Field("sae_out", "make", needed=True),
        Field("recipe", "choice", DEFAULT_RECIPE, recipes()),
        Field("hook"),
        *(Field(key, "number") for key in SETTINGS),
        Field("more"),
        Field("device", default="cpu", choices=("cpu", "auto", "cuda"), needed=True),
    )


def _atlas() -> tuple[Field, ...]:
    return (
        Field("activations", "open", needed=True, encoding=ACTIVATIONS),
        Field("sae", "folder", needed=True),
        Field("atlas_out", "save", needed=True, encoding=ATLAS),
        Field("thumbnails", "flag", "yes"),
        Field("map", "flag", "yes"),
        Field("corpus", "open", encoding=CORPUS),
        Field("second", "open", encoding=ACTIVATIONS),
    )


def _evaluation() -> tuple[Field, ...]:
    return (
        Field("activations", "open", needed=True, encoding=ACTIVATIONS),
        Field("saes", needed=True),
        Field("board", "save", needed=True),
        Field("corpus", "open", encoding=CORPUS),
    )


# Fields of a training that are settings, by their name in a recipe.
SETTINGS = {
    "d_sae": "sae.d_sae",
    "k": "sae.k",
    "steps": "optimiser.steps",
    "lr": "optimiser.lr",
    "batch": "batch.size",
    "seed": "seed",
}

# What files are usually called; those of a second encoder have no usual name.
_NAMES = {
    "corpus": "corpus.h5",
    "activations": "activations.h5",
    "activations_out": "activations.h5",
    "sae_out": "sae",
    "atlas_out": "atlas.h5",
    "board": "scoreboard.csv",
}


def fields(kind: str) -> tuple[Field, ...]:
    """Return the lines of a form."""
    return FORMS[kind][0]()


def recipes() -> tuple[str, ...]:
    """Return the names of the bundled recipes, the default first."""
    from mmfeat.assets import path

    names = sorted(file.stem for file in path("recipes").glob("*.toml"))
    return (DEFAULT_RECIPE, *(name for name in names if name != DEFAULT_RECIPE))


def usual(name: str) -> dict[str, str]:
    """Return what a recipe says where a field of the form is left empty."""
    settings = recipe(name)
    found = {"hook": settings.hook}
    for key, place in SETTINGS.items():
        node: object = settings
        for part in place.split("."):
            node = getattr(node, part, "")
        found[key] = f"{node:g}" if isinstance(node, float) else str(node)
    return found


def suggestions(kind: str, folder: Path | None, saes: Sequence[Path]) -> dict[str, str]:
    """Return what a form may begin with: files of a folder that are there, and free names in it.

    Parameters
    ----------
    kind : str
    folder : Path or None
    saes : sequence of Path
        SAE folders that are chosen.
    """
    found = {"saes": "\n".join(map(str, saes)), "sae": str(saes[0]) if saes else ""}
    if folder is None:
        return found
    for field in fields(kind):
        name = _NAMES.get(field.key, "")
        if field.sort == "open" and name and (folder / name).is_file():
            found[field.key] = str(folder / name)
        elif field.sort in ("save", "make") and name:
            path, number = folder / name, 1
            while path.exists():
                number += 1
                path = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
            found[field.key] = str(path)
    return found


def check(kind: str, values: Values) -> None:
    """Refuse a form that no command could do.

    Files are looked at; this is not for the thread of the window.

    Raises
    ------
    MmfeatError
        Naming the field, what is wrong and what to do.
    """
    for field in fields(kind):
        value = values.get(field.key, "").strip()
        if not value:
            if field.needed:
                raise MmfeatError(tr("field.missing", field=field.name))
        elif field.sort == "number":
            _check_number(field, value)
        elif field.sort in ("open", "folder", "save", "make"):
            _check_path(field, Path(value))
    given = _Given(kind, values)
    if kind == "extract":
        check_streams(given["streams"].split())
    elif kind == "train":
        _check_streams(Path(given["activations"]), _settings(given))
    elif kind == "evaluate":
        for folder in _lines(given["saes"]):
            _check_sae(Path(folder))


def _check_number(field: Field, text: str) -> None:
    try:
        fits = float(text) > 0 if field.key == "lr" else int(text) >= (field.key != "seed")
    except ValueError:
        fits = False
    if not fits:
        raise MmfeatError(tr("field.no_number", field=field.name, value=text))


def _check_path(field: Field, path: Path) -> None:
    if field.sort == "open":
        if not path.is_file():
            raise MmfeatError(tr("field.no_file", field=field.name, path=path))
        found = kind_of(path)
        if found != field.encoding:
            wanted = field.encoding
            raise MmfeatError(tr("field.other", path=path, found=found, wanted=wanted))
    elif field.sort == "folder":
        _check_sae(path)
    elif field.sort == "save":
        if field.encoding:
            check_target(path, field.encoding)
        elif path.is_dir() or path.suffix.lower() != field.suffix:
            raise MmfeatError(tr("field.no_csv", field=field.name, path=path))
    elif path.is_file():
        raise MmfeatError(tr("field.is_file", field=field.name, path=path))


def _check_sae(path: Path) -> None:
    if not any((path / part / "cfg.json").is_file() for part in (".", "image", "text")):
        raise MmfeatError(tr("field.no_sae", path=path))


def _check_streams(path: Path, settings: TrainSettings) -> None:
    from mmfeat.store.activations import open_activations

    with open_activations(path) as activations:
        for name in settings.streams:
            activations.stream(settings.hook, name)


def _assignments(given: _Given) -> list[str]:
    """Return the settings of a training that differ from its recipe, as ``key=value``."""
    own = [f"{place}={given[key]}" for key, place in SETTINGS.items() if given[key]]
    return own + given["more"].split()


def _settings(given: _Given) -> TrainSettings:
    changes = parse_overrides(_assignments(given))
    if given["hook"]:
        changes["hook"] = given["hook"]
    return recipe(given["recipe"] or DEFAULT_RECIPE, changes)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


class _Given:
    """What a form says, as options of a command."""

    def __init__(self, kind: str, values: Values) -> None:
        self._usual = {field.key: field.default for field in fields(kind)}
        self._values = {key: value.strip() for key, value in values.items()}

    def __getitem__(self, key: str) -> str:
        return self._values.get(key, "")

    def always(self, flag: str, key: str) -> list[str]:
        """Return an option that the command must have."""
        return [flag, self[key]]

    def other(self, flag: str, key: str) -> list[str]:
        """Return an option, unless the command has it so anyway."""
        return [flag, self[key]] if self[key] and self[key] != self._usual[key] else []

    def words(self, flag: str, key: str) -> list[str]:
        """Return an option for each word, unless the command has them so anyway."""
        words = self[key].split()
        changed = words != self._usual[key].split()
        return [part for word in words for part in (flag, word)] if changed else []


def _extract(given: _Given) -> Order:
    command = (
        "extract",
        *given.always("--corpus", "corpus"),
        *given.always("--out", "activations_out"),
        *given.other("--backbone", "backbone"),
        *given.words("--hook", "hooks"),
        *given.words("--stream", "streams"),
        *given.other("--dtype", "dtype"),
        *given.other("--device", "device"),
        *given.other("--batch-size", "batch_size"),
        *given.other("--rows-per-item", "rows_per_item"),
        *given.other("--seed", "seed"),
    )
    return Order("extract", (command,), Path(given["activations_out"]))


def _train(given: _Given) -> Order:
    command = (
        "train",
        *given.always("--activations", "activations"),
        *given.always("--out", "sae_out"),
        *given.other("--recipe", "recipe"),
        *given.other("--hook", "hook"),
        *(part for own in _assignments(given) for part in ("--set", own)),
        *given.other("--device", "device"),
    )
    return Order("train", (command,), Path(given["sae_out"]))


def _build(given: _Given) -> Order:
    command = (
        "atlas",
        *given.always("--activations", "activations"),
        *given.always("--sae", "sae"),
        *given.always("--out", "atlas_out"),
        *given.other("--corpus", "corpus"),
        *(() if given["thumbnails"] else ("--no-thumbnails",)),
        *given.other("--second", "second"),
    )
    mapped = (("map", given["atlas_out"]),) if given["map"] else ()
    return Order("atlas", (command, *mapped), Path(given["atlas_out"]))


def _evaluate(given: _Given) -> Order:
    command = (
        "evaluate",
        *given.always("--activations", "activations"),
        *(part for folder in _lines(given["saes"]) for part in ("--sae", folder)),
        *given.other("--corpus", "corpus"),
        *given.always("--out", "board"),
    )
    return Order("evaluate", (command,), Path(given["board"]))


def order(kind: str, values: Values) -> Order:
    """Return what a form orders; what the command has so anyway is left out."""
    return FORMS[kind][1](_Given(kind, values))


def dry_run(values: Values) -> Order:
    """Return the question what an extraction would take."""
    own = order("extract", values)
    return Order("extract", ((*own.commands[0], "--dry-run"),), aside=True)


def dry_run_text(result: Mapping[str, object]) -> str:
    """Return the answer to `dry_run` for people."""
    rows, hours = result.get("rows"), result.get("hours")
    count = sum(rows.values()) if isinstance(rows, dict) else 0
    sizes = [result.get(key) for key in ("bytes", "bytes_needed", "bytes_free")]
    size, needed, free = (float(own) if isinstance(own, int | float) else 0.0 for own in sizes)
    minutes = float(hours) * 60 if isinstance(hours, int | float) else 0.0
    values = {
        "rows": count,
        "size": size / 1e9,
        "needed": needed / 1e9,
        "free": free / 1e9,
        "minutes": minutes,
    }
    return tr("dry_run.fits", **values) if result.get("fits") else tr("dry_run.full", **values)


# Of each form its fields, and what it orders.
FORMS: dict[str, tuple[Callable[[], tuple[Field, ...]], Callable[[_Given], Order]]] = {
    "extract": (_extraction, _extract),
    "train": (_training, _train),
    "atlas": (_atlas, _build),
    "evaluate": (_evaluation, _evaluate),
}
