"""Quantization-aware training with Brevitas, from pictures to a description and its parameters; needs the extra `train`."""

import os

# Kernels by the processor's kind give other bytes: with those of AVX2, which all have, a training is the same on all.
for _name, _value in (("ATEN_CPU_CAPABILITY", "avx2"), ("ONEDNN_MAX_CPU_ISA", "AVX2"), ("MKL_CBWR", "COMPATIBLE")):
    os.environ.setdefault(_name, _value)
