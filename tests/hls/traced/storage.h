// In place of resflow/storage.h: prints each array that is bound, and the memory it is bound to.
#pragma once

#include <cstddef>
#include <cstdio>

namespace resflow {

enum class Storage { kRegisters, kLutram, kBram, kUram };

template <Storage storage>
struct Memory {
  template <class T, std::size_t words>
  static void holds(T (&)[words]) {
    print<T, 1, words, 1>();
  }

  template <class T, std::size_t memories, std::size_t words>
  static void holds(T (&)[memories][words]) {
    print<T, memories, words, 1>();
  }

  template <class T, std::size_t memories, std::size_t words, std::size_t integers>
  static void holds(T (&)[memories][words][integers]) {
    print<T, memories, words, integers>();
  }

 private:
  template <class T, std::size_t memories, std::size_t words, std::size_t integers>
  static void print() {
    static bool printed = false;
    const char *kinds[] = {"registers", "lutram", "bram", "uram"};
    if (!printed) std::printf("array %s: %zu of %zu words of %d bits\n", kinds[int(storage)], memories, words, int(integers * T::width));
    printed = true;
  }
};

}  // namespace resflow
