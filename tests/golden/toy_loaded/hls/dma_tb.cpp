// Test bench of dma: loads and frames, against vectors of the reference; its loops against the design's cycles.
// Generated from the description of network toy, dma. Edit that, not this.
#include "dma.h"

#include "resflow/configure.h"
#include "resflow/dma.h"
#include "resflow/testbench.h"

/// A bit of an image that is wrong, and what the kernel says of it.
struct Flip {
  const char *what;
  unsigned bit;
  unsigned answer;
};

int main(int argc, char **argv) {
  resflow::Bench bench("dma", argc, argv);
  hls::stream<Beat<1, UInt<64>>> constants("constants");
  hls::stream<Beat<3, UInt<8>>> image("image");
  hls::stream<Beat<6, Int<8>>> weights("weights");
  hls::stream<Beat<1, UInt<32>>> labels("labels");
  constexpr unsigned kImage = 1 + resflow::payload_words<Constants>();
  const Flip flips[] = {
      {"magic", 0, resflow::kNoImage},
      {"version", 64, resflow::kNoImage},
      {"reserved", 511, resflow::kNoImage},
      {"fingerprint", 319, resflow::kAnotherNetwork},
      {"length", 128, resflow::kAnotherLength},
      {"checksum", 127, resflow::kDamaged},
      {"first bit", 512, resflow::kDamaged},
      {"last bit", kImage * 512 - 1, resflow::kDamaged},
  };
  const unsigned frames = bench.frames() / 2;  // with each of two sets of constants
  const auto image_memory = bench.words("image", bench.frames(), Image::kWords);
  const auto images = bench.words("constants_image", 2, kImage);
  const std::vector<Word> matrix = bench.words("weights", 1, Constants::kMatrixWords);  // for frames, where an image is for a load
  std::vector<ap_uint<32>> results(bench.frames() * Labels::kTop);
  // Every call has memory of its own: as much as cosimulation copies for it, whatever the call reads and writes.
  const auto call = [&](std::vector<Word> constants_memory, unsigned first, unsigned count) {
    std::vector<Word> from(image_memory.begin() + first * Image::kWords, image_memory.end());
    std::vector<ap_uint<32>> to(results.size(), resflow::Bench::untouched());
    from.resize(image_memory.size());
    constants_memory.resize(21);
    resflow_dma(from.data(), to.data(), constants_memory.data(), count, constants, image, weights, labels);
    return to;
  };
  const auto expect = [&](const char *what, const std::vector<Word> &constants_memory, unsigned count, unsigned answer) {
    bench.expect_answer(what, call(constants_memory, 0, count), count ? count * Labels::kTop : 1, answer);
  };

  expect("frames before a load", matrix, frames, resflow::kNothingLoaded);
  for (unsigned set = 0; set < 2; ++set) {
    const unsigned first = set * frames;
    const std::vector<Word> loaded(images.begin() + set * kImage, images.begin() + (set + 1) * kImage);
    expect("load", loaded, 0, resflow::kLoaded);
    for (const Flip &flip : flips) {
      std::vector<Word> wrong = loaded;
      wrong[flip.bit / 512].invert(flip.bit % 512);
      expect(flip.what, wrong, 0, flip.answer);
    }
    for (unsigned frame = 0; frame < frames; ++frame) {
      bench.send<1, UInt<32>>("labels", 3, labels);
    }
    const std::vector<ap_uint<32>> found = call(matrix, first, frames);
    std::copy_n(found.begin(), frames * Labels::kTop, results.begin() + first * Labels::kTop);
    for (unsigned frame = 0; frame < frames; ++frame) {
      bench.expect_messages("constants", constants);
      bench.expect<3, UInt<8>>("image", 30, image);
      bench.expect<6, Int<8>>("weights", 5, weights);
    }
  }
  bench.expect_memory("labels", results);

  bench.require_empty("constants", constants.size());
  bench.require_empty("image", image.size());
  bench.require_empty("weights", weights.size());
  bench.require_empty("labels", labels.size());
  bench.require_cycles<resflow::Fetch<Constants>>("constants fetch", 1, frames);
  bench.require_cycles<resflow::Configure<Constants>>("constants configure", 1);
  bench.require_cycles<resflow::Load<Image>>("image load", 2);
  bench.require_cycles<resflow::Unpack<Image>>("image unpack", 30);
  bench.require_cycles<resflow::Unpack<Weights>>("weights unpack", 5);
  bench.require_cycles<resflow::Store<Labels>>("labels store", 3);
  return bench.verdict();
}
