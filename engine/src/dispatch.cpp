// Which kernels this processor can run; decided once, at load.
#include <stdexcept>

#include "engine.h"

namespace csanmt {

extern const Kernels kPortableKernels;
#ifdef CSANMT_X86
extern const Kernels kAvx2Kernels, kAvxVnniKernels, kAvx512VnniKernels;

namespace {

// __builtin_cpu_supports also checks that the operating system saves the registers.
bool has_avx512_vnni() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx2");
}

bool has_avx_vnni() {
  if (!__builtin_cpu_supports("avx2")) return false;
  unsigned a = 7, b = 0, c = 1, d = 0;  // leaf 7, subleaf 1: EAX bit 4
  asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  return (a >> 4 & 1) != 0;
}

}  // namespace
#endif

const std::vector<const Kernels*>& available_kernels() {
  static const std::vector<const Kernels*> list = [] {
    std::vector<const Kernels*> found;
#ifdef CSANMT_X86
    __builtin_cpu_init();
    if (has_avx512_vnni()) found.push_back(&kAvx512VnniKernels);
    if (has_avx_vnni()) found.push_back(&kAvxVnniKernels);
    if (__builtin_cpu_supports("avx2")) found.push_back(&kAvx2Kernels);
#endif
    found.push_back(&kPortableKernels);
    return found;
  }();
  return list;
}

const Kernels& select_kernels(const std::string& name) {
  std::string known = "auto";
  for (const Kernels* kernels : available_kernels()) {
    if (name == "auto" || name == kernels->name) return *kernels;
    known += ", " + std::string(kernels->name);
  }
  throw std::invalid_argument("instruction set '" + name +
                              "' is unknown or not this processor's; allowed is " + known);
}

}  // namespace csanmt
