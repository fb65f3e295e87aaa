"""Tiny transformers dual encoders in the hub's layout: real classes, random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

CORPUS = [
    "a red heart on a white page",
    "the sad cat and the happy dog",
    "ein rotes Herz auf weißem Papier",
    "naïve cafés in a small town",
    "빨간 하트 그림",
    "红色的心 和 白色的狗",
    "0123456789 ,.!?'",
]
VISION: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
}
TEXT: dict[str, Any] = {
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 20,
    "bos_token_id": 0,
}
RESIZE = {"height": 32, "width": 32}


def _learned(model: Any, trainer: Any, before: Any) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = before
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def _byte_pairs(suffix: str, before: Any, special: list[str], alphabet: list[str]) -> dict:
    """Vocabulary and merges of a byte-pair tokenizer, learned from the corpus."""
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=special,
        initial_alphabet=alphabet,
        end_of_word_suffix=suffix,
        show_progress=False,
    )
    model = models.BPE(end_of_word_suffix=suffix) if suffix else models.BPE()
    tokenizer = _learned(model, trainer, before)
    state = json.loads(tokenizer.to_str())["model"]
    return {"vocab": state["vocab"], "merges": [tuple(pair) for pair in state["merges"]]}


def clip_tokenizer() -> Any:
    special = ["<|startoftext|>", "<|endoftext|>"]
    made = _byte_pairs(
        "</w>", pre_tokenizers.ByteLevel(False), [], pre_tokenizers.ByteLevel.alphabet()
    )
    vocab = made["vocab"]
    # As in CLIP's vocabulary, every byte also stands at the end of a word; specials come last.
    for letter in sorted(pre_tokenizers.ByteLevel.alphabet()):
        vocab.setdefault(letter + "</w>", len(vocab))
    for token in special:
        vocab[token] = len(vocab)
    return transformers.CLIPTokenizer(vocab, made["merges"], model_max_length=20)


def gemma_tokenizer(kind: str) -> Any:
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    alphabet = sorted({*"".join(CORPUS).replace(" ", "▁"), *"ABCDEFGHIJ▁"})
    made = _byte_pairs("", pre_tokenizers.Metaspace(prepend_scheme="never"), special, alphabet)
    for byte in range(256):
        made["vocab"].setdefault(f"<0x{byte:02X}>", len(made["vocab"]))
    tokenizer = getattr(transformers, kind)(
        **made,
        padding_side="right",
        model_max_length=20,
        add_bos_token=False,
        add_eos_token=True,
        model_input_names=["input_ids"],
    )
    return tokenizer


def bert_tokenizer() -> Any:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=260, special_tokens=special, show_progress=False)
    learned = _learned(
        models.WordPiece(unk_token="[UNK]"), trainer, pre_tokenizers.BertPreTokenizer()
    )
    return transformers.BertTokenizer(learned.get_vocab(), model_max_length=20)


def roberta_tokenizer() -> Any:
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=160, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    learned = _learned(models.Unigram(), trainer, pre_tokenizers.Metaspace())
    vocab = [tuple(entry) for entry in json.loads(learned.to_str())["model"]["vocab"]]
    return transformers.XLMRobertaTokenizer([*vocab, ("<mask>", 0.0)], model_max_length=512)


def clip_images(kind: str = "CLIPImageProcessor") -> Any:
    return getattr(transformers, kind)(size={"shortest_edge": 32}, crop_size=RESIZE)


def clip(eos: int | None = None) -> tuple[Any, Any]:
    tokenizer = clip_tokenizer()
    text = TEXT | {
        "vocab_size": len(tokenizer),
        "eos_token_id": tokenizer.eos_token_id if eos is None else eos,
        "bos_token_id": tokenizer.bos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = transformers.CLIPConfig(text_config=text, vision_config=VISION, projection_dim=28)
    return transformers.CLIPModel(config), transformers.CLIPProcessor(clip_images(), tokenizer)


def metaclip_2() -> tuple[Any, Any]:
    tokenizer = roberta_tokenizer()
    text = TEXT | {"vocab_size": len(tokenizer), "eos_token_id": 2, "pad_token_id": 1}
    config = transformers.MetaClip2Config(text_config=text, vision_config=VISION, projection_dim=28)
    return (
        transformers.MetaClip2Model(config),
        transformers.CLIPProcessor(clip_images(), tokenizer),
    )


def siglip() -> tuple[Any, Any]:
    tokenizer = gemma_tokenizer("GemmaTokenizer")
    text = TEXT | {
        "vocab_size": len(tokenizer),
        "projection_size": 32,
        "pad_token_id": 0,
        "eos_token_id": 1,
    }
    config = transformers.SiglipConfig(text_config=text, vision_config=VISION)
    pictures = transformers.SiglipImageProcessor(size=RESIZE)
    return transformers.SiglipModel(config), transformers.SiglipProcessor(pictures, tokenizer)


def siglip2() -> tuple[Any, Any]:
    tokenizer = gemma_tokenizer("Siglip2Tokenizer")
    text = TEXT | {
        "vocab_size": len(tokenizer),
        "projection_size": 32,
        "pad_token_id": 0,
        "eos_token_id": 1,
    }
    vision = {name: value for name, value in VISION.items() if name != "image_size"}
    config = transformers.Siglip2Config(
        text_config=text, vision_config=vision | {"num_patches": 16}
    )
    pictures = transformers.Siglip2ImageProcessor(patch_size=8, max_num_patches=20)
    return transformers.Siglip2Model(config), transformers.Siglip2Processor(pictures, tokenizer)


def altclip() -> tuple[Any, Any]:
    tokenizer = roberta_tokenizer()
    text = TEXT | {
        "vocab_size": len(tokenizer),
        "project_dim": 26,
        "pad_token_id": 1,
        "max_position_embeddings": 22,
    }
    config = transformers.AltCLIPConfig(text_config=text, vision_config=VISION, projection_dim=28)
    # The projection of texts takes what comes out of the text tower.
    config.text_config.hidden_size = 24
    return transformers.AltCLIPModel(config), transformers.AltCLIPProcessor(
        clip_images(), tokenizer
    )


def chinese_clip() -> tuple[Any, Any]:
    tokenizer = bert_tokenizer()
    text = TEXT | {"vocab_size": len(tokenizer), "pad_token_id": 0}
    config = transformers.ChineseCLIPConfig(
        text_config=text, vision_config=VISION, projection_dim=28
    )
    pictures = transformers.ChineseCLIPImageProcessor(size=RESIZE, do_center_crop=False)
    return (
        transformers.ChineseCLIPModel(config),
        transformers.ChineseCLIPProcessor(pictures, tokenizer),
    )


def dual() -> tuple[Any, Any]:
    """A pair of towers of other families, as transformers joins them."""
    tokenizer = bert_tokenizer()
    text = transformers.BertConfig(**TEXT, vocab_size=len(tokenizer), pad_token_id=0)
    config = transformers.VisionTextDualEncoderConfig.from_vision_text_configs(
        transformers.ViTConfig(**VISION), text, projection_dim=28
    )
    pictures = transformers.ViTImageProcessor(size=RESIZE)
    return (
        transformers.VisionTextDualEncoderModel(config),
        transformers.VisionTextDualEncoderProcessor(pictures, tokenizer),
    )


def align() -> tuple[Any, Any]:
    """A convolutional picture tower: nothing but its pooled vectors can be read."""
    tokenizer = bert_tokenizer()
    text = TEXT | {"vocab_size": len(tokenizer), "pad_token_id": 0}
    vision = {
        "image_size": 32,
        "width_coefficient": 0.1,
        "depth_coefficient": 0.1,
        "hidden_dim": 28,
        "kernel_sizes": [3],
        "in_channels": [32],
        "out_channels": [16],
        "strides": [1],
        "num_block_repeats": [1],
        "expand_ratios": [1],
        "depthwise_padding": [],
        "num_hidden_layers": 4,
    }
    config = transformers.AlignConfig(text_config=text, vision_config=vision, projection_dim=8)
    pictures = transformers.EfficientNetImageProcessor(size=RESIZE)
    return transformers.AlignModel(config), transformers.AlignProcessor(pictures, tokenizer)


FAMILIES = {
    "clip": clip,
    "clip-legacy": lambda: clip(eos=2),
    "metaclip_2": metaclip_2,
    "siglip": siglip,
    "siglip2": siglip2,
    "altclip": altclip,
    "chinese_clip": chinese_clip,
}


def save(folder: Path, family: Any, dtype: torch.dtype = torch.float32) -> Path:
    """Save a tiny model as the hub has it: configuration, weights, processor, tokenizer."""
    torch.manual_seed(0)
    model, processor = family()
    with torch.no_grad():
        for parameter in model.parameters():  # norms and biases of a fresh model do nothing
            parameter.add_(0.2 * torch.randn_like(parameter))
    model.to(dtype).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [
        Image.fromarray(rng.integers(0, 255, (*size, 3), dtype=np.uint8))
        for size in ((40, 30), (32, 32), (64, 128))
    ]
