// The timing simulation of dataflow.timing.simulation, which states the rules of time: computes times of beats, not cycle by cycle.
//
// A process is a pipeline of L = `latency` stages, or has none, L = 0. Firing k enters it at t[k]; a firing that writes leaves it at e[k],
// all its beats at once. Beat j of a FIFO with d places is readable `latency` cycles after it was written, and can be written `back`
// cycles after beat j-d was read: in the next cycle, and one later for every register slice in line with the FIFO, whose two places are
// among the d. Call r[k] the time when all beats firing k reads are readable, and w[k] the first cycle in which there is room
// for all beats it writes, after the firings before it wrote theirs.
//
// A process without stages, whatever it does when blocked:
//   t[k] = e[k] = max(t[k-1] + 1, r[k], w[k])
//
// A pipeline that drains:
//   t[k] = max(t[k-1] + 1, r[k], e[k-L])
//   e[k] = max(t[k] + L, e[k-1] + 1, w[k])
//
// A pipeline that freezes advances as a whole, step by step, or not at all. A firing that enters with step s[k] leaves with step
// s[k] + L, whatever happens between; what varies is the time of a step, T(s) = s + the cycles frozen before it. Only a firing that
// writes can freeze the pipeline, just before the step with which it leaves. With f[k], the cycles frozen until firing k has left:
//   f[k] = max(f[k-1], w[k] - (s[k] + L))
//   e[k] = s[k] + L + f[k]
//   T(s) = s + f[the last firing j with s[j] + L <= s]
//   s[k] = the least s > s[k-1] with T(s) >= r[k]
//   t[k] = T(s[k])
// So it must be known of every firing that would reach the last stage before firing k enters whether it froze the pipeline.
//
// Each time depends on earlier ones only, so any order in which they are computed gives the same numbers: each process runs as far
// as its streams allow, then the next. Firings that neither read nor write are only counted.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace py = pybind11;

namespace {

using Time = std::int64_t;
using Count = std::int64_t;

constexpr int kStreams = 4;  // of a process, on either side

struct Op {
  std::uint32_t index;         // of the firing in its run
  std::uint8_t reads, writes;  // bits: which of the process's streams
};

struct Run {
  std::vector<Op> ops;  // the firings that read or write, one at least
  Count before;         // firings of the frame before this run
  Count length, times;
};

struct Layout {
  std::vector<Run> runs;
  std::vector<int> reads, writes;
  Count latency;
  bool freezes;
  Count firings;  // a frame
};

struct Process;

struct Fifo {
  std::vector<Time> slots;  // of each place: when the beat in it can be read; then, when it was read
  Count depth, latency;
  Time back;  // cycles from reading a beat to writing another in its place
  Process *writer, *reader;
  Count written = 0, read = 0;
  Count head = 0, tail = 0;  // places of beats `written` and `read`
  Count most = 0;            // held at any time
  bool writer_waits = false, reader_waits = false;

  Count place(Count beat) const {  // one less than a depth away from both ends
    const Count at = head + beat - written;
    return at < 0 ? at + depth : at;
  }

  Count after(Count place) const { return place + 1 == depth ? 0 : place + 1; }
  Count before(Count place) const { return place == 0 ? depth - 1 : place - 1; }

  // Beats i to j are held at once if i is read after j is written. Of the two events, the one that is computed later counts them.
  void write(Time at) {
    for (Count first = std::min(written - most, read - 1); first > written - depth && slots[std::size_t(place(first))] > at; --first)
      most = written - first + 1;
    slots[std::size_t(head)] = at + latency;
    head = after(head);
    ++written;
  }

  void take(Time at) {
    for (; most < written - read && slots[std::size_t(place(read + most))] - latency < at; ++most) {
    }
    slots[std::size_t(tail)] = at;
    tail = after(tail);
    ++read;
  }
};

// A firing that writes, on its way through the pipeline.
struct Flight {
  Count firing;
  Time at;  // when it entered; once it has left, when it left
  std::uint8_t writes;
  Time step;  // with which it leaves a pipeline that freezes
};

struct Process {
  const Layout *layout;
  Fifo *reads[kStreams], *writes[kStreams];
  std::size_t run = 0;
  const Op *op = nullptr, *last = nullptr;  // the next of this run, and the end of them
  bool begun = false;                       // this frame
  Count repeat = 0, frame = 0;
  Count start = 0;    // firings of all frames before this repeat of this run
  Count firing = -1;  // the last that read or wrote
  Time at = -1;       // its time
  Time room = 0;      // when there is room for the next: in a pipeline that drains; of a process without stages, for what it writes
  // Of a pipeline that freezes: the step of the last firing that read or wrote; no step before `first` is that of the next, or of the
  // first of those ahead of it; cycles frozen before it, and by all firings that left.
  Time step = -1, first = 0, frozen = 0, lost = 0;
  Count left = -1;    // the last firing that left the pipeline, of those that write
  Time left_at = -1;
  std::vector<Flight> flights;  // a ring: those that left less than a pipeline ago, then those inside
  std::size_t oldest = 0, leaving = 0, entering = 0;
  std::size_t gone = 0, inside = 0;         // how many of each
  const Fifo *empty = nullptr, *full = nullptr;  // what it waits for
  bool queued = false;
  Count starved = 0, stalled = 0;
  std::vector<Time> starts, ends;  // by frame
  bool recorded = false;
  std::vector<Time> fired, wrote;  // all of them, where they are asked for
  const std::vector<Time> *arrivals = nullptr;  // of a process that reads nothing: when it may write each beat, at the earliest
  std::size_t arrived = 0;

  std::size_t after(std::size_t flight) const { return flight + 1 == flights.size() ? 0 : flight + 1; }
};

struct Machine {
  std::vector<Fifo> fifos;
  std::vector<Process> processes;
  Time spacing;
  Time sum = 0;  // of all times of a frame
  Count events = 0;
  std::vector<Process *> queue = {};

  void wake(Process *process) {
    if (process->queued) return;
    process->queued = true;
    queue.push_back(process);
  }

  // Run every process up to the end of frame `limit`, as far as possible.
  void advance(Count limit) {
    for (auto process = processes.rbegin(); process != processes.rend(); ++process) wake(&*process);
    while (!queue.empty()) {
      Process &process = *queue.back();
      queue.pop_back();
      process.queued = false;
      do leave(process);
      while (fire(process, limit));
    }
  }

  // Firings in the pipeline leave it, as far as there is room.
  void leave(Process &process) {
    process.full = nullptr;
    for (; process.inside; --process.inside, ++process.gone) {
      Flight &flight = process.flights[process.leaving];
      Time at = process.layout->freezes ? flight.step + process.lost
                                        : std::max(flight.at + process.layout->latency, process.left_at + (flight.firing - process.left));
      if (!has_room(process, flight.writes, at)) return;
      if (process.layout->freezes) process.lost = at - flight.step;
      flight.at = at;
      write(process, flight.firing, flight.writes, at);
      process.leaving = process.after(process.leaving);
    }
  }

  // Whether it is known when there is room for these beats; `at` becomes that time if it is earlier.
  static bool has_room(Process &process, unsigned writes, Time &at) {
    for (unsigned which = writes; which; which &= which - 1) {
      Fifo &fifo = *process.writes[__builtin_ctz(which)];
      if (fifo.written - fifo.read == fifo.depth) {
        process.full = &fifo;
        fifo.writer_waits = true;
        return false;
      }
      at = std::max(at, fifo.slots[std::size_t(fifo.head)] + fifo.back);
    }
    return true;
  }

  // A firing writes its beats.
  void write(Process &process, Count firing, unsigned writes, Time at) {
    for (unsigned which = writes; which; which &= which - 1) {
      Fifo &fifo = *process.writes[__builtin_ctz(which)];
      fifo.write(at);
      if (fifo.reader_waits) {
        fifo.reader_waits = false;
        wake(fifo.reader);
      }
    }
    process.left = firing;
    process.left_at = at;
    sum += at;
    ++events;
    if (process.recorded) process.wrote.push_back(at);
  }

  // Run the next firing that reads or writes, if possible; false if it has to wait.
  bool fire(Process &process, Count limit) {
    process.empty = nullptr;
    if (process.frame == limit) return false;
    const Layout &layout = *process.layout;
    const Op op = *process.op;
    const Count firing = process.start + op.index;
    Time input = 0, room = 0;
    const bool roomy = layout.latency > 0 || has_room(process, op.writes, room);
    for (unsigned which = op.reads; which; which &= which - 1) {
      const Fifo &fifo = *process.reads[__builtin_ctz(which)];
      if (fifo.read == fifo.written) {
        process.empty = &fifo;
        process.reads[__builtin_ctz(which)]->reader_waits = true;
        return false;
      }
      input = std::max(input, fifo.slots[std::size_t(fifo.tail)]);
    }
    if (!roomy) return false;
    if (layout.latency == 0) process.room = room;
    const bool starts = !process.begun;
    // A process that reads nothing waits for its frame, with the first of the firings that neither read nor write.
    const Count ahead = starts && layout.reads.empty() ? firing - process.frame * layout.firings : 0;
    if (starts && layout.reads.empty()) input = process.frame * spacing;
    if (process.arrivals) input = (*process.arrivals)[process.arrived] - layout.latency;
    Time at;
    if (!(layout.freezes ? enter_frozen(process, firing, input, ahead, at) : enter_elastic(process, firing, input + ahead, at)))
      return false;
    if (starts) {
      process.begun = true;
      process.starts.push_back(at);
    }
    for (unsigned which = op.reads; which; which &= which - 1) {
      Fifo &fifo = *process.reads[__builtin_ctz(which)];
      fifo.take(at);
      if (fifo.writer_waits) {
        fifo.writer_waits = false;
        wake(fifo.writer);
      }
    }
    process.arrived += process.arrivals != nullptr;
    if (op.writes && layout.latency == 0) write(process, firing, op.writes, at);
    else if (op.writes) {
      process.flights[process.entering] = {firing, at, op.writes, process.step + layout.latency};
      process.entering = process.after(process.entering);
      ++process.inside;
    }
    sum += at;
    ++events;
    if (process.recorded) process.fired.push_back(at);
    process.firing = firing;
    process.at = at;
    if (++process.op == process.last) next_repeat(process);
    return true;
  }

  // When a firing enters a pipeline that drains, or there is none to enter; false if that is not known yet.
  static bool enter_elastic(Process &process, Count firing, Time input, Time &at) {
    const Count latency = process.layout->latency;
    for (; process.gone && process.flights[process.oldest].firing + latency <= firing; --process.gone) {
      const Flight &flight = process.flights[process.oldest];
      process.room = std::max(process.room, flight.at + (firing - flight.firing - latency));
      process.oldest = process.after(process.oldest);
    }
    if (!process.gone && process.inside && process.flights[process.leaving].firing + latency <= firing) return false;
    const Time ready = std::max(process.at + (firing - process.firing), process.room);
    at = std::max(ready, input);
    process.stalled += ready - process.at - (firing - process.firing);
    process.starved += at - ready;
    process.room = 0;
    return true;
  }

  // When a firing enters a pipeline that freezes, the first of the `ahead` firings before it at `input` or later; false if that is not
  // known yet. What was found by then stays true when it is tried again.
  static bool enter_frozen(Process &process, Count firing, Time input, Count ahead, Time &at) {
    const Time soonest = process.step + (firing - process.firing);
    Time &first = process.first;
    first = std::max(first, soonest - ahead);
    while (reaches(process, std::max(first, input - process.frozen))) {
      if (!process.gone) return false;
      first = std::max(first, pass(process));
    }
    first = std::max(first, input - process.frozen);
    const Time step = first + ahead;
    while (reaches(process, step)) {
      if (!process.gone) return false;
      pass(process);
    }
    at = step + process.frozen;
    process.starved += step - soonest;
    process.stalled += at - process.at - (firing - process.firing) - (step - soonest);
    process.step = first = step;
    return true;
  }

  // Whether a firing that was not passed yet leaves with this step or before.
  static bool reaches(const Process &process, Time step) {
    return process.gone + process.inside && process.flights[process.gone ? process.oldest : process.leaving].step <= step;
  }

  // Pass the oldest firing that left: the step with which it did.
  static Time pass(Process &process) {
    const Flight &flight = process.flights[process.oldest];
    process.frozen = flight.at - flight.step;
    process.oldest = process.after(process.oldest);
    --process.gone;
    return flight.step;
  }

  // All that the later frames depend on, in times since `now`, after every process finished the same frames.
  void state(Time now, std::vector<Time> &values) const {
    values.clear();
    for (const Fifo &fifo : fifos) {
      const Count held = fifo.written - fifo.read;
      values.push_back(held);
      for (Count i = 0, place = fifo.tail; i < held; ++i, place = fifo.after(place))
        values.push_back(fifo.slots[std::size_t(place)] - now);
      // Of free places, those that were freed after the writer's last write: no other can make it wait.
      const Time since = fifo.writer->left_at + 1 - fifo.back;
      Count place = fifo.tail;
      for (Count i = held; i < fifo.depth; ++i) {
        place = fifo.before(place);
        if (fifo.slots[std::size_t(place)] <= since) break;
        values.push_back(fifo.slots[std::size_t(place)] - now);
      }
      values.push_back(std::numeric_limits<Time>::min());
    }
    for (const Process &process : processes) {
      const Count firings = process.frame * process.layout->firings;
      values.insert(values.end(), {process.firing - firings, process.at - now, process.lost - process.frozen});
      if (process.left >= 0) values.insert(values.end(), {process.left - firings, process.left_at - now});
      values.insert(values.end(), {Count(process.gone), Count(process.inside)});
      std::size_t place = process.oldest;
      for (std::size_t i = 0; i < process.gone + process.inside; ++i, place = process.after(place)) {
        const Flight &flight = process.flights[place];
        values.insert(values.end(), {flight.firing - firings, flight.at - now, flight.step - process.step});
      }
    }
  }

  static void next_repeat(Process &process) {
    const Layout &layout = *process.layout;
    process.start += layout.runs[process.run].length;
    if (++process.repeat < layout.runs[process.run].times) {
      process.op = layout.runs[process.run].ops.data();
      return;
    }
    if (++process.run == layout.runs.size()) {
      process.run = 0;
      ++process.frame;
      process.begun = false;
      process.ends.push_back(process.at);
    }
    begin_run(process);
  }

  static void begin_run(Process &process) {
    const Run &run = process.layout->runs[process.run];
    process.repeat = 0;
    process.op = run.ops.data();
    process.last = process.op + run.ops.size();
    process.start = process.frame * process.layout->firings + run.before;
  }
};

class Simulator {
 public:
  using Runs = std::vector<std::tuple<std::string, Count>>;
  using ProcessArgument = std::tuple<Runs, std::vector<int>, std::vector<int>, Count, bool>;

  // A register slice holds two beats, and passes a beat on and room back a cycle later.
  Simulator(const std::vector<ProcessArgument> &processes, const std::vector<Time> &latencies, const std::vector<Count> &slices)
      : latencies_(latencies), slices_(slices) {
    require(slices.size() == latencies.size(), "a number of register slices for every stream");
    for (Time latency : latencies) require(latency >= 1, "a FIFO takes at least a cycle");
    for (Count count : slices) require(count >= 0, "there are no fewer than no register slices");
    std::vector<int> readers(latencies.size()), writers(latencies.size());
    for (const auto &[runs, reads, writes, latency, freezes] : processes) {
      require(latency >= 0, "a pipeline has no fewer than no stages");
      require(reads.size() <= kStreams && writes.size() <= kStreams, "a process has at most four streams a side");
      for (int fifo : reads) ++readers.at(std::size_t(fifo));
      for (int fifo : writes) ++writers.at(std::size_t(fifo));
      Layout layout{{}, reads, writes, latency, freezes && latency > 0, 0};  // without stages there is nothing to freeze
      unsigned used = 0;
      for (const auto &[firings, times] : runs) {
        Run run{{}, layout.firings, Count(firings.size()), times};
        layout.firings += run.length * times;
        for (std::size_t i = 0; i < firings.size(); ++i) {
          const auto firing = std::uint8_t(firings[i]);
          used |= firing;
          if (firing) run.ops.push_back({std::uint32_t(i), std::uint8_t(firing & 15), std::uint8_t(firing >> 4)});
        }
        if (!run.ops.empty() && times > 0) layout.runs.push_back(run);
      }
      require(used != 0, "a process reads or writes");
      require((used & 15) >> reads.size() == 0 && used >> 4 >> writes.size() == 0, "a firing uses a stream its process does not have");
      layouts_.push_back(layout);
    }
    for (std::size_t i = 0; i < latencies.size(); ++i) require(readers[i] == 1 && writers[i] == 1, "a stream has two ends");
  }

  // `spacing`: cycles from frame to frame at processes that read nothing. With an `interval` above 0 it stops as soon as every later
  // frame must be the one before, `interval` cycles later: when a frame leaves all as it found it. Or when `losing` in a row fell behind,
  // each by half as much as the one before, or more: what only settles falls behind by less and less. With `recurring` it stops as soon
  // as every later frame must be the one before, `period` cycles later, whatever that is. `arrivals`: by the number of a process that
  // reads nothing, when it may write each beat of all frames, at the earliest. Of processes in `recorded` the times of all firings that
  // read or write are in the result.
  py::dict run(const std::vector<Count> &depths, Count frames, Time spacing, Time interval, Count losing, bool recurring,
               const std::map<std::size_t, std::vector<Time>> &arrivals, const std::vector<std::size_t> &recorded) const {
    for (const auto &[number, times] : arrivals) {
      require(number < layouts_.size() && layouts_[number].reads.empty(), "beats arrive at processes that read nothing");
      require(Count(times.size()) >= frames * layouts_[number].firings, "a time for each beat of all frames");
      require(interval == 0 && !recurring, "what arrives at given times need not recur");
    }
    for (std::size_t number : recorded) require(number < layouts_.size(), "there is no such process");
    require(interval == 0 || spacing == 0 || spacing == interval, "frames are offered at once, or as often as they shall settle");
    require(!recurring || (interval == 0 && spacing == 0), "frames that recur at any distance are offered at once");
    require(depths.size() == latencies_.size(), "a depth for every stream");
    for (Count depth : depths) require(depth >= 1, "a FIFO holds at least a beat");
    Machine machine{{}, {}, spacing};
    Count done = 0;
    Time lag = 0, period = 0, end = 0;
    bool settled = false, stuck = false;
    {
      py::gil_scoped_release unlocked;
      set_up(machine, depths, frames);
      for (const auto &[number, times] : arrivals) machine.processes[number].arrivals = &times;
      for (std::size_t number : recorded) machine.processes[number].recorded = true;
      Count lost = 0;  // frames in a row
      std::vector<Time> found, left;
      for (; done < frames && !settled && !stuck && (interval == 0 || lost < losing); ++done) {
        const Time sum_before = machine.sum, lag_before = lag;
        machine.sum = machine.events = 0;
        machine.advance(done + 1);
        for (const Process &process : machine.processes) stuck |= process.frame <= done;
        lag = machine.sum - sum_before - interval * machine.events;  // of all times together
        lost = done && lag > 0 ? (lost && 2 * lag >= lag_before ? lost + 1 : 1) : 0;
        if ((interval == 0 && !recurring) || stuck) continue;
        period = machine.processes.back().at - end;
        end += period;
        machine.state(recurring ? end : (done + 1) * interval, left);
        settled = done && left == found;
        std::swap(found, left);
      }
      if (stuck) --done;
    }
    const auto number = [&](const Fifo *fifo) { return fifo ? Count(fifo - machine.fifos.data()) : Count(-1); };
    const auto &processes = machine.processes;
    py::dict result;
    result["frames"] = done;
    result["settled"] = settled;
    result["lag"] = lag;
    result["period"] = period;
    result["stuck"] = stuck;
    result["most"] = each(machine.fifos, [](const Fifo &fifo) {
      return std::max(fifo.most, fifo.written - fifo.read);  // what was never read was not counted
    });
    result["starved"] = each(processes, [](const Process &process) { return process.starved; });
    result["stalled"] = each(processes, [](const Process &process) { return process.stalled; });
    result["empty"] = each(processes, [&](const Process &process) { return number(process.empty); });
    result["full"] = each(processes, [&](const Process &process) { return number(process.full); });
    result["last"] = each(processes, [](const Process &process) { return std::max(process.at, process.left_at); });
    result["starts"] = table(processes, done, [](const Process &process) { return process.starts.data(); });
    result["ends"] = table(processes, done, [](const Process &process) { return process.ends.data(); });
    py::list fired, wrote;
    for (std::size_t number : recorded) {
      fired.append(times(processes[number].fired));
      wrote.append(times(processes[number].wrote));
    }
    result["fired"] = fired;
    result["wrote"] = wrote;
    return result;
  }

 private:
  std::vector<Layout> layouts_;
  std::vector<Time> latencies_;
  std::vector<Count> slices_;

  static void require(bool holds, const char *otherwise) {
    if (!holds) throw py::value_error(otherwise);
  }

  void set_up(Machine &machine, const std::vector<Count> &depths, Count frames) const {
    for (std::size_t i = 0; i < depths.size(); ++i) {
      const Count places = depths[i] + 2 * slices_[i], back = 1 + slices_[i];
      machine.fifos.push_back({std::vector<Time>(std::size_t(places), -back), places, latencies_[i] + slices_[i], back, nullptr, nullptr});
    }
    for (const Layout &layout : layouts_) {
      Process process{&layout, {}, {}};
      Machine::begin_run(process);
      process.flights.resize(std::size_t(std::min(layout.latency, layout.firings * frames)));
      machine.processes.push_back(std::move(process));
    }
    // Neither vector grows from here on.
    for (Process &process : machine.processes) {
      for (std::size_t i = 0; i < process.layout->reads.size(); ++i) {
        process.reads[i] = &machine.fifos[std::size_t(process.layout->reads[i])];
        process.reads[i]->reader = &process;
      }
      for (std::size_t i = 0; i < process.layout->writes.size(); ++i) {
        process.writes[i] = &machine.fifos[std::size_t(process.layout->writes[i])];
        process.writes[i]->writer = &process;
      }
    }
  }

  template <class Part, class Get>
  static py::array_t<Count> each(const std::vector<Part> &parts, Get get) {
    py::array_t<Count> values(py::ssize_t(parts.size()));
    std::transform(parts.begin(), parts.end(), values.mutable_data(), get);
    return values;
  }

  static py::array_t<Time> times(const std::vector<Time> &values) {
    return py::array_t<Time>(py::ssize_t(values.size()), values.data());
  }

  // One row a frame, one column a process.
  template <class Get>
  static py::array_t<Time> table(const std::vector<Process> &processes, Count frames, Get get) {
    py::array_t<Time> values({py::ssize_t(frames), py::ssize_t(processes.size())});
    for (std::size_t i = 0; i < processes.size(); ++i)
      for (Count frame = 0; frame < frames; ++frame) values.mutable_at(frame, py::ssize_t(i)) = get(processes[i])[frame];
    return values;
  }
};

}  // namespace

PYBIND11_MODULE(_native, module) {
  module.doc() = "The core of dataflow.simulation in C++.";
  py::class_<Simulator>(module, "Simulator")
      .def(py::init<const std::vector<Simulator::ProcessArgument> &, const std::vector<Time> &, const std::vector<Count> &>(),
           py::arg("processes"), py::arg("latencies"), py::arg("slices"))
      .def("run", &Simulator::run, py::kw_only(), py::arg("depths"), py::arg("frames"), py::arg("spacing"), py::arg("interval"),
           py::arg("losing"), py::arg("recurring"), py::arg("arrivals"), py::arg("recorded"));
}
