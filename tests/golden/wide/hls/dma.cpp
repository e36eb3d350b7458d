// dma: 5x6x3 images in, 10 words of labels and scores out; 30 cycles a frame, set by image.
// Generated from the description of network wide, dma. Edit that, not this.
#include "dma.h"

#include "resflow/dma.h"

void resflow_dma(const Word *image_memory,
                 ap_uint<32> *labels_memory,
                 unsigned frames,
                 hls::stream<Beat<3, UInt<8>>> &image,
                 hls::stream<Beat<1, UInt<32>>> &labels) {
#pragma HLS INTERFACE m_axi port=image_memory offset=slave bundle=images depth=4
#pragma HLS INTERFACE s_axilite port=image_memory bundle=control
#pragma HLS INTERFACE m_axi port=labels_memory offset=slave bundle=labels depth=20
#pragma HLS INTERFACE s_axilite port=labels_memory bundle=control
#pragma HLS INTERFACE s_axilite port=frames bundle=control
#pragma HLS INTERFACE s_axilite port=return bundle=control
#pragma HLS INTERFACE ap_ctrl_chain port=return bundle=control
#pragma HLS INTERFACE axis port=image
#pragma HLS INTERFACE axis port=labels
#pragma HLS DATAFLOW
  hls::stream<Word> image_words("image_words");

  // Image: words from memory, beats from words.
  resflow::load<Image>(image_memory, frames, image_words);
  resflow::unpack<Image>(image_words, frames, image);

  // Labels and scores to memory.
  resflow::store<Labels>(labels, frames, labels_memory);
}
