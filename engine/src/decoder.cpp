#include "decoder.h"

#include <algorithm>
#include <cstring>

namespace csanmt {

Decoder::Decoder(const Context& context, const SourceBatch& batch, const Encoded& encoded)
    : c_(context), batch_(batch) {
  size_t floats = 0;
  for (int s = 0; s < batch.sentences(); ++s) {
    const int columns = padded(batch.length(s), 16);
    key_begin_.push_back(floats);
    floats += size_t(c_.model.width) * columns;
    widest_ = std::max(widest_, columns);
  }
  key_begin_.push_back(floats);
  if (encoded.semantic) make_constants(encoded);
  make_cross(encoded);
  c_.workspace.past.resize(c_.model.decoder.size());
}

void Decoder::make_constants(const Encoded& encoded) {
  const Model& m = c_.model;
  const int sentences = batch_.sentences();
  auto& constants = c_.workspace.constants;
  constants.resize(m.decoder.size());
  for (size_t l = 0; l < m.decoder.size(); ++l) {
    const FeedForwardView& view = m.decoder[l].augmentation;
    const size_t stride = size_t(row_stride(view.input.panels));
    float* inner = c_.workspace.inner.reserve(sentences * stride);
    const QuantisedRows in = c_.workspace.quantised.reserve(sentences, int(m.d.hidden));
    c_.quantise(encoded.semantic, sentences, m.pre() ? &m.decoder[l].augmentation_norm : nullptr,
                in);
    c_.linear(in, view.input, inner, stride, Epilogue::kRelu);
    const QuantisedRows middle =
        c_.workspace.quantised_inner.reserve(sentences, view.output.inputs);
    c_.quantise_width(inner, stride, middle);
    c_.linear(middle, view.output, constants[l].reserve(size_t(sentences) * m.stride), m.stride,
              Epilogue::kStore);
  }
}

void Decoder::make_cross(const Encoded& encoded) {
  const Model& m = c_.model;
  const int rows = batch_.rows();
  const QuantisedRows in = c_.workspace.encoded.reserve(rows, int(m.d.hidden));
  c_.quantise(encoded.states, rows, nullptr, in);
  c_.workspace.cross.resize(m.decoder.size());
  c_.workspace.cross_keys.resize(m.decoder.size());
  for (size_t l = 0; l < m.decoder.size(); ++l) {
    c_.poll();
    const LinearView& view = m.decoder[l].key_value;
    const size_t stride = size_t(row_stride(view.panels));
    float* both = c_.workspace.cross[l].reserve(rows * stride);
    float* keys = c_.workspace.cross_keys[l].reserve(key_begin_.back());
    c_.linear(in, view, both, stride, Epilogue::kStore);
    for (int s = 0; s < batch_.sentences(); ++s)
      c_.kernels.transpose(both + batch_.begin[s] * stride, stride, batch_.length(s),
                           int(m.d.heads), int(m.d.head_dim_padded), keys + key_begin_[s],
                           padded(batch_.length(s), 16));
  }
}

float* Decoder::enter(const std::vector<StepRow>& rows, int position) {
  const Model& m = c_.model;
  const int hidden = int(m.d.hidden);
  const size_t floats = rows.size() * m.stride;
  float* x = c_.workspace.rows.reserve(floats);
  std::fill(x, x + floats, 0.0f);
  const float* signal =
      m.d.has(kRelative) ? nullptr : c_.workspace.timing.row(position, hidden);
  for (size_t r = 0; r < rows.size(); ++r) {
    float* row = x + r * m.stride;
    if (position > 0) c_.embed(m.target_embedding, rows[r].token, row);
    if (signal)
      for (int i = 0; i < hidden; ++i) row[i] += signal[i];
  }
  return x;
}

void Decoder::step(const std::vector<StepRow>& rows, int position) {
  const Model& m = c_.model;
  const int count = int(rows.size()), hidden = int(m.d.hidden);
  float* x = enter(rows, position);
  for (size_t l = 0; l < m.decoder.size(); ++l) {
    const DecoderLayerView& layer = m.decoder[l];
    if (m.d.has(kAugmentation)) {
      for (int r = 0; r < count; ++r) {
        const float* constant =
            c_.workspace.constants[l].data() + size_t(rows[r].sentence) * m.stride;
        for (int i = 0; i < hidden; ++i) x[size_t(r) * m.stride + i] += constant[i];
      }
      if (!m.pre()) c_.normalise(x, count, layer.augmentation_norm);
    }
    self_attention(int(l), rows, position, x);
    cross_attention(int(l), rows, x);
    c_.feed_forward(layer.inner, layer.inner_norm, x, count);
  }
  output_ = c_.workspace.quantised.reserve(count, hidden);
  c_.quantise(x, count, m.pre() ? &m.decoder_norm : nullptr, output_);
}

void Decoder::self_attention(int l, const std::vector<StepRow>& rows, int position, float* x) {
  const Model& m = c_.model;
  const DecoderLayerView& layer = m.decoder[l];
  const int count = int(rows.size()), width = m.width;
  const int heads = int(m.d.heads), dim = int(m.d.head_dim_padded);
  const size_t stride = size_t(row_stride(layer.qkv.panels));
  float* qkv = c_.workspace.qkv.reserve(count * stride);
  float* context = c_.workspace.context.reserve(size_t(count) * width);
  const QuantisedRows in = c_.workspace.quantised.reserve(count, int(m.d.hidden));
  c_.quantise(x, count, m.pre() ? &layer.attention_norm : nullptr, in);
  c_.linear(in, layer.qkv, qkv, stride, Epilogue::kStore);

  auto& past = c_.workspace.past[l];
  if (int(past.size()) <= position) past.resize(position + 1);
  float* now = past[position].reserve(size_t(count) * 2 * width);
  std::vector<const float*> steps(position + 1);
  for (int p = 0; p <= position; ++p) steps[p] = past[p].data();
  for (int r = 0; r < count; ++r)
    std::memcpy(now + size_t(r) * 2 * width, qkv + r * stride + width, sizeof(float) * 2 * width);

  float* scratch = c_.workspace.scratch.reserve(
      cached_scratch(heads, position + 1, layer.relative.columns));
  std::vector<int32_t> slots(position + 1);
  for (int r = 0; r < count; ++r) {
    if (position > 0) std::copy_n(rows[r].slots, position, slots.begin());
    slots[position] = r;
    c_.kernels.attend_cached({qkv + r * stride, steps.data(), slots.data(), position + 1, heads,
                              dim, layer.relative, context + size_t(r) * width, scratch});
  }
  const QuantisedRows mixed = c_.workspace.quantised.reserve(count, width);
  c_.quantise_width(context, width, mixed);
  c_.linear(mixed, layer.output, x, m.stride, Epilogue::kAdd);
  if (!m.pre()) c_.normalise(x, count, layer.attention_norm);
}

void Decoder::cross_attention(int l, const std::vector<StepRow>& rows, float* x) {
  const Model& m = c_.model;
  const DecoderLayerView& layer = m.decoder[l];
  const int count = int(rows.size()), width = m.width;
  const size_t query_stride = size_t(row_stride(layer.query.panels));
  const size_t cross_stride = size_t(row_stride(layer.key_value.panels));
  float* query = c_.workspace.query.reserve(count * query_stride);
  float* context = c_.workspace.context.reserve(size_t(count) * width);
  const QuantisedRows in = c_.workspace.quantised.reserve(count, int(m.d.hidden));
  c_.quantise(x, count, m.pre() ? &layer.cross_norm : nullptr, in);
  c_.linear(in, layer.query, query, query_stride, Epilogue::kStore);

  const bool record = alignment_ && l == int(m.d.alignment_layer);
  float* weights = nullptr;
  if (record) {
    weights = c_.workspace.weights.reserve(size_t(count) * widest_);
    std::fill(weights, weights + size_t(count) * widest_, 0.0f);
  }
  float* scratch = c_.workspace.scratch.reserve(attention_scratch(widest_, 0));
  for (int first = 0, last; first < count; first = last) {  // rows of one sentence
    const int s = rows[first].sentence, columns = padded(batch_.length(s), 16);
    for (last = first; last < count && rows[last].sentence == s;) ++last;
    if (columns == 0) {  // nothing to attend to
      std::fill(context + size_t(first) * width, context + size_t(last) * width, 0.0f);
      continue;
    }
    const float* values = c_.workspace.cross[l].data() + batch_.begin[s] * cross_stride + width;
    // Rows of `weights` are `columns` apart within the sentence's own block.
    c_.kernels.attend({query + first * query_stride, query_stride, last - first,
                       c_.workspace.cross_keys[l].data() + key_begin_[s], columns, values,
                       cross_stride, batch_.length(s), int(m.d.heads), int(m.d.head_dim_padded),
                       context + size_t(first) * width, size_t(width), RelativeView{}, nullptr,
                       nullptr, scratch, weights ? weights + size_t(first) * widest_ : nullptr});
  }
  if (record) record_attended(rows, weights);
  const QuantisedRows mixed = c_.workspace.quantised.reserve(count, width);
  c_.quantise_width(context, width, mixed);
  c_.linear(mixed, layer.cross_output, x, m.stride, Epilogue::kAdd);
  if (!m.pre()) c_.normalise(x, count, layer.cross_norm);
}

void Decoder::record_attended(const std::vector<StepRow>& rows, const float* weights) {
  attended_.resize(rows.size());
  for (size_t first = 0, last; first < rows.size(); first = last) {
    const int s = rows[first].sentence, length = batch_.length(s);
    const int columns = padded(length, 16);
    for (last = first; last < rows.size() && rows[last].sentence == s; ++last) {
      const float* row = weights + first * widest_ + (last - first) * size_t(columns);
      const int best = int(std::max_element(row, row + length) - row);
      attended_[last] = length ? batch_.positions[batch_.begin[s] + best] : 0;
    }
  }
}

int Decoder::chunks() const {
  return (c_.model.projection.panels + kPanelsPerChunk - 1) / kPanelsPerChunk;
}

void Decoder::project(std::vector<ProjectionRow>& rows) {
  const int count = chunks();
  float* sums = c_.workspace.chunk_sums.reserve(rows.size() * 2 * count);
  for (size_t r = 0; r < rows.size(); ++r) {
    rows[r].count = 0;
    rows[r].chunk_maximum = sums + r * 2 * count;
    rows[r].chunk_sum = rows[r].chunk_maximum + count;
  }
  c_.kernels.project({output_, c_.model.projection, int(c_.model.d.target_vocabulary), 0, count,
                      rows.data()});
}

float Decoder::logit(int row, int32_t token) const {
  const LinearView& view = c_.model.projection;
  const int8_t* x = output_.data + size_t(row) * output_.width;
  const uint8_t* w = view.weight + size_t(token / 64) * 64 * view.inputs + token % 64 * 4;
  int32_t sum = 0;
  for (int k = 0; k < view.inputs; ++k) sum += int32_t(w[size_t(k / 4) * 256 + k % 4]) * x[k];
  return float(sum - output_.offset[row]) * view.scale[token] * output_.scale[row];
}

}  // namespace csanmt
