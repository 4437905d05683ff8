// Typed views on the sections of an engine file. Nothing is copied.
#pragma once

#include <string>
#include <vector>

#include "kernels.h"
#include "model_file.h"

namespace csanmt {

inline int padded(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

// Floats between rows of `panels` * 64 outputs. An odd number of cache lines: a power of two
// would put all rows into the same few sets of the cache.
inline int row_stride(int panels) { return panels * 64 + 16; }

struct NormView {
  const float* gain = nullptr;  // [hidden]
  const float* bias = nullptr;  // [hidden]
};

// int8 rows with one scale each; the factor sqrt(hidden) is in the scale.
struct EmbeddingView {
  const int8_t* rows = nullptr;  // [vocabulary][hidden]
  const float* scale = nullptr;  // [vocabulary]
};

struct FeedForwardView {
  LinearView input, output;
};

struct EncoderLayerView {
  LinearView qkv, output;
  RelativeView relative;
  NormView attention_norm, inner_norm;
  FeedForwardView inner;
};

struct DecoderLayerView {
  FeedForwardView augmentation;
  LinearView qkv, output, query, key_value, cross_output;
  RelativeView relative;
  NormView augmentation_norm, attention_norm, cross_norm, inner_norm;
  FeedForwardView inner;
};

class Model {
 public:
  explicit Model(const ModelFile& file);

  Dimensions d;
  int stride = 0;  // floats between rows of the residual stream
  int width = 0;   // heads * padded head dimension

  EmbeddingView source_embedding, target_embedding, semantic_embedding;
  LinearView projection;
  const float* encoder_bias = nullptr;  // [hidden]
  std::vector<EncoderLayerView> encoder, semantic;
  std::vector<DecoderLayerView> decoder;
  LinearView pooling;
  NormView encoder_norm, semantic_norm, decoder_norm;

  bool pre() const { return !d.has(kPostNorm); }

 private:
  const float* floats(const std::string& name, size_t count) const;
  LinearView linear(const std::string& name, int inputs, int outputs) const;
  NormView norm(const std::string& name) const;
  RelativeView relative(const std::string& name, bool there) const;
  FeedForwardView feed_forward(const std::string& name, int inner) const;
  EmbeddingView embedding(const std::string& name, int vocabulary) const;
  EncoderLayerView encoder_layer(const std::string& name, bool relative_positions) const;
  DecoderLayerView decoder_layer(const std::string& name) const;

  const ModelFile* file_;
};

}  // namespace csanmt
