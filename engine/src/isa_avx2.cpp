// AVX2: 16-bit multiply-adds of even and odd bytes, exact for all inputs (vpmaddubsw would
// saturate). The activations are spread to 16 bits once a panel, so that the inner loop only
// broadcasts them; it is inline assembly, because GCC 12 spills the accumulators otherwise.
#include <immintrin.h>

#include "kernels.h"
#include "simd.h"

#include "isa_float.hpp"

namespace {

constexpr int kTileRows = 4;
constexpr int kBlockGroups = 256;                 // inputs / 4 that are spread together
constexpr ptrdiff_t kSpread = 2 * kBlockGroups;   // 32-bit words of one row's spread inputs

CSANMT_INLINE __m256i kept(const int32_t* sums, bool more) {
  return more ? _mm256_load_si256(reinterpret_cast<const __m256i*>(sums)) : _mm256_setzero_si256();
}
CSANMT_INLINE void keep(int32_t* sums, __m256i v) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(sums), v);
}

// Bytes b0 b1 b2 b3 → 16-bit (b0, b2), (b1, b3): two words a group.
CSANMT_INLINE void spread(const int8_t* x, int groups, int32_t* out) {
  for (int g = 0; g < groups; g += 4) {
    const __m128i q = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + g * 4));
    const __m128i odd = _mm_srai_epi16(q, 8);
    const __m128i even = _mm_srai_epi16(_mm_slli_epi16(q, 8), 8);
    auto* to = reinterpret_cast<__m128i*>(out + g * 2);
    _mm_store_si128(to, _mm_unpacklo_epi32(even, odd));
    _mm_store_si128(to + 1, _mm_unpackhi_epi32(even, odd));
  }
}

// One row by the 16 columns whose bytes are e0, o0 and e1, o1.
#define CSANMT_ROW(r)                                                      \
  asm("vpbroadcastd %[x], %[q]\n\t"                                        \
      "vpmaddwd %[e0], %[q], %[t]\n\t"                                     \
      "vpaddd %[t], %[a], %[a]\n\t"                                        \
      "vpmaddwd %[e1], %[q], %[q]\n\t"                                     \
      "vpaddd %[q], %[b], %[b]\n\t"                                        \
      "vpbroadcastd %[y], %[q]\n\t"                                        \
      "vpmaddwd %[o0], %[q], %[t]\n\t"                                     \
      "vpaddd %[t], %[a], %[a]\n\t"                                        \
      "vpmaddwd %[o1], %[q], %[q]\n\t"                                     \
      "vpaddd %[q], %[b], %[b]"                                            \
      : [a] "+x"(a##r), [b] "+x"(b##r), [q] "=&x"(q), [t] "=&x"(t)         \
      : [e0] "x"(e0), [e1] "x"(e1), [o0] "x"(o0), [o1] "x"(o1),            \
        [x] "m"(x[(r) * kSpread]), [y] "m"(x[(r) * kSpread + 1]))

#define CSANMT_DECLARE(r)                                  \
  __m256i a##r = kept(out + (R > r ? r : 0) * 64, more),   \
          b##r = kept(out + (R > r ? r : 0) * 64 + 8, more)

#define CSANMT_STORE(r)          \
  keep(out + (r) * 64, a##r);    \
  keep(out + (r) * 64 + 8, b##r)

// R rows by 16 columns.
template <int R>
CSANMT_INLINE void multiply_part(const int32_t* x, const uint8_t* panel, int groups,
                                 const uint8_t* ahead, bool more, int32_t* out) {
  const __m256i low = _mm256_set1_epi16(0xff);
  CSANMT_DECLARE(0);
  CSANMT_DECLARE(1);
  CSANMT_DECLARE(2);
  CSANMT_DECLARE(3);
  __m256i q, t;
  for (int g = 0; g < groups; ++g, x += 2, panel += 256, ahead += 256) {
    const auto* at = reinterpret_cast<const __m256i*>(panel);
    __builtin_prefetch(ahead, 0, 2);
    const __m256i w0 = _mm256_loadu_si256(at), w1 = _mm256_loadu_si256(at + 1);
    const __m256i e0 = _mm256_and_si256(w0, low), o0 = _mm256_srli_epi16(w0, 8);
    const __m256i e1 = _mm256_and_si256(w1, low), o1 = _mm256_srli_epi16(w1, 8);
    CSANMT_ROW(0);
    CSANMT_ROW(1);
    if constexpr (R > 2) CSANMT_ROW(2);
    if constexpr (R > 3) CSANMT_ROW(3);
  }
  CSANMT_STORE(0);
  CSANMT_STORE(1);
  if constexpr (R > 2) { CSANMT_STORE(2); }
  if constexpr (R > 3) { CSANMT_STORE(3); }
}

// One row by 8 columns; the weights go by in the order of memory.
#define CSANMT_COLUMNS(v)                                                          \
  {                                                                                \
    const __m256i w = _mm256_loadu_si256(at + v);                                  \
    const __m256i e = _mm256_and_si256(w, low), o = _mm256_srli_epi16(w, 8);       \
    asm("vpmaddwd %[e], %[q], %[t]\n\t"                                            \
        "vpaddd %[t], %[s], %[s]\n\t"                                              \
        "vpmaddwd %[o], %[p], %[t]\n\t"                                            \
        "vpaddd %[t], %[s], %[s]"                                                  \
        : [s] "+x"(s##v), [t] "=&x"(t)                                             \
        : [e] "x"(e), [o] "x"(o), [q] "x"(q), [p] "x"(p));                         \
  }

CSANMT_INLINE void multiply_one(const int32_t* x, const uint8_t* panel, int groups,
                                const uint8_t* ahead, bool more, int32_t* out) {
  const __m256i low = _mm256_set1_epi16(0xff);
  __m256i s0 = kept(out, more), s1 = kept(out + 8, more), s2 = kept(out + 16, more);
  __m256i s3 = kept(out + 24, more), s4 = kept(out + 32, more), s5 = kept(out + 40, more);
  __m256i s6 = kept(out + 48, more), s7 = kept(out + 56, more), t;
  for (int g = 0; g < groups; ++g, x += 2, panel += 256, ahead += 256) {
    const auto* at = reinterpret_cast<const __m256i*>(panel);
    for (int line = 0; line < 4; ++line) __builtin_prefetch(ahead + line * 64, 0, 2);
    const __m256i q = _mm256_set1_epi32(x[0]), p = _mm256_set1_epi32(x[1]);
    CSANMT_COLUMNS(0)
    CSANMT_COLUMNS(1)
    CSANMT_COLUMNS(2)
    CSANMT_COLUMNS(3)
    CSANMT_COLUMNS(4)
    CSANMT_COLUMNS(5)
    CSANMT_COLUMNS(6)
    CSANMT_COLUMNS(7)
  }
  keep(out, s0), keep(out + 8, s1), keep(out + 16, s2), keep(out + 24, s3);
  keep(out + 32, s4), keep(out + 40, s5), keep(out + 48, s6), keep(out + 56, s7);
}

template <int R>
void multiply(const int8_t* x, ptrdiff_t stride, const uint8_t* panel, int groups,
              const uint8_t* ahead, int32_t* out) {
  alignas(64) int32_t wide[R * kSpread];
  for (int first = 0; first < groups; first += kBlockGroups) {
    const int count = groups - first < kBlockGroups ? groups - first : kBlockGroups;
    const bool more = first > 0;
    for (int r = 0; r < R; ++r) spread(x + r * stride + first * 4, count, wide + r * kSpread);
    if constexpr (R == 1) {
      multiply_one(wide, panel, count, ahead, more, out);
    } else {
      for (int c = 0; c < 64; c += 16)
        multiply_part<R>(wide, panel + c * 4, count, ahead + c * 4, more, out + c);
    }
    panel += size_t(count) * 256;
    ahead += size_t(count) * 256;
  }
}

}  // namespace

#include "isa_linear.hpp"

namespace csanmt {
extern const Kernels kAvx2Kernels;
const Kernels kAvx2Kernels = {
    "avx2", linear, project, normalise, attend, attend_cached, transpose};
}  // namespace csanmt
