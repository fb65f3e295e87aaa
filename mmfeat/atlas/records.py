"""What an atlas says of items, captions and rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Items:
    """What is known of every item, in the order of the file."""

    item_id: list[str]
    concept: list[str]
    split: list[str]
    attributes: dict[str, list[str]]


@dataclass(frozen=True)
class Caption:
    """A text of an item in a language."""

    index: int
    item: int
    language: str
    text: str


@dataclass(frozen=True)
class TokenActivation:
    """Activation on one token: the code points `start` to `end` of a caption."""

    start: int
    end: int
    activation: float


@dataclass(frozen=True)
class Example:
    """A row on which a feature fires; `caption` is -1 for a picture."""

    item: int
    caption: int
    activation: float
