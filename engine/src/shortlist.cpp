#include "shortlist.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

namespace csanmt {
namespace {

constexpr uint8_t kMagic[8] = {0x89, 'C', 'S', 'A', 'N', 'S', 'L', '\n'};
constexpr size_t kHeaderBytes = 40;

template <class T>
std::vector<T> take(const std::vector<char>& bytes, size_t& at, uint64_t count,
                    const std::string& path) {
  if (count > (bytes.size() - at) / sizeof(T)) throw FileError(path + " is truncated");
  std::vector<T> out(count);
  if (count) std::memcpy(out.data(), bytes.data() + at, count * sizeof(T));
  at += count * sizeof(T);
  return out;
}

// A set of target tokens, a bit each, that gives them back in ascending order.
class TokenSet {
 public:
  explicit TokenSet(size_t vocabulary) : words_((vocabulary + 63) / 64) {}

  void add(uint32_t token) { words_[token / 64] |= uint64_t(1) << (token % 64); }

  template <class Iterator>
  void add(Iterator from, Iterator end) {
    for (; from != end; ++from) add(uint32_t(*from));
  }

  std::vector<int32_t> sorted() const {
    size_t count = 0;
    for (uint64_t word : words_) count += size_t(__builtin_popcountll(word));
    std::vector<int32_t> out;
    out.reserve(count);
    for (size_t w = 0; w < words_.size(); ++w)
      for (uint64_t word = words_[w]; word; word &= word - 1)
        out.push_back(int32_t(w * 64) + __builtin_ctzll(word));
    return out;
  }

 private:
  std::vector<uint64_t> words_;
};

}  // namespace

Shortlist::Shortlist(const std::string& path, const Dimensions& d)
    : vocabulary_(d.target_vocabulary) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::system_error(errno, std::generic_category(), "cannot open " + path);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.size() < kHeaderBytes || std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0)
    throw FileError(path + " is not a shortlist file");
  uint32_t fields[4];
  uint64_t entries;
  std::memcpy(fields, bytes.data() + 8, sizeof fields);
  std::memcpy(&entries, bytes.data() + 24, sizeof entries);
  if (fields[0] != 1)
    throw FileError(path + " has shortlist version " + std::to_string(fields[0]) +
                    "; this engine reads 1");
  if (fields[1] != d.source_vocabulary || fields[2] != d.target_vocabulary)
    throw FileError(path + " was made for other vocabularies");
  size_t at = kHeaderBytes;
  common_ = take<uint32_t>(bytes, at, fields[3], path);
  begin_ = take<uint64_t>(bytes, at, uint64_t(fields[1]) + 1, path);
  target_ = take<uint32_t>(bytes, at, entries, path);
  bool good = begin_.front() == 0 && begin_.back() == entries &&
              std::is_sorted(begin_.begin(), begin_.end());
  for (const auto* ids : {&common_, &target_})
    for (uint32_t id : *ids) good = good && id < d.target_vocabulary;
  if (!good) throw FileError(path + " is corrupted: ids or offsets out of range");
}

std::vector<int32_t> Shortlist::candidates(const std::vector<int32_t>& source,
                                           const std::vector<int32_t>& also) const {
  TokenSet tokens(vocabulary_);
  tokens.add(0u);
  tokens.add(common_.begin(), common_.end());
  tokens.add(also.begin(), also.end());
  for (int32_t id : source)
    tokens.add(target_.begin() + begin_[id], target_.begin() + begin_[id + 1]);
  return tokens.sorted();
}

GatheredColumns::GatheredColumns(const Model& model,
                                 const std::vector<std::vector<int32_t>>& lists,
                                 Buffer<uint8_t>& weights, Buffer<float>& scales) {
  TokenSet united(model.d.target_vocabulary);
  for (const auto& list : lists) united.add(list.begin(), list.end());
  tokens_ = united.sorted();

  const LinearView& all = model.projection;
  const int count = int(tokens_.size()), panels = padded(count, 64) / 64;
  const int groups = all.inputs / 4;
  uint8_t* to = weights.reserve(size_t(panels) * 64 * all.inputs);
  float* scale = scales.reserve(size_t(panels) * 64);
  for (int c = 0; c < panels * 64; ++c) {
    const int32_t token = tokens_[std::min(c, count - 1)];  // padding is never shown
    const uint8_t* from = all.weight + size_t(token / 64) * 64 * all.inputs + token % 64 * 4;
    uint8_t* column = to + size_t(c / 64) * 64 * all.inputs + c % 64 * 4;
    for (int g = 0; g < groups; ++g)
      std::memcpy(column + size_t(g) * 256, from + size_t(g) * 256, 4);
    scale[c] = all.scale[token];
  }
  columns_ = {{to, scale, nullptr, all.inputs, panels}, count, tokens_.data()};
  masks_.assign(lists.size() * panels, 0);
  for (size_t s = 0; s < lists.size(); ++s) {
    int c = 0;  // both are in ascending order
    for (int32_t token : lists[s]) {
      while (tokens_[c] != token) ++c;
      masks_[s * panels + c / 64] |= uint64_t(1) << (c % 64);
    }
  }
}

int32_t GatheredColumns::column(int32_t token) const {
  const auto found = std::lower_bound(tokens_.begin(), tokens_.end(), token);
  return found != tokens_.end() && *found == token ? int32_t(found - tokens_.begin()) : -1;
}

}  // namespace csanmt
