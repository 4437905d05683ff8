// Plain C++ for any processor; on x86-64 its baseline, SSE2, is used for the products.
#include "kernels.h"
#include "simd.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "isa_float.hpp"

namespace {

#if defined(__SSE2__)
CSANMT_INLINE __m128i pair(int8_t a, int8_t b) {
  return _mm_set1_epi32(int32_t(uint16_t(int16_t(a)) | uint32_t(uint16_t(int16_t(b))) << 16));
}

// Four columns at a time: even and odd bytes as 16-bit pairs, exact in pmaddwd.
template <int R>
void multiply(const int8_t* x, ptrdiff_t stride, const uint8_t* panel, int groups,
              const uint8_t*, int32_t* out) {
  const __m128i low = _mm_set1_epi16(0xff);
  for (int c = 0; c < 64; c += 8) {
    __m128i sum[R][2];
    for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = _mm_setzero_si128();
    for (int g = 0; g < groups; ++g) {
      const auto* at = reinterpret_cast<const __m128i*>(panel + size_t(g) * 256 + c * 4);
      const __m128i w0 = _mm_loadu_si128(at), w1 = _mm_loadu_si128(at + 1);
      const __m128i even0 = _mm_and_si128(w0, low), odd0 = _mm_srli_epi16(w0, 8);
      const __m128i even1 = _mm_and_si128(w1, low), odd1 = _mm_srli_epi16(w1, 8);
      for (int r = 0; r < R; ++r) {
        const int8_t* q = x + r * stride + g * 4;
        const __m128i even = pair(q[0], q[2]), odd = pair(q[1], q[3]);
        sum[r][0] = _mm_add_epi32(sum[r][0], _mm_add_epi32(_mm_madd_epi16(even0, even),
                                                           _mm_madd_epi16(odd0, odd)));
        sum[r][1] = _mm_add_epi32(sum[r][1], _mm_add_epi32(_mm_madd_epi16(even1, even),
                                                           _mm_madd_epi16(odd1, odd)));
      }
    }
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < 2; ++v)
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + r * 64 + c + v * 4), sum[r][v]);
  }
}
#else
template <int R>
void multiply(const int8_t* x, ptrdiff_t stride, const uint8_t* panel, int groups,
              const uint8_t*, int32_t* out) {
  for (int i = 0; i < R * 64; ++i) out[i] = 0;
  for (int g = 0; g < groups; ++g) {
    const uint8_t* w = panel + size_t(g) * 256;
    for (int r = 0; r < R; ++r) {
      const int8_t* q = x + r * stride + g * 4;
      int32_t* sum = out + r * 64;
      for (int c = 0; c < 64; ++c)
        sum[c] += w[c * 4] * q[0] + w[c * 4 + 1] * q[1] + w[c * 4 + 2] * q[2] +
                  w[c * 4 + 3] * q[3];
    }
  }
}
#endif

}  // namespace

#include "isa_linear.hpp"

namespace csanmt {
extern const Kernels kPortableKernels;
const Kernels kPortableKernels = {"portable", linear, project, sum_exponentials, normalise,
                                  attend,     attend_cached, transpose};
}  // namespace csanmt
