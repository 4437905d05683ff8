// What the machine can do at best, to put measured speeds beside.
#pragma once

#include "kernels.h"

namespace csanmt {

// Billions of int8 multiply-adds a second of the product kernel on data in the L1/L2 cache.
double measure_peak(const Kernels& kernels, double seconds);
// Billions of bytes a second read in order from memory, one thread.
double measure_bandwidth(double seconds);

}  // namespace csanmt
