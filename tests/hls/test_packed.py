"""packed.h against plain products, in every form that there is: one program, with random codes and weights and with those at their ends."""

from __future__ import annotations

import subprocess

from dataflow.packing import packing
from dataflow.units.product import packing_row
from hls.csim import FLAGS, ap_types
from hls.render import INCLUDE
from hls.structs import cpp_format
from network.formats import Format
from tests.rtl.test_alone import PACKED

BEATS = 300

PROGRAM = """\
#include <cstdio>
#include <cstdint>
#include "resflow/packed.h"

using namespace resflow;

static std::uint64_t drawn = 15;

/// Half of them at the ends of the format, half any others.
static int draw(int low, int high) {
  drawn = drawn * 6364136223846793005u + 1442695040888963407u;
  const unsigned kind = drawn >> 62, any = drawn >> 33;
  return kind == 0 ? low : kind == 1 ? high : low + int(any % unsigned(high - low + 1));
}

template <unsigned lanes, unsigned pixels, class Layer>
static bool holds(const char *name) {
  using P = Packed<lanes, pixels, Layer>;
  for (int beat = 0; beat < BEATS; ++beat) {
    Beat<pixels * lanes, typename Layer::In> codes = 0;
    typename P::Word words[Layer::kPe];
    int a[pixels][lanes], w[Layer::kPe][lanes];
    const bool same = beat % 3 == 0;  // in all lanes: the ends of the sums
    for (unsigned p = 0; p < pixels; ++p) {
      for (unsigned l = 0; l < lanes; ++l) {
        a[p][l] = same && l > 0 ? a[p][0] : draw(P::kLowCode, P::kHighCode);
        set_lane<typename Layer::In>(codes, p * lanes + l, a[p][l]);
      }
    }
    for (unsigned pe = 0; pe < Layer::kPe; ++pe) {
      words[pe] = 0;
      for (unsigned l = 0; l < lanes; ++l) {
        w[pe][l] = same && l > 0 ? w[pe][0] : draw(P::kLowWeight, P::kHighWeight);
        set_lane<typename Layer::Weight>(words[pe], l, w[pe][l]);
      }
    }
    typename P::Total sums[pixels][Layer::kPe];
    P::add(codes, words, sums);
    for (unsigned p = 0; p < pixels; ++p) {
      for (unsigned pe = 0; pe < Layer::kPe; ++pe) {
        long long sum = 0;
        for (unsigned l = 0; l < lanes; ++l) sum += w[pe][l] * a[p][l];
        const long long found = (long long)sums[p][pe].to_uint64() - P::kExcess;
        if (found != sum) {
          std::printf("%s: pixel %u, PE %u: %lld instead of %lld\\n", name, p, pe, found, sum);
          return false;
        }
      }
    }
  }
  return true;
}
STRUCTS
int main() {
  bool all = true;
CALLS
  return all ? 0 : 1;
}
"""


def test_every_form(tmp_path):
    structs, calls, forms = [], [], set()
    for name, (weight, codes, pixels, lanes, pe, form) in PACKED.items():
        found = packing(Format.parse(weight), Format.parse(codes), pe, pixels, lanes)
        assert (found.weights, found.pixels) == form
        forms.add(form)
        constants = "".join(f"  static constexpr unsigned {key} = {value};\n" for key, value in (("kPe", pe), *packing_row(found)))
        structs.append(
            f"struct L{name} {{\n{constants}  using In = {cpp_format(Format.parse(codes))};\n"
            f"  using Weight = {cpp_format(Format.parse(weight))};\n}};"
        )
        calls.append(f'  all &= holds<{lanes}, {pixels}, L{name}>("{name}");')
    text = PROGRAM.replace("BEATS", str(BEATS)).replace("STRUCTS", "\n".join(structs)).replace("CALLS", "\n".join(calls))
    (tmp_path / "packed.cpp").write_text(text)
    words = ["g++", *FLAGS, "-isystem", str(ap_types()), f"-I{INCLUDE}", "packed.cpp", "-o", "packed"]
    built = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    ran = subprocess.run([tmp_path / "packed"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")
    assert {(2, 1), (1, 2), (2, 2), (3, 1)} < forms
