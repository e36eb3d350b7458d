// Memory for frames on their way through a network.
#pragma once

#include <mutex>

#include "network.h"
#include "team.h"

namespace resflow {

constexpr std::size_t kGroup = 8;  // most frames that go through the network together

/// Codes under way, of frames that go through the network together.
struct Network::Memory {
  /// Frames with a border that was filled once and is never written; `place` is the convolution in its block that reads them.
  struct Bordered {
    Layout layout;
    std::vector<std::uint8_t> pads;
    std::size_t place, frames;
    Buffer buffer;

    bool suits(const Layer &reader, std::size_t at) const { return place == at && layout == reader.in() && pads == reader.pads(); }
  };

  std::size_t frames;
  Buffer border[2];  // between segments, for all frames
  Buffer inner[2];   // between blocks of a segment, for the frames it takes at a time
  Buffer path[2], act, image, stem;
  Buffer aside, sums_aside;  // of the bypass: behind its own entry, and sums of a projection
  std::vector<Bordered> bordered;
  std::vector<std::int32_t> sums;

  std::uint8_t *between(const Layer &reader, std::size_t place) const {
    for (const Bordered &each : bordered) {
      if (each.suits(reader, place)) return each.buffer.data();
    }
    return path[place % 2].data();
  }
};

/// What one run after the other works with.
struct Network::Workshop {
  explicit Workshop(unsigned threads) : pool(threads), alone(threads) {}

  std::mutex mutex;  // of what follows
  Pool pool;
  std::vector<Scratch> scratch;                // of each thread
  std::vector<std::unique_ptr<Memory>> alone;  // of each thread that works on frames of its own
  std::unique_ptr<Memory> together;            // of all threads working on the same frames
};

}  // namespace resflow
