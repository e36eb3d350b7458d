// CRC-32 as zlib computes it, of 64 bits a cycle.
//
// Every bit of the next remainder is the parity of some bits of the data and of the remainder before: which ones, the compiler computes. So
// an iteration is 32 XORs of about as many bits, side by side, instead of 64 shifts one behind the other; of them only those of the
// remainder are in the recurrence.
#pragma once

#include <cstdint>

#include "formats.h"

namespace resflow {

constexpr std::uint32_t kCrcPolynomial = 0xedb88320;  // reflected: bit 31 is x^0
constexpr std::uint32_t kCrcFirst = 0xffffffff;       // the remainder of no data, and what a remainder is inverted with at the end

constexpr std::uint32_t shifted_crc(std::uint32_t remainder, unsigned steps) {
  return steps == 0 ? remainder : shifted_crc(remainder >> 1 ^ (remainder & 1 ? kCrcPolynomial : 0), steps - 1);
}

/// What bit i of 64 adds to the remainder behind them.
constexpr std::uint32_t crc_of_bit(unsigned i) { return shifted_crc(kCrcPolynomial, 63 - i); }

/// The bits of 64, from bit i on, that change a bit of the remainder.
constexpr std::uint64_t crc_row(unsigned bit, unsigned i = 0) {
  return i == 64 ? 0 : std::uint64_t(crc_of_bit(i) >> bit & 1) << i | crc_row(bit, i + 1);
}

constexpr std::uint64_t kCrcRows[32] = {
    crc_row(0),  crc_row(1),  crc_row(2),  crc_row(3),  crc_row(4),  crc_row(5),  crc_row(6),  crc_row(7),
    crc_row(8),  crc_row(9),  crc_row(10), crc_row(11), crc_row(12), crc_row(13), crc_row(14), crc_row(15),
    crc_row(16), crc_row(17), crc_row(18), crc_row(19), crc_row(20), crc_row(21), crc_row(22), crc_row(23),
    crc_row(24), crc_row(25), crc_row(26), crc_row(27), crc_row(28), crc_row(29), crc_row(30), crc_row(31)};

/// The remainder with 64 more bits of data, the lowest byte first.
inline ap_uint<32> next_crc(const ap_uint<32> &remainder, const ap_uint<64> &data) {
#pragma HLS INLINE
  const ap_uint<64> bits = data ^ ap_uint<64>(remainder);
  ap_uint<32> next = 0;
  for (unsigned i = 0; i < 32; ++i) {
#pragma HLS UNROLL
    next[i] = (bits & ap_uint<64>(kCrcRows[i])).xor_reduce();
  }
  return next;
}

}  // namespace resflow
