// AVX512-VNNI: six rows by 64 columns in 24 named accumulators. The products are written
// as inline assembly, because GCC 12 spills an array of accumulators on every iteration
// (half the speed).
#include <immintrin.h>

#include "kernels.h"
#include "simd.h"

#include "isa_float.hpp"

namespace {

constexpr int kTileRows = 6;

// accumulator += unsigned weights · signed activations (four bytes broadcast from memory)
#define CSANMT_ROW(r)                                                                          \
  {                                                                                            \
    __m512i four;                                                                              \
    asm("vpbroadcastd %[x], %[four]\n\t"                                                       \
        "vpdpbusd %[four], %[w0], %[a]\n\t"                                                    \
        "vpdpbusd %[four], %[w1], %[b]\n\t"                                                    \
        "vpdpbusd %[four], %[w2], %[c]\n\t"                                                    \
        "vpdpbusd %[four], %[w3], %[d]"                                                        \
        : [a] "+v"(a##r), [b] "+v"(b##r), [c] "+v"(c##r), [d] "+v"(d##r), [four] "=&v"(four)   \
        : [w0] "v"(w0), [w1] "v"(w1), [w2] "v"(w2), [w3] "v"(w3),                              \
          [x] "m"(*reinterpret_cast<const Four*>(x##r + k)));                                  \
  }

#define CSANMT_STORE(r)                                            \
  _mm512_store_si512(out + (r) * 64, a##r);                        \
  _mm512_store_si512(out + (r) * 64 + 16, b##r);                   \
  _mm512_store_si512(out + (r) * 64 + 32, c##r);                   \
  _mm512_store_si512(out + (r) * 64 + 48, d##r)

#define CSANMT_DECLARE(r)                                                             \
  __m512i a##r = _mm512_setzero_si512(), b##r = a##r, c##r = a##r, d##r = a##r;       \
  const int8_t* const x##r = x + (r < R ? r : 0) * stride

struct Four {
  int8_t byte[4];
};

template <int R>
void multiply(const int8_t* x, ptrdiff_t stride, const uint8_t* panel, int groups,
              const uint8_t* ahead, int32_t* out) {
  CSANMT_DECLARE(0);
  CSANMT_DECLARE(1);
  CSANMT_DECLARE(2);
  CSANMT_DECLARE(3);
  CSANMT_DECLARE(4);
  CSANMT_DECLARE(5);
  // With few rows the weights come from memory: fetch the next panel's lines while this one
  // is used. With many rows each block of rows fetches its share.
  constexpr int kLines = R <= 2 ? 4 : 1;
  for (ptrdiff_t k = 0; k < ptrdiff_t(groups) * 4; k += 4) {
    const __m512i w0 = _mm512_loadu_si512(panel), w1 = _mm512_loadu_si512(panel + 64);
    const __m512i w2 = _mm512_loadu_si512(panel + 128), w3 = _mm512_loadu_si512(panel + 192);
    for (int line = 0; line < kLines; ++line) __builtin_prefetch(ahead + line * 64, 0, 2);
    panel += 256;
    ahead += kLines * 64;
    CSANMT_ROW(0);
    if constexpr (R > 1) CSANMT_ROW(1);
    if constexpr (R > 2) CSANMT_ROW(2);
    if constexpr (R > 3) CSANMT_ROW(3);
    if constexpr (R > 4) CSANMT_ROW(4);
    if constexpr (R > 5) CSANMT_ROW(5);
  }
  CSANMT_STORE(0);
  if constexpr (R > 1) { CSANMT_STORE(1); }
  if constexpr (R > 2) { CSANMT_STORE(2); }
  if constexpr (R > 3) { CSANMT_STORE(3); }
  if constexpr (R > 4) { CSANMT_STORE(4); }
  if constexpr (R > 5) { CSANMT_STORE(5); }
}

}  // namespace

#include "isa_linear.hpp"

namespace csanmt {
extern const Kernels kAvx512VnniKernels;
const Kernels kAvx512VnniKernels = {
    "avx512vnni", linear, project, normalise, attend, attend_cached, transpose};
}  // namespace csanmt
