// What every generated test bench does: send vectors, compare what comes out, and hold loops against the design's cycles.
//
// Vectors stand in `<folder>/<port>.bin`, frame after frame, codes in stream order: a byte each where the format has at most 8
// bits, else four bytes, lowest first; of messages with constants, see loaded.h, words of eight bytes. Run as `<bench> <folder> <frames>`; a port of constant data repeats its one frame. A third
// argument, rtl, says that hardware stands in for the C++, in which no loops can be counted.
//
// Misuse: vectors that are missing or of another number of frames end the bench with FAIL and status 1. C simulation's streams have
// no depth: a FIFO that is too shallow passes here, and only `doit timing`, `doit check` and cosimulation find it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "formats.h"
#include "simulation.h"

namespace resflow {

class Bench {
 public:
  Bench(const char *ip, int argc, char **argv) : ip_(ip) {
    if (argc < 3 || argc > 4 || std::atoi(argv[2]) < 1) fail("usage: <folder of vectors> <frames> [rtl]");
    folder_ = argv[1];
    counts_ = argc == 3;
    frames_ = unsigned(std::atoi(argv[2]));
  }

  unsigned frames() const { return frames_; }

  /// The next frame of a port into its stream.
  template <unsigned lanes, class Format>
  void send(const std::string &port, unsigned beats, hls::stream<Beat<lanes, Format>> &stream) {
    require_frames<Format>(port, beats * lanes);
    for (unsigned i = 0; i < beats; ++i) {
      Beat<lanes, Format> beat = 0;
      for (unsigned l = 0; l < lanes; ++l) set_lane<Format>(beat, l, typename Format::Value(next<Format>(port)));
      stream.write(beat);
    }
  }

  /// The next frame of a port out of its stream, code for code.
  template <unsigned lanes, class Format>
  void expect(const std::string &port, unsigned beats, hls::stream<Beat<lanes, Format>> &stream) {
    const std::uint32_t mask = Format::kBits == 32 ? ~0u : (1u << Format::kBits) - 1;
    require_frames<Format>(port, beats * lanes);
    const unsigned frame = compared_[port]++;
    for (unsigned i = 0; i < beats; ++i) {
      if (stream.empty()) {
        complain(port + ": frame " + std::to_string(frame) + " ends after " + std::to_string(i) + " of " + std::to_string(beats) + " beats");
        return;
      }
      const Beat<lanes, Format> beat = stream.read();
      for (unsigned l = 0; l < lanes; ++l) {
        const std::uint32_t found = std::uint32_t(lane<Format>(beat, l).to_int64()) & mask;
        const std::uint32_t expected = next<Format>(port) & mask;
        if (found != expected)
          complain(port + ": frame " + std::to_string(frame) + ", beat " + std::to_string(i) + ", lane " + std::to_string(l) + ": " +
                   std::to_string(found) + " instead of " + std::to_string(expected));
      }
    }
    codes_ += (unsigned long)(beats) * lanes;
  }

  /// The messages in front of a frame, and its token: words of 64 bits, as they stand in the vectors.
  void send_messages(const std::string &port, hls::stream<Beat<1, UInt<64>>> &stream) {
    for (std::uint64_t words = next_message(port); words != 0; words = next_message(port)) {
      stream.write(words);
      while (words--) stream.write(next_message(port));
    }
    stream.write(0);
  }

  /// The same out of a stream, word for word.
  void expect_messages(const std::string &port, hls::stream<Beat<1, UInt<64>>> &stream) {
    const unsigned frame = compared_[port]++;
    const auto expect = [&]() {
      const std::uint64_t expected = next_message(port);
      if (stream.empty()) {
        complain(port + ": the messages of frame " + std::to_string(frame) + " end before " + std::to_string(expected));
      } else {
        const std::uint64_t found = stream.read().to_uint64();
        if (found != expected)
          complain(port + ": the messages of frame " + std::to_string(frame) + ": " + std::to_string(found) + " instead of " + std::to_string(expected));
      }
      return expected;
    };
    for (std::uint64_t words = expect(); words != 0; words = expect()) {
      while (words--) expect();
    }
  }

  /// What a call wrote in place of results.
  void expect_answer(const std::string &call, const std::vector<ap_uint<32>> &memory, std::size_t words, std::uint32_t expected) {
    for (std::size_t i = 0; i < memory.size(); ++i) {
      const std::uint32_t wanted = i < words ? expected : untouched();
      if (memory[i] != wanted)
        complain(call + ": word " + std::to_string(i) + " is " + std::to_string(memory[i].to_uint()) + " instead of " + std::to_string(wanted));
    }
  }

  /// What memory holds before a call, and no call writes.
  static std::uint32_t untouched() { return 0x5a5a5a5a; }

  /// The bytes of a port as memory holds them: each frame padded to whole words.
  std::vector<ap_uint<512>> words(const std::string &port, unsigned frames, unsigned words_per_frame) {
    const std::vector<std::uint8_t> &bytes = data(port);
    const std::size_t frame_bytes = bytes.size() / frames;
    std::vector<ap_uint<512>> memory(std::size_t(frames) * words_per_frame, ap_uint<512>(0));
    for (std::size_t i = 0; i < frame_bytes * frames; ++i) {
      const std::size_t at = i % frame_bytes;
      memory[i / frame_bytes * words_per_frame + at / 64].range(at % 64 * 8 + 7, at % 64 * 8) = bytes[i];
    }
    return memory;
  }

  void expect_memory(const std::string &port, const std::vector<ap_uint<32>> &memory) {
    require_frames<UInt<32>>(port, memory.size() / frames_);
    position_[port] = 0;
    for (std::size_t i = 0; i < memory.size(); ++i) {
      const std::uint32_t expected = next<UInt<32>>(port);
      if (memory[i] != expected)
        complain(port + " in memory: word " + std::to_string(i) + ": " + std::to_string(memory[i].to_uint()) + " instead of " + std::to_string(expected));
    }
    codes_ += memory.size();
  }

  void require_empty(const std::string &port, std::size_t left) {
    if (left) complain(port + ": " + std::to_string(left) + " beats are left over");
  }

  /// Of a process; `refused` are frames that it works on although nothing becomes of them.
  template <class Tag>
  void require_cycles(const std::string &process, unsigned long per_frame, unsigned refused = 0) {
    const unsigned long expected = per_frame * (frames_ + refused), found = firings<Tag>();
    if (counts_ && found != expected) complain(process + ": " + std::to_string(found) + " firings instead of " + std::to_string(expected));
    ++processes_;
  }

  /// Exit status: 0 when nothing was complained about.
  int verdict() {
    for (const auto &port : message_ports_) {
      if (position_[port] != data(port).size()) complain(port + ": the vectors have more messages");
    }
    if (complaints_) {
      std::printf("FAIL %s: %lu differences\n", ip_, complaints_);
      return 1;
    }
    std::printf("PASS %s: %u frames, %lu codes equal, streams empty", ip_, frames_, codes_);
    if (counts_) std::printf(", %u processes on their cycles", processes_);
    std::printf("\n");
    return 0;
  }

 private:
  [[noreturn]] void fail(const std::string &what) {
    std::printf("FAIL %s: %s\n", ip_, what.c_str());
    std::exit(1);
  }

  void complain(const std::string &what) {
    if (++complaints_ <= 10) std::printf("FAIL %s: %s\n", ip_, what.c_str());
  }

  const std::vector<std::uint8_t> &data(const std::string &port) {
    std::vector<std::uint8_t> &bytes = data_[port];
    if (bytes.empty()) {
      std::ifstream file(folder_ + "/" + port + ".bin", std::ios::binary);
      bytes.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
      if (bytes.empty()) fail("no vectors in " + folder_ + "/" + port + ".bin");
    }
    return bytes;
  }

  /// All frames, or the one of a port of constant data.
  template <class Format>
  void require_frames(const std::string &port, std::size_t codes) {
    const std::size_t frame = codes * (Format::kBits <= 8 ? 1 : 4), found = data(port).size();
    if (found != frame && found != frame * frames_)
      fail(port + ": " + std::to_string(found) + " bytes of vectors for " + std::to_string(frames_) + " frames of " + std::to_string(frame));
  }

  template <class Format>
  std::uint32_t next(const std::string &port) {
    const unsigned size = Format::kBits <= 8 ? 1 : 4;
    const std::vector<std::uint8_t> &bytes = data(port);
    std::size_t &position = position_[port];
    if (position == bytes.size()) position = 0;  // a port of constant data starts again
    std::uint32_t value = 0;
    for (unsigned i = 0; i < size; ++i) value |= std::uint32_t(bytes[position + i]) << (8 * i);
    position += size;
    return value;
  }

  std::uint64_t next_message(const std::string &port) {
    message_ports_.insert(port);
    const std::vector<std::uint8_t> &bytes = data(port);
    std::size_t &position = position_[port];
    if (position + 8 > bytes.size()) fail(port + ": the vectors end within a message");
    std::uint64_t word = 0;
    for (unsigned i = 0; i < 8; ++i) word |= std::uint64_t(bytes[position + i]) << (8 * i);
    position += 8;
    return word;
  }

  const char *ip_;
  std::string folder_;
  unsigned frames_ = 0, processes_ = 0;
  bool counts_ = true;
  unsigned long codes_ = 0, complaints_ = 0;
  std::map<std::string, std::vector<std::uint8_t>> data_;
  std::map<std::string, std::size_t> position_;
  std::map<std::string, unsigned> compared_;
  std::set<std::string> message_ports_;
};

}  // namespace resflow
