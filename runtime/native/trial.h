// The fastest of several ways to compute a layer, by trying them.
#pragma once

#include <string>
#include <vector>

#include "layer.h"

namespace resflow {

/// Whether the layer is so small that a trial takes longer than it would save.
bool any_will_do(const Description &description);

/// What decides about the time a layer takes.
std::string shape(const Description &description, const std::vector<Means> &means);

/// Which of `means`, which all suit the layer, takes least time for frames of drawn codes, on one thread.
std::size_t fastest(const Description &description, const std::vector<Means> &means);

}  // namespace resflow
