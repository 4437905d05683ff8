// Integer matrix products and what is fused behind them. Needs, from the including file:
//   template <int R> void multiply(const int8_t* x, ptrdiff_t stride, const uint8_t* panel,
//                                  int groups, const uint8_t* ahead, int32_t* out);
// which writes out[R][64] = x[R][4 * groups] · panel[groups][64][4], R at most kTileRows, and may
// prefetch from `ahead`.

namespace {

using csanmt::Candidate;
using csanmt::Epilogue;
using csanmt::ProjectionRow;

template <int R = kTileRows>
CSANMT_INLINE void multiply_rows(int rows, const int8_t* x, ptrdiff_t stride,
                                 const uint8_t* panel, int groups, const uint8_t* ahead,
                                 int32_t* out) {
  if constexpr (R > 1)
    if (rows < R) return multiply_rows<R - 1>(rows, x, stride, panel, groups, ahead, out);
  multiply<R>(x, stride, panel, groups, ahead, out);
}

// (accumulator - 128 Σx) * weight scale * row scale
CSANMT_INLINE F16 dequantise(const int32_t* sums, const float* scale, int32_t offset, float row) {
  return to_float(load(sums) - splat(offset)) * load(scale) * splat(row);
}

template <Epilogue E>
CSANMT_INLINE void finish_row(const int32_t* sums, const float* scale, const float* bias,
                              int32_t offset, float row, float* out) {
  for (int c = 0; c < 64; c += 16) {
    F16 y = dequantise(sums + c, scale + c, offset, row) + load(bias + c);
    if (E == Epilogue::kRelu) y = maximum(y, splat(0.0f));
    if (E == Epilogue::kAdd) y = load(out + c) + y;
    store(out + c, y);
  }
}

template <Epilogue E>
void linear_with(const csanmt::LinearArguments& a) {
  alignas(64) int32_t sums[kTileRows * 64];
  const QuantisedRows& x = a.input;
  const int groups = x.width / 4, blocks = (x.rows + kTileRows - 1) / kTileRows;
  const size_t panel_bytes = size_t(groups) * 256;
  for (int p = a.first_panel; p < a.last_panel; ++p) {
    const uint8_t* panel = a.linear.weight + p * panel_bytes;
    const float *scale = a.linear.scale + p * 64, *bias = a.linear.bias + p * 64;
    for (int b = 0; b < blocks; ++b) {
      const int first = x.rows * b / blocks, last = x.rows * (b + 1) / blocks;
      multiply_rows(last - first, x.data + size_t(first) * x.width, x.width, panel, groups,
                    panel + panel_bytes + panel_bytes * b / blocks, sums);
      for (int r = first; r < last; ++r)
        finish_row<E>(sums + (r - first) * 64, scale, bias, x.offset[r], x.scale[r],
                      a.output + r * a.stride + p * 64);
    }
  }
}

void linear(const csanmt::LinearArguments& a) {
  switch (a.epilogue) {
    case Epilogue::kStore: return linear_with<Epilogue::kStore>(a);
    case Epilogue::kRelu: return linear_with<Epilogue::kRelu>(a);
    case Epilogue::kAdd: return linear_with<Epilogue::kAdd>(a);
  }
}

// Running log-sum-exp of one row over one chunk of columns.
struct Running {
  F16 sum;  // exp(logit - maximum), by lane
  float maximum;
};

constexpr float kNever = -__builtin_inff();

CSANMT_INLINE void accumulate(Running& running, const F16 (&logit)[4], float highest) {
  if (highest > running.maximum) {
    const F16 shrink = exponential(splat(running.maximum) - splat(highest));
    running.sum = running.maximum == kNever ? splat(0.0f) : running.sum * shrink;
    running.maximum = highest;
  }
  const F16 maximum_lanes = splat(running.maximum);
  const F16 e01 = exponential(logit[0] - maximum_lanes) + exponential(logit[1] - maximum_lanes);
  const F16 e23 = exponential(logit[2] - maximum_lanes) + exponential(logit[3] - maximum_lanes);
  running.sum = running.sum + (e01 + e23);
}

bool is_banned(const ProjectionRow& row, int32_t column) {
  for (int i = 0; i < row.banned_count; ++i)
    if (row.banned[i] == column) return true;
  return false;
}

CSANMT_INLINE float threshold(const ProjectionRow& row) {
  if (row.keep == 0) return __builtin_inff();  // only the sum is wanted
  return row.count < row.keep ? kNever : row.candidates[row.keep - 1].logit;
}

// Columns come in ascending order, so a tie keeps the lower one in front.
void insert(ProjectionRow& row, float logit, int32_t column) {
  int at = row.count < row.keep ? row.count++ : row.keep - 1;
  for (; at > 0 && row.candidates[at - 1].logit < logit; --at)
    row.candidates[at] = row.candidates[at - 1];
  row.candidates[at] = Candidate{logit, column};
}

__attribute__((noinline)) void select(ProjectionRow& row, const float* logits, int32_t first) {
  for (int part = 0; part < 64; part += 16) {
    if (!(max_lanes(load(logits + part)) > threshold(row))) continue;
    for (int c = part; c < part + 16; ++c)
      if (logits[c] > threshold(row) && !is_banned(row, first + c))
        insert(row, logits[c], first + c);
  }
}

void hide(float* logits, uint64_t shown) {
  for (int c = 0; c < 64; ++c)
    if (!(shown >> c & 1)) logits[c] = kNever;
}

CSANMT_INLINE void project_row(ProjectionRow& row, Running& running, const int32_t* sums,
                               const float* scale, int32_t offset, float row_scale, int panel,
                               uint64_t shown) {
  alignas(64) float logits[64];
  F16 logit[4];
  for (int v = 0; v < 4; ++v)
    logit[v] = dequantise(sums + v * 16, scale + v * 16, offset, row_scale);
  if (~shown) {
    for (int v = 0; v < 4; ++v) store(logits + v * 16, logit[v]);
    hide(logits, shown);
    for (int v = 0; v < 4; ++v) logit[v] = load(logits + v * 16);
  }
  const float highest =
      max_lanes(maximum(maximum(logit[0], logit[1]), maximum(logit[2], logit[3])));
  accumulate(running, logit, highest);
  if (highest > threshold(row)) {
    for (int v = 0; v < 4; ++v) store(logits + v * 16, logit[v]);
    select(row, logits, panel * 64);
  }
}

void project_chunk(const csanmt::ProjectionArguments& a, int chunk, Running* running) {
  alignas(64) int32_t sums[kTileRows * 64];
  const QuantisedRows& x = a.input;
  const int groups = x.width / 4, blocks = (x.rows + kTileRows - 1) / kTileRows;
  const size_t panel_bytes = size_t(groups) * 256;
  const int first_panel = chunk * csanmt::kPanelsPerChunk;
  const int end = first_panel + csanmt::kPanelsPerChunk;
  const int last_panel = end < a.linear.panels ? end : a.linear.panels;
  for (int r = 0; r < x.rows; ++r)
    running[r] = Running{splat(0.0f), kNever};
  for (int p = first_panel; p < last_panel; ++p) {
    const uint8_t* panel = a.linear.weight + p * panel_bytes;
    const int rest = a.columns - p * 64;
    const uint64_t shown = rest >= 64 ? ~uint64_t(0) : (uint64_t(1) << rest) - 1;
    for (int b = 0; b < blocks; ++b) {
      const int first = x.rows * b / blocks, last = x.rows * (b + 1) / blocks;
      multiply_rows(last - first, x.data + size_t(first) * x.width, x.width, panel, groups,
                    panel + panel_bytes + panel_bytes * b / blocks, sums);
      for (int r = first; r < last; ++r)
        project_row(a.rows[r], running[r], sums + (r - first) * 64, a.linear.scale + p * 64,
                    x.offset[r], x.scale[r], p, shown);
    }
  }
  for (int r = 0; r < x.rows; ++r) {
    a.rows[r].chunk_maximum[chunk] = running[r].maximum;
    a.rows[r].chunk_sum[chunk] = sum_lanes(running[r].sum);
  }
}

void project(const csanmt::ProjectionArguments& a) {
  constexpr int kRowsAtOnce = 256;
  alignas(64) Running running[kRowsAtOnce];
  for (int first = 0; first < a.input.rows; first += kRowsAtOnce) {
    csanmt::ProjectionArguments part = a;
    const int rest = a.input.rows - first;
    part.input.rows = rest < kRowsAtOnce ? rest : kRowsAtOnce;
    part.input.data += size_t(first) * a.input.width;
    part.input.scale += first;
    part.input.offset += first;
    part.rows += first;
    for (int c = a.first_chunk; c < a.last_chunk; ++c) project_chunk(part, c, running);
  }
}

}  // namespace
