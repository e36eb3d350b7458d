"""The products of dot.h against brute force: any number of lanes, any two formats."""

import subprocess

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hls.csim import FLAGS, ap_types
from hls.render import HEADERS
from hls.structs import cpp_format
from network.formats import BIPOLAR, Format, Kind

PROGRAM = """\
#include "dot.h"
#include <cstdio>
#include <random>
using namespace resflow;

template <class F> int value(unsigned bits) { return F::kSigned && bits >> (F::kBits - 1) ? int(bits) - (1 << F::kBits) : int(bits); }
template <> int value<Bipolar>(unsigned bits) { return bits ? 1 : -1; }

// Random factors; first all of them alike, of each every bit pattern that ends a range.
template <unsigned lanes, class In, class Weight> void holds() {
  using Products = Dot<lanes, In, Weight, Int<32>>;
  std::mt19937 draw(lanes);
  const unsigned ends[] = {0, 1, ~0u, ~0u >> 1};
  for (unsigned trial = 0; trial < 40; ++trial) {
    Beat<lanes, In> codes = 0;
    ap_uint<lanes * Weight::kBits> weights = 0;
    int sum = 0;
    for (unsigned i = 0; i < lanes; ++i) {
      unsigned code = draw(), weight = draw();
      if (trial < 16) code = ends[trial % 4] ^ (trial & 1) << (In::kBits - 1), weight = ends[trial / 4] ^ (trial >> 2 & 1) << (Weight::kBits - 1);
      code %= 1u << In::kBits, weight %= 1u << Weight::kBits;
      codes.range((i + 1) * In::kBits - 1, i * In::kBits) = code;
      weights.range((i + 1) * Weight::kBits - 1, i * Weight::kBits) = weight;
      sum += value<In>(code) * value<Weight>(weight);
    }
    const auto operand = Products::operand(codes);
    const int found = ap_int<32>(Products::dot(operand, weights) - Products::offset(operand)).to_int();
    if (found != sum) std::printf("%u lanes of %u by %u bits: %d, not %d\\n", lanes, In::kBits, Weight::kBits, found, sum);
  }
}

int main() {
CALLS
}
"""

codes = st.builds(Format, st.sampled_from([Kind.UINT, Kind.INT]), st.integers(1, 8))
weights = st.just(BIPOLAR) | st.builds(Format, st.sampled_from([Kind.UINT, Kind.INT]), st.integers(2, 8))
lanes = st.sampled_from([1, 2, 3, 8, 12, 13, 17])
shapes = st.tuples(lanes, codes, weights)


@settings(max_examples=1, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(drawn=st.lists(shapes, min_size=5, max_size=5))
def test_products_are_those_of_integers(tmp_path_factory, drawn):
    """What needs two words of weights, and bipolar weights, are among them every time."""
    sure = [(67, Format(Kind.UINT, 2), BIPOLAR), (11, Format(Kind.INT, 3), Format(Kind.INT, 8))]
    folder = tmp_path_factory.mktemp("dot")
    calls = [f"  holds<{lanes}, {cpp_format(codes)}, {cpp_format(weights)}>();" for lanes, codes, weights in [*sure, *drawn]]
    (folder / "dot.cpp").write_text(PROGRAM.replace("CALLS", "\n".join(calls)))
    include = ("-isystem", str(ap_types()), "-I", str(HEADERS[0].parent))
    subprocess.run(["g++", *FLAGS, *include, "dot.cpp", "-o", "dot"], cwd=folder, check=True)
    assert subprocess.run(["./dot"], cwd=folder, check=True, capture_output=True, text=True).stdout == ""
