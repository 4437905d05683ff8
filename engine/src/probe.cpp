#include "probe.h"

#include <chrono>
#include <cstring>

#include "buffer.h"
#include "layers.h"

namespace csanmt {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The best rate seen while `work`, worth `units`, is repeated.
template <class Work>
double best_rate(double seconds, double units, Work work) {
  double best = 0.0;
  for (const double end = now() + seconds; now() < end;) {
    const double start = now();
    work();
    best = std::max(best, units / (now() - start));
  }
  return best;
}

}  // namespace

double measure_peak(const Kernels& kernels, double seconds) {
  constexpr int kRows = 96, kInputs = 256, kPanels = 4;
  QuantisedBuffer buffer;
  QuantisedRows input = buffer.reserve(kRows, kInputs);
  Buffer<uint8_t> weight;
  Buffer<float> scale, output;
  LinearView view;
  view.weight = weight.reserve(kInputs * kPanels * 64);
  view.scale = view.bias = scale.reserve(kPanels * 64);
  view.inputs = kInputs, view.panels = kPanels;
  std::memset(input.data, 3, size_t(kRows) * kInputs);
  std::memset(weight.data(), 130, size_t(kInputs) * kPanels * 64);
  for (int i = 0; i < kRows; ++i) input.scale[i] = 0.5f, input.offset[i] = 128 * 3 * kInputs;
  for (int i = 0; i < kPanels * 64; ++i) scale.data()[i] = 0.5f;
  float* out = output.reserve(kRows * kPanels * 64);
  return best_rate(seconds, 20.0 * kRows * kInputs * kPanels * 64 / 1e9, [&] {
    for (int i = 0; i < 20; ++i)
      kernels.linear({input, view, 0, kPanels, out, kPanels * 64, Epilogue::kStore});
  });
}

double measure_bandwidth(double seconds) {
  constexpr size_t kWords = size_t(256) << 20 >> 3;  // 256 MB, far beyond any cache
  Buffer<uint64_t> buffer;
  uint64_t* words = buffer.reserve(kWords);
  std::memset(words, 1, kWords * 8);
  volatile uint64_t sink = 0;
  return best_rate(seconds, double(kWords) * 8 / 1e9, [&] {
    uint64_t sum[8] = {};
    for (size_t i = 0; i < kWords; i += 8) {
      __builtin_prefetch(words + i + 512);
      for (int j = 0; j < 8; ++j) sum[j] += words[i + j];
    }
    sink = sink + sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
  });
}

}  // namespace csanmt
