// Source sentences, concatenated without padding → encoder states and semantic vectors.
#pragma once

#include <vector>

#include "layers.h"

namespace csanmt {

// The valid positions of all sentences, one after the other.
struct SourceBatch {
  std::vector<int32_t> tokens, positions;
  std::vector<int> begin{0};  // sentence i is [begin[i], begin[i + 1])

  // `ids` without the final eos. A position counts if the id before it is not 0, so the
  // eos is valid and what follows an inner 0 is not (the reference's shifted mask).
  // No ids give no positions.
  void add(const std::vector<int32_t>& ids);
  int sentences() const { return int(begin.size()) - 1; }
  int rows() const { return int(tokens.size()); }
  int length(int sentence) const { return begin[sentence + 1] - begin[sentence]; }
};

struct Encoded {
  float* states = nullptr;    // [rows][stride], after the final norm
  float* semantic = nullptr;  // [sentences][stride]; null without augmentation
};

// Results live in the workspace until the next call.
Encoded encode(const Context& context, const SourceBatch& batch);

}  // namespace csanmt
