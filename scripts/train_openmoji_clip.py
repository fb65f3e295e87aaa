#!/usr/bin/env python3
"""Train the bundled backbone `openmoji-clip`: a small CLIP on emoji and their names.

A vision transformer and a causal text transformer (open_clip's own classes) learn
by contrastive loss (Radford et al. 2021) on OpenMoji pictures with their names in 14
languages. A tenth of the items, drawn at random, is never seen in training.

Loss = image-text, each picture against its names in several languages
     + 0.5 x text-text, two languages of one item
     + 0.5 x region-text: in 2 x 2 collages the mean patch vector of a quarter
       against the name of the picture in it, so that patch vectors have a place
     + 0.5 x phrase-text: two names written one after the other, the mean token
       vector of each against its picture, so that token vectors have one too.

Seeded and checkpointed: the same command goes on where it stopped.
    python scripts/train_openmoji_clip.py --work DIR --steps 1600
    python scripts/train_openmoji_clip.py --work DIR --export mmfeat/assets/openmoji-clip
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from openmoji_tokenizer import VOCABULARY, train_tokenizer

from mmfeat.analysis.retrieval import recall_at
from mmfeat.corpus.openmoji import LANGUAGES, load_emoji, render
from mmfeat.files import whole_file

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

SIZE, RENDER, GRID, PATCH, CONTEXT = 64, 96, 8, 8, 64
CONFIG = {
    "model_cfg": {
        "embed_dim": 192,
        "custom_text": True,
        "vision_cfg": {
            "image_size": SIZE,
            "patch_size": PATCH,
            "width": 192,
            "layers": 6,
            "head_width": 64,
            "pool_type": "avg",
        },
        "text_cfg": {
            "context_length": CONTEXT,
            "vocab_size": VOCABULARY,
            "width": 192,
            "heads": 3,
            "layers": 4,
            "pad_id": 0,
            "eos_id": 1,
            "pool_type": "eos",
            "hf_tokenizer_name": "openmoji-clip",
        },
    },
    "preprocess_cfg": {
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "interpolation": "bicubic",
        "resize_mode": "longest",
        "fill_color": 255,
    },
}


def held_out_items(count: int, seed: int) -> np.ndarray:
    """Return the sorted indices of the tenth of the items kept from training."""
    return np.sort(np.random.default_rng(seed).permutation(count)[: round(count / 10)])


class Data:
    """Pictures and token ids of all items, and the augmentations, on one device."""

    def __init__(self, folder: Path, device: torch.device, seed: int) -> None:
        import open_clip
        import torch

        items = load_emoji()
        self.held_out = held_out_items(len(items), seed)
        self.item_ids = [item.item_id for item in items]
        keep = np.ones(len(items), bool)
        keep[self.held_out] = False
        self.train = np.flatnonzero(keep)
        if not (folder / "tokenizer.json").exists():
            texts = [items[i].names[lang] for i in self.train for lang in LANGUAGES]
            train_tokenizer(texts, folder, CONTEXT)
        (folder / "open_clip_config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
        tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
        pixels = np.stack([np.asarray(render(item.picture, RENDER)) for item in items])
        self.pictures = torch.from_numpy(255 - pixels).permute(0, 3, 1, 2).contiguous().to(device)
        ids = [tokenizer([item.names[lang] for item in items]) for lang in LANGUAGES]
        self.tokens = torch.stack(ids, 1).to(device)  # [items, languages, CONTEXT]
        _, picture = np.unique(pixels.reshape(len(items), -1), axis=0, return_inverse=True)
        self.picture = torch.from_numpy(picture.ravel()).to(device)
        siblings: dict[str, list[int]] = {}
        for i in self.train:
            siblings.setdefault(items[i].concept, []).append(int(i))
        self.siblings = {i: [j for j in siblings[items[i].concept] if j != i] for i in self.train}
        self.device = device

    def batch(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Draw items: half at random, half their variants, so that variants are negatives."""
        chosen: dict[int, None] = {}
        for i in rng.permutation(self.train):
            chosen[int(i)] = None
            if self.siblings[i]:
                chosen[int(rng.choice(self.siblings[i]))] = None
            if len(chosen) >= size:
                break
        return rng.permutation(np.fromiter(chosen, int)[:size])

    def augmented(self, index: Tensor, generator: torch.Generator) -> Tensor:
        """Return pictures [n, 3, SIZE, SIZE] in 0..1 (white is 0), turned, scaled and shifted."""
        import torch
        from torch.nn import functional as F

        n = len(index)

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            return (torch.rand(n, *shape, generator=generator) * (high - low) + low).to(self.device)

        angle, zoom = uniform(-0.2, 0.2), uniform(0.9, 1.25)
        cos, sin = zoom * angle.cos(), zoom * angle.sin()
        shift = uniform(-0.12, 0.12, 2)
        theta = torch.stack(
            [torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1
        )
        grid = F.affine_grid(theta, [n, 3, SIZE, SIZE], align_corners=False)
        x = F.grid_sample(self.pictures[index].float() / 255, grid, align_corners=False)
        return (x * uniform(0.75, 1.1, 1, 1, 1)).clamp_(0, 1)


def to_input(x: Tensor) -> Tensor:
    """Turn inverted pictures (white is 0) into normalised model input."""
    return 1 - 2 * x


def run_text(model: nn.Module, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Run the text tower on trimmed tokens: a causal tower does not see what follows."""
    full, width = model.text.attn_mask, tokens.shape[1]
    model.text.attn_mask = full[:width, :width]
    try:
        return model.text(tokens)
    finally:
        model.text.attn_mask = full


def encode_texts(model: nn.Module, tokens: Tensor, chunks: int) -> Tensor:
    """Return pooled vectors [n, d]; texts are bucketed by length and trimmed."""
    import torch

    lengths = (tokens != 0).sum(1)
    order = lengths.argsort()
    parts = order.chunk(chunks)
    pooled = [run_text(model, tokens[part, : int(lengths[part].max())])[0] for part in parts]
    return torch.cat(pooled)[order.argsort()]


def encode_phrases(model: nn.Module, tokens: Tensor) -> Tensor:
    """Return [n, d]: the mean token vector of each text when two stand in one sequence."""
    import torch

    lengths = (tokens > 1).sum(1).tolist()
    pairs = torch.zeros(len(tokens) // 2, CONTEXT, dtype=tokens.dtype)
    owner = torch.zeros(len(tokens), len(pairs) * CONTEXT)
    for row in range(len(pairs)):
        start = 0
        for i in (2 * row, 2 * row + 1):
            length = min(lengths[i], CONTEXT - 1 - start)
            pairs[row, start : start + length] = tokens[i, :length]
            owner[i, row * CONTEXT + start : row * CONTEXT + start + length] = 1 / max(length, 1)
            start += length
        pairs[row, start] = 1
    pairs, owner = pairs.to(tokens.device), owner.to(tokens.device)
    width = int((pairs != 0).sum(1).max())
    _, states = run_text(model, pairs[:, :width])
    owner = owner.view(len(tokens), len(pairs), CONTEXT)[:, :, :width].flatten(1)
    mean = owner.to(states.dtype) @ states.flatten(0, 1)
    return mean @ model.text.text_projection.to(mean.dtype)


def contrast(a: Tensor, b: Tensor, scale: Tensor, same: Tensor) -> Tensor:
    """Symmetric cross-entropy of a, b [n, d]; pairs with one picture are no negatives."""
    import torch
    from torch.nn import functional as F

    logits = scale * F.normalize(a.float(), dim=1) @ F.normalize(b.float(), dim=1).T
    logits = logits.masked_fill(same, -1e4)
    target = torch.arange(len(a), device=a.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def loss_of(
    model: nn.Module,
    data: Data,
    rows: np.ndarray,
    rng: np.random.Generator,
    generator: torch.Generator,
    languages: int,
) -> dict[str, Tensor]:
    import torch
    from torch import nn
    from torch.nn import functional as F

    n = len(rows)
    index = torch.from_numpy(rows).to(data.device)
    picture = data.picture[index]
    same = (picture[:, None] == picture[None]) & ~torch.eye(n, dtype=torch.bool, device=data.device)
    drawn = rng.permuted(np.tile(np.arange(len(LANGUAGES)), (n, 1)), axis=1)[:, : languages + 1]
    tokens = data.tokens[index[:, None], torch.from_numpy(drawn).to(data.device)].transpose(0, 1)
    pooled = encode_texts(model, tokens[:languages].flatten(0, 1), 2 * languages)
    pooled = pooled.view(languages, n, -1)
    phrase = encode_phrases(model, tokens[languages, : n // 2 * 2])

    image, _ = model.visual(to_input(data.augmented(index, generator)))
    small = F.avg_pool2d(data.augmented(index, generator), 2)  # [n, 3, 32, 32]
    quarters = small[: n // 4 * 4].view(n // 4, 2, 2, 3, SIZE // 2, SIZE // 2)
    collage = quarters.permute(0, 3, 1, 4, 2, 5).reshape(n // 4, 3, SIZE, SIZE)
    dropout, model.visual.patch_dropout = model.visual.patch_dropout, nn.Identity()
    _, patches = model.visual(to_input(collage))
    model.visual.patch_dropout = dropout
    half = GRID // 2
    region = patches.view(n // 4, 2, half, 2, half, -1).mean((2, 4)).reshape(n // 4 * 4, -1)
    region = region @ model.visual.proj.to(region.dtype)

    scale = model.logit_scale.exp()
    m = len(region)
    return {
        "image_text": sum(contrast(image, t, scale, same) for t in pooled) / languages,
        "text_text": sum(contrast(pooled[i], pooled[i - 1], scale, same) for i in range(languages))
        / languages,
        "region_text": contrast(region, pooled[0, :m], scale, same[:m, :m]),
        "phrase_text": contrast(
            phrase, image[: len(phrase)], scale, same[: len(phrase), : len(phrase)]
        ),
    }


WEIGHTS = {"image_text": 1.0, "text_text": 0.5, "region_text": 0.5, "phrase_text": 0.5}


def evaluate(model: nn.Module, data: Data) -> dict[str, float]:
    """Return recall as `scripts/bench/backbone.py` defines it, on plain pictures."""
    import torch
    from torch.nn import functional as F

    model.eval()
    with torch.no_grad():
        x = F.interpolate(data.pictures.float() / 255, SIZE, mode="bicubic", antialias=True)
        parts = [model.visual(to_input(part.clamp(0, 1)))[0] for part in x.split(512)]
        texts = [encode_texts(model, data.tokens[:, n], 8) for n in range(len(LANGUAGES))]
    image, key = torch.cat(parts).float().cpu().numpy(), data.picture.cpu().numpy()
    every = np.arange(len(key))
    scores: dict[str, list[float]] = {"heldout_r1": [], "heldout_r10": [], "all_r10": []}
    for text in (found.float().cpu().numpy() for found in texts):
        asked = ((data.held_out, 1), (data.held_out, 10), (every, 10))
        for found, (rows, k) in zip(scores.values(), asked, strict=True):
            a, b, own = image[rows], text[rows], key[rows]
            found.append(min(recall_at(a, b, own, own, k), recall_at(b, a, own, own, k)))
    model.train()
    return {
        "heldout_r1_mean": float(np.mean(scores["heldout_r1"])),
        "heldout_r10_mean": float(np.mean(scores["heldout_r10"])),
        "heldout_r10_worst": min(scores["heldout_r10"]),
        "all_r10_worst": min(scores["all_r10"]),
    }


def learning_rate(step: int, steps: int, peak: float, warmup: int = 100) -> float:
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))))


def build_model() -> nn.Module:
    from open_clip.model import CustomTextCLIP

    cfg = {k: v for k, v in CONFIG["model_cfg"].items() if k != "custom_text"}
    return CustomTextCLIP(**cfg)


def optimizers(model: nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the blocks, AdamW for everything else."""
    import torch

    inner = [p for n, p in model.named_parameters() if p.ndim == 2 and "resblocks" in n]
    chosen = {id(p) for p in inner}
    decay = [p for p in model.parameters() if p.ndim >= 2 and id(p) not in chosen]
    plain = [p for p in model.parameters() if p.ndim < 2]
    return [
        torch.optim.Muon(inner, lr=1.0, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(
            [{"params": decay, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}],
            lr=1.0,
            betas=(0.9, 0.98),
            fused=True,
        ),
    ]


def export(model: nn.Module, data: Data, work: Path, out: Path, settings: dict) -> None:
    """Write open_clip's local-dir layout, weights in float16."""
    from safetensors.torch import save_file

    out.mkdir(parents=True, exist_ok=True)
    for name in ("open_clip_config.json", "tokenizer.json", "tokenizer_config.json"):
        (out / name).write_bytes((work / name).read_bytes())
    weights = {k: v.detach().half().contiguous().cpu() for k, v in model.state_dict().items()}
    save_file(weights, out / "open_clip_model.safetensors", metadata={"format": "pt"})
    record = {**settings, "held_out": [data.item_ids[i] for i in data.held_out]}
    (out / "training.json").write_text(json.dumps(record, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="checkpoints and log go here")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--languages", type=int, default=3, help="names per picture and step")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument(
        "--patch-dropout",
        type=float,
        default=0.5,
        help="share of patches left out in the first 80 %% of the steps",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="of torch [cuda where there is one, else cpu]")
    parser.add_argument("--stop-after", type=int, default=0, help="stop at this step, resumable")
    parser.add_argument("--export", type=Path, help="write the model here and stop")
    args = parser.parse_args()

    import torch  # not before: --help needs none
    from torch import nn

    device = torch.device(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    torch.manual_seed(args.seed)
    args.work.mkdir(parents=True, exist_ok=True)
    data = Data(args.work, device, args.seed)
    model = build_model().to(device)
    model.visual.output_tokens = model.text.output_tokens = True
    optims = optimizers(model)
    settings = {
        k: getattr(args, k) for k in ("batch_size", "languages", "lr", "patch_dropout", "seed")
    }
    schedule = {"0": args.steps}  # from which step on which length of the schedule held
    checkpoint, step, seconds = args.work / "checkpoint.pt", 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True, map_location=device)
        if not args.export and state["settings"] != settings:
            raise SystemExit(f"{checkpoint} was made with other settings: {state['settings']}")
        settings = state["settings"]
        model.load_state_dict(state["model"])
        for optimizer, saved in zip(optims, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        step, seconds, schedule = state["step"], state["seconds"], state["schedule"]
        if not args.export and list(schedule.values())[-1] != args.steps:
            schedule[str(step)] = args.steps
    if args.export:
        record = {**settings, "schedule": schedule, "steps_done": step, "seconds": round(seconds)}
        export(model, data, args.work, args.export, record)
        return

    from open_clip.transformer import PatchDropout

    model.train()
    # On CPUs torch's fused attention is slower than plain products for 33 to 65 tokens.
    torch.backends.cuda.enable_flash_sdp(device.type == "cuda")
    end = min(args.steps, args.stop_after or args.steps)
    running: dict[str, float] = {}
    while step < end:
        started = time.perf_counter()
        rng = np.random.default_rng([args.seed, step])
        generator = torch.Generator().manual_seed(args.seed * 1_000_003 + step)
        torch.manual_seed(args.seed * 1_000_003 + step)  # patch dropout draws from it
        share = args.patch_dropout if step < 0.8 * args.steps else 0.0
        model.visual.patch_dropout = PatchDropout(share) if share else nn.Identity()
        for optimizer in optims:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, args.steps, args.lr)
        rows = data.batch(args.batch_size, rng)
        with torch.autocast(device.type, torch.bfloat16):
            parts = loss_of(model, data, rows, rng, generator, args.languages)
        loss = sum(WEIGHTS[name] * value for name, value in parts.items())
        for optimizer in optims:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optims:
            optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
        step += 1
        seconds += time.perf_counter() - started
        for name, value in parts.items():
            running[name] = 0.95 * running.get(name, value.item()) + 0.05 * value.item()
        if step % 25 == 0 or step == end:
            shown = " ".join(f"{k} {v:.3f}" for k, v in running.items())
            print(f"step {step} {shown} {seconds / step:.2f} s/step", flush=True)
        if step % 100 == 0 or step == end:
            state = {
                "model": model.state_dict(),
                "step": step,
                "seconds": seconds,
                "optimizers": [o.state_dict() for o in optims],
                "settings": settings,
                "schedule": schedule,
            }
            with whole_file(checkpoint) as temporary:
                torch.save(state, temporary)
        if step % 200 == 0:
            with torch.autocast(device.type, torch.bfloat16):
                line = {"step": step, "seconds": round(seconds), **evaluate(model, data)}
            with (args.work / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
