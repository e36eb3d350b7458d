// What every generated test bench does: offer vectors at the input ports, compare what comes out of the others, and write down the cycle
// of every handshake.
//
//   <bench> <vectors> <gaps> <frames> <cycles> <handshakes> [<waveform>]
//
// Vectors stand in `<vectors>/<port>.bin`, frame after frame, codes in stream order: a byte each where the format has at most 8 bits, else
// four bytes, of more than 32 eight, lowest first; a port of constant data repeats its one frame, and one of messages has its words as they
// come. `<gaps>/<port>.txt`, where there is one, has for every beat of
// all frames the cycles that its sender or receiver lets pass after the beat before. The bench ends some cycles after all beats have
// passed, in which there must be no other, or after <cycles> cycles: STOP instead of PASS says that beats are missing, which is no failure
// where a deadlock is expected. It writes a line a port to <handshakes>: its name and the cycle of each handshake. Cycle 0 is the first
// after reset.
//
// Misuse: vectors that are missing or of another number of frames, codes that differ, a beat too many, and a beat that is withdrawn or
// changed before it is taken end the bench with FAIL and status 1.
#pragma once

#include <verilated.h>
#if VM_TRACE
#include <verilated_fst_c.h>
#endif

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace resflow {

/// What a port carries.
struct PortFormat {
  const char *name;
  unsigned lanes, bits;
  unsigned long beats;  // a frame; 0: of messages, as many as the vectors have
};

/// A signal of Verilator's as words of 32 bits.
template <class Signal>
std::uint32_t word(const Signal &signal, unsigned i) {
  return std::uint32_t(std::uint64_t(signal) >> (32 * i));
}
template <class Signal>
void set_word(Signal &signal, unsigned i, std::uint32_t value) {
  const std::uint64_t keep = std::uint64_t(signal) & ~(std::uint64_t(0xffffffffu) << (32 * i));
  signal = Signal(keep | std::uint64_t(value) << (32 * i));
}
template <std::size_t words>
std::uint32_t word(const VlWide<words> &signal, unsigned i) {
  return signal[i];
}
template <std::size_t words>
void set_word(VlWide<words> &signal, unsigned i, std::uint32_t value) {
  signal[i] = value;
}

/// One side of a port: when a handshake may be next, and those that were.
class Port {
 public:
  Port(const PortFormat &format, const std::string &vectors, const std::string &gaps, unsigned frames) : format_(format), frames_(frames) {
    std::ifstream file(vectors + "/" + format.name + ".bin", std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    std::ifstream schedule(gaps + "/" + format.name + ".txt");
    gaps_.assign(std::istream_iterator<unsigned long>(schedule), std::istream_iterator<unsigned long>());
    next_ = gap();
  }
  virtual ~Port() = default;

  /// What is wrong with its vectors or gaps; empty if nothing is.
  std::string wrong() const {
    if (format_.bits > 32 && format_.lanes > 1) return "lanes of more than 32 bits";
    const std::size_t frame = std::size_t(format_.beats) * format_.lanes * size();
    if (!format_.beats && (bytes_.empty() || bytes_.size() % size())) return std::to_string(bytes_.size()) + " bytes of messages";
    if (format_.beats && (bytes_.empty() || (bytes_.size() != frame && bytes_.size() != frame * frames_)))
      return std::to_string(bytes_.size()) + " bytes of vectors for " + std::to_string(frames_) + " frames of " + std::to_string(frame);
    if (!gaps_.empty() && gaps_.size() != beats())
      return std::to_string(gaps_.size()) + " gaps for " + std::to_string(beats()) + " beats";
    return "";
  }

  bool done() const { return cycles_.size() == beats(); }
  const char *name() const { return format_.name; }
  const std::vector<unsigned long> &cycles() const { return cycles_; }
  unsigned long beats() const { return format_.beats ? format_.beats * frames_ : bytes_.size() / size() / format_.lanes; }
  virtual unsigned long complaints() const { return 0; }

  /// Before the clock's edge: set what the outside drives in this cycle.
  virtual void drive(unsigned long cycle) = 0;
  /// The same cycle, when all signals have settled: whether a beat passes.
  virtual void sample(unsigned long cycle) = 0;

 protected:
  bool due(unsigned long cycle) const { return !done() && cycle >= next_; }

  void pass(unsigned long cycle) {
    cycles_.push_back(cycle);
    next_ = cycle + 1 + gap();
  }

  /// Code i of the beat that is next.
  std::uint64_t code(unsigned lane) const {
    const std::size_t at = (cycles_.size() * format_.lanes + lane) * size() % bytes_.size();
    std::uint64_t value = 0;
    for (unsigned i = 0; i < size(); ++i) value |= std::uint64_t(bytes_[at + i]) << (8 * i);
    return value & mask();
  }

  std::uint64_t mask() const { return ~std::uint64_t(0) >> (64 - format_.bits); }
  /// Which beat is next.
  std::string place() const {
    const unsigned long beat = cycles_.size();
    if (!format_.beats) return "word " + std::to_string(beat) + " of the messages";
    return "frame " + std::to_string(beat / format_.beats) + ", beat " + std::to_string(beat % format_.beats);
  }

  unsigned words() const { return (format_.lanes * format_.bits + 31) / 32; }
  /// The bits of word i that a beat has.
  std::uint32_t used(unsigned i) const {
    const unsigned bits = format_.lanes * format_.bits - 32 * i;
    return bits >= 32 ? ~0u : (1u << bits) - 1;
  }

  const PortFormat format_;

 private:
  unsigned size() const { return format_.bits <= 8 ? 1 : format_.bits <= 32 ? 4 : 8; }
  unsigned long gap() const { return cycles_.size() < gaps_.size() ? gaps_[cycles_.size()] : 0; }

  unsigned frames_;
  std::vector<std::uint8_t> bytes_;
  std::vector<unsigned long> gaps_, cycles_;
  unsigned long next_ = 0;
};

template <class Data>
class Sender : public Port {
 public:
  Sender(const PortFormat &format, const std::string &vectors, const std::string &gaps, unsigned frames, Data &data, CData &valid,
         CData &ready)
      : Port(format, vectors, gaps, frames), data_(data), valid_(valid), ready_(ready) {}

  void drive(unsigned long cycle) override {
    valid_ = due(cycle);
    if (!valid_) {  // what looks at data without a beat is to see it
      for (unsigned i = 0; i < words(); ++i) set_word(data_, i, ~word(data_, i) & used(i));
      return;
    }
    std::vector<std::uint32_t> beat(words() + 1);
    for (unsigned lane = 0; lane < format_.lanes; ++lane) {
      const unsigned bit = lane * format_.bits;
      const std::uint64_t placed = code(lane) << bit % 32;
      beat[bit / 32] |= std::uint32_t(placed);
      beat[bit / 32 + 1] |= std::uint32_t(placed >> 32);
    }
    for (unsigned i = 0; i < words(); ++i) set_word(data_, i, beat[i]);
  }

  void sample(unsigned long cycle) override {
    if (valid_ && ready_) pass(cycle);
  }

 private:
  Data &data_;
  CData &valid_, &ready_;
};

template <class Data>
class Receiver : public Port {
 public:
  Receiver(const PortFormat &format, const std::string &vectors, const std::string &gaps, unsigned frames, Data &data, CData &valid,
           CData &ready)
      : Port(format, vectors, gaps, frames), data_(data), valid_(valid), ready_(ready) {}

  void drive(unsigned long cycle) override { ready_ = due(cycle) || done(); }

  void sample(unsigned long cycle) override {
    std::vector<std::uint32_t> beat(valid_ ? words() : 0);
    for (unsigned i = 0; i < beat.size(); ++i) beat[i] = word(data_, i) & used(i);
    if (waits_ && beat != offered_) complain("a beat was withdrawn or changed before it was taken, in cycle", cycle);
    waits_ = valid_ && !ready_;
    if (waits_) offered_ = beat;
    if (!valid_ || !ready_) return;
    if (done()) {
      complain("a beat too many, in cycle", cycle);
      return;
    }
    for (unsigned lane = 0; lane < format_.lanes; ++lane) {
      const unsigned bit = lane * format_.bits;
      const std::uint64_t high = bit / 32 + 1 < words() ? beat[bit / 32 + 1] : 0;
      const std::uint64_t found = (high << 32 | beat[bit / 32]) >> bit % 32 & mask();
      if (found != code(lane) && ++complaints_ <= kPrinted)
        std::printf("FAIL %s: %s, lane %u: %llu instead of %llu\n", name(), place().c_str(), lane, (unsigned long long)found,
                    (unsigned long long)code(lane));
    }
    pass(cycle);
  }

  unsigned long complaints() const override { return complaints_; }

 private:
  static constexpr unsigned kPrinted = 10;

  void complain(const char *what, unsigned long cycle) {
    if (++complaints_ <= kPrinted) std::printf("FAIL %s: %s %lu\n", name(), what, cycle);
  }

  Data &data_;
  CData &valid_, &ready_;
  bool waits_ = false;                 // a beat was offered in the last cycle and not taken
  std::vector<std::uint32_t> offered_;
  unsigned long complaints_ = 0;
};

template <class Top>
class Bench {
 public:
  Bench(const char *ip, int argc, char **argv) : ip_(ip) {
    if (argc < 6) fail("usage: <vectors> <gaps> <frames> <cycles> <handshakes> [<waveform>]");
    vectors_ = argv[1];
    gaps_ = argv[2];
    frames_ = unsigned(std::strtoul(argv[3], nullptr, 10));
    cycles_ = std::strtoul(argv[4], nullptr, 10);
    handshakes_ = argv[5];
    waveform_ = argc > 6 ? argv[6] : "";
    // Registers and memories begin with random contents, so that what reset forgets is found.
    context_.randReset(2);
    context_.randSeed(1);
    context_.traceEverOn(!waveform_.empty());
    top_.reset(new Top(&context_));
  }

  Top &top() { return *top_; }

  template <class Data>
  void send(const PortFormat &format, Data &data, CData &valid, CData &ready) {
    ports_.emplace_back(new Sender<Data>(format, vectors_, gaps_, frames_, data, valid, ready));
  }

  template <class Data>
  void expect(const PortFormat &format, Data &data, CData &valid, CData &ready) {
    ports_.emplace_back(new Receiver<Data>(format, vectors_, gaps_, frames_, data, valid, ready));
  }

  /// Exit status: 0 if no code differs.
  int run() {
    for (const auto &port : ports_)
      if (const std::string wrong = port->wrong(); !wrong.empty()) fail(std::string(port->name()) + ": " + wrong);
#if VM_TRACE
    VerilatedFstC trace;
    if (!waveform_.empty()) {
      top_->trace(&trace, 99);
      trace.open(waveform_.c_str());
    }
    const auto dump = [&] {
      if (!waveform_.empty()) trace.dump(context_.time());
    };
#else
    const auto dump = [] {};
#endif
    const auto edge = [&](bool high) {
      top_->ap_clk = high;
      top_->eval();
      dump();
      context_.timeInc(1);
    };
    constexpr unsigned kReset = 4, kAfter = 100;
    top_->ap_rst_n = 0;
    for (unsigned i = 0; i < kReset; ++i) {
      edge(false);
      edge(true);
    }
    top_->ap_rst_n = 1;
    unsigned long cycle = 0;
    for (unsigned after = 0; after < kAfter && cycle < cycles_; ++cycle) {
      for (const auto &port : ports_) port->drive(cycle);
      edge(false);
      for (const auto &port : ports_) port->sample(cycle);
      edge(true);
      bool done = true;
      for (const auto &port : ports_) done &= port->done();
      after += done;
    }
#if VM_TRACE
    if (!waveform_.empty()) trace.close();
#endif
    return verdict(cycle);
  }

 private:
  [[noreturn]] void fail(const std::string &what) {
    std::printf("FAIL %s: %s\n", ip_, what.c_str());
    std::exit(1);
  }

  int verdict(unsigned long cycle) {
    std::ofstream file(handshakes_);
    unsigned long passed = 0, beats = 0, complaints = 0;
    for (const auto &port : ports_) {
      file << port->name();
      for (unsigned long at : port->cycles()) file << ' ' << at;
      file << '\n';
      passed += port->cycles().size();
      beats += port->beats();
      complaints += port->complaints();
    }
    file.close();
    if (!file) fail("cannot write " + handshakes_);
    const char *how = complaints ? "FAIL" : passed < beats ? "STOP" : "PASS";
    std::printf("%s %s: %lu of %lu beats in %lu cycles, %lu complaints\n", how, ip_, passed, beats, cycle, complaints);
    return complaints != 0;
  }

  const char *ip_;
  std::string vectors_, gaps_, handshakes_, waveform_;
  unsigned frames_ = 0;
  unsigned long cycles_ = 0;
  VerilatedContext context_;
  std::unique_ptr<Top> top_;
  std::vector<std::unique_ptr<Port>> ports_;
};

}  // namespace resflow
