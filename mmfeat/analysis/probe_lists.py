"""Probe lists: editable YAML files of texts that belong to a category and texts that do not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mmfeat.corpus.languages import normalise_tag
from mmfeat.errors import MmfeatError
from mmfeat.toml import refusal

MAX_BYTES = 1 << 20
MAX_TEXTS = 64  # on either side
MAX_PICTURES = 64
_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

_Text = Annotated[str, Field(min_length=1, max_length=300)]
_Texts = Annotated[list[_Text], Field(min_length=2, max_length=MAX_TEXTS)]
_Folder = Annotated[str, Field(min_length=1, max_length=1000)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Texts(_Model):
    """Texts of a language for and against."""

    positive: _Texts
    negative: _Texts

    @model_validator(mode="after")
    def _apart(self) -> Texts:
        twice = set(self.positive) & set(self.negative)
        if twice:
            raise ValueError(f"{sorted(twice)[0]!r} is both positive and negative")
        return self


class Images(_Model):
    """Folders of pictures for and against, from the list's own folder."""

    positive: _Folder
    negative: _Folder


class ProbeList(_Model):
    """One category: its texts by language, and perhaps pictures.

    The n-th text of every language names the same thing.
    """

    category: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
    description: Annotated[str, Field(max_length=500)] = ""
    texts: Annotated[dict[str, Texts], Field(min_length=1, max_length=200)]
    images: Images | None = None

    @field_validator("texts")
    @classmethod
    def _tags(cls, texts: dict[str, Texts]) -> dict[str, Texts]:
        try:
            known = {normalise_tag(tag): own for tag, own in texts.items()}
        except MmfeatError as error:
            raise ValueError(str(error)) from None
        if len(known) != len(texts):
            raise ValueError("a language comes twice")
        sizes = {tag: (len(own.positive), len(own.negative)) for tag, own in known.items()}
        first = next(iter(sizes))
        for tag, size in sizes.items():
            if size != sizes[first]:
                raise ValueError(
                    f"{tag} has {size[0]} positive and {size[1]} negative texts, but {first} has "
                    f"{sizes[first][0]} and {sizes[first][1]}: every language names the same things"
                )
        return known


def read_probe(path: Path) -> ProbeList:
    """Read a probe list.

    Raises
    ------
    MmfeatError
        If it is missing, too large, not YAML, or not understood.
    """
    import yaml

    try:
        if path.stat().st_size > MAX_BYTES:
            raise MmfeatError(f"{path} has more than {MAX_BYTES >> 20} MiB; make it smaller.")
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise MmfeatError(f"{path} does not exist; check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise MmfeatError(f"{path} cannot be read; give a YAML file.") from error
    try:
        # What refers to itself or to much else grows without bound once it is gone through.
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise MmfeatError(
                f"{path} has aliases (*), which a probe list needs not; spell it out."
            )
        found: Any = yaml.safe_load(text)
        return ProbeList.model_validate(found)
    except ValidationError as error:
        raise refusal(path, error) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise MmfeatError(f"{path} is not a YAML file ({reason}); mend it.") from error


def bundled_probes() -> list[Path]:
    """Return the files of the bundled probe lists, by name."""
    from mmfeat.assets import path as asset

    return sorted(asset("probes").glob("*.yaml"))


def pictures_of(path: Path, images: Images) -> tuple[list[Path], list[Path]]:
    """Return the files of the pictures that a list at `path` names, by name, at most 64 a side.

    Raises
    ------
    MmfeatError
        If a folder is missing or has no pictures.
    """

    def files(folder: Path) -> list[Path]:
        try:
            found = sorted(f for f in folder.iterdir() if f.suffix.lower() in _SUFFIXES)
        except OSError:
            raise MmfeatError(
                f"{path} names pictures in {folder}, which is no folder; mend its path."
            ) from None
        if not found:
            raise MmfeatError(f"{folder}, which {path} names, has no pictures; put some there.")
        return found[:MAX_PICTURES]

    return files(path.parent / images.positive), files(path.parent / images.negative)


def check_distinct(lists: Sequence[ProbeList]) -> None:
    """Refuse two lists of one category.

    Raises
    ------
    MmfeatError
        If there are.
    """
    seen: set[str] = set()
    for probe in lists:
        if probe.category in seen:
            raise MmfeatError(f"Two probe lists are of category {probe.category}; rename one.")
        seen.add(probe.category)
