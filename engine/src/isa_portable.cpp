// Plain C++ for any processor; on x86-64 its baseline, SSE2, is used for the products.
#include "kernels.h"
#include "simd.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "isa_float.hpp"

namespace {

constexpr int kTileRows = 6;

#if defined(__SSE2__)
// Four bytes as 16-bit pairs (b0, b2) and (b1, b3), in every lane.
CSANMT_INLINE void spread(const int8_t* x, __m128i* even, __m128i* odd) {
  int32_t four;
  std::memcpy(&four, x, 4);
  const __m128i bytes = _mm_cvtsi32_si128(four);
  const __m128i wide = _mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
  *even = _mm_shuffle_epi32(_mm_shufflelo_epi16(wide, _MM_SHUFFLE(2, 0, 2, 0)), 0);
  *odd = _mm_shuffle_epi32(_mm_shufflelo_epi16(wide, _MM_SHUFFLE(3, 1, 3, 1)), 0);
}

// R rows by 16 columns. Even and odd bytes as 16-bit pairs: exact in pmaddwd.
template <int R>
CSANMT_INLINE void multiply_part(const int8_t* x, ptrdiff_t stride, const uint8_t* panel,
                                 int groups, int32_t* out) {
  const __m128i low = _mm_set1_epi16(0xff);
  __m128i sum[R][4];
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < 4; ++v) sum[r][v] = _mm_setzero_si128();
  for (int g = 0; g < groups; ++g) {
    __m128i even[R], odd[R];
    for (int r = 0; r < R; ++r) spread(x + r * stride + g * 4, &even[r], &odd[r]);
    for (int v = 0; v < 4; ++v) {
      const __m128i w =
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(panel + size_t(g) * 256) + v);
      const __m128i w_even = _mm_and_si128(w, low), w_odd = _mm_srli_epi16(w, 8);
      for (int r = 0; r < R; ++r)
        sum[r][v] = _mm_add_epi32(sum[r][v], _mm_add_epi32(_mm_madd_epi16(w_even, even[r]),
                                                           _mm_madd_epi16(w_odd, odd[r])));
    }
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < 4; ++v)
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + r * 64 + v * 4), sum[r][v]);
}

template <int R>
void multiply(const int8_t* x, ptrdiff_t stride, const uint8_t* panel, int groups,
              const uint8_t*, int32_t* out) {
  for (int c = 0; c < 64; c += 16) {
    int r = 0;
    for (; r + 2 <= R; r += 2)
      multiply_part<2>(x + r * stride, stride, panel + c * 4, groups, out + r * 64 + c);
    if (r < R) multiply_part<1>(x + r * stride, stride, panel + c * 4, groups, out + r * 64 + c);
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
const Kernels kPortableKernels = {
    "portable", linear, project, normalise, attend, attend_cached, transpose};
}  // namespace csanmt
