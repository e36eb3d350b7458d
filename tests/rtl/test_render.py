"""The SystemVerilog of the toy network, whole; read the difference in review as a hardware engineer would."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from constants.layout import Role
from dataflow import plan
from dataflow.cost.storage import Storage
from dataflow.units import IMPLEMENTATIONS
from network import Format, load, parameters
from network.errors import DescriptionError
from rtl.memories import memory_texts
from rtl.modules import DSPS, MODULES, instance, require_modules
from rtl.render import LIBRARY, PACKAGE, bench_file, outputs, render, top_file
from tests.activations import cases
from tests.rtl.modules import KEYWORDS, identifiers, read_module
from tests.strategies import networks, written

SOURCES = {path.stem: path.read_text() for path in LIBRARY if path != PACKAGE}


@pytest.fixture(scope="module")
def toy(toy_yaml):
    return plan(load(toy_yaml))


@pytest.fixture(scope="module")
def loaded(toy_yaml, tmp_path_factory):
    """The toy with constants that are loaded, some into UltraRAM."""
    path = tmp_path_factory.mktemp("loaded") / "toy.yaml"
    text = toy_yaml.read_text().replace("weights: stream", "weights: loaded") + "constants: loaded\n"
    path.write_text(text)
    return plan(load(path))


@pytest.mark.parametrize("name", ["stem", "res2a", "res2b", "head"])
def test_golden(toy, golden, name):
    ip = toy.ip(name)
    texts = render("toy", ip, parameters.draw(toy.network, 1))
    assert tuple(sorted(texts)) == tuple(sorted(outputs(ip)))
    golden(f"toy/rtl/{top_file(ip)}", texts[top_file(ip)])
    if name == "res2a":
        for file in (bench_file(ip), "conv1_weights.mem", "conv1_thresholds.mem"):
            golden(f"toy/rtl/{file}", texts[file])


def test_weights_on_chip(toy_yaml, golden, tmp_path):
    (tmp_path / "toy.yaml").write_text(toy_yaml.read_text().replace("weights: stream", "weights: rom"))
    design = plan(load(tmp_path / "toy.yaml"))
    golden("toy/rtl/head_rom.sv", render("toy", design.ip("head"), parameters.draw(design.network, 1))["resflow_head.sv"])


@pytest.mark.parametrize("name", ["res2a", "head"])
def test_golden_of_what_is_loaded(loaded, golden, name):
    """Nothing depends on parameters; behind the head nothing is loaded."""
    ip = loaded.ip(name)
    texts = render("toy", ip, {})
    assert set(texts) == set(outputs(ip)) == {top_file(ip), bench_file(ip)}
    golden(f"toy/rtl/{name}_loaded.sv", texts[top_file(ip)])
    if name == "head":
        golden(f"toy/rtl/{name}_loaded_tb.cpp", texts[bench_file(ip)])


@pytest.mark.parametrize("name", ["stem", "res2a", "res2c", "head"])
def test_golden_of_the_other_forms(wide_yaml, golden, name):
    design = plan(load(wide_yaml))
    ip = design.ip(name)
    texts = render("wide", ip, parameters.draw(design.network, 1))
    golden(f"wide/rtl/{top_file(ip)}", texts[top_file(ip)])
    for file in {"res2a": ("join_factors.mem",), "head": ("scale_factors.mem", "scale_bias.mem")}.get(name, ()):
        golden(f"wide/rtl/{file}", texts[file])


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_every_implementation_has_a_module_or_is_refused(toy, loaded, implementation):
    """Only what has to do with card memory has none, and its whole message says so."""
    if implementation in MODULES:
        assert f"rf_{implementation}" in SOURCES
        return
    dma = toy.ip("dma")
    unit = next(unit for design in (toy, loaded) for unit in design.ip("dma").units if unit.implementation == implementation)
    with pytest.raises(DescriptionError) as error:
        require_modules(toy.network, replace(dma, units=(unit,)))
    assert str(error.value) == (
        f"{toy.network.at}: dma.{unit.name}: {implementation} has no SystemVerilog\n"
        "  why: the library in rtl/sv has modules for what computes on streams; what moves them to and from card memory has only C++\n"
        "  fix: leave dma to C++, doit csim:dma; or write interfaces: streams, and there is no DMA"
    )


@pytest.mark.parametrize(("name", "first"), [("stem", "  pool: {kernel: 3, s"), ("res2b", "  res2b:"), ("head", "head:")])
def test_a_unit_without_a_module_is_refused_at_its_line(toy, toy_yaml, name, first):
    ip = toy.ip(name)
    require_modules(toy.network, ip)
    wrong = replace(ip, units=(*ip.units[:-1], replace(ip.units[-1], implementation="abacus")))
    with pytest.raises(DescriptionError) as error:
        require_modules(toy.network, wrong)
    (line,) = (number for number, text in enumerate(toy_yaml.read_text().splitlines(), 1) if text.startswith(first))
    assert str(error.value).startswith(f"{toy_yaml}:{line}: {name}.{ip.units[-1].name}: abacus has no SystemVerilog\n")


CHAIN_PORTS = (
    *(("input", "i"), ("input", "valid_i"), ("output", "ready_o")),
    *(("output", "o"), ("output", "valid_o"), ("input", "ready_i")),
)
"""Of modules with constants, behind all others."""


@pytest.mark.parametrize("implementation", MODULES)
def test_a_module_has_what_its_row_says(implementation):
    """Ports of its streams in the order and form of every module; parameters that are set, and no others without a reason."""
    module = MODULES[implementation]
    found = read_module(SOURCES[f"rf_{implementation}"])
    assert found.name == f"rf_{implementation}"
    ports = [("input", "clk_i"), ("input", "rst_ni")]
    for name in module.reads:
        ports += [("input", f"{name}_i"), ("input", f"{name}_valid_i"), ("output", f"{name}_ready_o")]
    for name in module.writes:
        ports += [("output", f"{name}_o"), ("output", f"{name}_valid_o"), ("input", f"{name}_ready_i")]
    holds = any(name.endswith("File") for name in found.parameters)
    chain = [(direction, f"constants_{name}") for direction, name in CHAIN_PORTS]
    assert list(found.ports) == ports + chain * holds
    expected = {*module.parameters, *(f"{name}Bits" for name in module.formats), *(f"{name}Signed" for name in module.signed)}
    expected |= {f"{name.capitalize()}{each}" for name in module.writes for each in ("Depth", "Style")}
    expected |= {"WeightBipolar"} & {f"{name}Bipolar" for name in module.signed}
    expected |= {*(f"{name}Signed" for name in module.unsigned), *module.lists}
    of_memories = {name for name in found.parameters if re.fullmatch(r"\w+(Block|Ultra|File|Style)|(Thresholds|Bases|Levels)Bits", name)}
    loaded = {"Firings", "ConstantsDepth", "ConstantsStyle"}
    assert expected | (loaded if holds else set()) <= set(found.parameters) <= expected | of_memories | loaded
    assert all(name.replace("Block", "Ultra") in found.parameters for name in of_memories if name.endswith("Block"))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Designs of random networks: every IP that there may be, by its names and parameters."""
    found = []

    @settings(max_examples=60, phases=[Phase.generate], suppress_health_check=[*HealthCheck], database=None)
    @given(networks(blocks=3, loaded=True))
    def collect(description):
        found.append(plan(written(description, tmp_path_factory.getbasetemp())))

    collect()
    return found


WITHOUT = {
    "dense": [{"BiasBlock", "BiasFile"}, {*DSPS}],
    "join_sum": [{"Rows", "Pairs", "FactorBits", "FactorsBlock", "FactorsFile"}],
    "mvau": [{*DSPS}],
    "mvu": [{*DSPS}],
}
"""Parameters that a unit without bias, factors or DSPs does not set."""


def test_instances_set_parameters_and_ports_that_modules_have(drawn):
    """Each once, every port, and every parameter but those whose default is the common case, and the styles of FIFOs that are none."""
    headers = {name: read_module(text) for name, text in SOURCES.items()}
    seen = set()
    alone = [case.alone.ip for case in cases(1).values()]  # what no layout chooses yet, and orders of pixels
    for ip in [ip for design in drawn for ip in design.parts] + alone:
        for unit in ip.units:
            made = instance(ip, unit)
            header = headers[made.module]
            ports = Counter(name for row in made.connections for name in row)
            into, onward = ([f"constants_{name}" for _, name in each] for each in (CHAIN_PORTS[:3], CHAIN_PORTS[3:]))
            left_open = {*([] if unit.loads else into), *([] if unit.passes_loads else onward)}
            assert ports == Counter(name for _, name in header.ports if name not in left_open)
            values = Counter(name for row in made.parameters for name in row)
            assert set(values.values()) == {1}
            assert set(values) <= set(header.parameters)
            left = {name for name in header.parameters if name not in values and not name.endswith("Style")}
            of_rom, of_loaded = ({name for name in header.parameters if name.endswith(kind)} for kind in ("File", "Ultra"))
            of_loaded.add("Firings")
            assert not (of_rom if unit.loads else of_loaded) & set(values)
            left -= of_rom if unit.loads else of_loaded
            left -= set() if unit.passes_loads else {"ConstantsDepth"}
            module = MODULES[unit.implementation]
            for without in WITHOUT.get(unit.implementation, []):
                assert left & without in (set(), without)
                left -= without
            left -= {*(f"{name}Signed" for name in module.unsigned), *module.lists}
            kinds = {"WeightSigned", "WeightBipolar"} & set(header.parameters)
            assert left == kinds - set(values), f"{made.module} has a default of {left}"
            assert len(kinds - left) == bool(kinds), "weights are of one kind"
            seen.add(unit.implementation)
    assert seen == set(MODULES)


def test_no_name_is_there_twice_or_a_keyword(drawn):
    """Names within an IP are of streams, layers and ports, and none of them comes from the description but `<block>`."""
    for design in drawn:
        arrays = parameters.draw(design.network, 1)
        for ip in design.parts:
            text = render("drawn", ip, arrays)[top_file(ip)]
            names = Counter(identifiers(text))
            assert max(names.values()) == 1, names.most_common(3)
            assert not set(names) & KEYWORDS
            assert not set(names) & set(SOURCES), "a module of the library is called so"
            files = Counter(outputs(ip))
            assert max(files.values()) == 1, files.most_common(3)


def test_files_of_every_block_name_differ_from_those_of_a_simulation(toy):
    """Beside them lie folders and what the simulation writes."""
    taken = {"sv", "include", "vectors", "gaps", "verilated", "simulation", "free.txt", "stalled.txt", "waveform.fst"}
    for name in taken | {"bench", "verilated_std", "stem"}:
        ip = replace(toy.ip("res2a"), name=name)
        assert not {top_file(ip), bench_file(ip)} & {*taken, *(path.name for path in LIBRARY)}


@pytest.mark.parametrize("text", ["bipolar", "int2", "int5", "int8", "uint1", "uint7", "uint8"])
def test_rows_hold_every_weight_in_its_place(toy, text):
    """By the definition of a row: weight i of PE p is number p*Simd + i, the first lowest."""
    form = Format.parse(text)
    rng = np.random.default_rng(1)
    held = next(each for unit in toy.ip("res2a").units for each in unit.constants if each.role is Role.WEIGHTS)
    for pe, folds, simd, fold_in in ((1, 1, 1, 1), (3, 2, 5, 4), (2, 3, 33, 2), (4, 1, 64, 1)):
        weights = rng.integers(form.low, form.high + 1, (pe * folds, fold_in * simd))
        weights = np.where(weights > 0, 1, -1) if text == "bipolar" else weights
        of = replace(held, pe=pe, simd=simd, format=form, words=folds * fold_in, row_bits=pe * simd * form.bits)
        rows = memory_texts(of, {held.key: weights})[0].splitlines()
        assert len(rows) == folds * fold_in
        assert {len(row) for row in rows} == {-(-pe * simd * form.bits // 4)}
        for out, column in np.ndindex(weights.shape):
            number = int(rows[out // pe * fold_in + column // simd], 16)
            code = number >> ((out % pe * simd + column % simd) * form.bits) & ((1 << form.bits) - 1)
            value = {"bipolar": 2 * code - 1, "int": code - (code >> form.bits - 1 << form.bits), "uint": code}[form.kind.value]
            assert value == weights[out, column]


@pytest.mark.parametrize(("pe", "bits"), [(1, 5), (3, 7), (2, 12), (4, 16)])
def test_rows_hold_thresholds_in_order_with_their_signs(toy, pe, bits):
    """Those of PE 0 first, the lowest lowest; what is out of reach is the least or one above the largest."""
    held = next(each for unit in toy.ip("res2a").units for each in unit.constants if each.role is Role.THRESHOLDS)
    low, high = -(1 << bits - 1), (1 << bits - 1) - 2
    rng = np.random.default_rng(bits)
    thresholds = np.sort(rng.integers(low, high + 2, (2 * pe, 3)), axis=1).astype(np.int32)
    thresholds[0] = -(2**31), -1, 2**31 - 1
    activation = replace(held.activation, reach=(low, high))
    of = replace(held, pe=pe, activation=activation, words=2, row_bits=3 * pe * bits, element_bits=bits)
    rows = memory_texts(of, {held.key: thresholds})[0].splitlines()
    assert len(rows) == 2
    for channel, each in np.ndindex(thresholds.shape):
        code = int(rows[channel // pe], 16) >> ((channel % pe * 3 + each) * bits) & ((1 << bits) - 1)
        signed = code - (code >> bits - 1 << bits)
        assert signed == np.clip(thresholds[channel, each], low, high + 1)


def test_rows_hold_biases(toy):
    held = next(each for unit in toy.ip("head").units for each in unit.constants if each.role is Role.BIAS)
    assert (held.pe, held.words, held.element_bits) == (1, 5, 32)
    rows = "00000001\nfffffed4\n00000002\nffffffff\n7fffffff\n"
    assert memory_texts(held, {held.key: np.array([1, -300, 2, -1, 2**31 - 1], np.int32)})[0] == rows


def test_block_ram_is_asked_for_by_storage(toy):
    """Of ROMs and of buffers, as the estimate counts them."""
    ip = toy.ip("res2a")
    unit = next(unit for unit in ip.units if unit.implementation == "mvau")
    wide = replace(unit, constants=tuple(replace(each, words=1 << 14) for each in unit.constants))
    rows = {name: value for row in instance(ip, wide).parameters for name, value in row.items()}
    assert {each.storage for each in wide.constants} == {Storage.BRAM}
    assert (rows["WeightsBlock"], rows["ThresholdsBlock"]) == ("1'b1", "1'b1")
    rows = {name: value for row in instance(ip, unit).parameters for name, value in row.items()}
    assert (rows["WeightsBlock"], rows["WindowStyle"]) == ("1'b0", '"distributed"')
