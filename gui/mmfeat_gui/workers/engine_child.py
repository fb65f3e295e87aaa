"""What runs in the engine's process: it keeps atlas and backbone at hand, and answers requests.

It knows nothing of Qt. A thread listens to the window's process, so that a request can be given
up while it is computed, and so that this process ends with the pipe, however the window went.
"""

from __future__ import annotations

import faulthandler
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.progress import Advance, Progress

if TYPE_CHECKING:
    from mmfeat.atlas.encoder import Encoder
    from mmfeat.atlas.search import Search
    from mmfeat.atlas.steer import Steering
    from mmfeat.backbones.base import Backbone

_DISPLAY = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "QT_QPA_PLATFORM")
_OFTEN = 0.05  # seconds between two words on how far it is
_NICE = 5  # the window goes first

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Model:
    """An atlas, and the SPEC of its backbone where that is not where the atlas says."""

    atlas: Path
    backbone: str = ""


class EngineRequest(Protocol[T_co]):
    """Something to be computed with a backbone; a frozen dataclass that can be pickled.

    Attributes
    ----------
    channel : str
        A newer request of the same channel makes an older one stale.
    """

    @property
    def channel(self) -> str:
        """The name of its channel."""
        ...

    def answer(self, bench: Bench, progress: Progress) -> T_co:
        """Compute it, in the engine's process."""
        ...


@dataclass(frozen=True)
class Call:
    """A request with its number."""

    number: int
    request: EngineRequest[Any]


@dataclass(frozen=True)
class Stop:
    """Nobody waits for the answer of that number any more."""

    number: int


@dataclass(frozen=True)
class Doing:
    """What is done just now, and how much of it; `total` is None where that is not known."""

    number: int
    what: str
    done: int
    total: int | None


@dataclass(frozen=True)
class Answered:
    """An answer, or a sentence on why there is none; neither where it was given up.

    `unforeseen` marks a sentence that is the text of some exception, `missing` one on a backbone
    that cannot be used.
    """

    number: int
    result: Any = None
    error: str = ""
    unforeseen: bool = False
    missing: bool = False


class Dropped(Exception):
    """The request that is computed was given up."""


class BackboneMissing(MmfeatError):
    """The backbone is not at hand, or does not fit the SAE."""


class Tools:
    """What is made of one atlas and its backbone, each when it is first needed."""

    def __init__(self, model: Model, progress: Following) -> None:
        self.model, self.progress = model, progress
        self.atlas = Atlas(model.atlas)

    @cached_property
    def item_index(self) -> dict[str, int]:
        """Where each item is, by its id."""
        return {name: index for index, name in enumerate(self.atlas.items().item_id)}

    @cached_property
    def backbone(self) -> Backbone:
        """The backbone.

        Raises
        ------
        BackboneMissing
            If it cannot be loaded.
        """
        from mmfeat.backbones.registry import load_backbone

        with self.progress.stage("loading the backbone", None):
            try:
                return load_backbone(self.model.backbone or self.atlas.backbone)
            except MmfeatError as error:
                raise BackboneMissing(str(error)) from error

    @cached_property
    def encoder(self) -> Encoder:
        """The backbone with the atlas's SAE.

        Raises
        ------
        BackboneMissing
            If the backbone cannot be loaded, or does not fit the SAE.
        """
        from mmfeat.atlas.encoder import open_encoder
        from mmfeat.backbones.base import JOINT

        backbone = self.backbone
        try:
            if self.atlas.hook == JOINT:  # steering has the same one
                return self.steering.known.encoder
            return open_encoder(self.atlas, backbone)
        except MmfeatError as error:
            raise BackboneMissing(str(error)) from error

    @cached_property
    def search(self) -> Search:
        """The search, which reads a sample of the atlas once."""
        from mmfeat.atlas.search import Search

        return Search(self.atlas, self.encoder)

    @cached_property
    def steering(self) -> Steering:
        """The steering, which encodes what is retrieved from once.

        Raises
        ------
        MmfeatError
            If the atlas is not of the joint space.
        """
        from mmfeat.atlas.steer import Steering

        return Steering(self.atlas, self.backbone, progress=self.progress)


class Bench:
    """The tools of the atlas that was asked about last."""

    def __init__(self, progress: Following) -> None:
        self._progress = progress
        self._kept: tuple[object, Tools] | None = None

    def tools(self, model: Model) -> Tools:
        """Return the tools of an atlas; those of another one are given up.

        Raises
        ------
        MmfeatError
            If the atlas cannot be opened.
        """
        try:
            state = model.atlas.stat()
        except OSError:
            raise MmfeatError(f"{model.atlas} cannot be read; open it again.") from None
        key = (model, state.st_mtime_ns, state.st_size)  # it may be built again while it is open
        if self._kept is None or self._kept[0] != key:
            self._forget()
            self._kept = (key, Tools(model, self._progress))
        return self._kept[1]

    def _forget(self) -> None:
        if self._kept is not None:
            self._kept[1].atlas.close()
            self._kept = None


class Following:
    """Tells the window's process how far the present request is, and notices if it is given up."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.number, self.stopped = 0, -1

    def check(self) -> None:
        """Give up where nobody waits.

        Raises
        ------
        Dropped
            Then.
        """
        if self.stopped >= self.number:
            raise Dropped

    @contextmanager
    def stage(self, description: str, total: int | None) -> Iterator[Advance]:
        """Begin a stage that the window's process is told of."""
        done, told = 0, 0.0

        def advance(steps: int, note: str = "") -> None:
            nonlocal done, told
            self.check()
            done += steps
            if time.monotonic() - told >= _OFTEN:
                told = time.monotonic()
                self._connection.send(Doing(self.number, description, done, total))

        advance(0)
        yield advance


def serve(connection: Connection) -> None:
    """Answer requests until the pipe closes."""
    for name in _DISPLAY:
        os.environ.pop(name, None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the window, which ends this
    if sys.stderr is not None:
        faulthandler.enable()
    if hasattr(os, "nice"):
        os.nice(_NICE)
    calls: queue.SimpleQueue[Call] = queue.SimpleQueue()
    progress = Following(connection)
    bench = Bench(progress)
    listening = threading.Thread(
        target=_listen, args=(connection, calls, progress), name="mmfeat-listening", daemon=True
    )
    listening.start()
    while True:
        call = calls.get()
        progress.number = call.number
        answer = _answer(call, bench, progress)
        try:
            connection.send(answer)
        except OSError:
            return
        except Exception as error:  # what cannot be pickled
            connection.send(_unforeseen(call.number, error))


def _listen(connection: Connection, calls: queue.SimpleQueue[Call], progress: Following) -> None:
    """Take what comes over the pipe; when it closes, end the process in the midst of its work."""
    while True:
        try:
            said = connection.recv()
        except (EOFError, OSError):
            os._exit(0)
        if isinstance(said, Stop):
            progress.stopped = said.number
        else:
            calls.put(said)


def _answer(call: Call, bench: Bench, progress: Following) -> Answered:
    try:
        progress.check()
        return Answered(call.number, call.request.answer(bench, progress))
    except Dropped:
        return Answered(call.number)
    except MmfeatError as error:
        missing = isinstance(error, BackboneMissing)
        return Answered(call.number, error=str(error), missing=missing)
    except MemoryError:
        return Answered(call.number, error="There is not enough memory; close other programs.")
    except Exception as error:
        return _unforeseen(call.number, error)


def _unforeseen(number: int, error: Exception) -> Answered:
    reason = " ".join(str(error).split())[:500] or type(error).__name__
    return Answered(number, error=reason, unforeseen=True)
