// shortlist.bin: for every source token the target tokens it may become.
//
// Layout (little endian): magic[8] "\x89CSANSL\n", u32 version 1, u32 source vocabulary,
// u32 target vocabulary, u32 common count, u64 entries, u64 reserved;
// then u32 common[common], u64 begin[source vocabulary + 1], u32 target[entries].
// `common` is in every sentence's list.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "buffer.h"
#include "decoder.h"
#include "model.h"

namespace csanmt {

class Shortlist {
 public:
  // Throws FileError or std::system_error; checks every id and offset.
  Shortlist(const std::string& path, const Dimensions& dimensions);

  // Sorted target ids one sentence may use; eos and `also` are always among them.
  std::vector<int32_t> candidates(const std::vector<int32_t>& source,
                                  const std::vector<int32_t>& also) const;

 private:
  size_t vocabulary_;  // of the target
  std::vector<uint32_t> common_, target_;
  std::vector<uint64_t> begin_;
};

// The union of several sentences' lists as a projection of its own, and each one's mask.
class GatheredColumns {
 public:
  GatheredColumns(const Model& model, const std::vector<std::vector<int32_t>>& lists,
                  Buffer<uint8_t>& weights, Buffer<float>& scales);
  const OutputColumns& columns() const { return columns_; }
  const uint64_t* mask(int sentence) const {
    return masks_.data() + size_t(sentence) * columns_.linear.panels;
  }
  int32_t column(int32_t token) const;  // -1 if it is in nobody's list

 private:
  std::vector<int32_t> tokens_;
  std::vector<uint64_t> masks_;
  OutputColumns columns_;
};

}  // namespace csanmt
