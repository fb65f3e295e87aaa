"""Tiny generative models of transformers' own classes, on disk in the hub's layout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers.models.idefics3 import Idefics3VisionConfig
from transformers.models.smolvlm import SmolVLMVisionConfig, processing_smolvlm

WIDTH = 32
TEXT = {
    "hidden_size": WIDTH,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
}
TOWER = {
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 24,
    "patch_size": 4,
}
SIZE = {"height": 24, "width": 24}


def characters(specials: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges as of a SentencePiece model: characters, bytes for all others."""
    tokens = [*specials, *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "\n"]
    tokens += [chr(c) for c in range(33, 127)]
    merges = [("▁", "r"), ("r", "e"), ("▁r", "e"), ("▁", "h"), ("e", "a")]
    tokens += ["".join(pair) for pair in merges]
    return {token: number for number, token in enumerate(tokens)}, merges


def bytes_of(specials: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges as of GPT-2: bytes, and a few merges."""
    merges = [("Ġ", "r"), ("r", "e"), ("Ġ", "h"), ("e", "a")]
    tokens = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(pair) for pair in merges)]
    return {token: n for n, token in enumerate([*specials, *tokens])}, merges


def llama_tokenizer() -> Any:
    specials = ["<unk>", "<s>", "</s>", "<pad>", "<image>"]
    vocab, merges = characters(specials)
    tokenizer = transformers.LlamaTokenizer(
        vocab=vocab, merges=merges, pad_token="<pad>", add_bos_token=True
    )
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    return tokenizer


def qwen_tokenizer() -> Any:
    specials = ["<|endoftext|>", "<|vision_start|>", "<|vision_end|>"]
    specials += ["<|image_pad|>", "<|video_pad|>"]
    vocab, merges = bytes_of(specials)
    tokenizer = transformers.Qwen2Tokenizer(vocab=vocab, merges=merges)
    tokenizer.add_special_tokens({"additional_special_tokens": specials[1:]})
    return tokenizer


def gemma_tokenizer() -> Any:
    vocab, merges = characters(["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<image>"])
    tokenizer = transformers.GemmaTokenizer(vocab=vocab, merges=merges, add_bos_token=True)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    return tokenizer


def idefics_tokenizer() -> Any:
    specials = ["<|begin|>", "<|end|>", "<pad>", "<fake_token_around_image>", "<image>"]
    specials += ["<end_of_utterance>", "<global-img>"]
    specials += [f"<row_{r}_col_{c}>" for r in range(1, 7) for c in range(1, 7)]
    vocab, merges = bytes_of(specials)
    inner = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.post_processor = processors.TemplateProcessing(
        single="<|begin|> $A", special_tokens=[("<|begin|>", vocab["<|begin|>"])]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token="<|begin|>",
        eos_token="<|end|>",
        pad_token="<pad>",
    )
    tokenizer.add_special_tokens({"additional_special_tokens": specials[3:]})
    return tokenizer


def llava() -> tuple[Any, Any]:
    tokenizer = llama_tokenizer()
    config = transformers.LlavaConfig(
        vision_config=transformers.CLIPVisionConfig(**TOWER),
        text_config=transformers.LlamaConfig(**TEXT, vocab_size=len(tokenizer)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=36,
    )
    pictures = transformers.CLIPImageProcessor(size={"shortest_edge": 24}, crop_size=SIZE)
    processor = transformers.LlavaProcessor(
        pictures,
        tokenizer,
        patch_size=4,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    return transformers.LlavaForConditionalGeneration(config), processor


def llava_next() -> tuple[Any, Any]:
    tokenizer = llama_tokenizer()
    pinpoints = [[24, 48], [48, 24], [48, 48]]
    config = transformers.LlavaNextConfig(
        vision_config=transformers.CLIPVisionConfig(**TOWER),
        text_config=transformers.MistralConfig(**TEXT, vocab_size=len(tokenizer)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=pinpoints,
        image_seq_length=36,
    )
    pictures = transformers.LlavaNextImageProcessor(
        size={"shortest_edge": 24}, crop_size=SIZE, image_grid_pinpoints=pinpoints
    )
    processor = transformers.LlavaNextProcessor(
        pictures,
        tokenizer,
        patch_size=4,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    return transformers.LlavaNextForConditionalGeneration(config), processor


def _qwen(config: Any, model: Any, make: Any, vision: dict[str, Any]) -> tuple[Any, Any]:
    tokenizer = qwen_tokenizer()
    ids = {
        name: tokenizer.convert_tokens_to_ids(token)
        for name, token in (
            ("image_token_id", "<|image_pad|>"),
            ("video_token_id", "<|video_pad|>"),
            ("vision_start_token_id", "<|vision_start|>"),
            ("vision_end_token_id", "<|vision_end|>"),
        )
    }
    text = {
        **TEXT,
        "vocab_size": len(tokenizer),
        "bos_token_id": 0,
        "eos_token_id": 0,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]},
    }
    shared = {"depth": 3, "num_heads": 2, "patch_size": 4, "in_channels": 3}
    whole = config(text_config=text, vision_config={**shared, **vision}, **ids)
    sizes = {"size": {"shortest_edge": 256, "longest_edge": 4096}, "patch_size": 4}
    processor = make(
        transformers.Qwen2VLImageProcessor(**sizes),
        tokenizer,
        transformers.Qwen2VLVideoProcessor(**sizes),
    )
    return model(whole), processor


def qwen2_vl() -> tuple[Any, Any]:
    return _qwen(
        transformers.Qwen2VLConfig,
        transformers.Qwen2VLForConditionalGeneration,
        transformers.Qwen2VLProcessor,
        {"embed_dim": 24, "hidden_size": WIDTH},
    )


def qwen2_5_vl() -> tuple[Any, Any]:
    return _qwen(
        transformers.Qwen2_5_VLConfig,
        transformers.Qwen2_5_VLForConditionalGeneration,
        transformers.Qwen2_5_VLProcessor,
        {
            "hidden_size": 24,
            "out_hidden_size": WIDTH,
            "intermediate_size": 40,
            "window_size": 16,
            "fullatt_block_indexes": [1],
        },
    )


def _paligemma(text: Any) -> tuple[Any, Any]:
    tokenizer = gemma_tokenizer()
    pictures = transformers.SiglipImageProcessor(size=SIZE)
    pictures.image_seq_length = 36
    processor = transformers.PaliGemmaProcessor(pictures, tokenizer)
    config = transformers.PaliGemmaConfig(
        vision_config=transformers.SiglipVisionConfig(**TOWER, vision_use_head=False),
        text_config=text(**TEXT, head_dim=8, vocab_size=len(tokenizer)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        projection_dim=WIDTH,
        hidden_size=WIDTH,
        vocab_size=len(tokenizer),
    )
    return transformers.PaliGemmaForConditionalGeneration(config), processor


def paligemma() -> tuple[Any, Any]:
    return _paligemma(transformers.GemmaConfig)


def paligemma2() -> tuple[Any, Any]:
    return _paligemma(transformers.Gemma2Config)


def _idefics(config: Any, vision: Any, tokenizer: Any) -> Any:
    return config(
        vision_config=vision(**TOWER),
        text_config=transformers.LlamaConfig(**TEXT, vocab_size=len(tokenizer), pad_token_id=2),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
    )


# Sides up to 48 pixels, cut into tiles of 24.
CUT = {"size": {"longest_edge": 48}, "max_image_size": {"longest_edge": 24}}


def idefics3() -> tuple[Any, Any]:
    tokenizer = idefics_tokenizer()
    config = _idefics(transformers.Idefics3Config, Idefics3VisionConfig, tokenizer)
    pictures = transformers.Idefics3ImageProcessor(**CUT)
    processor = transformers.Idefics3Processor(pictures, tokenizer, image_seq_len=9)
    return transformers.Idefics3ForConditionalGeneration(config), processor


def smolvlm_processor() -> Any:
    # It asks for a package that only its prompts about videos use.
    with patch.object(processing_smolvlm, "num2words", str):
        return transformers.SmolVLMProcessor(
            transformers.SmolVLMImageProcessor(**CUT),
            idefics_tokenizer(),
            transformers.SmolVLMVideoProcessor(
                **CUT, video_sampling={"fps": 1, "max_frames": 4, "video_size": CUT["size"]}
            ),
            image_seq_len=9,
        )


def smolvlm() -> tuple[Any, Any]:
    processor = smolvlm_processor()
    config = _idefics(transformers.SmolVLMConfig, SmolVLMVisionConfig, processor.tokenizer)
    return transformers.SmolVLMForConditionalGeneration(config), processor


FAMILIES = {
    "llava": llava,
    "llava_next": llava_next,
    "qwen2_vl": qwen2_vl,
    "qwen2_5_vl": qwen2_5_vl,
    "paligemma": paligemma,
    "paligemma2": paligemma2,
    "idefics3": idefics3,
    "smolvlm": smolvlm,
}


def save(family: str, folder: Path, dtype: torch.dtype = torch.float32) -> Path:
    """Save a tiny model of a family with weights large enough for rows to differ."""
    torch.manual_seed(0)
    model, processor = FAMILIES[family]()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.2)
    model.to(dtype).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@contextmanager
def in_double(backbone: Any) -> Iterator[None]:
    """Have a model compute in double precision, also where transformers rounds to single."""
    norms = [m for m in backbone.whole.modules() if type(m).__name__.endswith("RMSNorm")]

    def forward(norm: Any) -> Any:
        gemma = type(norm).__name__.startswith("Gemma")
        eps = norm.eps if gemma else norm.variance_epsilon
        gain = norm.weight + 1 if gemma else norm.weight
        return lambda x: gain * x * (x.square().mean(-1, keepdim=True) + eps).rsqrt()

    backbone.whole.double()
    for norm in norms:
        norm.forward = forward(norm)
    softmax = torch.nn.functional.softmax
    try:
        with patch.object(
            torch.nn.functional, "softmax", lambda x, dim=-1, dtype=None: softmax(x, dim)
        ):
            yield
    finally:
        for norm in norms:
            del norm.forward
        backbone.whole.float()
