"""Load open_clip's models and tokenizers: tensors and JSON only, no foreign code."""

from __future__ import annotations

import difflib
import logging
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import open_clip
import torch
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from open_clip.pretrained import get_pretrained_cfg, list_pretrained_tags_by_model

from mmfeat.backbones import hub
from mmfeat.errors import MmfeatError

LOCAL, HUB = "local-dir:", "hf-hub:"


@dataclass(frozen=True)
class Loaded:
    """A frozen model with what prepares its inputs.

    Attributes
    ----------
    model
        open_clip's model.
    preprocess
        From a picture to its tensor.
    tokenizer
        From texts to token numbers.
    config : dict
        What the model was built from.
    """

    model: Any
    preprocess: Any
    tokenizer: Any
    config: dict[str, Any]


def load(spec: str, name: str, pretrained: str | None, device: torch.device) -> Loaded:
    """Load a model.

    Parameters
    ----------
    spec : str
        The SPEC it was asked for by.
    name : str
        An architecture, ``local-dir:PATH`` or ``hf-hub:ORG/NAME``.
    pretrained : str or None
        For an architecture, one of open_clip's tags or a file of weights.
    device : torch.device
        Where it goes.

    Raises
    ------
    MmfeatError
        If it cannot be had or loaded, or would run code of its own.
    """
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        if not name.startswith(LOCAL):
            _check_tag(spec, name, pretrained)
            stack.enter_context(hub.answering())
        try:
            config = open_clip.get_model_config(name)
            text = dict(config["text_cfg"])
        except Exception as error:  # open_clip raises many kinds
            raise _failure(spec, name, pretrained, error) from error
        options = dict(text.get("tokenizer_kwargs") or {})
        if "trust_remote_code" in options:
            raise _foreign_code(spec)
        if "hf_model_name" in text:
            if name.startswith(LOCAL) and not Path(str(text["hf_model_name"])).is_dir():
                stack.enter_context(hub.answering())
            _check_text_model(spec, str(text["hf_model_name"]))
        try:
            model, preprocess = open_clip.create_model_from_pretrained(
                # Weights of the text tower are among those of the model.
                name,
                pretrained=pretrained,
                device=device,
                pretrained_text=False,
            )
            tokenizer = open_clip.get_tokenizer(
                name, **({"trust_remote_code": False} if "hf_tokenizer_name" in text else {})
            )
        except Exception as error:  # open_clip raises many kinds
            raise _failure(spec, name, pretrained, error) from error
    if getattr(tokenizer, "reduction_fn", None) is not None:
        # For training: it drops tokens of long texts at random.
        tokenizer.reduction_fn = None
    return Loaded(model.eval().requires_grad_(False), preprocess, tokenizer, config)


def _check_tag(spec: str, name: str, pretrained: str | None) -> None:
    """Refuse names that open_clip does not have, before anything is fetched."""
    if name.startswith(HUB):
        return
    known = open_clip.list_models()
    if name not in known:
        near = difflib.get_close_matches(name, known, 3, 0.5)
        raise MmfeatError(
            f"open_clip {open_clip.__version__} has no architecture {name!r} ({spec}); "
            + (f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(known[:3])}.")
        )
    given = str(pretrained)
    if not get_pretrained_cfg(name, given) and not Path(given).is_file():
        tags = list_pretrained_tags_by_model(name)
        raise MmfeatError(
            f"{given!r} ({spec}) is neither a file of weights nor one of the pretrained tags of "
            f"{name}: {', '.join(tags) or 'it has none'}."
        )


def _check_text_model(spec: str, text_model: str) -> None:
    """Refuse a text tower that cannot be built without fetching, or without its own code."""
    from transformers import AutoConfig

    try:
        AutoConfig.from_pretrained(text_model, trust_remote_code=False)
    except Exception as error:  # transformers raises many kinds
        if "trust_remote_code" in str(error):
            raise _foreign_code(spec) from error
        raise MmfeatError(
            f"The text tower of {spec} is built from the config.json of {text_model}, which cannot "
            f"be had ({_short(error)}); run hf download {text_model} config.json --local-dir DIR "
            "where the hub can be reached, copy DIR here, and put its path for hf_model_name in "
            "the model's open_clip_config.json."
        ) from error


def _failure(spec: str, name: str, pretrained: str | None, error: Exception) -> MmfeatError:
    """Return the sentence for what went wrong when a model was fetched or read."""
    causes = hub.causes(error)

    def any_is(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    repository = _repository(name, pretrained)
    if any_is(GatedRepoError):
        return MmfeatError(
            f"{spec} is gated: accept its conditions at https://huggingface.co/{repository}, run "
            "hf auth login, and try again."
        )
    if any_is(RepositoryNotFoundError):
        return MmfeatError(
            f"{spec} is not on the hub; check the name, or run hf auth login if it is private."
        )
    if any_is(LocalEntryNotFoundError, OfflineModeIsEnabled, ConnectionError):
        return MmfeatError(
            f"{spec} is not on this machine and the hub cannot be reached; run hf download "
            f"{repository} --local-dir DIR where it can be, copy DIR here, and give "
            "open_clip:local-dir:DIR."
        )
    if any_is(UnpicklingError) or "TorchScript" in str(error):
        return MmfeatError(
            f"The weights of {spec} hold more than tensors, and programs in them are never run; "
            "give them as safetensors."
        )
    if "trust_remote_code" in str(error):
        return _foreign_code(spec)
    if "state_dict" in str(error):
        return MmfeatError(
            f"The weights of {spec} do not fit its architecture ({_short(error)}); give those "
            "that belong to it."
        )
    what = (
        "check the folder: it needs open_clip_config.json, open_clip_model.safetensors and the "
        "tokenizer's files, as hf download ID --local-dir DIR makes it"
        if name.startswith(LOCAL)
        else "check the name, or get its files again"
    )
    return MmfeatError(f"The backbone {spec} cannot be loaded ({_short(error)}); {what}.")


def _repository(name: str, pretrained: str | None) -> str:
    if name.startswith(HUB):
        return name.removeprefix(HUB)
    tag: dict[str, Any] = get_pretrained_cfg(name, pretrained or "") or {}
    return "/".join(str(tag.get("hf_hub", "ID")).split("/")[:2])


def _foreign_code(spec: str) -> MmfeatError:
    return MmfeatError(
        f"{spec} needs program code from its own repository, which is never run; choose a model "
        "that open_clip and transformers have themselves."
    )


def _short(error: BaseException) -> str:
    return textwrap.shorten(str(error) or type(error).__name__, 160, placeholder=" ...").rstrip(".")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep open_clip's reports off stderr: what matters of them is raised."""
    root, before = logging.getLogger(), logging.root.manager.disable
    # open_clip logs to the root, which would be given a handler for good if it had none.
    kept = logging.NullHandler()
    root.addHandler(kept)
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
        root.removeHandler(kept)
