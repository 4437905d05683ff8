// AVX-VNNI (VEX encoding): client processors without AVX-512.
#include <immintrin.h>

#include "kernels.h"
#include "simd.h"

#define CSANMT_DPBUSD _mm256_dpbusd_avx_epi32
#include "isa_vnni256.hpp"

namespace csanmt {
extern const Kernels kAvxVnniKernels;
const Kernels kAvxVnniKernels = {
    "avxvnni", linear, project, normalise, attend, attend_cached, transpose};
}  // namespace csanmt
