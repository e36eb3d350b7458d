"""Train the network `digits` on scikit-learn's handwritten digits and write its integer parameters.

    python -m network.training.digits [--out params/digits.npz] [--seed N] [--epochs N]

Run from the root of the repository. The same seed, PyTorch build and kind of processor give the same bytes. The held-out images
are used once, with the final parameters; architecture and schedule were chosen on parts of the training images.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

try:
    import torch
except ModuleNotFoundError as error:
    if __name__ != "__main__":
        raise
    sys.exit(f"error: {error.name}: not installed\n  why: networks are trained in PyTorch\n  fix: pip install -e '.[train]'")
from torch import Tensor
from torch.nn import functional

import network
from codegen.cli import console
from codegen.cli.options import argument, output, whole
from network import parameters, reference
from network.images import digits
from network.training.quantize import TrainableNetwork

DESCRIPTION = Path("configs/digits.yaml")
THREADS = 2  # fixed, because the order of floating-point sums depends on it
BATCH = 96
PEAK_RATE = 0.015  # high for Adam: a bipolar weight changes only when its real weight crosses zero
WARM_UP = 0.1  # of all steps; after it the rate falls along a cosine to zero, and the signs settle
SMOOTHING = 0.1  # of the labels, so that images already classified correctly do not keep flipping signs


def as_tensor(images: NDArray[np.uint8]) -> Tensor:
    """uint8 (n, height, width, channels) to float32 (n, channels, height, width), 0 to 255."""
    return torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32))


def augmented(images: Tensor, generator: torch.Generator) -> Tensor:
    """Augmented digits (n, 1, height, width): moved, rotated, sheared, resized, bent, darker or lighter.

    Lengths are in half image widths (the 8 pixels of a digit are 2), angles in radians.
    """

    def uniform(*shape: int, reach: float) -> Tensor:
        return (torch.rand(len(images), *shape, generator=generator) * 2 - 1) * reach

    angle, shear, move = uniform(reach=0.2), uniform(reach=0.15), uniform(2, reach=0.16)
    width, height = 1 + uniform(reach=0.12), 1 + uniform(reach=0.12)
    cos, sin = angle.cos(), angle.sin()
    affine = torch.stack([width * cos, width * (shear - sin), move[:, 0], height * sin, height * cos, move[:, 1]], dim=1)
    grid = functional.affine_grid(affine.view(-1, 2, 3), list(images.shape), align_corners=False)
    bend = functional.interpolate(uniform(2, 3, 3, reach=0.12), size=images.shape[2:], mode="bicubic", align_corners=True)
    moved = functional.grid_sample(images, grid + bend.permute(0, 2, 3, 1), align_corners=False)
    return (moved * (1 + uniform(1, 1, 1, reach=0.1))).round().clamp(0, 255)


def train(net: TrainableNetwork, images: Tensor, labels: Tensor, *, epochs: int, generator: torch.Generator) -> None:
    """Train in place, and print the loss twenty times; the result is the state after the last step."""
    optimizer = torch.optim.Adam(net.parameters(), lr=PEAK_RATE)
    steps = epochs * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps, pct_start=WARM_UP, cycle_momentum=False)
    net.train()
    for epoch in range(1, epochs + 1):
        fresh = augmented(images, generator)
        losses = []
        order = torch.randperm(len(images), generator=generator)
        for first in range(0, len(order), BATCH):
            chosen = order[first : first + BATCH]
            loss = functional.cross_entropy(net(fresh[chosen]), labels[chosen], label_smoothing=SMOOTHING)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            net.confine()
            losses.append(loss.item())
        if epoch % max(1, epochs // 20) == 0:
            print(f"epoch {epoch:3} of {epochs}: loss {np.mean(losses):.3f}", flush=True)
    net.eval()


def float_right(net: TrainableNetwork, images: Tensor, labels: Tensor) -> int:
    """How many images the module classifies as labelled, before folding."""
    with torch.no_grad():
        return int((net(images).argmax(dim=1) == labels).sum())


def integer_right(described: network.Network, arrays: parameters.Parameters, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> int:
    """How many images the reference arithmetic classifies as labelled."""
    predicted = reference.trace(described, arrays, images)["labels"][:, 0]
    return int((predicted == labels).sum())


def main() -> None:
    console.degrade()
    parser = argparse.ArgumentParser(description="Train the network digits and write its integer parameters.")
    written = output("--out", "the parameters are written to it")
    seed, epochs = whole("--seed", 0, 2**63 - 1, "it starts the generator"), whole("--epochs", 1, 1_000_000, "it counts passes")
    parser.add_argument("--out", type=argument(written), default=Path("params/digits.npz"), help="the file to write (%(default)s)")
    parser.add_argument("--seed", type=argument(seed), default=1, help="of initial weights, order and augmentation (%(default)s)")
    parser.add_argument("--epochs", type=argument(epochs), default=400, help="passes over the training images (%(default)s)")
    options = parser.parse_args()

    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(options.seed)
    generator = torch.Generator().manual_seed(options.seed)

    try:
        described = network.load(DESCRIPTION)
    except network.DescriptionError as error:
        sys.exit(f"error: {error}, and start in the root of the repository")
    try:
        training, held_out = digits()
    except network.ParameterError as error:  # the package that ships them is not there
        sys.exit(f"error: {error}")
    net = TrainableNetwork(described)
    images, labels = as_tensor(training[0]), torch.from_numpy(training[1])
    started = time.monotonic()
    train(net, images, labels, epochs=options.epochs, generator=generator)
    print(f"trained in {time.monotonic() - started:.0f} s")

    parameters.save(options.out, net.fold())
    arrays = parameters.load(described, options.out)  # with all checks, as every user of the file loads it
    of_training = integer_right(described, arrays, *training)
    of_held_out = integer_right(described, arrays, *held_out)
    print(f"float,   training: {float_right(net, images, labels)} of {len(labels)}")
    print(f"integer, training: {of_training} of {len(labels)}")
    print(f"integer, held out: {of_held_out} of {len(held_out[1])} ({of_held_out / len(held_out[1]):.2%})")
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
