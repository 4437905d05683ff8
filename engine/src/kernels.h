// What an instruction set must provide, and the arguments it gets.
//
// Every kernel works row by row: what one row gives never depends on how many
// rows there are. Integer sums are exact and float operations have one fixed
// order (16 lanes, no fused multiply-add), so all instruction sets, thread
// counts and batches give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace csanmt {

// Activations as int8, symmetric, one scale a row.
struct QuantisedRows {
  int8_t* data = nullptr;     // [rows][width]
  float* scale = nullptr;     // [rows]; value = scale * int8
  int32_t* offset = nullptr;  // [rows]; 128 * sum of the row's int8, undoes the weights' +128
  int rows = 0;
  int width = 0;  // multiple of 16
};

// int8 weights, one scale an output channel, stored as unsigned (+128).
struct LinearView {
  const uint8_t* weight = nullptr;  // [panels][inputs/4][64][4]
  const float* scale = nullptr;     // [panels * 64]
  const float* bias = nullptr;      // [panels * 64]
  int inputs = 0;                   // multiple of 16
  int panels = 0;                   // outputs / 64, rounded up
};

struct RelativeView {
  const float* keys = nullptr;    // [dim][columns], transposed; null: absolute positions
  const float* values = nullptr;  // [2 * max_distance + 1][dim]
  int max_distance = 0;
  int columns = 0;  // 2 * max_distance + 1, rounded up to 16
};

enum class Epilogue { kStore, kRelu, kAdd };

struct LinearArguments {
  QuantisedRows input;
  LinearView linear;
  int first_panel, last_panel;
  float* output;  // [rows][stride]
  size_t stride;
  Epilogue epilogue;
};

struct NormArguments {
  const float* input;  // [rows][stride]
  size_t stride;
  int rows, width;
  const float* gain;  // null: no norm, quantise only
  const float* bias;
  float* output;  // [rows][stride] or null; may be the input
};

// Attention of some query rows over the keys of one sentence.
struct AttentionArguments {
  const float* query;  // [rows][query_stride], already scaled
  size_t query_stride;
  int rows;
  const float* keys;  // [heads][dim][columns], transposed
  int columns;        // length rounded up to 16
  const float* values;  // [length][value_stride]
  size_t value_stride;
  int length;
  int heads, dim;
  float* output;  // [rows][output_stride]
  size_t output_stride;
  RelativeView relative;         // with first_query: self-attention over positions 0…length-1
  const int32_t* query_position; // [rows], null unless relative
  const int32_t* key_position;   // [length], null unless relative
  float* scratch;                // attention_scratch(columns, relative.columns) floats
  float* weights;                // [rows][columns] sum of all heads' probabilities, or null
};

// Attention of one row over its own past; the step of each position holds [rows][2 * width].
struct CachedArguments {
  const float* query;          // [heads * dim], already scaled
  const float* const* steps;   // [length] first row of each position: keys, then values
  const int32_t* slots;        // [length] which row of that step is this one's ancestor
  int length;                  // positions so far, this one included
  int heads, dim;
  RelativeView relative;
  float* output;               // [heads * dim]
  float* scratch;              // cached_scratch(heads, length, relative.columns) floats
};

struct Candidate {
  float logit;
  int32_t column;
};

constexpr int kMaxCandidates = 64;
constexpr int kPanelsPerChunk = 32;  // log-sum-exp is summed chunk by chunk, in this unit

// One row's state through the output projection.
struct ProjectionRow {
  const int32_t* banned = nullptr;   // columns never chosen (they still count in the sum)
  int banned_count = 0;
  int keep = 0;                      // candidates wanted, at most kMaxCandidates
  int count = 0;                     // candidates found, best first; ties: lowest column first
  float* chunk_maximum = nullptr;    // [chunks]
  float* chunk_sum = nullptr;        // [chunks] sum of exp(logit - chunk_maximum)
  Candidate candidates[kMaxCandidates];
};

struct ProjectionArguments {
  QuantisedRows input;
  LinearView linear;  // bias is not read
  int columns;        // real columns, at most panels * 64
  int first_chunk, last_chunk;
  ProjectionRow* rows;
};

struct Kernels {
  const char* name;
  void (*linear)(const LinearArguments&);
  void (*project)(const ProjectionArguments&);
  void (*normalise)(const NormArguments&, const QuantisedRows*);  // norm, then quantise if asked
  void (*attend)(const AttentionArguments&);
  void (*attend_cached)(const CachedArguments&);
  // keys [length][stride] → [heads][dim][columns], zero beyond length
  void (*transpose)(const float* keys, size_t stride, int length, int heads, int dim,
                    float* out, int columns);
};

inline size_t attention_scratch(int columns, int relative_columns) {
  return size_t(8) * (columns + 2 * relative_columns);
}

inline size_t cached_scratch(int heads, int length, int relative_columns) {
  return size_t(heads) * (length + 16) + 2 * size_t(relative_columns);
}

}  // namespace csanmt
