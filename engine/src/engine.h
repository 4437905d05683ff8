// The engine: one mapped model, many concurrent calls.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "beam.h"
#include "decoder.h"

namespace csanmt {

using Ids = std::vector<int32_t>;

// Instruction sets compiled in and usable on this processor, best first; "portable" is last.
const std::vector<const Kernels*>& available_kernels();
// By name, or the best for "auto". Throws std::invalid_argument.
const Kernels& select_kernels(const std::string& name);

class Engine {
 public:
  // isa: a name from available_kernels(), or "auto". threads: that share a call's sentences.
  Engine(const std::string& path, const std::string& isa, int threads);

  const Dimensions& dimensions() const { return file_.dimensions(); }
  const Kernels& kernels() const { return kernels_; }

  // One n-best list a source. `required`, if not empty, holds for each source the reserved
  // tokens that its hypotheses use. `poll` is called before every step, by each of the
  // threads, and throws to abandon.
  // Throws std::out_of_range for ids outside the vocabulary.
  std::vector<std::vector<Hypothesis>> translate(const std::vector<Ids>& sources,
                                                 const std::vector<Ids>& prefixes,
                                                 const std::vector<Ids>& required,
                                                 const SearchOptions& options,
                                                 const std::function<void()>& poll);

  // Teacher forcing: logits [target.size() + 1][target vocabulary] for 1 source.
  std::vector<float> logits(const Ids& source, const Ids& target);

 private:
  struct Lease;  // a workspace taken from the free list
  void check(const Ids& ids, uint32_t vocabulary, const char* what) const;
  void translate_part(const std::vector<int>& part, const std::vector<Ids>& sources,
                      const std::vector<Ids>& prefixes, const std::vector<Ids>& required,
                      const SearchOptions& options,
                      const std::function<void()>& poll,
                      std::vector<std::vector<Hypothesis>>& results);

  ModelFile file_;
  Model model_;
  const Kernels& kernels_;
  const int threads_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> free_;
};

}  // namespace csanmt
