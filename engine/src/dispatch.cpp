// Which kernels this processor can run; decided once, at load.
#include <cstring>
#include <stdexcept>
#include <string>

#include "kernels.h"

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

const Kernels* const* available_kernels(int* count) {
  struct List {
    const Kernels* items[4];
    int count = 0;
    List() {
#ifdef CSANMT_X86
      __builtin_cpu_init();
      if (has_avx512_vnni()) items[count++] = &kAvx512VnniKernels;
      if (has_avx_vnni()) items[count++] = &kAvxVnniKernels;
      if (__builtin_cpu_supports("avx2")) items[count++] = &kAvx2Kernels;
#endif
      items[count++] = &kPortableKernels;
    }
  };
  static const List list;
  *count = list.count;
  return list.items;
}

const Kernels& select_kernels(const char* name) {
  int count = 0;
  const Kernels* const* kernels = available_kernels(&count);
  if (!*name || std::strcmp(name, "auto") == 0) return *kernels[0];
  std::string known;
  for (int i = 0; i < count; ++i) {
    if (std::strcmp(name, kernels[i]->name) == 0) return *kernels[i];
    known += (i ? ", " : "") + std::string(kernels[i]->name);
  }
  throw std::invalid_argument("instruction set '" + std::string(name) +
                              "' is not available here; available: " + known);
}

}  // namespace csanmt
