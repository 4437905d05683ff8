// Mutates an engine file, seals it again so that the checksum passes, and loads and runs it.
// Every file must either be refused with FileError or translate without touching memory that
// is not its own (build with CSANMT_SANITIZE=ON).
//
// usage: fuzz_model_file SEED_FILE SECONDS [RANDOM_SEED]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "engine.h"

namespace {

using Bytes = std::vector<uint8_t>;

void put64(Bytes& file, size_t at, uint64_t value) { std::memcpy(&file[at], &value, 8); }

void seal(Bytes& file) {
  uint64_t sum = 0, weighted = 0;
  for (size_t i = 40; i + 4 <= file.size(); i += 4) {
    uint32_t word;
    std::memcpy(&word, &file[i], 4);
    sum += word;
    weighted += sum;
  }
  put64(file, 24, sum);
  put64(file, 32, weighted);
}

uint64_t interesting(std::mt19937_64& random) {
  static const uint64_t kValues[] = {0, 1, 15, 16, 64, 255, 1u << 16, 0x7fffffff, 0x80000000,
                                     0xffffffff, uint64_t(1) << 63, ~uint64_t(0), ~uint64_t(63)};
  return random() % 3 ? kValues[random() % 13] : random();
}

Bytes mutate(const Bytes& seed, std::mt19937_64& random) {
  Bytes file = seed;
  uint64_t table;
  std::memcpy(&table, &seed[112], 8);
  const int changes = 1 + int(random() % 3);
  for (int i = 0; i < changes; ++i) {
    const uint64_t value = interesting(random);
    switch (random() % 4) {
      case 0: std::memcpy(&file[40 + 4 * (random() % 20)], &value, 4); break;        // header
      case 1: std::memcpy(&file[table + random() % (seed.size() - table - 8)], &value, 8); break;
      case 2: std::memcpy(&file[256 + random() % (seed.size() - 264)], &value, 8); break;
      default: {                                                                      // a run
        const size_t at = 256 + random() % (seed.size() - 320);
        std::memset(&file[at], int(random()), random() % 64);
      }
    }
  }
  if (random() % 8 == 0) file.resize(random() % (file.size() + 128));
  if (file.size() >= 256 && random() % 16) put64(file, 16, file.size());
  if (file.size() >= 48) seal(file);
  return file;
}

// True if the file was accepted and run.
bool attempt(const std::string& path) {
  try {
    csanmt::Engine engine(path, "auto", 1);
    csanmt::SearchOptions options;
    options.max_length = 4;
    options.alignment = true;
    const uint32_t most = engine.dimensions().source_vocabulary;
    csanmt::Ids source;
    for (int32_t id : {1, 2, 3, 499})
      if (uint32_t(id) < most) source.push_back(id);
    engine.translate({source, {}}, {}, {}, options, [] {});
    return true;
  } catch (const csanmt::FileError&) {
    return false;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: %s SEED_FILE SECONDS [SEED]\n", argv[0]), 2;
  std::ifstream in(argv[1], std::ios::binary);
  const Bytes seed{std::istreambuf_iterator<char>(in), {}};
  if (seed.size() < 1024) return std::fprintf(stderr, "%s is no engine file\n", argv[1]), 2;
  const std::string path = std::string(argv[1]) + ".fuzzed";
  std::mt19937_64 random(argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1);
  long tried = 0, accepted = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(argv[2]));
  while (std::chrono::steady_clock::now() < end) {
    const Bytes file = mutate(seed, random);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(file.data()), std::streamsize(file.size()));
    accepted += attempt(path);
    ++tried;
  }
  std::remove(path.c_str());
  std::printf("%ld files, %ld accepted and run, no crash\n", tried, accepted);
  return accepted > 0 && accepted < tried ? 0 : 1;  // both paths must have been taken
}
