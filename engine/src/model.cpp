#include "model.h"

namespace csanmt {

Model::Model(const ModelFile& file) : d(file.dimensions()), file_(&file) {
  stride = row_stride(padded(int(d.hidden), 64) / 64);
  width = d.attention_width();
  const bool own_target = !d.has(kTied);
  projection = linear("projection", int(d.hidden), int(d.target_vocabulary));
  if (own_target) target_embedding = embedding("target_embedding", int(d.target_vocabulary));
  if (!d.has(kSharedEmbedding))
    source_embedding = embedding("source_embedding", int(d.source_vocabulary));
  else if (own_target)
    source_embedding = target_embedding;
  if (d.has(kSharedEmbedding) && d.source_vocabulary != d.target_vocabulary)
    throw FileError("engine.bin is corrupted: shared embedding of two sizes");
  encoder_bias = floats("encoder.input_bias", d.hidden);
  for (uint32_t i = 0; i < d.encoder_layers; ++i)
    encoder.push_back(encoder_layer("encoder." + std::to_string(i), d.has(kRelative)));
  for (uint32_t i = 0; i < d.decoder_layers; ++i)
    decoder.push_back(decoder_layer("decoder." + std::to_string(i)));
  if (pre()) {
    encoder_norm = norm("encoder.norm");
    decoder_norm = norm("decoder.norm");
  }
  if (d.has(kAugmentation)) {
    semantic_embedding = embedding("semantic_embedding", int(d.source_vocabulary));
    for (uint32_t i = 0; i < d.semantic_layers; ++i)
      semantic.push_back(encoder_layer("semantic." + std::to_string(i), true));
    pooling = linear("semantic.pooling", int(d.hidden), int(d.hidden));
    if (pre()) semantic_norm = norm("semantic.norm");
  }
}

const float* Model::floats(const std::string& name, size_t count) const {
  return reinterpret_cast<const float*>(file_->section(name, uint64_t(count) * 4));
}

LinearView Model::linear(const std::string& name, int inputs, int outputs) const {
  LinearView view;
  const int columns = padded(outputs, 64);
  view.inputs = inputs;
  view.panels = columns / 64;
  view.weight = file_->section(name + ".weight", uint64_t(columns) * inputs);
  view.scale = floats(name + ".scale", columns);
  view.bias = floats(name + ".bias", columns);
  return view;
}

NormView Model::norm(const std::string& name) const {
  return {floats(name + ".gain", d.hidden), floats(name + ".bias", d.hidden)};
}

RelativeView Model::relative(const std::string& name, bool there) const {
  RelativeView view;
  if (!there) return view;
  const int count = 2 * int(d.max_distance) + 1, dim = int(d.head_dim_padded);
  view.max_distance = int(d.max_distance);
  view.columns = padded(count, 16);
  view.keys = floats(name + ".relative_key", size_t(dim) * view.columns);
  view.values = floats(name + ".relative_value", size_t(count) * dim);
  return view;
}

FeedForwardView Model::feed_forward(const std::string& name, int inner) const {
  const int hidden = int(d.hidden);
  return {linear(name + ".input", hidden, inner), linear(name + ".output", inner, hidden)};
}

EmbeddingView Model::embedding(const std::string& name, int vocabulary) const {
  EmbeddingView view;
  view.rows = reinterpret_cast<const int8_t*>(
      file_->section(name + ".weight", uint64_t(vocabulary) * d.hidden));
  view.scale = floats(name + ".scale", vocabulary);
  return view;
}

EncoderLayerView Model::encoder_layer(const std::string& name, bool relative_positions) const {
  EncoderLayerView layer;
  layer.qkv = linear(name + ".qkv", int(d.hidden), 3 * width);
  layer.output = linear(name + ".output", width, int(d.hidden));
  layer.relative = relative(name, relative_positions);
  layer.attention_norm = norm(name + ".attention_norm");
  layer.inner_norm = norm(name + ".inner_norm");
  layer.inner = feed_forward(name + ".inner", int(d.inner));
  return layer;
}

DecoderLayerView Model::decoder_layer(const std::string& name) const {
  DecoderLayerView layer;
  if (d.has(kAugmentation)) {
    layer.augmentation = feed_forward(name + ".augmentation", int(d.augmentation_inner));
    layer.augmentation_norm = norm(name + ".augmentation_norm");
  }
  layer.qkv = linear(name + ".qkv", int(d.hidden), 3 * width);
  layer.output = linear(name + ".output", width, int(d.hidden));
  layer.relative = relative(name, d.has(kRelative));
  layer.query = linear(name + ".cross_query", int(d.hidden), width);
  layer.key_value = linear(name + ".cross_key_value", int(d.hidden), 2 * width);
  layer.cross_output = linear(name + ".cross_output", width, int(d.hidden));
  layer.attention_norm = norm(name + ".attention_norm");
  layer.cross_norm = norm(name + ".cross_norm");
  layer.inner_norm = norm(name + ".inner_norm");
  layer.inner = feed_forward(name + ".inner", int(d.inner));
  return layer;
}

}  // namespace csanmt
