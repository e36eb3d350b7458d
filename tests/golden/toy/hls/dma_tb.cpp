// Test bench of dma: memory to streams and back, against vectors of the reference; its loops against the design's cycles.
// Generated from the description of network toy, dma. Edit that, not this.
#include "dma.h"

#include "resflow/dma.h"
#include "resflow/testbench.h"

int main(int argc, char **argv) {
  resflow::Bench bench("dma", argc, argv);
  hls::stream<Beat<3, UInt<8>>> image("image");
  hls::stream<Beat<6, Int<8>>> weights("weights");
  hls::stream<Beat<1, UInt<32>>> labels("labels");
  const auto image_memory = bench.words("image", Image::kRepeats ? 1 : bench.frames(), Image::kWords);
  const auto weights_memory = bench.words("weights", Weights::kRepeats ? 1 : bench.frames(), Weights::kWords);
  std::vector<ap_uint<32>> labels_memory(bench.frames() * Labels::kTop);

  for (unsigned frame = 0; frame < bench.frames(); ++frame) {
    bench.send<1, UInt<32>>("labels", 3, labels);
  }
  resflow_dma(image_memory.data(), labels_memory.data(), weights_memory.data(), bench.frames(), image, weights, labels);
  for (unsigned frame = 0; frame < bench.frames(); ++frame) {
    bench.expect<3, UInt<8>>("image", 30, image);
    bench.expect<6, Int<8>>("weights", 5, weights);
  }
  bench.expect_memory("labels", labels_memory);

  bench.require_empty("image", image.size());
  bench.require_empty("weights", weights.size());
  bench.require_empty("labels", labels.size());
  bench.require_cycles<resflow::Load<Image>>("image load", 2);
  bench.require_cycles<resflow::Unpack<Image>>("image unpack", 30);
  bench.require_cycles<resflow::Load<Weights>>("weights load", 1);
  bench.require_cycles<resflow::Unpack<Weights>>("weights unpack", 5);
  bench.require_cycles<resflow::Store<Labels>>("labels store", 3);
  return bench.verdict();
}
