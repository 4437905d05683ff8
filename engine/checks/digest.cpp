// Prints what every instruction set of this processor makes of a model, as one number each:
// n-best lists with scores and alignment and teacher-forced logits of a few sentences. All numbers must be equal, here and under the emulator of another processor.
//
// usage: digest ENGINE_FILE...
#include <cstdio>
#include <cstring>

#include "engine.h"

namespace {

struct Digest {
  uint64_t value = 14695981039346656037u;  // FNV-1a
  void add(const void* data, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i)
      value = (value ^ static_cast<const uint8_t*>(data)[i]) * 1099511628211u;
  }
  template <class T>
  void add(const std::vector<T>& values) {
    if (!values.empty()) add(values.data(), values.size() * sizeof(T));
  }
};

csanmt::Ids sentence(int length, uint32_t vocabulary, uint64_t seed) {
  csanmt::Ids ids;
  for (int i = 0; i < length; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    ids.push_back(int32_t(1 + (seed >> 33) % (vocabulary - 1)));
  }
  return ids;
}

uint64_t digest_of(csanmt::Engine& engine) {
  const csanmt::Dimensions& d = engine.dimensions();
  std::vector<csanmt::Ids> sources;
  for (int length : {1, 2, 3, 4, 5, 6, 7, 13, 31, 40})
    sources.push_back(sentence(length, d.source_vocabulary, uint64_t(length)));
  Digest digest;
  for (int beam : {1, 4}) {
    csanmt::SearchOptions options;
    options.beam = options.n_best = beam;
    options.max_length = 24;
    options.alignment = true;
    for (const auto& hypotheses : engine.translate(sources, {}, {}, options, [] {}))
      for (const csanmt::Hypothesis& h : hypotheses) {
        digest.add(h.tokens);
        digest.add(h.alignment);
        digest.add(&h.score, sizeof h.score);
      }
  }
  digest.add(engine.logits(sources[7], sentence(5, d.target_vocabulary, 99)));
  return digest.value;
}

}  // namespace

int main(int argc, char** argv) {
  int different = 0;
  for (int a = 1; a < argc; ++a) {
    uint64_t first = 0;
    for (const csanmt::Kernels* kernels : csanmt::available_kernels()) {
      csanmt::Engine engine(argv[a], kernels->name, 1);
      const uint64_t found = digest_of(engine);
      if (kernels == csanmt::available_kernels()[0]) first = found;
      different += found != first;
      std::printf("%s %s %016llx\n", argv[a], kernels->name,
                  static_cast<unsigned long long>(found));
      std::fflush(stdout);
    }
  }
  return different ? 1 : 0;
}
