// dma: 6x5x3 images in, 3 labels out; 30 cycles a frame, set by image.
// Generated from the description of network toy, dma. Edit that, not this.
#include "dma.h"

#include "resflow/configure.h"
#include "resflow/dma.h"

void resflow_dma(const Word *image_memory,
                 ap_uint<32> *labels_memory,
                 const Word *constants_memory,
                 unsigned frames,
                 hls::stream<Beat<1, UInt<64>>> &constants,
                 hls::stream<Beat<3, UInt<8>>> &image,
                 hls::stream<Beat<6, Int<8>>> &weights,
                 hls::stream<Beat<1, UInt<32>>> &labels) {
#pragma HLS INTERFACE m_axi port=image_memory offset=slave bundle=images depth=4
#pragma HLS INTERFACE s_axilite port=image_memory bundle=control
#pragma HLS INTERFACE m_axi port=labels_memory offset=slave bundle=labels depth=6
#pragma HLS INTERFACE s_axilite port=labels_memory bundle=control
#pragma HLS INTERFACE m_axi port=constants_memory offset=slave bundle=weights depth=21
#pragma HLS INTERFACE s_axilite port=constants_memory bundle=control
#pragma HLS INTERFACE s_axilite port=frames bundle=control
#pragma HLS INTERFACE s_axilite port=return bundle=control
#pragma HLS INTERFACE ap_ctrl_chain port=return bundle=control
#pragma HLS INTERFACE axis port=constants
#pragma HLS INTERFACE axis port=image
#pragma HLS INTERFACE axis port=weights
#pragma HLS INTERFACE axis port=labels
#pragma HLS DATAFLOW
  hls::stream<Word> weights_words("weights_words");
  hls::stream<Word> image_words("image_words");
  hls::stream<Word> constants_words("constants_words");
  hls::stream<resflow::Answer> image_load_answers("image_load_answers");
  hls::stream<resflow::Answer> image_unpack_answers("image_unpack_answers");
  hls::stream<resflow::Answer> weights_unpack_answers("weights_unpack_answers");
  hls::stream<resflow::Answer> labels_answers("labels_answers");

  // Constants: an image of them from memory, checked and sent, or the tokens of frames.
  resflow::fetch<Constants>(constants_memory, frames, weights_words, constants_words);
  resflow::configure<Constants>(constants_words, frames, constants, image_load_answers, image_unpack_answers, weights_unpack_answers, labels_answers);

  // Image: words from memory, beats from words.
  resflow::load<Image>(image_memory, image_load_answers, frames, image_words);
  resflow::unpack<Image>(image_words, image_unpack_answers, frames, image);

  // Weights: beats from words.
  resflow::unpack<Weights>(weights_words, weights_unpack_answers, frames, weights);

  // Labels to memory.
  resflow::store<Labels>(labels, labels_answers, frames, labels_memory);
}
