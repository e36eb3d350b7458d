"""The constants of units, as the memories they are in: a row of every memory is read at once, each cycle or each output fold."""

from __future__ import annotations

from constants.layout import LOAD_BITS, Role
from constants.scaling import Scaling
from dataflow.unit import Constants
from network import formats
from network.arrays import key
from network.formats import Format
from network.layers import ROM, Fold, Holding
from network.operations import Activation


def weight_constants(name: str, layer: str, fold: Fold, form: Format, tiles: int, holding: Holding = ROM) -> Constants:
    """The weights of all PEs in a cycle are a row: PE 0's first, its first input lowest."""
    row = fold.pe * fold.taps * fold.simd * form.bits
    return Constants(
        name=f"{name}_weights",
        role=Role.WEIGHTS,
        key=key(layer, "weights"),
        pe=fold.pe,
        simd=fold.simd,
        taps=fold.taps,
        format=form,
        words=tiles,
        row_bits=row,
        element_bits=min(row, LOAD_BITS),
        holding=holding,
    )


def threshold_constants(name: str, layer: str, activation: Activation, lanes: int, holding: Holding = ROM) -> Constants:
    """The thresholds of all lanes in an output fold are a row: those of lane 0 first, in ascending order."""
    bits = sum_bits(*activation.reach)
    return Constants(
        name=f"{name}_thresholds",
        role=Role.THRESHOLDS,
        key=key(layer, "thresholds"),
        pe=lanes,
        activation=activation,
        words=activation.shape.channels // lanes,
        row_bits=lanes * activation.codes.thresholds * bits,
        element_bits=bits,
        holding=holding,
    )


def base_constants(name: str, layer: str, activation: Activation, lanes: int, holding: Holding = ROM) -> Constants:
    """The bases of all lanes in an output fold are a row."""
    low, high = activation.reach
    bits = formats.holding(low - activation.codes.thresholds, high).bits
    return Constants(
        name=f"{name}_bases",
        role=Role.BASES,
        key=key(layer, "thresholds"),
        pe=lanes,
        activation=activation,
        words=activation.shape.channels // lanes,
        row_bits=lanes * bits,
        element_bits=bits,
        holding=holding,
    )


def code_constants(name: str, layer: str, activation: Activation, lanes: int, beside: int = 1, holding: Holding = ROM) -> Constants:
    """The codes of all values, in a memory for each lane of each of the pixels beside one another: those of the first output fold first."""
    bits = activation.codes.bits
    return Constants(
        name=f"{name}_codes",
        role=Role.CODES,
        key=key(layer, "thresholds"),
        pe=beside * lanes,
        activation=activation,
        apart=True,
        words=activation.shape.channels // lanes << activation.values.bits,
        row_bits=beside * lanes * bits,
        element_bits=bits,
        holding=holding,
    )


def level_constants(
    name: str, layer: str, activation: Activation, lanes: int, beside: int = 1, holding: Holding = ROM
) -> tuple[Constants, ...]:
    """The thresholds of each step of a binary search. Those of the first are a row for all lanes; from then on every lane has a memory of
    its own, of twice as many words in each step, for what it compares with depends on what it has found."""
    bits = sum_bits(*activation.reach)

    def of(level: int, pe: int) -> Constants:
        return Constants(
            name=f"{name}_level{level}",
            role=Role.LEVELS,
            key=key(layer, "thresholds"),
            pe=pe,
            activation=activation,
            level=level,
            apart=level > 0,
            words=activation.shape.channels // lanes << level,
            row_bits=pe * bits,
            element_bits=bits,
            holding=holding,
        )

    return (of(0, lanes), *(of(level, beside * lanes) for level in range(1, activation.codes.bits)))


def scaling_constants(
    name: str, layer: str, activation: Activation, lanes: int, scaling: Scaling, holding: Holding = ROM
) -> tuple[Constants, Constants]:
    """The multipliers of all lanes in an output fold are a row, and so are their biases."""

    def held(role: Role, bits: int) -> Constants:
        return Constants(
            name=f"{name}_{role.value}",
            role=role,
            key=key(layer, "thresholds"),
            pe=lanes,
            activation=activation,
            scaling=scaling,
            words=activation.shape.channels // lanes,
            row_bits=lanes * bits,
            element_bits=bits,
            holding=holding,
        )

    return held(Role.MULTIPLIERS, scaling.multiplier), held(Role.BIASES, scaling.bias)


def bias_constants(name: str, layer: str, lanes: int, classes: int, bits: int, holding: Holding = ROM) -> Constants:
    """The bias of all lanes in an output fold is a row."""
    return Constants(
        name=f"{name}_bias",
        role=Role.BIAS,
        key=key(layer, "bias"),
        pe=lanes,
        words=classes // lanes,
        row_bits=lanes * bits,
        element_bits=bits,
        holding=holding,
    )


def factor_constants(
    name: str, layer: str, lanes: int, channels: int, form: Format, *, of_a_channel: int = 1, holding: Holding = ROM
) -> Constants:
    """The factors of all lanes in an output fold are a row: those of lane 0 first, where there are more of a channel."""
    return Constants(
        name=f"{name}_factors",
        role=Role.FACTORS,
        key=key(layer, "factors"),
        pe=lanes,
        words=channels // lanes,
        row_bits=lanes * of_a_channel * form.bits,
        element_bits=form.bits,
        holding=holding,
    )


def sum_bits(low: int, high: int) -> int:
    """Bits of a two's complement number from `low` to one above `high`: the range of thresholds that matter."""
    return 1 + max(high + 1, -low - 1).bit_length()
