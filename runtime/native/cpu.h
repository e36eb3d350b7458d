// Which paths this CPU can run.
#pragma once

#include <string>
#include <vector>

#include "kernels.h"

namespace resflow {

/// Best first; the last one is always the portable path. Asks the system for AMX once.
const std::vector<const Kernels *> &available_kernels();

/// The ways a path has to look products up on this machine, those of the largest tables first.
std::vector<const Lookup *> available_lookups(const Kernels &kernels);

}  // namespace resflow
