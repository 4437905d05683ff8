// AVX2: 16-bit multiply-add of even and odd bytes, exact for all inputs
// (vpmaddubsw would saturate).
#include <immintrin.h>

#include "kernels.h"
#include "simd.h"

#include "isa_float.hpp"

namespace {


CSANMT_INLINE __m256i quad(const int8_t* x) {
  int32_t four;
  std::memcpy(&four, x, 4);
  return _mm256_set1_epi32(four);
}

template <int R>
CSANMT_INLINE void multiply_part(const int8_t* x, ptrdiff_t stride, const uint8_t* panel,
                                 int groups, int32_t* out) {
  const __m256i low = _mm256_set1_epi16(0xff);
  __m256i sum[R][2];
  for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = _mm256_setzero_si256();
  for (int g = 0; g < groups; ++g) {
    const auto* at = reinterpret_cast<const __m256i*>(panel + size_t(g) * 256);
    const __m256i w0 = _mm256_loadu_si256(at), w1 = _mm256_loadu_si256(at + 1);
    const __m256i even0 = _mm256_and_si256(w0, low), odd0 = _mm256_srli_epi16(w0, 8);
    const __m256i even1 = _mm256_and_si256(w1, low), odd1 = _mm256_srli_epi16(w1, 8);
    for (int r = 0; r < R; ++r) {
      const __m256i q = quad(x + r * stride + g * 4);
      const __m256i odd = _mm256_srai_epi16(q, 8);
      const __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(q, 8), 8);
      const __m256i first =
          _mm256_add_epi32(_mm256_madd_epi16(even0, even), _mm256_madd_epi16(odd0, odd));
      const __m256i second =
          _mm256_add_epi32(_mm256_madd_epi16(even1, even), _mm256_madd_epi16(odd1, odd));
      sum[r][0] = _mm256_add_epi32(sum[r][0], first);
      sum[r][1] = _mm256_add_epi32(sum[r][1], second);
    }
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < 2; ++v)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + r * 64 + v * 8), sum[r][v]);
}

template <int R>
void multiply(const int8_t* x, ptrdiff_t stride, const uint8_t* panel, int groups,
              const uint8_t* ahead, int32_t* out) {
  for (int c = 0; c < 64; c += 16) {
    for (int line = 0; line < groups; line += 4) __builtin_prefetch(ahead + line * 64, 0, 2);
    constexpr int kFirst = R > 3 ? 3 : R;
    multiply_part<kFirst>(x, stride, panel + c * 4, groups, out + c);
    if constexpr (R > 3)
      multiply_part<R - 3>(x + 3 * stride, stride, panel + c * 4, groups, out + 3 * 64 + c);
  }
}

}  // namespace

#include "isa_linear.hpp"

namespace csanmt {
extern const Kernels kAvx2Kernels;
const Kernels kAvx2Kernels = {
    "avx2", linear, project, sum_exponentials, normalise, attend, attend_cached, transpose};
}  // namespace csanmt
