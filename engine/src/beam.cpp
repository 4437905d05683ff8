#include "beam.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace csanmt {
namespace {

constexpr int kLongestLoop = 16;

// Whether tokens end in as many copies of an n-gram as may stand in a row: as many as the source has
// of something, else three; of one token alone eight, the zeros of a number.
bool loops(const std::vector<int32_t>& tokens, int n, int in_source) {
  const int size = int(tokens.size()), copies = std::max(in_source, n == 1 ? 8 : 3);
  if (size < n * copies) return false;
  // An n-gram of one token alone is no loop of its own.
  if (n > 1 && std::count(tokens.end() - n, tokens.end(), tokens.back()) == n) return false;
  for (int i = size - n * (copies - 1); i < size; ++i)
    if (tokens[i] != tokens[i - n]) return false;
  return true;
}

}  // namespace

int most_copies(const std::vector<int32_t>& tokens) {
  const int size = int(tokens.size());
  int most = 1;
  for (int n = 1; n <= kLongestLoop; ++n)
    for (int i = n, same = 0; i < size; ++i) {
      same = tokens[i] == tokens[i - n] ? same + 1 : 0;
      most = std::max(most, same / n + 1);
    }
  return most;
}

BeamSearch::BeamSearch(const SearchOptions& options, const std::vector<int32_t>& prefix,
                       const std::vector<int32_t>& required)
    : options_(options), prefix_(prefix), required_(required), live_{Live{0.0f, {}, {}, {}}} {}

float BeamSearch::penalty(int length) const {
  return std::pow((5.0f + float(length)) / 6.0f, options_.length_penalty);
}

std::vector<int32_t> BeamSearch::banned(int k) const {
  const std::vector<int32_t> due = owed(k);
  std::vector<int32_t> out;
  for (int32_t token : options_.reserved)
    if (std::find(due.begin(), due.end(), token) == due.end()) out.push_back(token);
  if (!due.empty()) out.push_back(0);
  if (!options_.repetition_guard) return out;
  const std::vector<int32_t>& tokens = live_[k].tokens;
  if (tokens.empty() && due.empty()) out.push_back(0);
  for (int n = 1; n <= kLongestLoop; ++n)
    if (loops(tokens, n, options_.copies_in_source)) out.push_back(tokens[tokens.size() - n]);
  return out;
}

std::vector<int32_t> BeamSearch::owed(int k) const {
  const std::vector<int32_t>& tokens = live_[k].tokens;
  std::vector<int32_t> out;
  for (int32_t token : required_)
    if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) out.push_back(token);
  return out;
}

bool BeamSearch::must_pay(int k) const {
  return !required_.empty() && step_ + int(owed(k).size()) >= options_.max_length;
}

BeamSearch::Live BeamSearch::extend(const Scored& choice, int row,
                                    const std::vector<int32_t>& attended) const {
  Live next = live_[choice.parent];
  next.slots.push_back(row);
  if (choice.token != 0) {
    next.tokens.push_back(choice.token);
    if (options_.alignment) next.alignment.push_back(attended[row]);
  }
  return next;
}

void BeamSearch::advance(const std::vector<std::vector<Continuation>>& continuations,
                         int first_row, const std::vector<int32_t>& attended) {
  const float divisor = penalty(++step_);
  std::vector<Scored> best;
  for (size_t k = 0; k < continuations.size(); ++k)
    for (const Continuation& c : continuations[k])
      best.push_back({(live_[k].log_probability + c.log_probability) / divisor, int(k), c.token});
  std::sort(best.begin(), best.end(), [](const Scored& a, const Scored& b) {
    if (a.score != b.score) return a.score > b.score;
    return a.parent != b.parent ? a.parent < b.parent : a.token < b.token;
  });
  const size_t beam = size_t(options_.beam);
  if (best.size() > 2 * beam) best.resize(2 * beam);

  std::vector<Live> next;
  for (const Scored& choice : best) {
    const int row = first_row + choice.parent;
    if (choice.token == 0) {
      finished_.push_back({choice.score, extend(choice, row, attended)});
    } else if (next.size() < beam) {
      next.push_back(extend(choice, row, attended));
      next.back().log_probability = choice.score * divisor;
    }
  }
  std::stable_sort(finished_.begin(), finished_.end(),
                   [](const Finished& a, const Finished& b) { return a.score > b.score; });
  if (finished_.size() > beam) finished_.resize(beam);
  if (next.empty()) {
    done_ = true;  // nothing may follow: keep the last live set for result()
    return;
  }
  live_ = std::move(next);
  update_done();
}

void BeamSearch::update_done() {
  if (step_ >= options_.max_length) done_ = true;
  if (finished_.empty()) return;
  const float bound = live_[0].log_probability / penalty(options_.max_length);
  // Who wants one hypothesis need not wait for the rest of the finished set: nothing that is
  // alive can end above `bound`, so the best one stays what the reference returns. The margin
  // is far above the rounding of the scores.
  if (options_.n_best == 1 && finished_.front().score > bound + 1e-4f * std::fabs(bound)) {
    done_ = true;
    return;
  }
  // Unfilled slots of the reference's finished set count as 0, above every score.
  float worst = int(finished_.size()) < options_.beam ? 0.0f : finished_.back().score;
  for (const Finished& f : finished_) worst = std::min(worst, f.score);
  if (worst > bound) done_ = true;
}

std::vector<Hypothesis> BeamSearch::result() const {
  std::vector<Hypothesis> out;
  for (const Finished& f : finished_)
    out.push_back({f.hypothesis.tokens, f.hypothesis.alignment, f.score, false});
  if (finished_.empty())
    for (const Live& l : live_)
      out.push_back({l.tokens, l.alignment, l.log_probability / penalty(std::max(step_, 1)),
                     true});
  if (int(out.size()) > options_.n_best) out.resize(options_.n_best);
  return out;
}

}  // namespace csanmt
