// AVX-VNNI (VEX encoding), for client processors without AVX-512: three rows by 32 columns in
// 12 accumulators.
#include <immintrin.h>

#include "kernels.h"
#include "simd.h"

#include "isa_float.hpp"

namespace {

constexpr int kTileRows = 6;

CSANMT_INLINE __m256i quad(const int8_t* x) {
  int32_t four;
  std::memcpy(&four, x, 4);
  return _mm256_set1_epi32(four);
}

template <int R>
CSANMT_INLINE void multiply_part(const int8_t* x, ptrdiff_t stride, const uint8_t* panel,
                                 int groups, int32_t* out) {
  __m256i sum[R][4];
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < 4; ++v) sum[r][v] = _mm256_setzero_si256();
  for (int g = 0; g < groups; ++g) {
    const auto* at = reinterpret_cast<const __m256i*>(panel + size_t(g) * 256);
    __m256i q[R];
    for (int r = 0; r < R; ++r) q[r] = quad(x + r * stride + g * 4);
    for (int v = 0; v < 4; ++v) {
      const __m256i w = _mm256_loadu_si256(at + v);
      for (int r = 0; r < R; ++r) sum[r][v] = _mm256_dpbusd_avx_epi32(sum[r][v], w, q[r]);
    }
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < 4; ++v)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + r * 64 + v * 8), sum[r][v]);
}

template <int R>
void multiply(const int8_t* x, ptrdiff_t stride, const uint8_t* panel, int groups,
              const uint8_t* ahead, int32_t* out) {
  for (int c = 0; c < 64; c += 32) {
    for (int line = 0; line < groups; line += 2) __builtin_prefetch(ahead + line * 64, 0, 2);
    constexpr int kFirst = R > 3 ? 3 : R;
    multiply_part<kFirst>(x, stride, panel + c * 4, groups, out + c);
    if constexpr (R > 3)
      multiply_part<R - 3>(x + 3 * stride, stride, panel + c * 4, groups, out + 3 * 64 + c);
  }
}

}  // namespace

#include "isa_linear.hpp"

namespace csanmt {
extern const Kernels kAvxVnniKernels;
const Kernels kAvxVnniKernels = {
    "avxvnni", linear, project, normalise, attend, attend_cached, transpose};
}  // namespace csanmt
