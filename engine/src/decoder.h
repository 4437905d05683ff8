// One decoding step for the live hypotheses of a batch of sentences.
#pragma once

#include <vector>

#include "encoder.h"

namespace csanmt {

// A live hypothesis going into a step.
struct StepRow {
  int sentence;
  int32_t token;         // the last token; not read at position 0
  const int32_t* slots;  // [position] its ancestor's row in every earlier step
};

class Decoder {
 public:
  // Makes each sentence's constants: per-layer vectors and cross-attention keys and values.
  Decoder(const Context& context, const SourceBatch& batch, const Encoded& encoded);

  // Runs all layers; rows of one sentence must be neighbours. The rows' states are then
  // ready for project(). `weights`, if not null, receives [rows][widest] attention sums.
  void step(const std::vector<StepRow>& rows, int position);
  // Fills the candidates of every row; chunk buffers are set here.
  void project(std::vector<ProjectionRow>& rows);
  // Logit of one token for one row, the same bits as project() gives it.
  float logit(int row, int32_t token) const;

  int chunks() const;  // in which the log-sum-exp is summed
  // Per row of the last step: the original source position attended to most.
  const std::vector<int32_t>& attended() const { return attended_; }
  void want_alignment(bool wanted) { alignment_ = wanted; }

 private:
  void make_constants(const Encoded& encoded);
  void make_cross(const Encoded& encoded);
  float* enter(const std::vector<StepRow>& rows, int position);
  void self_attention(int layer, const std::vector<StepRow>& rows, int position, float* x);
  void cross_attention(int layer, const std::vector<StepRow>& rows, float* x);
  void record_attended(const std::vector<StepRow>& rows, const float* weights);

  const Context& c_;
  const SourceBatch& batch_;
  int widest_ = 0;                // columns of the longest sentence
  std::vector<size_t> key_begin_; // first float of each sentence's transposed keys
  QuantisedRows output_;
  std::vector<int32_t> attended_;
  bool alignment_ = false;
};

}  // namespace csanmt
