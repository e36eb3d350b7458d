#include "memory.h"

#include <algorithm>
#include <cstring>

namespace resflow {
namespace {

constexpr std::size_t kCacheBytes = 1400 << 10;  // what a block's codes should fit into, of a second level cache of 2 MiB

/// Memory for frames, as if all were border.
Buffer filled(const Layout &layout, std::size_t size, const std::vector<std::uint8_t> &pads) {
  Buffer buffer(size);
  const std::size_t channels = std::size_t(layout.channels);
  if (pads.empty()) {
    std::memset(buffer.data(), 0, size);
  } else {
    for (std::size_t at = 0; at < size; at += channels) std::memcpy(buffer.data() + at, pads.data(), std::min(channels, size - at));
  }
  return buffer;
}

}  // namespace

std::size_t Network::frames_at_a_time(const Block &block) {
  // An identity's sum is written over what came in.
  std::size_t bytes = block.in_bytes() + (block.bypass ? block.out_bytes() : 0);
  for (std::size_t i = 1; i < block.convs.size(); ++i) bytes += block.convs[i].in().frame_bytes();
  std::size_t frames = kGroup;
  while (frames > 1 && frames * bytes > kCacheBytes) frames /= 2;
  return frames;
}

std::unique_ptr<Network::Memory> Network::reserve(std::size_t frames) const {
  auto memory = std::make_unique<Memory>();
  memory->frames = frames;
  std::size_t border = stem_bytes(), inner = 0, path = 0, act = 0, slack = 0, aside = 0, sums_aside = 0;
  for (const Layer *layer : layers()) slack = std::max(slack, layer->slack_bytes());
  for (const Segment &segment : segments_) {
    const std::size_t together = std::min(frames, segment.frames);
    for (std::size_t i = segment.begin; i < segment.end; ++i) {
      const Block &block = blocks_[i];
      inner = std::max(inner, together * block.out_bytes());
      act = std::max(act, together * block.in_bytes());
      if (block.bypass_apart) aside = std::max(aside, together * block.in_bytes());
      if (block.bypass && block.bypass->gives_sums()) sums_aside = std::max(sums_aside, together * block.out_bytes() * sizeof(std::int32_t));
      for (std::size_t place = 0; place < block.convs.size(); ++place) {
        const Layout &layout = block.convs[place].in();
        if (!layout.bordered()) {
          path = std::max(path, together * layout.frame_bytes());
          continue;
        }
        auto &all = memory->bordered;
        const Layer &reader = block.convs[place];
        auto found = std::find_if(all.begin(), all.end(), [&](const auto &b) { return b.suits(reader, place); });
        if (found == all.end()) found = all.insert(found, {layout, reader.pads(), place, 0, {}});
        found->frames = std::max(found->frames, together);
      }
    }
    border = std::max(border, blocks_[segment.end - 1].out_bytes());
  }
  for (Memory::Bordered &each : memory->bordered) {
    each.buffer = filled(each.layout, each.frames * each.layout.frame_bytes() + slack, each.pads);
  }
  for (Buffer &buffer : memory->border) buffer = Buffer(frames * border + slack);
  for (Buffer &buffer : memory->inner) buffer = Buffer(inner + slack);
  for (Buffer &buffer : memory->path) buffer = Buffer(path + slack);
  if (entry_) act = std::max(act, stem_.geometry().in_bytes());
  memory->act = Buffer(act + slack);
  const bool is_copied = stem_.in().bordered() || entry_;
  memory->image = filled(stem_.in(), is_copied ? stem_.in().frame_bytes() + slack : 0, stem_.pads());
  memory->aside = Buffer(aside + slack);
  memory->sums_aside = Buffer(sums_aside);
  memory->stem = Buffer((pool_ ? stem_.out_bytes() : 0) + slack);
  memory->sums.resize(frames * head_.inputs);
  return memory;
}

void Network::prepare(std::size_t alone, std::size_t together) {
  Workshop &shop = *workshop_;
  if (shop.scratch.empty()) {
    std::size_t rows = 0, panels = 0;
    for (const Layer *layer : layers()) {
      rows = std::max(rows, layer->scratch_row_bytes());
      panels = std::max(panels, layer->scratch_panel_bytes());
    }
    std::vector<Scratch> scratch(threads_);
    for (Scratch &each : scratch) each = {Buffer(rows), Buffer(panels)};
    shop.scratch = std::move(scratch);
  }
  for (auto &memory : shop.alone) {
    if (alone > 0 && (memory == nullptr || memory->frames < alone)) memory = reserve(alone);
  }
  if (together > 0 && (shop.together == nullptr || shop.together->frames < together)) shop.together = reserve(together);
}

}  // namespace resflow
