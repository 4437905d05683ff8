// The reference's beam search for one sentence on its own (batch size 1).
//
// Scores are log P / ((5 + length) / 6)^penalty in float32. Each step takes the best
// 2 * beam continuations; those ending in eos (id 0) compete for the finished set, the
// others for the live set. The search ends when the worst finished score beats what the
// best live hypothesis could still reach at the length limit.
//
// Some tokens may be reserved ("copy this"): a hypothesis uses each of those that its sentence
// requires exactly once and no other. Its sentence cannot end before; where the model would end
// it, or steps run out, only what is still owed may follow. Without reserved tokens nothing of
// this has any effect.
#pragma once

#include <cstdint>
#include <vector>

namespace csanmt {

struct SearchOptions {
  int beam = 4;
  int n_best = 1;
  float length_penalty = 0.6f;
  int max_length = 100;
  bool repetition_guard = true;
  bool alignment = false;
  std::vector<int32_t> reserved;  // tokens that only sentences that require them may use
  int max_length_factor = 0;      // behind its prefix, tokens a source token (eos too); 0: no limit
  int copies_in_source = 0;       // of each sentence, see most_copies
};

// How often in a row the most repeated n-gram of these tokens stands there.
int most_copies(const std::vector<int32_t>& tokens);

struct Hypothesis {
  std::vector<int32_t> tokens;     // without eos
  std::vector<int32_t> alignment;  // per token; empty unless asked for
  float score = 0.0f;
  bool hit_limit = false;
};

// What one live hypothesis may continue with.
struct Continuation {
  float log_probability;  // of the token alone
  int32_t token;
};

class BeamSearch {
 public:
  struct Live {
    float log_probability;
    std::vector<int32_t> tokens;
    std::vector<int32_t> slots;      // row of the hypothesis in every step so far
    std::vector<int32_t> alignment;  // per token
  };

  // required: reserved tokens that the sentence uses once each.
  BeamSearch(const SearchOptions& options, const std::vector<int32_t>& prefix,
             const std::vector<int32_t>& required);

  const std::vector<Live>& live() const { return live_; }
  bool done() const { return done_; }
  int candidates_wanted() const { return 2 * options_.beam; }
  // The token that must come next, or -1.
  int32_t forced() const { return step_ < int(prefix_.size()) ? prefix_[step_] : -1; }
  // Tokens that the k-th live hypothesis may not take: those that would continue a loop, eos at
  // its very begin, and what reserved tokens forbid.
  std::vector<int32_t> banned(int k) const;
  // Required tokens that the k-th live hypothesis lacks.
  std::vector<int32_t> owed(int k) const;
  // So few steps are left that the k-th live hypothesis must take what it owes.
  bool must_pay(int k) const;

  // One step. continuations[k], best first, belong to live()[k], which was row
  // first_row + k of the step; attended[first_row + k] is its aligned source position.
  void advance(const std::vector<std::vector<Continuation>>& continuations, int first_row,
               const std::vector<int32_t>& attended);

  // At most n_best hypotheses, best first: the finished ones, or the live ones if none finished.
  std::vector<Hypothesis> result() const;

 private:
  struct Scored {
    float score;
    int parent;
    int32_t token;
  };
  struct Finished {
    float score;
    Live hypothesis;
  };
  float penalty(int length) const;
  Live extend(const Scored& choice, int row, const std::vector<int32_t>& attended) const;
  void update_done();

  SearchOptions options_;
  std::vector<int32_t> prefix_, required_;
  std::vector<Live> live_;
  std::vector<Finished> finished_;
  int step_ = 0;
  bool done_ = false;
};

}  // namespace csanmt
