// Fork: every beat to both branches of a block.
//
// Where branches part and meet again, a process must not keep a finished beat back until its next input is there: in a stalled
// pipeline (stp) the beats under way stand still with it, and a block could wait for itself, however deep its bypass. So all loops
// of the library are flushable, those between streams as free-running pipelines (frp): a flushable one (flp) enables every register
// of every stage by one signal made of all its streams' ready and valid, with a fan-out of thousands in a wide unit, and that sets the
// clock. A free-running one has a FIFO at its output instead. It cannot have an AXI master, so what reads or writes card memory
// remains flp (dma.h). What a release has instead of these styles says the table in codegen/tools/releases.py.
#pragma once

#include "formats.h"
#include "simulation.h"

namespace resflow {

template <class Layer>
struct Fork;

/// Copy a stream. One process, II=1; it waits until both branches have room.
///   in, main, bypass  Beat<kLanes, Code>
///   cycles            kBeats a frame
///   misuse            a branch whose FIFO is too shallow for what the other holds back fills up and stops both: deadlock
template <class Layer>
void fork(hls::stream<Beat<Layer::kLanes, typename Layer::Code>> &in, hls::stream<Beat<Layer::kLanes, typename Layer::Code>> &main,
          hls::stream<Beat<Layer::kLanes, typename Layer::Code>> &bypass) {
Fork_Beats:
  for (unsigned i = 0; i < Layer::kBeats; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    fire<Fork<Layer>>();
    const auto beat = in.read();
    main.write(beat);
    bypass.write(beat);
  }
}

}  // namespace resflow
