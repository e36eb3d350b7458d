#include "cpu.h"

#include <algorithm>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace resflow {
namespace {

#if defined(__x86_64__) && defined(__GNUC__)

bool cpu_has_amx() {
  constexpr unsigned kLeaf = 7, kAmxTile = 1u << 24, kAmxInt8 = 1u << 25;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(kLeaf, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx & kAmxTile) != 0 && (edx & kAmxInt8) != 0;
}

/// Tiles are 8 KiB of state a thread; Linux saves them for processes that have asked (Documentation/arch/x86/xstate.rst).
bool system_grants_amx() {
#if defined(__linux__)
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

std::vector<const Kernels *> detect() {
  __builtin_cpu_init();
  std::vector<const Kernels *> found;
  // The builtin also looks whether the system saves the registers.
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
  if (kAmx != nullptr && avx512 && cpu_has_amx() && system_grants_amx()) found.push_back(kAmx);
  if (kAvx512 != nullptr && avx512) found.push_back(kAvx512);
  if (kAvx2 != nullptr && avx2) found.push_back(kAvx2);
  found.push_back(kPortable);
  return found;
}

bool has_vbmi() { return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vpopcntdq"); }

#else

std::vector<const Kernels *> detect() { return {kPortable}; }

bool has_vbmi() { return false; }

#endif

}  // namespace

const std::vector<const Kernels *> &available_kernels() {
  static const std::vector<const Kernels *> kFound = detect();
  return kFound;
}

std::vector<const Lookup *> available_lookups(const Kernels &kernels) {
  std::vector<const Lookup *> found;
  if (&kernels == kPortable) return found;
  if (&kernels == kAvx2) {
    found = {kLookupAvx2};
  } else {
    if (has_vbmi()) found.push_back(kLookupVbmi);
    found.push_back(kLookupAvx512);
  }
  found.erase(std::remove(found.begin(), found.end(), nullptr), found.end());
  return found;
}

}  // namespace resflow
