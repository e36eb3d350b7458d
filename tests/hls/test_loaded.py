"""Messages through loaded.h and configure.h against Python: any memories in a chain, and every answer to a call."""

import subprocess
import zlib
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hls.csim import FLAGS, ap_types
from hls.render import HEADERS

MEMORIES = """\
#include "loaded.h"
#include <cinttypes>
#include <cstdio>
using namespace resflow;

hls::stream<Part> CHAIN[LINKS];

template <class T, unsigned memories, unsigned addresses, unsigned integers> void print(const T (&array)[memories][addresses][integers]) {
  for (unsigned a = 0; a < addresses; ++a)
    for (unsigned m = 0; m < memories; ++m)
      for (unsigned i = 0; i < integers; ++i) std::printf("%" PRId64 " ", std::int64_t(array[m][a][i].to_int64()));
  std::printf("\\n");
}

UNITS
int main() {
  unsigned long long word;
  while (std::scanf("%llu", &word) == 1) CHAIN[0].write(word);
  while (!CHAIN[0].empty()) {
CALLS
  }
LEFT
}
"""
UNIT = """\
struct Unit{unit};
void unit{unit}() {{
{arrays}
  take<Unit{unit}, {bits}>(CHAIN[{unit}], {out}{names});
{prints}
}}
"""


class Array:
    """One that is loaded, as its C++ declares it: [memory][address][integer], of which the last memory may have some without a use."""

    def __init__(self, memories, addresses, integers, bits, signed, unused):
        self.dimensions, self.bits, self.signed = (memories, addresses, integers), bits, signed
        self.addresses, self.held = addresses, memories * integers
        self.used = max(1, self.held - unused)

    @property
    def row_bits(self):
        return self.used * self.bits

    def type(self):
        return f"ap_{'' if self.signed else 'u'}int<{self.bits}>"

    def drawn(self, random):
        low = -(1 << self.bits - 1) if self.signed else 0
        return [[random.randrange(low, low + (1 << self.bits)) for _ in range(self.used)] for _ in range(self.addresses)]

    def words(self, rows):
        for row in rows:
            packed = sum((value & (1 << self.bits) - 1) << i * self.bits for i, value in enumerate(row))
            yield from (packed >> at & (1 << 64) - 1 for at in range(0, self.row_bits, 64))

    def printed(self, rows):
        filled = [value for row in rows for value in [*row, *[0] * (self.held - self.used)]]
        return " ".join(str(value - (1 << 64) if value >> 63 == 1 else value) for value in filled)


arrays = st.builds(
    Array,
    memories=st.integers(1, 3),
    addresses=st.integers(1, 5),
    integers=st.integers(1, 4),
    bits=st.integers(1, 64),
    signed=st.booleans(),
    unused=st.integers(0, 2),
)
SURE = [
    [Array(2, 3, 40, 64, False, 1), Array(1, 1, 1, 1, False, 0)],  # rows of more than 4,096 bits; a single bit
    [Array(1, 1, 2, 64, False, 0), Array(1, 2, 65, 1, False, 0), Array(5, 8, 1, 13, True, 0)],  # whole words; one bit more; memories apart
]


def run(folder, text, given=""):
    (folder / "program.cpp").write_text(text)
    include = ("-isystem", str(ap_types()), "-I", str(HEADERS[0].parent))
    subprocess.run(["g++", *FLAGS, "-O0", *include, "program.cpp", "-o", "program"], cwd=folder, check=True)
    return subprocess.run(["./program"], cwd=folder, check=True, capture_output=True, text=True, input=given).stdout.splitlines()


def program(units):
    """Units one behind the other; each prints its arrays in every frame."""
    texts = []
    for number, held in enumerate(units):
        names = [f"array{i}" for i in range(len(held))]
        declared = [
            f"  static {each.type()} {name}[{']['.join(map(str, each.dimensions))}];" for each, name in zip(held, names, strict=True)
        ]
        texts.append(
            UNIT.format(
                unit=number,
                arrays="\n".join(declared),
                bits=", ".join(str(each.row_bits) for each in held),
                out=f"CHAIN[{number + 1}], " if number + 1 < len(units) else "",
                names=", ".join(names),
                prints="\n".join(f"  print({name});" for name in names),
            )
        )
    calls = "\n".join(f"    unit{i}();" for i in range(len(units)))
    left = "\n".join(f'  std::printf("%zu %lu\\n", CHAIN[{i}].size(), firings<Unit{i}>());' for i in range(len(units)))
    for name, text in {"LINKS": str(len(units)), "UNITS": "\n".join(texts)}.items():
        texts = MEMORIES.replace(name, text) if name == "LINKS" else texts.replace(name, text)
    return texts.replace("CALLS", calls).replace("LEFT", left)


@settings(max_examples=1, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(drawn=st.lists(st.lists(arrays, min_size=1, max_size=3), min_size=3, max_size=3), seed=st.integers(0, 1000))
def test_a_frame_meets_what_was_loaded_last(tmp_path_factory, drawn, seed):
    """Two loads before the first frame, then two frames with the same constants, then another load."""
    units, random = [*SURE, *drawn], Random(seed)
    messages, expected, sets = [], [], []
    for loads in (2, 0, 1):
        for _ in range(loads):
            sets.append([[(each, each.drawn(random)) for each in held] for held in units])
            words = [word for held in sets[-1] for each, rows in held for word in each.words(rows)]
            messages += [len(words), *words]
        messages.append(0)
        expected += [each.printed(rows) for held in sets[-1] for each, rows in held]
    found = run(tmp_path_factory.mktemp("loaded"), program(units), " ".join(map(str, messages)))
    assert [line.strip() for line in found] == [*expected, *["0 3"] * len(units)]


CONFIGURE = """\
#include "dma.h"
#include <cstdio>
using namespace resflow;

struct Constants {
  static constexpr unsigned kWords = 11, kMatrixWords = 2;
  static constexpr unsigned kFingerprint0 = 1, kFingerprint1 = 2, kFingerprint2 = 4294967295, kFingerprint3 = 4;
};
struct Labels {
  static constexpr unsigned kTop = 3;
};

// Of each call: its frames, and the words of 32 bits that come from memory, as `configure` gets them.
int main() {
  unsigned frames, words;
  while (std::scanf("%u %u", &frames, &words) == 2) {
    hls::stream<Word> image;
    hls::stream<Part> constants;
    hls::stream<Answer> first, second;
    hls::stream<Beat<1, UInt<32>>> labels;
    for (unsigned i = 0; i < words; ++i) {
      Word word = 0;
      for (unsigned k = 0; k < 16; ++k) {
        unsigned part;
        if (std::scanf("%u", &part) != 1) return 1;
        word.range(32 * k + 31, 32 * k) = part;
      }
      image.write(word);
    }
    configure<Constants>(image, frames, constants, first, second);
    const Answer answer = first.read();
    ap_uint<32> memory[8] = {7, 7, 7, 7, 7, 7, 7, 7};
    if (answer == kRun)
      for (unsigned i = 0; i < 3 * frames; ++i) labels.write(i);
    store<Labels>(labels, second, frames, memory);
    std::printf("%u | ", answer.to_uint());
    for (const auto &word : memory) std::printf("%u ", word.to_uint());
    std::printf("|");
    while (!constants.empty()) std::printf(" %llu", (unsigned long long)(constants.read().to_uint64()));
    std::printf(" | %zu left\\n", image.size() + first.size() + second.size());
  }
  std::printf("%lu frames\\n", firings<Configure<Constants>>());
}
"""
WORDS = [(1 << 64) - 1 - 3**i for i in range(11)]
PAYLOAD = b"".join(word.to_bytes(8, "little") for word in WORDS) + bytes(40)
FINGERPRINT = (1, 2, 4294967295, 4)


def header(*, magic=b"RESFLOWC", version=1, payload=PAYLOAD, words=11, fingerprint=FINGERPRINT, rest=bytes(24)):
    numbers = [(version, 4), (zlib.crc32(payload), 4), (words, 8), *((each, 4) for each in fingerprint)]
    return magic + b"".join(number.to_bytes(size, "little") for number, size in numbers) + rest


def flipped(data, bit):
    return (int.from_bytes(data, "little") ^ 1 << bit).to_bytes(len(data), "little")


def test_answers(tmp_path):
    """What is refused at once, in the first pass, in the second; and what frames get then."""
    sent, ones = " ".join(map(str, [11, *WORDS])), 4294967295
    refused = (2, b"", f"{ones} | {' '.join([str(ones)] * 6)} 7 7 |")
    run_with = (2, b"", "0 | 0 1 2 3 4 5 7 7 | 0 0")
    good = (0, header() + 2 * PAYLOAD, f"1 | 1 7 7 7 7 7 7 7 | {sent}")

    def bad(answer, image):
        return (0, image, f"{answer} | {answer} 7 7 7 7 7 7 7 |")

    calls = [
        refused,
        *(bad(2, head) for head in (header(magic=b"RESFLOWc"), header(version=2), header(rest=bytes(23) + b"\x80"))),
        *(bad(3, header(fingerprint=other)) for other in ((0, 2, 4294967295, 4), (1, 2, 2147483647, 4), (1, 2, 4294967295, 5))),
        *(bad(4, header(words=other)) for other in (10, 12, 11 | 1 << 63)),
        *(bad(5, header() + 2 * flipped(PAYLOAD, bit)) for bit in (0, 8 * len(PAYLOAD) - 1)),
        refused,
        good,
        run_with,
        bad(5, header() + 2 * flipped(PAYLOAD, 300)),
        run_with,
        (0, header() + PAYLOAD + flipped(PAYLOAD, 64), f"6 | 6 7 7 7 7 7 7 7 | {sent.replace(str(WORDS[1]), str(WORDS[1] ^ 1))}"),
        refused,
        bad(5, header() + flipped(PAYLOAD, 3) + PAYLOAD),
        refused,
        good,
        run_with,
        good,
    ]
    given = "".join(
        f"{frames} {len(image) // 64} "
        + " ".join(str(int.from_bytes(image[at : at + 4], "little")) for at in range(0, len(image), 4))
        + "\n"
        for frames, image, _ in calls
    )
    found = run(tmp_path, CONFIGURE, given)
    assert found == [*(f"{answer} | 0 left" for _, _, answer in calls), "6 frames"]
