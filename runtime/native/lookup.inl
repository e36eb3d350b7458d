// What the ways to look products up share. Included by each after it has chosen its instruction set, into a namespace without a name;
// `Vector` has kBytes columns of a panel and what can be done with them.

/// The columns of one vector in kRows rows.
template <class Vector, unsigned kRows>
inline void add_tile(const std::uint8_t *const *rows, const Run *runs, std::size_t size, const std::uint8_t *panel, bool fresh,
                     std::uint16_t *sums) {
  const std::uint8_t *row[kRows];
  for (unsigned r = 0; r < kRows; ++r) row[r] = rows[r];
  for (const Run *run = runs; run < runs + size; ++run) {
    typename Vector::Bytes found[kRows];
    #pragma GCC unroll 8
    for (unsigned r = 0; r < kRows; ++r) found[r] = Vector::zero();
    const std::size_t end = run->offset + run->tables * Vector::kTable;
    for (std::size_t at = run->offset; at < end; at += Vector::kTable, panel += kPanel) {
      const auto index = Vector::load(panel);
      #pragma GCC unroll 8
      for (unsigned r = 0; r < kRows; ++r) {
        Vector::add_to(found[r], Vector::find(row[r] + at, index));
      }
    }
    // Even bytes are columns of the first half of the sums, odd ones those of the second.
    #pragma GCC unroll 8
    for (unsigned r = 0; r < kRows; ++r) {
      std::uint16_t *both = sums + r * kPanel, *odd = both + kPanel / 2;
      const auto upper = Vector::upper(found[r]);
      Vector::store(both, fresh ? found[r] : Vector::add_pairs(Vector::load(both), found[r]));
      Vector::store(odd, fresh ? upper : Vector::add_pairs(Vector::load(odd), upper));
    }
    fresh = false;
  }
}

template <class Vector, unsigned kRows>
inline void add_rows(const std::uint8_t *const *rows, const Run *runs, std::size_t size, const std::uint8_t *panel, bool fresh,
                     std::uint16_t *sums) {
  for (unsigned begin = 0; begin < kPanel; begin += Vector::kBytes) {
    add_tile<Vector, kRows>(rows, runs, size, panel + begin, fresh, sums + begin / 2);
  }
}

template <class Vector>
inline void add(const std::uint8_t *const *rows, unsigned count, const std::vector<Run> &list, const std::uint8_t *panel, bool fresh,
                std::uint16_t *sums) {
  const Run *runs = list.data();
  const std::size_t size = list.size();
  switch (count) {
    case 8: return add_rows<Vector, 8>(rows, runs, size, panel, fresh, sums);
    case 7: return add_rows<Vector, 7>(rows, runs, size, panel, fresh, sums);
    case 6: return add_rows<Vector, 6>(rows, runs, size, panel, fresh, sums);
    case 5: return add_rows<Vector, 5>(rows, runs, size, panel, fresh, sums);
    case 4: return add_rows<Vector, 4>(rows, runs, size, panel, fresh, sums);
    case 3: return add_rows<Vector, 3>(rows, runs, size, panel, fresh, sums);
    case 2: return add_rows<Vector, 2>(rows, runs, size, panel, fresh, sums);
    case 1: return add_rows<Vector, 1>(rows, runs, size, panel, fresh, sums);
  }
}
static_assert(kLookupRows == 8, "which are the cases");

template <class Vector>
double burn(std::size_t iterations) {
  constexpr unsigned kSums = 8;
  alignas(64) std::uint8_t table[64];
  std::fill(std::begin(table), std::end(table), std::uint8_t(1));
  typename Vector::Bytes sums[kSums], index = Vector::zero();
  #pragma GCC unroll 8
  for (unsigned s = 0; s < kSums; ++s) sums[s] = Vector::zero();
  const auto found = Vector::table(table);
  for (std::size_t i = 0; i < iterations; ++i) {
    #pragma GCC unroll 8
    for (unsigned s = 0; s < kSums; ++s) {
      asm volatile("" : "+v"(index));  // or it would be looked up once and for all
      Vector::add_to(sums[s], Vector::look_up(found, index));
    }
  }
  #pragma GCC unroll 8
  for (unsigned s = 0; s < kSums; ++s) asm volatile("" : : "v"(sums[s]));
  return double(iterations) * kSums * Vector::kBytes * Vector::kInputs;
}

template <class Vector>
double burn_planes(std::size_t iterations) {
  constexpr unsigned kSums = 8, kPlanes = 2, kBits = 8;
  typename Vector::Bytes sums[kSums], weights = Vector::zero(), plane = Vector::zero();
  #pragma GCC unroll 8
  for (unsigned s = 0; s < kSums; ++s) sums[s] = Vector::zero();
  for (std::size_t i = 0; i < iterations; ++i) {
    #pragma GCC unroll 8
    for (unsigned s = 0; s < kSums; ++s) {
      asm volatile("" : "+v"(weights), "+v"(plane));  // or they would be counted once and for all
      Vector::add_ones(sums[s], Vector::both(weights, plane));
    }
  }
  #pragma GCC unroll 8
  for (unsigned s = 0; s < kSums; ++s) asm volatile("" : : "v"(sums[s]));
  return double(iterations) * kSums * Vector::kBytes * kBits / kPlanes;
}
