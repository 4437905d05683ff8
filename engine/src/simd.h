// Sixteen float lanes on whatever registers the translation unit is compiled for.
//
// Included only by the isa_*.cpp files. Everything lives in an unnamed namespace:
// code compiled for one instruction set must never be linked into another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define CSANMT_INLINE static inline __attribute__((always_inline))

namespace {

#if defined(__AVX512F__)
#define CSANMT_WHOLE_WIDTH 1
constexpr int kNative = 16;
#elif defined(__AVX__)
constexpr int kNative = 8;
#else
constexpr int kNative = 4;
#endif

typedef float NativeFloat __attribute__((vector_size(kNative * 4)));
typedef int32_t NativeInt __attribute__((vector_size(kNative * 4)));
typedef uint32_t NativeUnsigned __attribute__((vector_size(kNative * 4)));
typedef int8_t NativeByte __attribute__((vector_size(kNative)));
typedef float NativeFloatU __attribute__((vector_size(kNative * 4), aligned(4), may_alias));
typedef int32_t NativeIntU __attribute__((vector_size(kNative * 4), aligned(4), may_alias));
typedef int8_t NativeByteU __attribute__((vector_size(kNative), aligned(1), may_alias));

// 16 lanes as 16 / kNative registers.
constexpr int kParts = 16 / kNative;
struct F16 {
  NativeFloat part[kParts];
};
struct I16 {
  NativeInt part[kParts];
};

#define CSANMT_EACH _Pragma("GCC unroll 4") for (int i = 0; i < kParts; ++i)

CSANMT_INLINE F16 load(const float* p) {
  F16 r;
  CSANMT_EACH r.part[i] = *reinterpret_cast<const NativeFloatU*>(p + i * kNative);
  return r;
}
CSANMT_INLINE I16 load(const int32_t* p) {
  I16 r;
  CSANMT_EACH r.part[i] = *reinterpret_cast<const NativeIntU*>(p + i * kNative);
  return r;
}
CSANMT_INLINE void store(float* p, F16 v) {
  CSANMT_EACH* reinterpret_cast<NativeFloatU*>(p + i * kNative) = v.part[i];
}
CSANMT_INLINE F16 splat(float x) {
  F16 r;
  CSANMT_EACH r.part[i] = NativeFloat{} + x;
  return r;
}
CSANMT_INLINE I16 splat(int32_t x) {
  I16 r;
  CSANMT_EACH r.part[i] = NativeInt{} + x;
  return r;
}

#define CSANMT_BINARY(type, op)                          \
  CSANMT_INLINE type operator op(type a, type b) {       \
    CSANMT_EACH a.part[i] = a.part[i] op b.part[i];      \
    return a;                                            \
  }
CSANMT_BINARY(F16, +)
CSANMT_BINARY(F16, -)
CSANMT_BINARY(F16, *)
#undef CSANMT_BINARY

// Integers wrap around: a damaged file's scales may be anything.
#define CSANMT_WRAPPING(op)                                                        \
  CSANMT_INLINE I16 operator op(I16 a, I16 b) {                                    \
    CSANMT_EACH a.part[i] = NativeInt(NativeUnsigned(a.part[i]) op NativeUnsigned(b.part[i])); \
    return a;                                                                      \
  }
CSANMT_WRAPPING(+)
CSANMT_WRAPPING(-)
CSANMT_WRAPPING(<<)
#undef CSANMT_WRAPPING

// a > b ? a : b, which is what the instruction does; GCC 12 compares and blends instead.
CSANMT_INLINE F16 maximum(F16 a, F16 b) {
#if defined(CSANMT_WHOLE_WIDTH)
  a.part[0] = NativeFloat(_mm512_max_ps(__m512(a.part[0]), __m512(b.part[0])));
#elif defined(__AVX__)
  CSANMT_EACH a.part[i] = NativeFloat(_mm256_max_ps(__m256(a.part[i]), __m256(b.part[i])));
#else
  CSANMT_EACH a.part[i] = a.part[i] > b.part[i] ? a.part[i] : b.part[i];
#endif
  return a;
}
// Lanes from `count` on become `rest`.
CSANMT_INLINE F16 first_lanes(F16 a, int count, float rest) {
  alignas(64) static const int32_t kLane[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                8, 9, 10, 11, 12, 13, 14, 15};
  const I16 lane = load(kLane);
  CSANMT_EACH a.part[i] = lane.part[i] < NativeInt{} + count ? a.part[i] : NativeFloat{} + rest;
  return a;
}
CSANMT_INLINE F16 absolute(F16 a) {
  CSANMT_EACH {
    NativeInt bits;
    std::memcpy(&bits, &a.part[i], sizeof bits);
    bits &= 0x7fffffff;
    std::memcpy(&a.part[i], &bits, sizeof bits);
  }
  return a;
}
CSANMT_INLINE F16 to_float(I16 a) {
  F16 r;
  CSANMT_EACH r.part[i] = __builtin_convertvector(a.part[i], NativeFloat);
  return r;
}
CSANMT_INLINE I16 bits(F16 a) {
  I16 r;
  std::memcpy(&r, &a, sizeof r);
  return r;
}
CSANMT_INLINE F16 from_bits(I16 a) {
  F16 r;
  std::memcpy(&r, &a, sizeof r);
  return r;
}
// The low byte of every lane. GCC 12 converts vectors lane by lane.
CSANMT_INLINE void store_bytes(int8_t* p, I16 v) {
#if defined(CSANMT_WHOLE_WIDTH)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(__m512i(v.part[0])));
#elif defined(__AVX2__)
  const __m256i low = _mm256_set1_epi32(0xff);
  const __m256i words = _mm256_packus_epi32(_mm256_and_si256((__m256i)v.part[0], low),
                                            _mm256_and_si256((__m256i)v.part[1], low));
  const __m256i ordered = _mm256_permute4x64_epi64(words, 0xd8);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                   _mm_packus_epi16(_mm256_castsi256_si128(ordered),
                                    _mm256_extracti128_si256(ordered, 1)));
#else
  CSANMT_EACH* reinterpret_cast<NativeByteU*>(p + i * kNative) =
      __builtin_convertvector(v.part[i], NativeByte);
#endif
}

typedef float Quarter __attribute__((vector_size(16)));
typedef int32_t QuarterInt __attribute__((vector_size(16)));

CSANMT_INLINE Quarter quarter(const F16& a, int index) {
  Quarter q;
  std::memcpy(&q, reinterpret_cast<const char*>(&a) + index * 16, 16);
  return q;
}

// Fixed tree: lanes l, l+8; then l, l+4; l, l+2; l, l+1.
CSANMT_INLINE Quarter fold(F16 a) {
  const Quarter q0 = quarter(a, 0), q1 = quarter(a, 1), q2 = quarter(a, 2), q3 = quarter(a, 3);
  return (q0 + q2) + (q1 + q3);
}
CSANMT_INLINE float sum_lanes(F16 a) {
  const Quarter q = fold(a);
  return (q[0] + q[2]) + (q[1] + q[3]);
}
CSANMT_INLINE float max_lanes(F16 a) {
  Quarter q0 = quarter(a, 0), q1 = quarter(a, 1), q2 = quarter(a, 2), q3 = quarter(a, 3);
  q0 = q0 > q2 ? q0 : q2;
  q1 = q1 > q3 ? q1 : q3;
  q0 = q0 > q1 ? q0 : q1;
  const float x = q0[0] > q0[2] ? q0[0] : q0[2], y = q0[1] > q0[3] ? q0[1] : q0[3];
  return x > y ? x : y;
}
CSANMT_INLINE int32_t sum_lanes(I16 a) {
  typedef uint32_t QuarterUnsigned __attribute__((vector_size(16)));
  QuarterUnsigned q[4];
  std::memcpy(q, &a, sizeof q);
  const QuarterUnsigned sum = (q[0] + q[2]) + (q[1] + q[3]);
  return int32_t((sum[0] + sum[2]) + (sum[1] + sum[3]));
}

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define CSANMT_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#endif
#endif
#ifndef CSANMT_SHUFFLE  // GCC before 12
#define CSANMT_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, QuarterInt{__VA_ARGS__})
#endif

// Four rows of four lanes, turned.
CSANMT_INLINE void turn(Quarter (&m)[4]) {
  const Quarter a = CSANMT_SHUFFLE(m[0], m[1], 0, 4, 1, 5);
  const Quarter b = CSANMT_SHUFFLE(m[0], m[1], 2, 6, 3, 7);
  const Quarter c = CSANMT_SHUFFLE(m[2], m[3], 0, 4, 1, 5);
  const Quarter d = CSANMT_SHUFFLE(m[2], m[3], 2, 6, 3, 7);
  m[0] = CSANMT_SHUFFLE(a, c, 0, 1, 4, 5);
  m[1] = CSANMT_SHUFFLE(a, c, 2, 3, 6, 7);
  m[2] = CSANMT_SHUFFLE(b, d, 0, 1, 4, 5);
  m[3] = CSANMT_SHUFFLE(b, d, 2, 3, 6, 7);
}

// Adding 1.5 * 2^23 rounds to the nearest integer (ties to even) in the low bits.
constexpr float kRound = 12582912.0f;
constexpr int32_t kRoundBits = 0x4b400000;

CSANMT_INLINE I16 round_to_int(F16 a) { return bits(a + splat(kRound)) - splat(kRoundBits); }

// e^x to about 2 ulp for x in [-86, 88]; smaller x give e^-86 (Cephes' polynomial).
CSANMT_INLINE F16 exponential(F16 x) {
  x = maximum(x, splat(-86.0f));
  const F16 shifted = x * splat(1.44269504088896341f) + splat(kRound);
  const F16 n = shifted - splat(kRound);
  const F16 r = (x - n * splat(0.693359375f)) - n * splat(-2.12194440e-4f);
  F16 p = splat(1.9875691500e-4f);
  p = p * r + splat(1.3981999507e-3f);
  p = p * r + splat(8.3334519073e-3f);
  p = p * r + splat(4.1665795894e-2f);
  p = p * r + splat(1.6666665459e-1f);
  p = p * r + splat(5.0000001201e-1f);
  p = p * (r * r) + r + splat(1.0f);
  return from_bits(bits(p) + ((bits(shifted) - splat(kRoundBits)) << splat(23)));
}

}  // namespace
