#include "model_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace csanmt {
namespace {

constexpr uint8_t kMagic[8] = {0x89, 'C', 'S', 'A', 'N', 'M', 'T', '\n'};
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderBytes = 256;
constexpr size_t kChecksumStart = 40;
constexpr size_t kEntryBytes = 64;
constexpr size_t kNameBytes = 48;

template <class T>
T read(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

struct Fletcher {
  uint64_t sum = 0, weighted = 0;
};

// Sixteen independent columns, so that the compiler can use vectors.
Fletcher fletcher(const uint8_t* data, size_t bytes) {
  constexpr int kColumns = 16;
  uint64_t sum[kColumns] = {}, weighted[kColumns] = {};
  const size_t words = bytes / 4, rows = words / kColumns;
  for (size_t r = 0; r < rows; ++r) {
    uint32_t word[kColumns];
    std::memcpy(word, data + r * sizeof word, sizeof word);
    for (int c = 0; c < kColumns; ++c) {
      sum[c] += word[c];
      weighted[c] += sum[c];
    }
  }
  // Word i = 16r + c counts n - i = 16 (rows - r) - c + rest times; `weighted` holds rows - r.
  const uint64_t rest = words - rows * kColumns;
  Fletcher total;
  for (uint64_t c = 0; c < kColumns; ++c) {
    total.sum += sum[c];
    total.weighted += kColumns * weighted[c] - c * sum[c] + rest * sum[c];
  }
  for (uint64_t i = 0; i < rest; ++i) {
    const uint64_t word = read<uint32_t>(data + (rows * kColumns + i) * 4);
    total.sum += word;
    total.weighted += (rest - i) * word;
  }
  return total;
}

void check_dimensions(const Dimensions& d) {
  auto within = [](const char* what, uint32_t value, uint32_t low, uint32_t high) {
    if (value < low || value > high)
      throw FileError("engine.bin is corrupted: " + std::string(what) + " is " +
                      std::to_string(value));
  };
  within("source vocabulary", d.source_vocabulary, 1, 1u << 24);
  within("target vocabulary", d.target_vocabulary, 2, 1u << 24);
  within("hidden size", d.hidden, 16, 1u << 14);
  within("inner size", d.inner, 16, 1u << 16);
  within("augmentation inner size", d.augmentation_inner, 16, 1u << 16);
  within("heads", d.heads, 1, 256);
  within("head dimension", d.head_dim, 1, 1024);
  within("padded head dimension", d.head_dim_padded, d.head_dim, 1024);
  within("encoder layers", d.encoder_layers, 1, 1024);
  within("decoder layers", d.decoder_layers, 1, 1024);
  within("semantic layers", d.semantic_layers, 0, 1024);
  within("maximal distance", d.max_distance, 0, 4096);
  within("alignment layer", d.alignment_layer, 0, d.decoder_layers - 1);
  within("flags", d.flags, 0, 31);
  if (d.hidden % 16 || d.inner % 16 || d.augmentation_inner % 16 || d.head_dim_padded % 16)
    throw FileError("engine.bin is corrupted: a width is not a multiple of 16");
  if (d.heads * d.head_dim != d.hidden)
    throw FileError("engine.bin is corrupted: heads do not divide the hidden size");
}

}  // namespace

ModelFile::ModelFile(const std::string& path) : path_(path) {
  map(path);
  try {
    read_header();
  } catch (...) {
    munmap(const_cast<uint8_t*>(data_), bytes_);
    throw;
  }
}

ModelFile::~ModelFile() {
  if (data_) munmap(const_cast<uint8_t*>(data_), bytes_);
}

void ModelFile::map(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info {};
  void* mapped = MAP_FAILED;
  const bool found = fd >= 0 && fstat(fd, &info) == 0;
  const bool whole = S_ISREG(info.st_mode) && size_t(info.st_size) >= kHeaderBytes;
  if (found && whole) mapped = mmap(nullptr, size_t(info.st_size), PROT_READ, MAP_SHARED, fd, 0);
  const FileError unreadable("cannot read " + path + ": " + std::strerror(errno));
  if (fd >= 0) close(fd);
  if (found && !whole) throw FileError(path + " is not an engine file (too short for its header)");
  if (mapped == MAP_FAILED) throw unreadable;
  data_ = static_cast<const uint8_t*>(mapped);
  bytes_ = size_t(info.st_size);
}

void ModelFile::read_header() {
  if (std::memcmp(data_, kMagic, sizeof kMagic) != 0)
    throw FileError(path_ + " is not an engine file (wrong magic)");
  const auto version = read<uint32_t>(data_ + 8);
  if (version > kVersion)
    throw FileError(path_ + " has format version " + std::to_string(version) +
                    "; this engine reads up to " + std::to_string(kVersion) +
                    ": install a newer csanmt-engine or pack the model again");
  if (version != kVersion || read<uint32_t>(data_ + 12) != kHeaderBytes)
    throw FileError(path_ + " is corrupted: impossible header");
  const auto recorded = read<uint64_t>(data_ + 16);
  if (recorded > bytes_)
    throw FileError(path_ + " is truncated: " + std::to_string(bytes_) + " of " +
                    std::to_string(recorded) + " bytes are there");
  if (recorded < bytes_ || bytes_ % 64 != 0)
    throw FileError(path_ + " is corrupted: it is longer than its header says");
  const Fletcher found = fletcher(data_ + kChecksumStart, bytes_ - kChecksumStart);
  if (found.sum != read<uint64_t>(data_ + 24) || found.weighted != read<uint64_t>(data_ + 32))
    throw FileError(path_ + " is corrupted: its checksum does not match");
  std::memcpy(&dimensions_, data_ + kChecksumStart, sizeof dimensions_);
  check_dimensions(dimensions_);
  read_table(read<uint64_t>(data_ + 112), read<uint32_t>(data_ + 104));
}

void ModelFile::read_table(uint64_t offset, uint32_t count) {
  if (count > 100000 || offset % 64 != 0 || offset < kHeaderBytes || offset > bytes_ ||
      uint64_t(count) * kEntryBytes > bytes_ - offset)
    throw FileError(path_ + " is corrupted: its section table lies outside the file");
  for (uint32_t i = 0; i < count; ++i) {
    const uint8_t* entry = data_ + offset + size_t(i) * kEntryBytes;
    const char* text = reinterpret_cast<const char*>(entry);
    const std::string name(text, strnlen(text, kNameBytes));
    if (std::any_of(name.begin(), name.end(), [](char c) { return c < '!' || c > '~'; }))
      throw FileError(path_ + " is corrupted: a section's name is not ASCII");
    const Section s{read<uint64_t>(entry + kNameBytes), read<uint64_t>(entry + kNameBytes + 8)};
    if (s.offset % 64 != 0 || s.offset < kHeaderBytes || s.offset > bytes_ ||
        s.bytes > bytes_ - s.offset)
      throw FileError(path_ + " is corrupted: section " + name + " lies outside the file");
    if (!sections_.emplace(name, s).second)
      throw FileError(path_ + " is corrupted: section " + name + " is there twice");
  }
}

const uint8_t* ModelFile::section(const std::string& name, uint64_t bytes) const {
  const auto found = sections_.find(name);
  if (found == sections_.end())
    throw FileError(path_ + " is corrupted: section " + name + " is missing");
  if (found->second.bytes != bytes)
    throw FileError(path_ + " is corrupted: section " + name + " has " +
                    std::to_string(found->second.bytes) + " bytes, expected " +
                    std::to_string(bytes));
  return data_ + found->second.offset;
}

}  // namespace csanmt
