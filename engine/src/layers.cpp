#include "layers.h"

#include <algorithm>
#include <cmath>

namespace csanmt {
namespace {

constexpr int kInnerRows = 96;  // rows whose inner activations stay in the cache

}  // namespace

const float* Timing::row(int position, int width) {
  const int half = width / 2;
  const double step = std::log(1e4) / std::max(half - 1, 1);
  for (int p = int(rows_.size()) / width; p <= position; ++p) {
    rows_.resize(size_t(p + 1) * width);
    float* row = rows_.data() + size_t(p) * width;
    for (int i = 0; i < half; ++i) {
      const float rate = float(std::exp(float(i) * -float(step)));
      const double angle = float(p) * rate;
      row[i] = float(std::sin(angle));
      row[half + i] = float(std::cos(angle));
    }
  }
  return rows_.data() + size_t(position) * width;
}

void Context::linear(const QuantisedRows& input, const LinearView& view, float* output,
                     size_t stride, Epilogue epilogue) const {
  kernels.linear({input, view, 0, view.panels, output, stride, epilogue});
}

void Context::quantise(const float* input, int rows, const NormView* norm,
                       const QuantisedRows& out) const {
  NormArguments a{input, size_t(model.stride), rows, int(model.d.hidden), nullptr, nullptr,
                  nullptr};
  if (norm) a.gain = norm->gain, a.bias = norm->bias;
  kernels.normalise(a, &out);
}

void Context::quantise_width(const float* input, size_t stride, const QuantisedRows& out) const {
  kernels.normalise({input, stride, out.rows, out.width, nullptr, nullptr, nullptr}, &out);
}

void Context::normalise(float* rows, int count, const NormView& norm) const {
  kernels.normalise({rows, size_t(model.stride), count, int(model.d.hidden), norm.gain, norm.bias,
                     rows},
                    nullptr);
}

void Context::feed_forward(const FeedForwardView& view, const NormView& norm, float* states,
                           int rows) const {
  const int inner = view.output.inputs;
  const size_t inner_stride = size_t(row_stride(view.input.panels));
  const int blocks = (rows + kInnerRows - 1) / kInnerRows;
  for (int b = 0; b < blocks; ++b) {
    const int first = rows * b / blocks, count = rows * (b + 1) / blocks - first;
    float* part = states + size_t(first) * model.stride;
    float* hidden = workspace.inner.reserve(count * inner_stride);
    const QuantisedRows in = workspace.quantised.reserve(count, int(model.d.hidden));
    const QuantisedRows middle = workspace.quantised_inner.reserve(count, inner);
    quantise(part, count, model.pre() ? &norm : nullptr, in);
    linear(in, view.input, hidden, inner_stride, Epilogue::kRelu);
    quantise_width(hidden, inner_stride, middle);
    linear(middle, view.output, part, model.stride, Epilogue::kAdd);
    if (!model.pre()) normalise(part, count, norm);
  }
}

void Context::embed(const EmbeddingView& view, int32_t token, float* out) const {
  const int hidden = int(model.d.hidden);
  if (view.rows) {
    const int8_t* row = view.rows + size_t(token) * hidden;
    const float scale = view.scale[token];
    for (int c = 0; c < hidden; ++c) out[c] = float(row[c]) * scale;
    return;
  }
  const LinearView& packed = model.projection;
  const uint8_t* column =
      packed.weight + size_t(token / 64) * 64 * hidden + size_t(token % 64) * 4;
  const float scale = packed.scale[token] * std::sqrt(float(hidden));
  for (int group = 0; group < hidden / 4; ++group)
    for (int i = 0; i < 4; ++i)
      out[group * 4 + i] = float(int(column[size_t(group) * 256 + i]) - 128) * scale;
}

}  // namespace csanmt
