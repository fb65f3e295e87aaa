"""Load transformers models and their processors: safetensors and JSON only, no foreign code."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from safetensors import SafetensorError

from mmfeat.backbones.hub import causes
from mmfeat.errors import MmfeatError

MOST_CONFIG_BYTES = 16 << 20


def read_config(spec: str, name: str) -> dict[str, Any]:
    """Return the parsed ``config.json`` of a model.

    Parameters
    ----------
    spec : str
        The SPEC it was asked for by.
    name : str
        A folder in the hub's layout, or the name of a repository of the hub.

    Raises
    ------
    MmfeatError
        If it cannot be had, or is no configuration of a transformers model.
    """
    source = _source(spec, name)
    path = Path(source) / "config.json"
    if not Path(source).is_dir():
        try:
            path = Path(hf_hub_download(source, "config.json"))
        except Exception as error:  # the hub's client raises many kinds
            raise _failure(spec, source, error) from error
    try:
        if path.stat().st_size > MOST_CONFIG_BYTES:
            raise ValueError("it is too large")
        config = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("it holds no object")
        if not isinstance(config.get("model_type"), str):
            raise ValueError("it has no model_type")
    except FileNotFoundError as error:
        raise MmfeatError(
            f"{source} has no config.json; give a folder with a transformers model as hf download "
            "ID --local-dir DIR makes it."
        ) from error
    except (ValueError, OSError, RecursionError) as error:
        raise MmfeatError(
            f"{path} is no configuration of a transformers model ({_short(error)}); "
            f"get it again, with hf download ID --local-dir DIR."
        ) from error
    return config


def load_model(spec: str, name: str, auto_class: Any, device: torch.device) -> Any:
    """Load a frozen model as it was saved, in its own number format.

    Parameters
    ----------
    spec, name : str
        As in `read_config`.
    auto_class
        One of transformers' auto classes.
    device : torch.device
        Where it goes.

    Raises
    ------
    MmfeatError
        If the weights cannot be had, are damaged or no safetensors, do not fit the configuration,
        or transformers does not know the architecture.
    """
    source = _source(spec, name)
    _check_architecture(spec, read_config(spec, name))
    with _quiet():
        try:
            model, report = auto_class.from_pretrained(
                source,
                dtype="auto",
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
                # What does not fit is found in the report, and refused below.
                ignore_mismatched_sizes=True,
            )
        except Exception as error:  # transformers raises many kinds
            raise _failure(spec, source, error) from error
    _check_weights(spec, model, report)
    try:
        return model.eval().requires_grad_(False).to(device)
    except torch.OutOfMemoryError as error:
        raise MmfeatError(
            f"{spec} does not fit into the memory of {device}; choose a smaller model, or "
            "--device cpu."
        ) from error


def load_processor(spec: str, name: str) -> Any:
    """Load what prepares pictures and texts for a model.

    Returns
    -------
    transformers.ProcessorMixin
        With `image_processor` and `tokenizer`.

    Raises
    ------
    MmfeatError
        If it cannot be had, or prepares only one of the two.
    """
    from transformers import AutoProcessor

    source = _source(spec, name)
    with _quiet():
        try:
            processor = AutoProcessor.from_pretrained(  # type: ignore[no-untyped-call]
                source, trust_remote_code=False
            )
        except Exception as error:  # transformers raises many kinds
            raise _failure(spec, source, error) from error
    if not hasattr(processor, "image_processor") or not hasattr(processor, "tokenizer"):
        raise MmfeatError(
            f"{spec} has no processor for both pictures and texts; its folder needs "
            "preprocessor_config.json and the tokenizer's files beside config.json."
        )
    tokenizer = processor.tokenizer
    # Where its files are missing, transformers makes a tokenizer of special tokens alone.
    if set(tokenizer.get_vocab().values()) <= set(tokenizer.all_special_ids):
        raise MmfeatError(
            f"The tokenizer of {spec} has no vocabulary; its folder needs tokenizer.json, or what "
            "its kind has instead, beside config.json."
        )
    return processor


def _source(spec: str, name: str) -> str:
    """Return the folder a name stands for, or the name of a repository of the hub."""
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return str(folder)
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name, re.ASCII) or name.startswith("."):
        raise MmfeatError(
            f"{spec} names no folder that is there, and no repository of the hub; give hf:ID as "
            "in hf:openai/clip-vit-base-patch32, or hf:DIR."
        )
    return name


def _check_architecture(spec: str, config: dict[str, Any]) -> None:
    """Refuse a model whose code transformers lacks, before anything large is fetched."""
    import transformers

    kind = config["model_type"]
    if kind in transformers.CONFIG_MAPPING:
        return
    if "auto_map" in config:
        raise MmfeatError(
            f"{spec} ({kind}) needs program code from its own repository, which is never run; "
            "choose a model that transformers itself has."
        )
    raise MmfeatError(
        f"transformers {transformers.__version__} does not know the architecture {kind!r} of "
        f"{spec}; try a newer one with pip install -U transformers, or choose another model."
    )


def _check_weights(spec: str, model: Any, report: dict[str, Any]) -> None:
    """Refuse weights that the configuration does not describe: some would be made up or lost."""
    missing = sorted(report["missing_keys"])
    different = sorted(str(entry[0]) for entry in report["mismatched_keys"])
    # Heads for other uses may be left over; layers of a stack that is used may not.
    names = set(model.state_dict())
    stacks = {found[1] for found in (re.match(r"(.*\.)\d+\.", name) for name in names) if found}
    over = sorted(
        name
        for name in report["unexpected_keys"]
        if (found := re.match(r"(.*\.)\d+\.", name)) and found[1] in stacks
    )
    for keys, what in (
        (missing, "are not in it"),
        (different, "have other shapes"),
        (over, "are more than its layers"),
    ):
        if keys:
            few = ", ".join(keys[:3]) + (", ..." if len(keys) > 3 else "")
            raise MmfeatError(
                f"The weights of {spec} do not fit its config.json: {len(keys)} tensors ({few}) "
                f"{what}; get both from one place again, with hf download ID --local-dir DIR."
            )


def _failure(spec: str, source: str, error: Exception) -> MmfeatError:
    """Return the sentence for what went wrong when something was fetched or read."""
    found = causes(error)

    def any_is(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in found)

    fetch = f"hf download {source} --local-dir DIR"
    if any_is(GatedRepoError):
        return MmfeatError(
            f"{spec} is gated: accept its conditions at https://huggingface.co/{source}, run hf "
            f"auth login, and try again."
        )
    if any_is(RepositoryNotFoundError, HFValidationError):
        return MmfeatError(
            f"The hub has no public model {source!r}, and there is no such folder; check the name, "
            "or run hf auth login if it is private."
        )
    if any_is(LocalEntryNotFoundError, OfflineModeIsEnabled, ConnectionError):
        return MmfeatError(
            f"{spec} is not on this machine and the hub cannot be reached; run {fetch} where it "
            "can be, copy DIR here, and give hf:DIR."
        )
    if any_is(EntryNotFoundError):
        return MmfeatError(
            f"{spec} is no transformers model ({_short(error)}); choose a repository with "
            "config.json."
        )
    if any_is(SafetensorError):
        return MmfeatError(
            f"The weights of {spec} are damaged or incomplete ({_short(error)}); get them again, "
            "with hf download ID --local-dir DIR."
        )
    if any_is(OSError) and "safetensors" in str(error):
        return MmfeatError(
            f"{spec} has no weights as safetensors, and nothing else is read; choose a revision "
            "of the model that has model.safetensors."
        )
    if any_is(ImportError):
        return MmfeatError(
            f"{spec} needs a package that is not installed ({_short(error)}); install it with pip."
        )
    return MmfeatError(
        f"The backbone {spec} cannot be loaded ({_short(error)}); check its files, or get them "
        "again with hf download ID --local-dir DIR."
    )


def _short(error: BaseException) -> str:
    return textwrap.shorten(str(error) or type(error).__name__, 160, placeholder=" ...").rstrip(".")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' reports off stderr: what matters of them is raised."""
    from transformers.utils import logging

    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(40)  # errors only, as in the standard library
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
