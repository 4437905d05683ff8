// The AVX-VNNI kernels in EVEX encoding: the same source and operation, runnable on
// processors that have AVX512-VL-VNNI but no AVX-VNNI. Chosen only by name.
#define CSANMT_HALF_WIDTH 1
#include <immintrin.h>

#include "kernels.h"
#include "simd.h"

#define CSANMT_DPBUSD _mm256_dpbusd_epi32
#include "isa_vnni256.hpp"

namespace csanmt {
extern const Kernels kVnni256Kernels;
const Kernels kVnni256Kernels = {
    "vnni256", linear, project, normalise, attend, attend_cached, transpose};
}  // namespace csanmt
