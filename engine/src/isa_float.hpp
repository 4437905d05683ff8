// Layer norm, quantisation and attention in float32.

namespace {

using csanmt::QuantisedRows;

CSANMT_INLINE float largest_absolute(const float* x, int width) {
  F16 highest = splat(0.0f);
  for (int c = 0; c < width; c += 16) highest = maximum(highest, absolute(load(x + c)));
  return max_lanes(highest);
}

// `limit` is the row's largest absolute value.
CSANMT_INLINE void quantise_row(const float* x, int width, float limit, int8_t* out, float* scale,
                                int32_t* offset) {
  const F16 inverse = splat(limit > 0.0f ? 127.0f / limit : 0.0f);
  I16 sum = splat(int32_t(0));
  for (int c = 0; c < width; c += 16) {
    const I16 q = round_to_int(load(x + c) * inverse);
    sum = sum + q;
    store_bytes(out + c, q);
  }
  *scale = limit / 127.0f;
  *offset = int32_t(uint32_t(sum_lanes(sum)) * 128u);
}

// Returns the largest absolute value of the normalised row.
CSANMT_INLINE float normalise_row(const float* x, int width, const float* gain, const float* bias,
                                  float* y) {
  F16 sum = splat(0.0f);
  for (int c = 0; c < width; c += 16) sum = sum + load(x + c);
  const F16 mean = splat(sum_lanes(sum) / float(width));
  F16 squares = splat(0.0f);
  for (int c = 0; c < width; c += 16) {
    const F16 centred = load(x + c) - mean;
    squares = squares + centred * centred;
  }
  const float variance = sum_lanes(squares) / float(width);
  const F16 factor = splat(1.0f / __builtin_sqrtf(variance + 1e-6f));
  F16 highest = splat(0.0f);
  for (int c = 0; c < width; c += 16) {
    const F16 scaled = (load(x + c) - mean) * factor * load(gain + c) + load(bias + c);
    store(y + c, scaled);
    highest = maximum(highest, absolute(scaled));
  }
  return max_lanes(highest);
}

void normalise(const csanmt::NormArguments& a, const QuantisedRows* q) {
  constexpr int kLargestWidth = 1 << 14;  // checked when the file is read
  alignas(64) float scratch[kLargestWidth];
  for (int r = 0; r < a.rows; ++r) {
    const float* x = a.input + r * a.stride;
    float* y = a.output ? a.output + r * a.stride : scratch;
    float limit = 0.0f;
    if (a.gain) {
      limit = normalise_row(x, a.width, a.gain, a.bias, y);
      x = y;
    } else if (q) {
      limit = largest_absolute(x, a.width);
    }
    if (q)
      quantise_row(x, a.width, limit, q->data + size_t(r) * a.width, q->scale + r, q->offset + r);
  }
}

// `length` may end within a block of four; `columns` and heads * dim are multiples of 16.
void transpose(const float* keys, size_t stride, int length, int heads, int dim, float* out,
               int columns) {
  for (int j = 0; j < columns; j += 4)
    for (int row = 0; row < heads * dim; row += 4) {
      Quarter block[4] = {};
      for (int i = 0; i < 4 && j + i < length; ++i)
        std::memcpy(&block[i], keys + (j + i) * stride + row, sizeof block[i]);
      turn(block);
      for (int i = 0; i < 4; ++i)
        std::memcpy(out + size_t(row + i) * columns + j, &block[i], sizeof block[i]);
    }
}

// scores[q][j] = Σ_d query[q][d] * keys[d][j] for V*16 columns, in order of d.
template <int Q, int V>
CSANMT_INLINE void score_block(const float* query, size_t query_stride, const float* keys,
                               int columns, int dim, float* scores, size_t score_stride) {
  F16 sum[Q][V];
  for (int q = 0; q < Q; ++q)
    for (int v = 0; v < V; ++v) sum[q][v] = splat(0.0f);
  for (int d = 0; d < dim; ++d) {
    F16 key[V];
    for (int v = 0; v < V; ++v) key[v] = load(keys + size_t(d) * columns + v * 16);
    for (int q = 0; q < Q; ++q) {
      const F16 x = splat(query[q * query_stride + d]);
      for (int v = 0; v < V; ++v) sum[q][v] = sum[q][v] + x * key[v];
    }
  }
  for (int q = 0; q < Q; ++q)
    for (int v = 0; v < V; ++v) store(scores + q * score_stride + v * 16, sum[q][v]);
}

// Blocks of 16 lanes whose sums for Q rows stay in registers.
template <int Q>
constexpr int kBlocksAtOnce = kNative == 16 || Q == 1 ? 4 : Q == 2 ? 2 : 1;

template <int Q>
CSANMT_INLINE void score_rows(const float* query, size_t query_stride, const float* keys,
                              int columns, int dim, float* scores, size_t score_stride) {
  int j = 0;
  if constexpr (kBlocksAtOnce<Q> == 4)
    for (; j + 64 <= columns; j += 64)
      score_block<Q, 4>(query, query_stride, keys + j, columns, dim, scores + j, score_stride);
  if constexpr (kBlocksAtOnce<Q> >= 2)
    for (; j + 32 <= columns; j += 32)
      score_block<Q, 2>(query, query_stride, keys + j, columns, dim, scores + j, score_stride);
  for (; j < columns; j += 16)
    score_block<Q, 1>(query, query_stride, keys + j, columns, dim, scores + j, score_stride);
}

// Softmax over the first `length` of a row padded to 16; leaves e^(s - max), returns 1 / sum.
CSANMT_INLINE float soften(float* scores, int length, int columns) {
  // Hidden in registers: a load that spans a narrow store would wait for it.
  const int last = columns - 16;
  F16 highest = first_lanes(load(scores + last), length - last, -__builtin_inff());
  store(scores + last, highest);
  for (int j = 0; j < last; j += 16) highest = maximum(highest, load(scores + j));
  const F16 top = splat(max_lanes(highest));
  F16 sum = splat(0.0f);
  for (int j = 0; j < columns; j += 16) {
    const F16 e = exponential(load(scores + j) - top);
    store(scores + j, e);
    sum = sum + e;
  }
  return 1.0f / sum_lanes(sum);
}

// out[q][0…16V) (+)= factor[q] * Σ_j weights[q][j] * values[j][…], in order of j.
template <int Q, int V>
CSANMT_INLINE void mix_block(const float* weights, size_t weight_stride, const float* values,
                             size_t value_stride, int length, const float* factor, float* out,
                             size_t out_stride, bool add) {
  F16 sum[Q][V];
  for (int q = 0; q < Q; ++q)
    for (int v = 0; v < V; ++v) sum[q][v] = splat(0.0f);
  for (int j = 0; j < length; ++j) {
    F16 value[V];
    for (int v = 0; v < V; ++v) value[v] = load(values + j * value_stride + v * 16);
    for (int q = 0; q < Q; ++q) {
      const F16 w = splat(weights[q * weight_stride + j]);
      for (int v = 0; v < V; ++v) sum[q][v] = sum[q][v] + w * value[v];
    }
  }
  for (int q = 0; q < Q; ++q)
    for (int v = 0; v < V; ++v) {
      float* to = out + q * out_stride + v * 16;
      const F16 y = sum[q][v] * splat(factor[q]);
      store(to, add ? load(to) + y : y);
    }
}

template <int Q>
CSANMT_INLINE void mix_rows(const float* weights, size_t weight_stride, const float* values,
                            size_t value_stride, int length, int dim, const float* factor,
                            float* out, size_t out_stride, bool add) {
  int c = 0;
  if constexpr (kBlocksAtOnce<Q> == 4)
    for (; c + 64 <= dim; c += 64)
      mix_block<Q, 4>(weights, weight_stride, values + c, value_stride, length, factor, out + c,
                      out_stride, add);
  if constexpr (kBlocksAtOnce<Q> >= 2)
    for (; c + 32 <= dim; c += 32)
      mix_block<Q, 2>(weights, weight_stride, values + c, value_stride, length, factor, out + c,
                      out_stride, add);
  for (; c < dim; c += 16)
    mix_block<Q, 1>(weights, weight_stride, values + c, value_stride, length, factor, out + c,
                    out_stride, add);
}

CSANMT_INLINE int bucket(int distance, int limit) {
  return (distance < -limit ? -limit : distance > limit ? limit : distance) + limit;
}

// Q rows of one head. Scratch holds scores, scores by distance and weights by distance.
template <int Q>
void attend_rows(const csanmt::AttentionArguments& a, int head, int row) {
  const float* query = a.query + row * a.query_stride + head * a.dim;
  const csanmt::RelativeView& relative = a.relative;
  float* scores = a.scratch;
  float* by_distance = scores + size_t(Q) * a.columns;
  float* buckets = by_distance + size_t(Q) * relative.columns;
  float factor[Q];
  score_rows<Q>(query, a.query_stride, a.keys + size_t(head) * a.dim * a.columns, a.columns,
                a.dim, scores, a.columns);
  if (relative.keys)
    score_rows<Q>(query, a.query_stride, relative.keys, relative.columns, a.dim, by_distance,
                  relative.columns);
  for (int q = 0; q < Q; ++q) {
    float* s = scores + q * a.columns;
    float* far = by_distance + q * relative.columns;
    float* sums = buckets + q * relative.columns;
    const int limit = relative.max_distance;
    const int place = relative.keys ? a.query_position[row + q] : 0;
    if (relative.keys)
      for (int j = 0; j < a.length; ++j) s[j] += far[bucket(place - a.key_position[j], limit)];
    factor[q] = soften(s, a.length, a.columns);
    if (relative.keys) {
      for (int c = 0; c < relative.columns; ++c) sums[c] = 0.0f;
      for (int j = 0; j < a.length; ++j) sums[bucket(place - a.key_position[j], limit)] += s[j];
    }
    if (a.weights)
      for (int j = 0; j < a.length; ++j)
        a.weights[(row + q) * size_t(a.columns) + j] += s[j] * factor[q];
  }
  float* out = a.output + row * a.output_stride + head * a.dim;
  mix_rows<Q>(scores, a.columns, a.values + head * a.dim, a.value_stride, a.length, a.dim,
              factor, out, a.output_stride, false);
  if (relative.keys)
    mix_rows<Q>(buckets, relative.columns, relative.values, a.dim, 2 * relative.max_distance + 1,
                a.dim, factor, out, a.output_stride, true);
}

void attend(const csanmt::AttentionArguments& a) {
  constexpr int kAtOnce = kNative == 16 ? 4 : 2;
  for (int h = 0; h < a.heads; ++h) {
    int row = 0;
    for (; row + kAtOnce <= a.rows; row += kAtOnce) attend_rows<kAtOnce>(a, h, row);
    switch (a.rows - row) {
      case 3: attend_rows<3>(a, h, row); break;
      case 2: attend_rows<2>(a, h, row); break;
      case 1: attend_rows<1>(a, h, row); break;
      default: break;
    }
  }
}

// Columns [first, first + 16V) of one head's mixture of the past, in order of position.
template <int V>
CSANMT_INLINE void mix_past_block(const csanmt::CachedArguments& a, int first,
                                  const float* weights, float factor) {
  const int width = a.heads * a.dim;
  F16 sum[V];
  for (int v = 0; v < V; ++v) sum[v] = splat(0.0f);
  for (int j = 0; j < a.length; ++j) {
    const float* values = a.steps[j] + size_t(a.slots[j]) * 2 * width + width + first;
    const F16 w = splat(weights[j]);
    for (int v = 0; v < V; ++v) sum[v] = sum[v] + w * load(values + v * 16);
  }
  for (int v = 0; v < V; ++v) store(a.output + first + v * 16, sum[v] * splat(factor));
}

void mix_past(const csanmt::CachedArguments& a, int head, const float* weights, float factor) {
  int at = head * a.dim;
  const int end = at + a.dim;
  for (; at + 64 <= end; at += 64) mix_past_block<4>(a, at, weights, factor);
  for (; at + 32 <= end; at += 32) mix_past_block<2>(a, at, weights, factor);
  for (; at < end; at += 16) mix_past_block<1>(a, at, weights, factor);
}

CSANMT_INLINE F16 products(const float* a, const float* b, int dim) {
  F16 sum = load(a) * load(b);
  for (int c = 16; c < dim; c += 16) sum = sum + load(a + c) * load(b + c);
  return sum;
}

// The dot products of the query with the keys of four positions, for every head. Behind the
// last position its own are repeated; soften() does not look at them.
CSANMT_INLINE void score_four(const csanmt::CachedArguments& a, int first, float* scores,
                              int columns) {
  const size_t width = size_t(a.heads) * a.dim;
  const float* keys[4];
  for (int i = 0; i < 4; ++i) {
    const int j = first + i < a.length ? first + i : a.length - 1;
    keys[i] = a.steps[j] + a.slots[j] * 2 * width;
  }
  for (int h = 0; h < a.heads; ++h) {
    const size_t at = size_t(h) * a.dim;
    Quarter part[4] = {fold(products(a.query + at, keys[0] + at, a.dim)),
                       fold(products(a.query + at, keys[1] + at, a.dim)),
                       fold(products(a.query + at, keys[2] + at, a.dim)),
                       fold(products(a.query + at, keys[3] + at, a.dim))};
    turn(part);
    const Quarter sums = (part[0] + part[2]) + (part[1] + part[3]);  // as sum_lanes adds them
    std::memcpy(scores + h * columns + first, &sums, sizeof sums);
  }
}

void attend_cached(const csanmt::CachedArguments& a) {
  const int columns = (a.length + 15) / 16 * 16;
  const csanmt::RelativeView& relative = a.relative;
  float* scores = a.scratch;  // [heads][columns]
  float* far = scores + size_t(a.heads) * columns;
  float* sums = far + relative.columns;
  const int here = a.length - 1, limit = relative.max_distance;
  for (int j = 0; j < a.length; j += 4) score_four(a, j, scores, columns);
  for (int h = 0; h < a.heads; ++h) {
    float* s = scores + h * columns;
    if (relative.keys) {
      score_rows<1>(a.query + h * a.dim, 0, relative.keys, relative.columns, a.dim, far, 0);
      for (int j = 0; j < a.length; ++j) s[j] += far[bucket(here - j, limit)];
    }
    const float factor = soften(s, a.length, columns);
    mix_past(a, h, s, factor);
    if (relative.keys) {
      for (int c = 0; c < relative.columns; ++c) sums[c] = 0.0f;
      for (int j = 0; j < a.length; ++j) sums[bucket(here - j, limit)] += s[j];
      mix_rows<1>(sums, 0, relative.values, a.dim, 2 * limit + 1, a.dim, &factor,
                  a.output + h * a.dim, 0, true);
    }
  }
}

}  // namespace
