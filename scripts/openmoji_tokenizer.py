"""The tokenizer of the bundled backbone, trained on the names of emoji in 14 languages."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

VOCABULARY, ALPHABET = 8192, 2600


def train_tokenizer(texts: list[str], folder: Path, longest: int) -> None:
    """Train a byte-fallback BPE and save it as a Hugging Face fast tokenizer.

    Parameters
    ----------
    texts : list of str
    folder : Path
        Where it is saved.
    longest : int
        Tokens that the model takes.
    """
    from tokenizers import (
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
        trainers,
    )
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "<eos>"]
    byte_tokens = [f"<0x{value:02X}>" for value in range(256)]
    tokenizer = Tokenizer(models.BPE(unk_token=None, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    letters = Counter("".join(map(tokenizer.normalizer.normalize_str, texts)))
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(byte_tokens),
        # Chosen here, for the trainer drops letters of one count in an order of its own.
        initial_alphabet=[letter for _, letter in sorted((-n, x) for x, n in letters.items())][
            :ALPHABET
        ],
        limit_alphabet=ALPHABET,
        special_tokens=special,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    # The trainer knows no byte tokens: they are put between the special tokens and the rest.
    state = json.loads(tokenizer.to_str())
    learned = [t for t, _ in sorted(state["model"]["vocab"].items(), key=lambda kv: kv[1])]
    order = special + byte_tokens + [t for t in learned if t not in special]
    state["model"]["vocab"] = {token: index for index, token in enumerate(order)}
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(), decoders.Fuse()]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", 1)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<eos>",
        model_max_length=longest,
        clean_up_tokenization_spaces=False,
    ).save_pretrained(folder)
