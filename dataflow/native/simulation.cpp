// The timing simulation of dataflow.simulation: times of beats, not cycles one by one. The rules of time stand there.
//
// A process is a pipeline of `latency` stages. Firing k enters it at t[k]; a firing that writes leaves it at e[k], all its beats
// at once. Beat j of a FIFO of depth d is readable `latency` cycles after it was written, and can be written in the cycle after
// beat j-d was read. So every time is a maximum of earlier ones:
//   t[k] = max(t[k-1] + 1, readable times of the beats it reads, e[k-latency])
//   e[k] = max(t[k] + latency, e[k-1] + 1, 1 + read times of the beats whose places it takes)
// and any order in which they are computed gives the same numbers: each process runs as far as its streams allow, then the next.
// Firings that neither read nor write are only counted.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

namespace py = pybind11;

namespace {

using Time = std::int64_t;
using Count = std::int64_t;

struct Op {
  std::uint32_t index;  // of the firing in its run
  std::uint8_t reads, writes;  // bits: which of the process's streams
};

struct Run {
  std::vector<Op> ops;  // the firings that read or write
  Count length, times;
};

struct Process {
  std::vector<Run> runs;
  std::vector<int> reads, writes;
  Count latency, firings = 0;  // firings a frame
  std::uint8_t needed(bool input) const {
    std::uint8_t all = 0;
    for (const Run &run : runs)
      for (const Op &op : run.ops) all |= input ? op.reads : op.writes;
    return all;
  }
};

struct Fifo {
  Time latency;
  int writer = -1, reader = -1;
};

// What one simulation changes of a FIFO. A slot holds the readable time of the beat in it, then the time it was read.
struct FifoState {
  std::vector<Time> slots;
  Count depth, written = 0, read = 0;
  Count head = 0, tail = 0;  // slots of beats `written` and `read`
  // Beats read by the time of the latest write, written before the latest read; and their slots.
  Count read_then = 0, read_slot = 0, written_then = 0, written_slot = 0;
  Count most = 0;

  Count next(Count slot) const { return slot + 1 == depth ? 0 : slot + 1; }

  void write(Time at, Time latency) {
    while (read_then < read && slots[read_slot] <= at) {
      ++read_then;
      read_slot = next(read_slot);
    }
    // Otherwise the beats to be read next were not looked at yet, and read() counts.
    if (read_then < read) most = std::max(most, written + 1 - read_then);
    slots[head] = at + latency;
    head = next(head);
    ++written;
  }

  void take(Time at, Time latency) {
    if (written_then < read) {
      written_then = read;
      written_slot = tail;
    }
    while (written_then < written && slots[written_slot] - latency < at) {
      ++written_then;
      written_slot = next(written_slot);
    }
    most = std::max(most, written_then - read);
    slots[tail] = at;
    tail = next(tail);
    ++read;
  }
};

// A firing that writes, on its way through the pipeline.
struct Flight {
  Count firing;
  Time at;  // when it entered; when it left, once it has
  std::uint8_t writes;
};

struct ProcessState {
  std::size_t run = 0, op = 0;
  Count repeat = 0, frame = 0;
  Count run_start = 0;    // firings of this frame before this repeat of this run
  Count firing = -1;      // the last that read or wrote, counted over all frames
  Time at = -1;           // its time
  Time room = 0;          // when the pipeline has room for the firing at hand
  Count left = -1;        // the last firing that left the pipeline, of those that write
  Time left_at = -1;
  std::vector<Flight> flights;  // a ring
  std::size_t oldest = 0, leaving = 0, entering = 0;  // oldest..leaving have left but still count, leaving..entering are inside
  std::size_t inside = 0, counted = 0;                // how many of each
  int empty = -1, full = -1;  // the streams it waits for
  bool queued = false;
  Count starved = 0, stalled = 0;
  std::vector<Time> starts, ends;
  std::vector<Time> fired, wrote;  // every one, where they are asked for
};

class Simulator {
 public:
  using Runs = std::vector<std::tuple<std::string, Count>>;
  using ProcessArgument = std::tuple<Runs, std::vector<int>, std::vector<int>, Count>;

  Simulator(const std::vector<ProcessArgument> &processes, const std::vector<Time> &latencies) {
    for (Time latency : latencies) {
      if (latency < 1) throw py::value_error("a FIFO takes at least a cycle");
      fifos_.push_back({latency});
    }
    for (const auto &[runs, reads, writes, latency] : processes) {
      Process process{{}, reads, writes, latency};
      if (latency < 1) throw py::value_error("a pipeline has at least one stage");
      if (reads.size() > 4 || writes.size() > 4) throw py::value_error("a process has at most four streams a side");
      for (const auto &[firings, times] : runs) {
        Run run{{}, Count(firings.size()), times};
        for (std::size_t i = 0; i < firings.size(); ++i) {
          const auto firing = std::uint8_t(firings[i]);
          if (firing) run.ops.push_back({std::uint32_t(i), std::uint8_t(firing & 15), std::uint8_t(firing >> 4)});
        }
        process.firings += run.length * times;
        process.runs.push_back(run);
      }
      // Runs without a read or write only count: they belong to the wait before the next one.
      bool any = false;
      for (const Run &run : process.runs) any |= !run.ops.empty() && run.times > 0;
      if (!any) throw py::value_error("a process reads or writes");
      if (process.needed(true) >> reads.size() || process.needed(false) >> writes.size())
        throw py::value_error("a firing names a stream its process does not have");
      const int number = int(processes_.size());
      for (int fifo : reads) end(fifo).reader = number;
      for (int fifo : writes) end(fifo).writer = number;
      processes_.push_back(process);
    }
    for (const Fifo &fifo : fifos_)
      if (fifo.writer < 0 || fifo.reader < 0) throw py::value_error("a stream has two ends");
  }

  // `spacing`: cycles from frame to frame at processes that read nothing. Where `settle` is above 0 it stops as soon as so many
  // frames in a row have each been the one before, `spacing` cycles later; or when `losing` in a row fell behind that by the same.
  py::dict run(const std::vector<Count> &depths, Count frames, Time spacing, Count settle, Count losing, bool trace) const {
    if (depths.size() != fifos_.size()) throw py::value_error("a depth for every stream");
    std::vector<FifoState> fifos(fifos_.size());
    for (std::size_t i = 0; i < fifos.size(); ++i) {
      if (depths[i] < 1) throw py::value_error("a FIFO holds at least a beat");
      fifos[i].depth = depths[i];
    }
    std::vector<ProcessState> states(processes_.size());
    Count done = 0;
    bool settled = false, stuck = false;
    {
      py::gil_scoped_release unlocked;
      for (FifoState &fifo : fifos) fifo.slots.assign(std::size_t(fifo.depth), -1);
      for (std::size_t i = 0; i < states.size(); ++i) {
        states[i].flights.resize(std::size_t(std::min(processes_[i].latency, processes_[i].firings * frames)));
        enter_run(processes_[i], states[i]);
      }
      Machine machine{*this, fifos, states, spacing, trace};
      Count same = 0, lost = 0;  // frames in a row
      Time lag = 0;
      for (; done < frames && !settled && !stuck && (settle == 0 || lost < losing); ++done) {
        const Time before = machine.sum;
        machine.sum = machine.events = 0;
        machine.advance(done + 1);
        for (const ProcessState &state : states) stuck |= state.frame <= done;
        const Time lag_before = lag;
        lag = machine.sum - before - spacing * machine.events;  // of all times together; none of them can be earlier
        same = done && lag == 0 ? same + 1 : 0;
        lost = done && lag > 0 ? (lag == lag_before ? lost + 1 : 1) : 0;
        settled = settle > 0 && same >= settle;
      }
      if (stuck) --done;
    }
    py::dict result;
    result["frames"] = done;
    result["settled"] = settled;
    result["stuck"] = stuck;
    result["most"] = each(fifos, [](const FifoState &fifo) { return fifo.most; });
    result["held"] = each(fifos, [](const FifoState &fifo) { return fifo.written - fifo.read; });
    result["starved"] = each(states, [](const ProcessState &state) { return state.starved; });
    result["stalled"] = each(states, [](const ProcessState &state) { return state.stalled; });
    result["empty"] = each(states, [](const ProcessState &state) { return Count(state.empty); });
    result["full"] = each(states, [](const ProcessState &state) { return Count(state.full); });
    result["last"] = each(states, [](const ProcessState &state) { return std::max(state.at, state.left_at); });
    result["starts"] = table(states, done, [](const ProcessState &state) -> const std::vector<Time> & { return state.starts; });
    result["ends"] = table(states, done, [](const ProcessState &state) -> const std::vector<Time> & { return state.ends; });
    if (trace) {
      py::list fired, wrote;
      for (const ProcessState &state : states) {
        fired.append(state.fired);
        wrote.append(state.wrote);
      }
      result["fired"] = fired;
      result["wrote"] = wrote;
    }
    return result;
  }

 private:
  std::vector<Process> processes_;
  std::vector<Fifo> fifos_;

  Fifo &end(int fifo) {
    if (fifo < 0 || fifo >= int(fifos_.size())) throw py::value_error("no such stream");
    return fifos_[std::size_t(fifo)];
  }

  template <class State, class Get>
  static py::array_t<Count> each(const std::vector<State> &states, Get get) {
    py::array_t<Count> values(py::ssize_t(states.size()));
    for (std::size_t i = 0; i < states.size(); ++i) values.mutable_at(py::ssize_t(i)) = get(states[i]);
    return values;
  }

  // One row a frame, one column a process.
  template <class Get>
  static py::array_t<Time> table(const std::vector<ProcessState> &states, Count frames, Get get) {
    py::array_t<Time> values({py::ssize_t(frames), py::ssize_t(states.size())});
    for (std::size_t i = 0; i < states.size(); ++i)
      for (Count frame = 0; frame < frames; ++frame) values.mutable_at(frame, py::ssize_t(i)) = get(states[i])[std::size_t(frame)];
    return values;
  }

  // Steps over runs without a read or write, and into the next frame after the last.
  static void enter_run(const Process &process, ProcessState &state) {
    for (;;) {
      if (state.run == process.runs.size()) {
        state.run = 0;
        state.run_start = 0;
        ++state.frame;
        return enter_run_at_start(process, state);
      }
      const Run &run = process.runs[state.run];
      if (!run.ops.empty() && run.times > 0) return;
      state.run_start += run.length * run.times;
      ++state.run;
    }
  }
  static void enter_run_at_start(const Process &process, ProcessState &state) {
    while (process.runs[state.run].ops.empty() || process.runs[state.run].times == 0) {
      state.run_start += process.runs[state.run].length * process.runs[state.run].times;
      ++state.run;
    }
  }

  struct Machine {
    const Simulator &graph;
    std::vector<FifoState> &fifos;
    std::vector<ProcessState> &states;
    const Time spacing;
    const bool trace;
    Time sum = 0;  // of all times of a frame
    Count events = 0;
    std::vector<int> queue = {};

    void wake(int process) {
      ProcessState &state = states[std::size_t(process)];
      if (state.queued) return;
      state.queued = true;
      queue.push_back(process);
    }

    // Every process up to the end of frame `limit`, as far as it goes.
    void advance(Count limit) {
      for (int i = int(states.size()) - 1; i >= 0; --i) wake(i);
      while (!queue.empty()) {
        const int number = queue.back();
        queue.pop_back();
        states[std::size_t(number)].queued = false;
        go(graph.processes_[std::size_t(number)], states[std::size_t(number)], limit);
      }
    }

    void go(const Process &process, ProcessState &state, Count limit) {
      do leave(process, state);
      while (fire(process, state, limit));
    }

    // Beats leave the pipeline as far as there is room for them.
    void leave(const Process &process, ProcessState &state) {
      state.full = -1;
      while (state.inside) {
        Flight &flight = state.flights[state.leaving];
        Time at = std::max(flight.at + process.latency, state.left_at + (flight.firing - state.left));
        for (std::size_t i = 0; i < process.writes.size(); ++i) {
          if (!(flight.writes >> i & 1)) continue;
          const FifoState &fifo = fifos[std::size_t(process.writes[i])];
          if (fifo.written - fifo.read == fifo.depth) {
            state.full = process.writes[i];
            return;
          }
          at = std::max(at, fifo.slots[std::size_t(fifo.head)] + 1);
        }
        for (std::size_t i = 0; i < process.writes.size(); ++i) {
          if (!(flight.writes >> i & 1)) continue;
          const int number = process.writes[i];
          fifos[std::size_t(number)].write(at, graph.fifos_[std::size_t(number)].latency);
          const int reader = graph.fifos_[std::size_t(number)].reader;
          if (states[std::size_t(reader)].empty == number) wake(reader);
        }
        state.left = flight.firing;
        state.left_at = at;
        flight.at = at;
        sum += at;
        ++events;
        if (trace) state.wrote.push_back(at);
        --state.inside;
        ++state.counted;
        if (++state.leaving == state.flights.size()) state.leaving = 0;
      }
    }

    // The next firing that reads or writes, if it can be; false where it has to wait.
    bool fire(const Process &process, ProcessState &state, Count limit) {
      state.empty = -1;
      if (state.frame == limit) return false;
      const Run &run = process.runs[state.run];
      const Op &op = run.ops[state.op];
      const Count in_frame = state.run_start + op.index;
      const Count firing = state.frame * process.firings + in_frame;
      while (state.counted && state.flights[state.oldest].firing + process.latency <= firing) {
        const Flight &gone = state.flights[state.oldest];
        state.room = std::max(state.room, gone.at + (firing - gone.firing - process.latency));
        --state.counted;
        if (++state.oldest == state.flights.size()) state.oldest = 0;
      }
      if (!state.counted && state.inside && state.flights[state.leaving].firing + process.latency <= firing) return false;
      Time input = 0;
      for (std::size_t i = 0; i < process.reads.size(); ++i) {
        if (!(op.reads >> i & 1)) continue;
        const FifoState &fifo = fifos[std::size_t(process.reads[i])];
        if (fifo.read == fifo.written) {
          state.empty = process.reads[i];
          return false;
        }
        input = std::max(input, fifo.slots[std::size_t(fifo.tail)]);
      }
      Time earliest = state.at + (firing - state.firing);
      const bool starts = state.starts.size() == std::size_t(state.frame);
      if (starts && process.reads.empty()) earliest = std::max(earliest, state.frame * spacing + in_frame);
      const Time at = std::max({earliest, input, state.room});
      if (input > earliest) state.starved += input - earliest;
      state.stalled += at - std::max(earliest, input);
      for (std::size_t i = 0; i < process.reads.size(); ++i) {
        if (!(op.reads >> i & 1)) continue;
        const int number = process.reads[i];
        fifos[std::size_t(number)].take(at, graph.fifos_[std::size_t(number)].latency);
        const int writer = graph.fifos_[std::size_t(number)].writer;
        if (states[std::size_t(writer)].full == number) wake(writer);
      }
      if (op.writes) {
        state.flights[state.entering] = {firing, at, op.writes};
        if (++state.entering == state.flights.size()) state.entering = 0;
        ++state.inside;
      }
      sum += at;
      ++events;
      if (starts) state.starts.push_back(at);
      if (trace) state.fired.push_back(at);
      state.firing = firing;
      state.at = at;
      state.room = 0;
      if (++state.op == run.ops.size()) next_repeat(process, run, state);
      return true;
    }

    static void next_repeat(const Process &process, const Run &run, ProcessState &state) {
      state.op = 0;
      state.run_start += run.length;
      if (++state.repeat < run.times) return;
      state.repeat = 0;
      ++state.run;
      const Count frame = state.frame;
      enter_run(process, state);
      if (state.frame != frame) state.ends.push_back(state.at);
    }
  };
};

}  // namespace

PYBIND11_MODULE(_native, module) {
  module.doc() = "The core of dataflow.simulation in C++.";
  py::class_<Simulator>(module, "Simulator")
      .def(py::init<const std::vector<Simulator::ProcessArgument> &, const std::vector<Time> &>(), py::arg("processes"),
           py::arg("latencies"))
      .def("run", &Simulator::run, py::kw_only(), py::arg("depths"), py::arg("frames"), py::arg("spacing"), py::arg("settle"),
           py::arg("losing"), py::arg("trace"));
}
