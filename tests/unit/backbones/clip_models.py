"""Tiny models of open_clip's real classes, saved in its local-dir layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.models import register_model
from timm.models.eva import Eva
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import VisionTransformer
from timm.models.vision_transformer_relpos import VisionTransformerRelPos
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing
from transformers import (
    BertConfig,
    M2M100Config,
    MT5Config,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
)

WORDS = ("a", "red", "heart", "sad", "man", "with", "cane", "Heart")
TEXTS = ["a red heart", "Heart", "sad", "a man with a red cane"]

VISION = {"image_size": 32, "patch_size": 8, "width": 32, "layers": 2, "head_width": 16}
TEXT = {"context_length": 20, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
OWN_TOKENS = TEXT | {"hf_tokenizer_name": "words", "vocab_size": 12}
RESNET = {"image_size": 64, "layers": [1, 2, 1, 1], "width": 8, "head_width": 16}
COCA = {
    "vision_cfg": VISION
    | {
        "attentional_pool": True,
        "attn_pooler_heads": 2,
        "attn_pooler_queries": 5,
        "output_tokens": True,
    },
    "text_cfg": TEXT | {"embed_cls": True, "output_tokens": True, "context_length": 19},
    "multimodal_cfg": {"context_length": 19, "width": 32, "heads": 2, "layers": 1, "mlp_ratio": 2},
}


@register_model
def tiny_registers(pretrained: bool = False, **options: Any) -> VisionTransformer:
    """A class token, four registers, a grid that is not square, layer scale."""
    return _made(
        VisionTransformer, options, img_size=(32, 16), patch_size=8, embed_dim=32, depth=2,
        num_heads=2, init_values=0.5, reg_tokens=4,
    )  # fmt: skip


@register_model
def tiny_siglip(pretrained: bool = False, **options: Any) -> VisionTransformer:
    return _made(
        VisionTransformer,
        options,
        img_size=32,
        patch_size=8,
        embed_dim=24,
        depth=2,
        num_heads=2,
        class_token=False,
    )


@register_model
def tiny_relpos(pretrained: bool = False, **options: Any) -> VisionTransformerRelPos:
    """Averages its patches; its positions are in its attention."""
    return _made(
        VisionTransformerRelPos,
        options,
        img_size=32,
        patch_size=8,
        embed_dim=32,
        depth=2,
        num_heads=2,
        fc_norm=True,
        init_values=0.5,
    )


@register_model
def tiny_eva(pretrained: bool = False, **options: Any) -> Eva:
    return _made(
        Eva, options, img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2,
        use_rot_pos_emb=True, init_values=0.5,
    )  # fmt: skip


@register_model
def tiny_swin(pretrained: bool = False, **options: Any) -> SwinTransformer:
    return _made(
        SwinTransformer, options, img_size=32, patch_size=4, embed_dim=8, depths=(1, 1),
        num_heads=(2, 2), window_size=4,
    )  # fmt: skip


def _made(kind: Any, options: dict[str, Any], **own: Any) -> Any:
    given = {key: options[key] for key in ("num_classes", "global_pool") if key in options}
    model = kind(**own, **given)
    model.default_cfg = {}
    return model


def _timm(name: str, size: Any, pool: str = "", proj: str | None = "linear") -> dict[str, Any]:
    return {
        "timm_model_name": name,
        "timm_pool": pool,
        "timm_proj": proj,
        "image_size": size,
    }


def _transformers(config: Any, pooler: str, proj: str) -> dict[str, Any]:
    return {
        "hf_model_name": config,
        "hf_tokenizer_name": "words",
        "hf_pooler_type": pooler,
        "hf_proj_type": proj,
        "context_length": 12,
    }


_BERT = {
    "vocab_size": 12,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 24,
}
_M2M = M2M100Config(
    vocab_size=12, d_model=32, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2,
    decoder_attention_heads=2, encoder_ffn_dim=48, decoder_ffn_dim=48, max_position_embeddings=24,
    pad_token_id=1,
)  # fmt: skip
_MT5 = MT5Config(
    vocab_size=12, d_model=32, d_kv=16, d_ff=48, num_layers=2, num_heads=2, pad_token_id=0
)

CONFIGS: dict[str, dict[str, Any]] = {
    "clip": {"vision_cfg": VISION, "text_cfg": TEXT},
    "custom": {
        "vision_cfg": VISION
        | {
            "pool_type": "avg",
            "ls_init_value": 0.5,
            "image_size": [32, 48],
            "scale_attn": True,
            "scale_fc": True,
            "qk_norm": True,
        },
        "text_cfg": TEXT | {"pool_type": "eos", "eos_id": 49407, "ls_init_value": 0.5},
        "custom_text": True,
    },
    "gap-last": {
        "vision_cfg": VISION | {"pool_type": "avg", "final_ln_after_pool": True},
        "text_cfg": OWN_TOKENS | {"pool_type": "last", "no_causal_mask": True, "proj_bias": True},
        "custom_text": True,
    },
    "first-no-projection": {
        "vision_cfg": VISION,
        "text_cfg": TEXT
        | {"pool_type": "first", "no_causal_mask": True, "proj_type": "none", "width": 24},
        "custom_text": True,
    },
    "coca": COCA | {"custom_text": True},
    "resnet": {"vision_cfg": RESNET, "text_cfg": TEXT},
    "siglip": {
        "vision_cfg": _timm("tiny_siglip", 32, "map", "none"),
        "text_cfg": OWN_TOKENS
        | {"pool_type": "last", "no_causal_mask": True, "proj_bias": True, "context_length": 8},
        "custom_text": True,
        "init_logit_bias": -10,
    },
    "timm-gap": {"vision_cfg": _timm("tiny_relpos", 32, "avg"), "text_cfg": TEXT},
    "timm-registers": {
        "vision_cfg": _timm("tiny_registers", [32, 16], "token"),
        "text_cfg": TEXT,
    },
    "timm-eva": {"vision_cfg": _timm("tiny_eva", 32, "token", None), "text_cfg": TEXT},
    "timm-convnext": {"vision_cfg": _timm("test_convnext", 64, "", "mlp"), "text_cfg": TEXT},
    "timm-swin": {"vision_cfg": _timm("tiny_swin", 32), "text_cfg": TEXT},
    "timm-resnet": {"vision_cfg": _timm("test_resnet", 64, "avg"), "text_cfg": TEXT},
    "bert": {
        "vision_cfg": VISION,
        "text_cfg": _transformers(BertConfig(**_BERT, pad_token_id=0), "cls_pooler", "linear"),
    },
    "xlm-roberta": {
        "vision_cfg": VISION,
        "text_cfg": _transformers(XLMRobertaConfig(**_BERT, pad_token_id=1), "mean_pooler", "mlp"),
    },
    "mt5": {"vision_cfg": VISION, "text_cfg": _transformers(_MT5, "mean_pooler", "linear")},
    "nllb": {"vision_cfg": VISION, "text_cfg": _transformers(_M2M, "cls_pooler", "linear")},
}


def save_family(folder: Path, family: str) -> str:
    """Save the tiny model of a family; return its SPEC."""
    return save_config(folder, CONFIGS[family])


def save_config(folder: Path, config: dict[str, Any]) -> str:
    """Save a model with random weights, and its tokenizer; return its SPEC."""
    torch.manual_seed(0)
    config = {"embed_dim": 24, **config, "text_cfg": dict(config["text_cfg"])}
    text = config["text_cfg"]
    folder.mkdir()
    pad = 0
    if "hf_model_name" in text:
        pad = text["hf_model_name"].pad_token_id
        text["hf_model_name"].save_pretrained(folder / "text")
        text["hf_model_name"] = str(folder / "text")
        text["hf_model_pretrained"] = False
    if "hf_tokenizer_name" in text:
        word_tokenizer(pad).save_pretrained(folder)
    arguments = dict(config)
    custom = arguments.pop("custom_text", False) or "hf_model_name" in text
    kind: Any = open_clip.CustomTextCLIP if custom else open_clip.CLIP
    if "multimodal_cfg" in config:
        kind = open_clip.CoCa
    model = kind(**arguments)
    for name, parameter in model.named_parameters():
        # Some begin as zeros or equal to each other, and would hide mistakes.
        if name.endswith(("bias", "bn3.weight")) or "cls_emb" in name or "text.posit" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": config, "preprocess_cfg": {}})
    )
    save_file(
        {name: value.contiguous().clone() for name, value in model.state_dict().items()},
        folder / "open_clip_model.safetensors",
    )
    return f"open_clip:local-dir:{folder}"


def word_tokenizer(pad: int, side: str = "right") -> PreTrainedTokenizerFast:
    """One token a word: a start token, the words, an end token, padding."""
    special = ["<s>", "</s>", "<unk>"]
    special.insert(pad, "<pad>")
    vocabulary = {word: number for number, word in enumerate([*special, *WORDS])}
    inner = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = WhitespaceSplit()
    inner.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        special_tokens=[(name, vocabulary[name]) for name in ("<s>", "</s>")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", unk_token="<unk>", cls_token="<s>",
        sep_token="</s>", bos_token="<s>", eos_token="</s>", padding_side=side,
    )  # fmt: skip


def pictures(count: int = 3) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    sizes = [(40, 30), (32, 32), (64, 100)][:count]
    return [Image.fromarray(rng.integers(0, 255, (*size, 3), dtype=np.uint8)) for size in sizes]


def spans(text: str) -> list[tuple[int, int]]:
    """Where the words of a text are."""
    found, start = [], 0
    for word in text.split():
        start = text.index(word, start)
        found.append((start, start + len(word)))
        start += len(word)
    return found
