// engine.bin: a memory-mapped, read-only container of named sections.
//
// Layout (little endian; every section starts at a multiple of 64):
//   0   magic[8]         89 43 53 41 4e 4d 54 0a  ("\x89CSANMT\n")
//   8   u32 version      1
//   12  u32 header bytes 256
//   16  u64 file bytes   multiple of 64
//   24  u64 sum          Fletcher sums over the 32-bit words from byte 40 on:
//   32  u64 weighted     sum = Σ w[i], weighted = Σ (n - i) w[i]  (mod 2^64)
//   40  u32 fields[16]   see Dimensions
//   104 u32 section count, u32 reserved, u64 table offset
//   table: count entries of char name[48], u64 offset, u64 bytes
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

namespace csanmt {

// The file is foreign, newer, truncated or damaged; what() says which.
struct FileError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum Flag : uint32_t {
  kRelative = 1,         // encoder and decoder self-attention use relative positions
  kPostNorm = 2,         // layer norm after each block instead of before
  kSharedEmbedding = 4,  // source embedding is the target embedding
  kTied = 8,             // target embedding is read from the output projection
  kAugmentation = 16,    // semantic encoder and augmentation layers are there
};

struct Dimensions {
  uint32_t flags, source_vocabulary, target_vocabulary, hidden, inner, heads;
  uint32_t head_dim;         // as trained
  uint32_t head_dim_padded;  // multiple of 16; padding columns are zero
  uint32_t encoder_layers, decoder_layers, semantic_layers, max_distance;
  uint32_t alignment_layer;  // decoder layer whose cross-attention gives the alignment
  uint32_t augmentation_inner, reserved0, reserved1;

  bool has(Flag flag) const { return (flags & flag) != 0; }
  int attention_width() const { return int(heads * head_dim_padded); }
};

class ModelFile {
 public:
  // Maps the file shared and read-only. Throws FileError.
  explicit ModelFile(const std::string& path);
  ~ModelFile();
  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;

  const Dimensions& dimensions() const { return dimensions_; }

  // The section's first byte; throws FileError if it is missing or not `bytes` long.
  const uint8_t* section(const std::string& name, uint64_t bytes) const;

 private:
  struct Section {
    uint64_t offset, bytes;
  };
  void map(const std::string& path);
  void read_header();
  void read_table(uint64_t offset, uint32_t count);

  std::string path_;
  const uint8_t* data_ = nullptr;
  size_t bytes_ = 0;
  Dimensions dimensions_{};
  std::unordered_map<std::string, Section> sections_;
};

}  // namespace csanmt
