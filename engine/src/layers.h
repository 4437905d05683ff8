// The blocks of a layer on quantised rows, and the workspace they run in.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "buffer.h"
#include "kernels.h"
#include "model.h"

namespace csanmt {

class QuantisedBuffer {
 public:
  QuantisedRows reserve(int rows, int width) {
    return {data_.reserve(size_t(rows) * width), scale_.reserve(rows), offset_.reserve(rows), rows,
            width};
  }

 private:
  Buffer<int8_t> data_;
  Buffer<float> scale_;
  Buffer<int32_t> offset_;
};

// Sinusoidal positions, [sin | cos] halves, made on demand.
class Timing {
 public:
  const float* row(int position, int width);  // [width]; until the next is asked for

 private:
  std::vector<float> rows_;
};

// All memory of one call; kept and reused, so that memory stays flat.
struct Workspace {
  QuantisedBuffer quantised, quantised_inner, encoded;
  Buffer<float> states, semantic_states, semantic, qkv, context, inner, scratch, transposed;
  Buffer<float> rows, query;
  std::vector<Buffer<float>> constants, cross, cross_keys;  // per decoder layer
  std::vector<std::vector<Buffer<float>>> past;             // [layer][position] [rows][2 * width]
  Buffer<float> chunk_sums, weights;
  Timing timing;
};

// What every part of one call shares.
struct Context {
  const Model& model;
  const Kernels& kernels;
  Workspace& workspace;
  const std::function<void()>& poll;  // throws to abandon the call

  void linear(const QuantisedRows& input, const LinearView& view, float* output, size_t stride,
              Epilogue epilogue) const;
  // Layer norm (if `norm` is not null) and quantisation of rows of the hidden width.
  void quantise(const float* input, int rows, const NormView* norm, const QuantisedRows& out) const;
  void quantise_width(const float* input, size_t stride, const QuantisedRows& out) const;
  void normalise(float* rows, int count, const NormView& norm) const;  // in place
  // states += output(relu(input(norm(states)))), norm before or after as the model has it.
  void feed_forward(const FeedForwardView& view, const NormView& norm, float* states,
                    int rows) const;
  // out = factor * embedding of a token, from int8 rows or from the packed projection.
  void embed(const EmbeddingView& view, int32_t token, float* out) const;
};

}  // namespace csanmt
