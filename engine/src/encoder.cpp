#include "encoder.h"

#include <algorithm>

namespace csanmt {
namespace {

// Rows that go through a layer together: few enough that what is between the products stays
// in the second-level cache, enough that the weights are well used.
constexpr int kRowsTogether = 128;

// Whole sentences [first, last).
struct Group {
  int first, last;
};

std::vector<Group> make_groups(const SourceBatch& batch) {
  std::vector<Group> groups;
  for (int s = 0; s < batch.sentences(); ++s) {
    if (groups.empty() || batch.begin[s + 1] - batch.begin[groups.back().first] > kRowsTogether)
      groups.push_back({s, s});
    groups.back().last = s + 1;
  }
  return groups;
}

// qkv and context hold the rows of the group alone.
void attend_sentences(const Context& c, const SourceBatch& batch, const Group& group,
                      const RelativeView& relative, const float* qkv, size_t qkv_stride,
                      float* context) {
  const Model& m = c.model;
  const int heads = int(m.d.heads), dim = int(m.d.head_dim_padded), width = m.width;
  int longest = 0;
  for (int s = group.first; s < group.last; ++s) longest = std::max(longest, batch.length(s));
  const int widest = padded(longest, 16);
  float* keys = c.workspace.transposed.reserve(size_t(width) * widest);
  float* scratch = c.workspace.scratch.reserve(attention_scratch(widest, relative.columns));
  for (int s = group.first; s < group.last; ++s) {
    const int first = batch.begin[s] - batch.begin[group.first];
    const int length = batch.length(s), columns = padded(length, 16);
    if (length == 0) continue;
    const float* rows = qkv + first * qkv_stride;
    c.kernels.transpose(rows + width, qkv_stride, length, heads, dim, keys, columns);
    const int32_t* positions = batch.positions.data() + batch.begin[s];
    c.kernels.attend({rows, qkv_stride, length, keys, columns, rows + 2 * width, qkv_stride, length,
                      heads, dim, context + size_t(first) * width, size_t(width), relative,
                      positions, positions, scratch, nullptr});
  }
}

void run_layer(const Context& c, const SourceBatch& batch, const Group& group,
               const EncoderLayerView& layer, float* states) {
  const Model& m = c.model;
  const int rows = batch.begin[group.last] - batch.begin[group.first];
  const size_t qkv_stride = size_t(row_stride(layer.qkv.panels));
  float* x = states + size_t(batch.begin[group.first]) * m.stride;
  float* qkv = c.workspace.qkv.reserve(rows * qkv_stride);
  float* context = c.workspace.context.reserve(size_t(rows) * m.width);
  const QuantisedRows in = c.workspace.quantised.reserve(rows, int(m.d.hidden));
  c.quantise(x, rows, m.pre() ? &layer.attention_norm : nullptr, in);
  c.linear(in, layer.qkv, qkv, qkv_stride, Epilogue::kStore);
  attend_sentences(c, batch, group, layer.relative, qkv, qkv_stride, context);
  const QuantisedRows mixed = c.workspace.quantised.reserve(rows, m.width);
  c.quantise_width(context, m.width, mixed);
  c.linear(mixed, layer.output, x, m.stride, Epilogue::kAdd);
  if (!m.pre()) c.normalise(x, rows, layer.attention_norm);
  c.feed_forward(layer.inner, layer.inner_norm, x, rows);
}

void run_layers(const Context& c, const SourceBatch& batch,
                const std::vector<EncoderLayerView>& layers, float* states) {
  const std::vector<Group> groups = make_groups(batch);
  for (const EncoderLayerView& layer : layers) {
    c.poll();
    for (const Group& group : groups) run_layer(c, batch, group, layer, states);
  }
}

// Mean over a sentence's positions → linear → norm.
float* pool_sentences(const Context& c, const SourceBatch& batch, const float* states) {
  const Model& m = c.model;
  const int hidden = int(m.d.hidden), sentences = batch.sentences();
  float* means = c.workspace.rows.reserve(size_t(sentences) * m.stride);
  for (int s = 0; s < sentences; ++s) {
    float* mean = means + size_t(s) * m.stride;
    std::fill(mean, mean + m.stride, 0.0f);
    for (int r = batch.begin[s]; r < batch.begin[s + 1]; ++r)
      for (int i = 0; i < hidden; ++i) mean[i] += states[size_t(r) * m.stride + i];
    for (int i = 0; i < hidden; ++i) mean[i] /= float(std::max(batch.length(s), 1));
  }
  float* semantic = c.workspace.semantic.reserve(size_t(sentences) * m.stride);
  const QuantisedRows in = c.workspace.quantised.reserve(sentences, hidden);
  c.quantise(means, sentences, nullptr, in);
  c.linear(in, m.pooling, semantic, m.stride, Epilogue::kStore);
  if (m.pre()) c.normalise(semantic, sentences, m.semantic_norm);
  return semantic;
}

}  // namespace

void SourceBatch::add(const std::vector<int32_t>& ids) {
  // An empty source has no positions at all, not even its eos (the reference's behaviour).
  for (size_t i = 0; !ids.empty() && i <= ids.size(); ++i) {
    if (i > 0 && ids[i - 1] == 0) continue;
    tokens.push_back(i < ids.size() ? ids[i] : 0);
    positions.push_back(int32_t(i));
  }
  begin.push_back(int(tokens.size()));
}

Encoded encode(const Context& c, const SourceBatch& batch) {
  const Model& m = c.model;
  const int rows = batch.rows(), hidden = int(m.d.hidden);
  const size_t floats = size_t(rows) * m.stride;
  Encoded out;
  if (m.d.has(kAugmentation)) {
    float* states = c.workspace.semantic_states.reserve(floats);
    std::fill(states, states + floats, 0.0f);
    for (int r = 0; r < rows; ++r)
      c.embed(m.semantic_embedding, batch.tokens[r], states + size_t(r) * m.stride);
    run_layers(c, batch, m.semantic, states);
    out.semantic = pool_sentences(c, batch, states);
  }
  out.states = c.workspace.states.reserve(floats);
  std::fill(out.states, out.states + floats, 0.0f);
  for (int r = 0; r < rows; ++r) {
    float* x = out.states + size_t(r) * m.stride;
    c.embed(m.source_embedding, batch.tokens[r], x);
    if (!m.d.has(kRelative)) {
      const float* signal = c.workspace.timing.row(batch.positions[r], hidden);
      for (int i = 0; i < hidden; ++i) x[i] += signal[i];
    }
    for (int i = 0; i < hidden; ++i) x[i] += m.encoder_bias[i];
  }
  run_layers(c, batch, m.encoder, out.states);
  if (m.pre()) c.normalise(out.states, rows, m.encoder_norm);
  return out;
}

}  // namespace csanmt
