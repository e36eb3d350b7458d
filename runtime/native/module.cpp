// The Python module: reads a runtime.emulation.lowered.LoweredProgram, and runs it without the GIL.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>

#include "cpu.h"
#include "network.h"
#include "team.h"
#include "trial.h"

namespace py = pybind11;

namespace resflow {
namespace {

template <class T>
using Array = py::array_t<T, py::array::c_style>;

const Kernels &find(const std::string &path) {
  for (const Kernels *kernels : available_kernels()) {
    if (path == kernels->name) return *kernels;
  }
  throw py::value_error("path " + path + ": not available on this machine");
}

/// What finds the sums of a layer on a path: `products` names a way to look them up, or multiplies bytes, or leaves the choice to a trial.
struct Ways {
  std::vector<const Kernels *> kernels;  // the path and those below it, for layers it cannot do
  std::vector<const Lookup *> lookups;   // on the path itself
  bool multiplies;                       // what could be looked up, too

  std::vector<Means> suiting(const Description &d) const {
    std::vector<Means> found;
    for (const Lookup *lookup : lookups) {
      if (const Means means{kernels.front(), lookup}; Layer::suits(d, means)) found.push_back(means);
    }
    if (!found.empty() && !multiplies) return found;
    const auto first = std::find_if(kernels.begin(), kernels.end(), [&](const Kernels *each) { return Layer::suits(d, {each}); });
    found.insert(found.begin(), {*first});
    return found;
  }
};

constexpr const char *kAuto = "auto", *kMultiplied = "int8", *kPlanes = "planes";

py::value_error no_such(const std::string &path, const std::string &products) {
  return py::value_error("products " + products + ": not available on path " + path);
}

Ways ways(const std::string &path, const std::string &products) {
  Ways ways{{}, available_lookups(find(path)), products == kAuto || products == kMultiplied};
  for (const Kernels *kernels : available_kernels()) {
    if (!ways.kernels.empty() || kernels == &find(path)) ways.kernels.push_back(kernels);
  }
  if (products == kAuto) return ways;
  const auto end = std::remove_if(ways.lookups.begin(), ways.lookups.end(), [&](const Lookup *each) { return products != each->name; });
  ways.lookups.erase(end, ways.lookups.end());
  if (!ways.multiplies && ways.lookups.empty()) throw no_such(path, products);
  return ways;
}

std::pair<int, int> pair(const py::handle &value) { return value.cast<std::pair<int, int>>(); }

/// A window over (height, width, channels).
Geometry geometry(const py::handle &window, int height, int width, int channels) {
  Geometry g{};
  g.height = height, g.width = width, g.channels = channels;
  std::tie(g.kernel_y, g.kernel_x) = pair(window.attr("kernel"));
  std::tie(g.stride_y, g.stride_x) = pair(window.attr("stride"));
  std::tie(g.before_y, g.before_x) = pair(window.attr("before"));
  std::tie(g.out_height, g.out_width) = pair(window.attr("output")(height, width));
  return g;
}

/// An array of exactly this type and these dimensions.
template <class T>
Array<T> array(const py::handle &value, const std::vector<std::size_t> &shape) {
  if (!py::isinstance<Array<T>>(value)) throw py::value_error("an array of another type than its layer needs");
  auto found = py::reinterpret_borrow<Array<T>>(value);
  if (!std::equal(shape.begin(), shape.end(), found.shape(), found.shape() + found.ndim(), [](auto a, auto b) { return a == std::size_t(b); })) {
    throw py::value_error("an array of another shape than its layer needs");
  }
  return found;
}

using Levels2D = Array<std::int32_t>;

/// Thresholds (rows, n) of any number n, or nothing for None.
std::optional<Levels2D> levels_of(const py::object &value, std::size_t rows) {
  if (value.is_none()) return std::nullopt;
  return array<std::int32_t>(value, {rows, value.attr("shape").cast<std::pair<std::size_t, std::size_t>>().second});
}

std::optional<CodeLevels> code_levels(const py::object &value, std::size_t channels) {
  const auto levels = levels_of(value, channels);
  if (!levels) return std::nullopt;
  return CodeLevels(levels->data(), channels, unsigned(levels->shape(1)));
}

/// Sums that fit into 32 bits.
std::vector<std::int32_t> bounds(const py::object &value, std::size_t channels) {
  const auto sums = array<std::int64_t>(value, {channels});
  return std::vector<std::int32_t>(sums.data(), sums.data() + channels);
}

SumLevels sum_levels(const py::handle &sum, std::size_t channels) {
  const auto vector = [&](const char *name) {
    const auto values = array<std::int32_t>(sum.attr(name), {channels});
    return std::vector<std::int32_t>(values.data(), values.data() + channels);
  };
  const py::object levels = sum.attr("levels");
  const auto count = levels.attr("shape").cast<std::pair<std::size_t, std::size_t>>().second;
  std::vector<std::int32_t> main = vector("main"), bypass = vector("bypass");
  std::vector<std::int64_t> wide;
  std::optional<Levels> narrow;
  std::optional<Planes> planes;
  if (py::isinstance<Array<std::int64_t>>(levels)) {
    const auto given = array<std::int64_t>(levels, {channels, count});
    wide.assign((channels + kPanel - 1) / kPanel * kPanel * count, 0);
    std::copy(given.data(), given.data() + given.size(), wide.begin());
  } else {
    const auto given = array<std::int32_t>(levels, {channels, count});
    narrow.emplace(given.data(), channels, unsigned(count), bounds(sum.attr("low"), channels), bounds(sum.attr("high"), channels));
    if (const py::object codes = sum.attr("codes"); !codes.is_none()) {
      const auto [main_high, bypass_high] = codes.cast<std::pair<unsigned, unsigned>>();
      planes = find_planes(main.data(), bypass.data(), given.data(), channels, unsigned(count), main_high, bypass_high);
    }
  }
  return SumLevels(std::move(main), std::move(bypass), unsigned(count), std::move(narrow), std::move(wide), std::move(planes));
}

/// The fastest of these, by a trial for each shape in a process. Who holds the GIL may read and write what is known: no lock of another
/// thread's is then left behind in a forked child.
Means choose(const Description &d, const std::vector<Means> &means) {
  static std::map<std::string, std::size_t> known;
  if (means.size() == 1 || any_will_do(d)) return means.front();
  const std::string key = shape(d, means);
  auto found = known.find(key);
  if (found == known.end()) {
    std::size_t best;
    {
      const py::gil_scoped_release release;
      best = fastest(d, means);
    }
    found = known.insert_or_assign(key, best).first;
  }
  return means[found->second];
}

Layer layer(const py::handle &conv, const Geometry &g, const Ways &ways, Input input = Input::kBordered, bool summed = false) {
  const std::size_t outputs = py::len(conv.attr("weights"));
  const std::optional<Levels2D> levels = levels_of(conv.attr("levels"), outputs);
  const std::vector<std::size_t> shape{outputs, std::size_t(g.kernel_y), std::size_t(g.kernel_x), std::size_t(g.channels)};
  const py::object weights = py::array::ensure(conv.attr("weights"), py::array::c_style);
  Description d{};
  d.name = conv.attr("name").cast<std::string>();
  d.geometry = g;
  d.outputs = outputs;
  d.input_high = conv.attr("input_high").cast<unsigned>();
  d.bipolar = conv.attr("bipolar").cast<bool>();
  if (levels) d.thresholds = levels->data(), d.levels = unsigned(levels->shape(1));
  d.low = bounds(conv.attr("low"), outputs), d.high = bounds(conv.attr("high"), outputs);
  std::optional<Array<std::uint8_t>> pads;
  if (const py::object given = conv.attr("pads"); !given.is_none()) pads = array<std::uint8_t>(given, {std::size_t(g.channels)});
  if (pads) d.pads = pads->data();
  d.input = input, d.summed = summed;
  if (py::isinstance<Array<std::uint8_t>>(weights)) {
    const auto bytes = array<std::uint8_t>(weights, shape);
    d.weights = reinterpret_cast<const std::int8_t *>(bytes.data());
    d.wide = std::any_of(bytes.data(), bytes.data() + bytes.size(), [](std::uint8_t weight) { return weight > INT8_MAX; });
  } else {
    d.weights = array<std::int8_t>(weights, shape).data();
  }
  const Means means = choose(d, ways.suiting(d));
  const py::gil_scoped_release release;
  return Layer(d, means);
}

struct Shape {
  int height, width, channels;

  void follow(const Layer &layer) {
    height = layer.geometry().out_height, width = layer.geometry().out_width, channels = int(layer.outputs());
  }
};

Block block(const py::handle &value, Shape &shape, const Ways &ways) {
  Block block;
  const Shape in = shape;
  const std::size_t convs = py::len(value.attr("convs"));
  const py::object sum = value.attr("sum");
  for (const py::handle conv : value.attr("convs")) {
    const Geometry g = geometry(conv.attr("window"), shape.height, shape.width, shape.channels);
    block.convs.push_back(layer(conv, g, ways, Input::kBordered, !sum.is_none() && block.convs.size() + 1 == convs));
    shape.follow(block.convs.back());
  }
  if (const py::object projection = value.attr("bypass"); !projection.is_none()) {
    // It reads what comes in as it lies.
    block.bypass.emplace(layer(projection, geometry(projection.attr("window"), in.height, in.width, in.channels), ways, Input::kPlain));
  }
  if (!sum.is_none()) block.convs.back().set_sum(sum_levels(sum, std::size_t(shape.channels)));
  block.entry = code_levels(value.attr("main_entry"), std::size_t(in.channels));
  block.aside = code_levels(value.attr("bypass_entry"), std::size_t(in.channels));
  block.zero = value.attr("zero_point").cast<std::uint8_t>();
  block.high = value.attr("high").cast<std::uint8_t>();
  block.connect();
  return block;
}

std::unique_ptr<Network> network(const py::object &program, const std::string &path, unsigned threads, const std::string &products) {
  if (threads == 0) throw py::value_error("threads: 0");
  const Ways found = ways(path, products);
  const auto [height, width, channels] = program.attr("input").cast<std::tuple<int, int, int>>();
  Shape shape{height, width, channels};
  const py::object conv = program.attr("stem");
  Layer stem = layer(conv, geometry(conv.attr("window"), height, width, channels), found, Input::kCopied);
  shape.follow(stem);
  std::optional<Geometry> pool;
  if (const py::object window = program.attr("pool"); !window.is_none()) {
    pool = geometry(window, shape.height, shape.width, shape.channels);
    shape.height = pool->out_height, shape.width = pool->out_width;
  }
  std::vector<Block> blocks;
  for (const py::handle value : program.attr("blocks")) blocks.push_back(block(value, shape, found));
  const py::object described = program.attr("head");
  Head head{};
  head.pixels = std::size_t(shape.height) * shape.width;
  head.inputs = std::size_t(shape.channels);
  head.classes = described.attr("classes").cast<std::size_t>();
  head.top = described.attr("top").cast<std::size_t>();
  head.takes_maximum = described.attr("takes_maximum").cast<bool>();
  head.zero = described.attr("zero_point").cast<std::uint8_t>();
  if (const auto levels = levels_of(described.attr("levels"), head.inputs)) {
    const std::int32_t most = std::int32_t(head.pixels * kCodes);  // more than any sum
    const std::vector<std::int32_t> low(head.inputs, 0), high(head.inputs, most);
    head.levels.emplace(levels->data(), head.inputs, unsigned(levels->shape(1)), low, high);
  }
  head.low = described.attr("low").cast<std::int32_t>();
  head.lift = described.attr("lift").cast<std::int32_t>();
  const bool adds_up = !head.takes_maximum && !head.levels;
  head.small = (adds_up ? head.pixels : 1) * described.attr("largest").cast<std::size_t>() <= INT16_MAX;
  const auto bias = array<std::int32_t>(described.attr("bias"), {head.classes});
  head.bias.assign(bias.data(), bias.data() + bias.size());
  std::optional<CodeLevels> entry = code_levels(program.attr("entry"), std::size_t(channels));
  return std::make_unique<Network>(std::move(entry), std::move(stem), pool, std::move(blocks), std::move(head), *found.kernels.front(), threads);
}

py::tuple run(Network &net, const Array<std::uint8_t> &images, const Array<std::int8_t> &weights, const std::vector<Array<std::uint8_t>> &shown,
              Times *times = nullptr) {
  const Geometry &in = net.input();
  const std::size_t frames = py::len(images), classes = net.head().classes;
  array<std::uint8_t>(images, {frames, std::size_t(in.height), std::size_t(in.width), std::size_t(in.channels)});
  array<std::int8_t>(weights, {classes, net.head().inputs});
  Array<std::uint32_t> labels({frames, net.head().top});
  Array<std::int32_t> scores({frames, classes});
  Trace trace;
  for (Array<std::uint8_t> each : shown) trace.push_back(each.mutable_data());
  const std::uint8_t *from = images.data();
  const std::int8_t *matrix = weights.data();
  std::uint32_t *best = labels.mutable_data();
  std::int32_t *all = scores.mutable_data();
  {
    const py::gil_scoped_release release;
    net.run(from, frames, matrix, best, all, shown.empty() ? nullptr : &trace, times);
  }
  return py::make_tuple(labels, scores);
}

py::tuple trace(Network &net, const Array<std::uint8_t> &image, const Array<std::int8_t> &weights) {
  if (image.ndim() < 1 || image.shape(0) != 1) throw py::value_error("trace takes one image");
  std::vector<Array<std::uint8_t>> shown;
  for (const auto &[height, width, channels] : net.trace_shapes()) shown.emplace_back(std::vector<std::size_t>{height, width, channels});
  const py::tuple result = run(net, image, weights, shown);
  return py::make_tuple(shown, result[0], result[1]);
}

Times profile(Network &net, const Array<std::uint8_t> &images, const Array<std::int8_t> &weights) {
  Times times;
  run(net, images, weights, {}, &times);
  return times;
}

/// Products per second that `threads` threads reach with operands in registers, by multiplying, by one way to look up, or with bit planes.
double peak(const std::string &path, const std::string &products, unsigned threads, double seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr std::size_t kIterations = 20000;
  const auto burn = [&] {
    if (products == kMultiplied) return find(path).burn;
    for (const Lookup *lookup : available_lookups(find(path))) {
      if (products == kPlanes) return lookup->burn_planes;
      if (products == lookup->name) return lookup->burn;
    }
    throw no_such(path, products);
  }();
  const py::gil_scoped_release release;
  std::vector<double> rates(threads);
  Pool(threads).run([&](unsigned thread) {
    const auto start = Clock::now();
    double done = 0;
    std::chrono::duration<double> passed{};
    while (passed.count() < seconds) {
      done += burn(kIterations);
      passed = Clock::now() - start;
    }
    rates[thread] = done / passed.count();
  });
  double total = 0;
  for (const double rate : rates) total += rate;
  return total;
}

}  // namespace

PYBIND11_MODULE(_native, module) {
  module.doc() = "The emulator's forward pass in C++, see runtime.emulation.emulator.";
  module.def("paths", [] {
    std::vector<std::string> names;
    for (const Kernels *kernels : available_kernels()) names.emplace_back(kernels->name);
    return names;
  });
  module.def("products", [](const std::string &path) {
    std::vector<std::string> names{kMultiplied};
    for (const Lookup *lookup : available_lookups(find(path))) names.emplace_back(lookup->name);
    return names;
  }, py::arg("path"));
  module.def("peak", &peak, py::arg("path"), py::arg("products"), py::arg("threads"), py::arg("seconds"));
  py::class_<Network>(module, "Network")
      .def(py::init(&network), py::arg("program"), py::arg("path"), py::arg("threads"), py::arg("products") = kAuto)
      .def("run", [](Network &net, const Array<std::uint8_t> &images, const Array<std::int8_t> &weights) { return run(net, images, weights, {}); },
           py::arg("images"), py::arg("weights"))
      .def("trace", &trace, py::arg("image"), py::arg("weights"))
      .def("profile", &profile, py::arg("images"), py::arg("weights"))
      .def("after_fork", &Network::after_fork)
      .def_readwrite("worth_a_team", &Network::worth_a_team)
      .def_property_readonly("layers", &Network::paths)
      .def_property_readonly("ways", &Network::ways);
}

}  // namespace resflow
