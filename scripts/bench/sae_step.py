#!/usr/bin/env python3
"""Time a training step of a TopK SAE, ours and others', side by side.

    python scripts/bench/sae_step.py --json
    python scripts/bench/sae_step.py --check

One process takes a step of each candidate in turn, many times; its time is the median.
float32; steps are whole: decoder gradients projected, gradients clipped, Adam, decoder rows
scaled, dead latents counted. Each is timed without and with AuxK (d_in / 2 dead latents).

ours
    What `mmfeat train` does with a batch of one stream.
encoder matmul
    `x W_enc + b_enc` alone, into memory that is there already.
dense autograd
    The same step written plainly: codes in a dense table, torch's autograd.
sparsify, saelens, saelens sparse  (`--peers`, where they are installed)
    Their SAEs with the step of their trainers: sparsify (eai-sparsify) with Adam; it clips no
    gradient. SAELens as it comes, and with `use_sparse_activations`, which works on a CPU
    without `rescale_acts_by_decoder_norm` only.

All begin with the dictionary that the rows are made of, sums of k of its atoms, and learn too
slowly to leave it. A tenth of the latents is dead: their atoms are in no row. The share of
latents that fire on the rows is printed, and must be 80 % or more.

vs_encoder_matmul is our time over the product's, the other ratios are their time over ours.
peak_bytes is what two steps add to the peak memory of a process with one candidate (Linux).
`--check` trains ours and dense autograd from one random start, and compares losses.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mmfeat.sae.memory import keep_freed_memory
from mmfeat.sae.settings import load_settings

if TYPE_CHECKING:
    from torch import Tensor

    Step = Callable[[Tensor], float]

SHAPES = ("512,16384,32,2048", "768,24576,32,4096")
BATCHES, WARM = 4, 3
DEAD, DEAD_AFTER, AUX_WEIGHT, CLIP = 0.1, 200, 1 / 32, 1.0
LR = 1e-6  # every round measures the same
ALIVE = 0.8
CHECK_SHAPE, CHECK_STEPS, CHECK_LR, CHECK_LIMIT = "64,512,8,256", 200, 3e-4, 1e-3
PRODUCT = "encoder matmul"
PEERS = {"sparsify": "sparsify", "saelens": "sae_lens", "saelens sparse": "sae_lens"}


class Shape(NamedTuple):
    """Sizes of a step."""

    d_in: int
    d_sae: int
    k: int
    rows: int

    @classmethod
    def parse(cls, text: str) -> Shape:
        """Read ``d_in,d_sae,k,rows``."""
        try:
            return cls(*map(int, text.split(",")))
        except (TypeError, ValueError):
            message = f"{text!r} is not of the form d_in,d_sae,k,rows"
            raise argparse.ArgumentTypeError(message) from None

    def __str__(self) -> str:
        return ",".join(map(str, self))


@dataclass(frozen=True)
class Case:
    """Rows, and what every candidate begins with."""

    shape: Shape
    encoder: Tensor  # [d_sae, d_in]
    decoder: Tensor  # [d_sae, d_in]
    dead: Tensor  # bool [d_sae]
    batches: tuple[Tensor, ...]  # [rows, d_in]
    lr: float

    def alive(self) -> float:
        """Return the share of latents that fire on the rows; no dead one may."""
        import torch

        fired = torch.zeros_like(self.dead)
        for x in self.batches:
            for block in x.split(256):
                values, latents = (block @ self.encoder.T).topk(self.shape.k, dim=1)
                fired[latents[values > 0]] = True
        if bool((fired & self.dead).any()):
            raise SystemExit(f"{self.shape}: dead latents fire; give more d_in or a smaller k.")
        return float(fired.float().mean())


def make(
    shape: Shape, device: str, lr: float = LR, batches: int = BATCHES, known: bool = True
) -> Case:
    """Make rows from a random dictionary, which the SAEs know already or not."""
    import torch
    from torch.nn import functional as F

    torch.manual_seed(0)
    atoms = F.normalize(torch.randn(shape.d_sae, shape.d_in), dim=1)
    dead = torch.arange(shape.d_sae) >= round((1 - DEAD) * shape.d_sae)
    rows = []
    for _ in range(batches):
        chosen = torch.randint(0, int((~dead).sum()), (shape.rows, shape.k))
        x = F.embedding_bag(chosen, atoms, per_sample_weights=1 + torch.rand(chosen.shape),
                            mode="sum")  # fmt: skip
        rows.append((x + 0.01 * torch.randn_like(x)).to(device))
    decoder = atoms if known else F.normalize(torch.randn_like(atoms), dim=1)
    # What a dead latent sees is too weak to be among the k strongest, but not 0.
    encoder = torch.where(dead[:, None], 0.25 * decoder, decoder)
    first = (tensor.to(device) for tensor in (encoder, decoder, dead))
    return Case(shape, *first, tuple(rows), lr)


def ours(case: Case, auxk: bool) -> Step:
    import torch

    from mmfeat.sae.batch import PairBatch
    from mmfeat.sae.step import Training

    d_in, d_sae, k, count = case.shape
    view, device = "image.pooled", case.encoder.device
    options = {
        "streams": [view],
        "sae.d_sae": d_sae,
        "sae.k": k,
        "optimiser.steps": 10**6,
        "optimiser.lr": case.lr,
        "optimiser.decay": 0,
        "optimiser.clip": CLIP,
        "optimiser.aux_k": d_in // 2 if auxk else 0,
        "optimiser.aux_weight": AUX_WEIGHT,
        "optimiser.dead_after": DEAD_AFTER,
    }
    training = Training(d_in, load_settings(None, options), device)
    (sae,) = training.modules
    with torch.no_grad():
        sae.W_enc.copy_(case.encoder.T)
        sae.W_dec.copy_(case.decoder)
    training.silence.steps[view, -1] = DEAD_AFTER * case.dead.long()
    number = torch.arange(count, device=device)
    language, weight = torch.full_like(number, -1), torch.ones(count, device=device)
    steps = itertools.count()

    def step(x: Tensor) -> float:
        batch = PairBatch({view: x}, {view: language}, {view: weight}, number, number)
        return training.step(batch, next(steps))

    return step


def encoder_matmul(case: Case, auxk: bool) -> Step:
    import torch

    shape, table = case.shape, case.encoder
    found, bias = table.new_empty(shape.rows, shape.d_sae), table.new_zeros(shape.d_sae)

    def step(x: Tensor) -> float:
        torch.addmm(bias, x, table.T, out=found)
        return 0.0

    return step


def dense_autograd(case: Case, auxk: bool) -> Step:
    import torch

    d_in, d_sae, k, _ = case.shape
    W_enc, W_dec = case.encoder.T.contiguous(), case.decoder.clone()
    b_enc, b_dec = W_enc.new_zeros(d_sae), W_dec.new_zeros(d_in)
    parameters = [p.requires_grad_() for p in (W_enc, b_enc, W_dec, b_dec)]
    adam = torch.optim.Adam(parameters, lr=case.lr, fused=True)
    silent = DEAD_AFTER * case.dead.long()

    def codes(pre: Tensor, active: int) -> tuple[Tensor, Tensor]:
        values, latents = pre.topk(active, dim=1, sorted=False)
        return torch.zeros_like(pre).scatter_(1, latents, values.relu()), latents[values > 0]

    def step(x: Tensor) -> float:
        pre = torch.addmm(b_enc, x, W_enc)
        z, fired = codes(pre, k)
        left = x - torch.addmm(b_dec, z, W_dec)
        error = loss = left.square().sum(1).mean() / d_in
        silent.add_(1)
        silent[fired] = 0
        dead = (silent >= DEAD_AFTER).nonzero().squeeze(1)
        if auxk and len(dead):
            left = left.detach()
            guess = codes(pre[:, dead], min(d_in // 2, len(dead)))[0] @ W_dec[dead]
            loss = loss + AUX_WEIGHT * (guess - left).square().sum() / left.square().sum()
        adam.zero_grad()
        loss.backward()
        with torch.no_grad():
            W_dec.grad -= (W_dec.grad * W_dec).sum(1, keepdim=True) * W_dec
        torch.nn.utils.clip_grad_norm_(parameters, CLIP / d_in)
        adam.step()
        with torch.no_grad():
            W_dec.div_(W_dec.norm(dim=1, keepdim=True))
        return error.item()

    return step


def sparsify(case: Case, auxk: bool) -> Step:
    import torch

    if case.encoder.device.type == "cpu":
        os.environ["SPARSIFY_DISABLE_TRITON"] = "1"
    with contextlib.redirect_stdout(sys.stderr):
        from sparsify import SparseCoder, SparseCoderConfig

    d_in, d_sae, k, rows = case.shape
    sae = SparseCoder(d_in, SparseCoderConfig(num_latents=d_sae, k=k), case.encoder.device)
    with torch.no_grad():
        sae.encoder.weight.copy_(case.encoder)
        sae.W_dec.copy_(case.decoder)
    adam = torch.optim.Adam(sae.parameters(), lr=case.lr)
    silent = DEAD_AFTER * rows * case.dead.long()
    did_fire = torch.zeros_like(case.dead)

    def step(x: Tensor) -> float:
        sae.set_decoder_norm_to_unit_norm()
        dead = silent > (DEAD_AFTER - 1) * rows if auxk else None
        out = sae(x, dead_mask=dead, total_variance=(x - x.mean(0)).pow(2).sum())
        did_fire[out.latent_indices.flatten()] = True
        error = float(out.fvu.detach())
        (out.fvu + AUX_WEIGHT * out.auxk_loss).backward()
        sae.remove_gradient_parallel_to_decoder_directions()
        adam.step()
        adam.zero_grad()
        silent.add_(rows)
        silent[did_fire] = 0
        did_fire.zero_()
        return error

    return step


def saelens(case: Case, auxk: bool, sparse: bool = False) -> Step:
    import torch
    from sae_lens import TopKTrainingSAE, TopKTrainingSAEConfig
    from sae_lens.config import SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer

    d_in, d_sae, k, rows = case.shape
    device = case.encoder.device.type
    # The slope of a sparse code over the decoder's norms is not there in torch.
    form = {"use_sparse_activations": sparse, "rescale_acts_by_decoder_norm": not sparse}
    config = TopKTrainingSAEConfig(d_in=d_in, d_sae=d_sae, k=k, device=device, **form)
    sae = TopKTrainingSAE(config)
    with torch.no_grad():
        sae.W_enc.copy_(case.encoder.T)
        sae.W_dec.copy_(case.decoder)
    options = SAETrainerConfig(
        total_training_samples=10**6 * rows,
        train_batch_size_samples=rows,
        lr=case.lr,
        lr_end=case.lr,
        device=device,
        dead_feature_window=DEAD_AFTER - 1,
    )
    trainer = SAETrainer(options, sae, iter(case.batches))
    if auxk:  # it has no other switch than that nothing is dead
        trainer.n_forward_passes_since_fired += DEAD_AFTER * case.dead

    def step(x: Tensor) -> float:
        loss = trainer.step(x).loss
        trainer.n_training_steps += 1
        return float(loss.detach())

    return step


CANDIDATES: dict[str, Callable[[Case, bool], Step]] = {
    "ours": ours,
    PRODUCT: encoder_matmul,
    "dense autograd": dense_autograd,
    "sparsify": sparsify,
    "saelens": saelens,
    "saelens sparse": lambda case, auxk: saelens(case, auxk, sparse=True),
}


def synchronise() -> None:
    import torch

    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def seconds(case: Case, names: list[str], repeats: int) -> dict[tuple[str, bool], float]:
    """Return the median time of a step of each candidate, without and with AuxK."""
    kinds = [(name, auxk) for name in names for auxk in (False, True)]
    steps = {kind: CANDIDATES[kind[0]](case, kind[1]) for kind in kinds if kind != (PRODUCT, True)}
    took: dict[tuple[str, bool], list[float]] = {kind: [] for kind in steps}
    for turn in range(WARM + repeats):
        x = case.batches[turn % BATCHES]
        for kind, step in steps.items():
            synchronise()
            begin = time.perf_counter()
            step(x)
            synchronise()
            if turn >= WARM:
                took[kind].append(time.perf_counter() - begin)
    return {kind: statistics.median(times) for kind, times in took.items()}


def peak() -> int:
    import torch

    if torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated()
    # Not getrusage's, which a process inherits from the one that starts it.
    status = Path("/proc/self/status").read_text("ascii").split()
    return 1024 * int(status[status.index("VmHWM:") + 1])


def memory(shape: Shape, name: str, auxk: bool, device: str) -> int:
    """Return what a candidate's first steps add to this process's peak."""
    small = make(Shape(16, 64, 2, 8), device)
    CANDIDATES[name](small, auxk)(small.batches[0])  # imports, threads
    case = make(shape, device)
    before = peak()
    step = CANDIDATES[name](case, auxk)
    for x in case.batches[:2]:
        step(x)
    return peak() - before


def memory_apart(shape: Shape, name: str, auxk: bool, args: argparse.Namespace) -> int:
    kind = ["--memory", name, *(["--auxk"] if auxk else [])]
    where = ["--shape", str(shape), "--threads", str(args.threads), "--device", args.device]
    command = [sys.executable, __file__, *where, *kind]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measured(shape: Shape, names: list[str], args: argparse.Namespace) -> dict[str, object]:
    case = make(shape, args.device)
    alive = case.alive()
    if alive < ALIVE:
        raise SystemExit(f"{shape}: {alive:.0%} of the latents are alive; give more rows.")
    times = seconds(case, names, args.repeats)
    result: dict[str, object] = {"alive": alive, "dead": float(case.dead.float().mean())}
    for end, auxk in (("", False), ("_auxk", True)):
        own = times["ours", auxk]
        result[f"vectors_per_s{end}"] = shape.rows / own
        result[f"vs_encoder_matmul{end}"] = own / times[PRODUCT, False]
        for name in names:
            if name not in ("ours", PRODUCT):
                result[f"vs_{name.replace(' ', '_')}{end}"] = times[name, auxk] / own
    kinds = {f"{name}{' auxk' if auxk else ''}": (name, auxk) for name, auxk in times}
    result["seconds"] = {label: times[kind] for label, kind in kinds.items()}
    result["peak_bytes"] = {
        label: memory_apart(shape, *kind, args) for label, kind in kinds.items()
    }
    return result


def check(device: str) -> dict[str, float]:
    """Return the largest relative difference of the losses of ours and dense autograd.

    Every batch is new: steps on the same few rows magnify rounding until a support differs.
    """
    case = make(Shape.parse(CHECK_SHAPE), device, CHECK_LR, CHECK_STEPS, known=False)
    found = {}
    for name, auxk in (("plain", False), ("auxk", True)):
        own, dense = ours(case, auxk), dense_autograd(case, auxk)
        losses = [(own(x), dense(x)) for x in case.batches]
        found[name] = max(abs(a - b) / b for a, b in losses)
    return found


def table(shape: str, result: dict[str, object]) -> None:
    times, peaks = result["seconds"], result["peak_bytes"]
    print(f"d_in,d_sae,k,rows {shape}: {result['alive']:.1%} of the latents alive")
    print(f"  {'':<22}{'ms a step':>12}{'vectors/s':>12}{'peak MiB':>12}")
    for label, took in times.items():
        rate = Shape.parse(shape).rows / took
        print(f"  {label:<22}{1e3 * took:>12.1f}{rate:>12,.0f}{peaks[label] / 2**20:>12,.0f}")
    for name, value in result.items():
        if name.startswith("vs_"):
            print(f"  {name:<30}{value:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--shape", type=Shape.parse, action="append", help=f"repeatable; {' and '.join(SHAPES)}"
    )
    parser.add_argument("--peers", action="store_true", help="also sparsify and SAELens")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--check", action="store_true", help="compare losses, time nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--memory", choices=CANDIDATES, help=argparse.SUPPRESS)
    parser.add_argument("--auxk", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()

    import torch  # not before: --help needs none

    torch.set_num_threads(args.threads)
    keep_freed_memory()  # as a training does
    shapes = args.shape or [Shape.parse(shape) for shape in SHAPES]
    if args.memory:
        print(memory(shapes[0], args.memory, args.auxk, args.device))
        return
    if args.check:
        found = check(args.device)
        limit = f"{CHECK_STEPS} steps, {CHECK_SHAPE}; at most {CHECK_LIMIT:g}"
        lines = [f"{name:<8}losses differ by {v:.1e} ({limit})" for name, v in found.items()]
        print(json.dumps({"losses_differ": found}) if args.json else "\n".join(lines))
        sys.exit(max(found.values()) > CHECK_LIMIT)
    absent = {name for name, package in PEERS.items() if not (args.peers and find_spec(package))}
    if args.peers and absent:
        print(f"not installed: {', '.join(sorted(absent))}", file=sys.stderr)
    names = [name for name in CANDIDATES if name not in absent]
    results = {str(shape): measured(shape, names, args) for shape in shapes}
    if args.json:
        how = {"threads": args.threads, "repeats": args.repeats, "device": args.device}
        print(json.dumps({**how, "torch": torch.__version__, "shapes": results}))
        return
    for shape, result in results.items():
        table(shape, result)


if __name__ == "__main__":
    main()
