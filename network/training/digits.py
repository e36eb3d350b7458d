"""Train the network `digits` on scikit-learn's handwritten digits and write its integer parameters.

    python -m network.training.digits [--out params/digits.npz] [--seed N] [--epochs N]

Same seed, same PyTorch build, same processor family: the same bytes. The held-out images are looked at once, at the end, with the
final weights; architecture and schedule were chosen on a part of the training images.
"""

from __future__ import annotations

import argparse
import io
import os
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional

from network import digits_data
from network.training.quantize import BipolarConv, Classifier, Entry, Int8Conv, Padding, Threshold, ThresholdConv

DESCRIPTION = Path("configs/digits.yaml")
THREADS = 2  # fixed: the order of float sums depends on it
BATCH = 96
PEAK_RATE = 4e-3
FROZEN_EPOCHS = 0.15  # last part of the schedule, batch norms fixed: the integers are trained as they will be folded
ACT_BITS, RESIDUAL_BITS, ZERO_POINT = 2, 4, 8
ACT_SCALE, RESIDUAL_SCALE = 1.3, 2.0  # codes per standard deviation at the start


class Block(nn.Module):
    def __init__(self, name: str, spec: Mapping[str, Any], *, inputs: int, has_entry: bool) -> None:
        super().__init__()
        self.name = name
        act_top = 2**ACT_BITS - 1
        self.entry = Entry(inputs, residual_bits=RESIDUAL_BITS, bits=ACT_BITS, scale=ACT_SCALE) if has_entry else None
        names = [key for key in spec if key.startswith("conv")]
        self.convs = nn.ModuleDict()
        channels = inputs
        for key in names:
            s = spec[key]
            k = s["kernel"]
            conv = BipolarConv(channels, s["out"], kernel=k, stride=s.get("stride", 1), padding=Padding((k - 1) // 2, (k - 1) // 2))
            channels = s["out"]
            last = key == names[-1]
            th = Threshold(channels, bits=RESIDUAL_BITS, zero_point=ZERO_POINT, scale=RESIDUAL_SCALE) if last else Threshold(channels, bits=ACT_BITS, scale=ACT_SCALE)
            self.convs[key] = ThresholdConv(conv, th, input_top=act_top)
        self.bypass = None
        if spec["bypass"] != "identity":
            conv = BipolarConv(inputs, channels, kernel=1, stride=spec["bypass"].get("stride", 1), padding=Padding(0, 0))
            self.bypass = ThresholdConv(conv, Threshold(channels, bits=RESIDUAL_BITS, zero_point=ZERO_POINT, scale=RESIDUAL_SCALE), input_top=act_top)
        self.outputs = channels

    def forward(self, codes: Tensor) -> Tensor:
        x = codes if self.entry is None else self.entry(codes)
        bypass = codes if self.bypass is None else self.bypass(x)
        for c in self.convs.values():
            x = c(x)
        return (x + bypass - ZERO_POINT).clamp(0, 2**RESIDUAL_BITS - 1)


class Net(nn.Module):
    def __init__(self, d: Mapping[str, Any]) -> None:
        super().__init__()
        s = d["stem"]["conv"]
        k = s["kernel"]
        self.stem = ThresholdConv(
            Int8Conv(1, s["out"], kernel=k, stride=1, padding=Padding((k - 1) // 2, (k - 1) // 2)),
            Threshold(s["out"], bits=ACT_BITS, scale=ACT_SCALE),
            input_top=255,
        )
        self.pool = d["stem"]["pool"]
        blocks = []
        c = s["out"]
        for i, (name, spec) in enumerate(d["blocks"].items()):
            blocks.append(Block(name, spec, inputs=c, has_entry=i > 0))
            c = blocks[-1].outputs
        self.blocks = nn.ModuleList(blocks)
        self.head = Classifier(c, len(d["labels"]), zero_point=ZERO_POINT, sum_scale=1 / 16)

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)
        p = self.pool
        x = functional.max_pool2d(Padding(*p["pad"]).apply(x), p["kernel"], p["stride"])
        for b in self.blocks:
            x = b(x)
        return self.head(x)

    def fold(self) -> dict[str, npt.NDArray[Any]]:
        out = self.stem.fold("stem/conv")
        for b in self.blocks:
            if b.entry is not None:
                out |= b.entry.fold(f"{b.name}/entry")
            for key, c in b.convs.items():
                out |= c.fold(f"{b.name}/{key}")
            if b.bypass is not None:
                out |= b.bypass.fold(f"{b.name}/bypass")
        return out | self.head.fold("head/fc")


def augmented(images: Tensor, generator: torch.Generator) -> Tensor:
    """The same digits (n, 1, 8, 8), as another hand could have written them: moved, turned, sheared, resized, bent."""
    n = len(images)

    def uniform(*shape: int, reach: float) -> Tensor:
        return (torch.rand(n, *shape, generator=generator) * 2 - 1) * reach

    angle, shear, move = uniform(reach=0.2), uniform(reach=0.15), uniform(2, reach=0.16)
    width, height = 1 + uniform(reach=0.12), 1 + uniform(reach=0.12)
    cos, sin = angle.cos(), angle.sin()
    rows = torch.stack([width * cos, width * (shear - sin), move[:, 0], height * sin, height * cos, move[:, 1]], dim=1)
    grid = functional.affine_grid(rows.view(n, 2, 3), [n, 1, 8, 8], align_corners=False)
    bend = functional.interpolate(uniform(2, 3, 3, reach=0.12), size=(8, 8), mode="bicubic", align_corners=True)
    bent = functional.grid_sample(images, grid + bend.permute(0, 2, 3, 1), align_corners=False)
    contrast = 1 + uniform(1, 1, 1, reach=0.1)
    return (bent * contrast).round().clamp(0, 255)


def as_tensor(images: npt.NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32))


def train(net: Net, images: Tensor, labels: Tensor, *, epochs: int, generator: torch.Generator, log=None, **o) -> None:
    rate = o.get("rate", PEAK_RATE)
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    batches = -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * batches, pct_start=0.1, cycle_momentum=False)
    for epoch in range(epochs):
        net.train()
        if epoch >= epochs * (1 - o.get("frozen", FROZEN_EPOCHS)):
            for m in net.modules():
                if isinstance(m, nn.BatchNorm2d):
                    m.eval()
        order = torch.randperm(len(images), generator=generator)
        fresh = augmented(images, generator)
        total = 0.0
        for chosen in order.split(BATCH):
            loss = functional.cross_entropy(net(fresh[chosen]), labels[chosen], label_smoothing=o.get("smooth", 0.1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                for m in net.modules():
                    if type(m) is BipolarConv:
                        m.weight.clamp_(-1, 1)
            total += loss.item()
        if log and (epoch % 10 == 9):
            log(epoch, total / batches)
