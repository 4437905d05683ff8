#include "engine.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <future>
#include <numeric>
#include <stdexcept>

namespace csanmt {
namespace {

constexpr int kMostRows = 128;      // live hypotheses decoded together
constexpr int kMostTokens = 4096;   // source tokens encoded together
constexpr size_t kSpareWorkspaces = 1;  // beside those of one call's threads

// The log of Σ exp(logit), from the sums of the chunks, always in the same order.
float log_sum_exp(const ProjectionRow& row, int chunks) {
  float highest = row.chunk_maximum[0];
  for (int c = 1; c < chunks; ++c) highest = std::max(highest, row.chunk_maximum[c]);
  double sum = 0.0;
  for (int c = 0; c < chunks; ++c)
    if (row.chunk_sum[c] > 0.0f)
      sum += double(row.chunk_sum[c]) * std::exp(double(row.chunk_maximum[c]) - double(highest));
  return highest + float(std::log(sum));
}

// Sentences of similar length together, limited in rows and tokens; longest first, and two parts
// a thread, so that they end together.
std::vector<std::vector<int>> make_parts(const std::vector<Ids>& sources, int beam, int threads) {
  const int least = threads > 1 ? 2 * threads : 1;
  const int most_rows = std::min(kMostRows, (int(sources.size()) + least - 1) / least * beam);
  std::vector<int> order(sources.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return sources[a].size() > sources[b].size();
  });
  std::vector<std::vector<int>> parts;
  size_t tokens = 0;
  for (int i : order) {
    tokens += sources[i].size() + 1;
    if (parts.empty() || int(parts.back().size() + 1) * beam > most_rows ||
        tokens > kMostTokens) {
      parts.emplace_back();
      tokens = sources[i].size() + 1;
    }
    parts.back().push_back(i);
  }
  return parts;
}

// Decodes the sentences of one part in lock step; finished ones leave.
class Decoding {
 public:
  Decoding(Decoder& decoder, const SearchOptions& options)
      : decoder_(decoder), options_(options) {}

  void add(const Ids& source, const Ids& prefix, const Ids& required) {
    SearchOptions own = options_;
    own.copies_in_source = most_copies(source);
    if (own.max_length_factor > 0) {
      const int most = int(prefix.size()) + own.max_length_factor * int(source.size() + 1);
      own.max_length = std::min(own.max_length, most);
    }
    searches_.emplace_back(own, prefix, required);
  }

  bool step(int position) {
    collect(position);
    if (rows_.empty()) return false;
    decoder_.step(rows_, position);
    decoder_.project(projected_);
    for (size_t r = 0; r < rows_.size();) r += advance(r);
    return true;
  }

  const BeamSearch& search(int i) const { return searches_[i]; }

 private:
  void collect(int position) {
    rows_.clear();
    projected_.clear();
    banned_.clear();
    for (size_t s = 0; s < searches_.size(); ++s) {
      BeamSearch& search = searches_[s];
      if (search.done()) continue;
      for (size_t k = 0; k < search.live().size(); ++k) {
        const BeamSearch::Live& live = search.live()[k];
        rows_.push_back({int(s), position ? live.tokens.back() : 0, live.slots.data()});
        banned_.push_back(search.banned(int(k)));
        ProjectionRow row;
        row.keep = search.forced() < 0 ? search.candidates_wanted() : 0;
        projected_.push_back(row);
      }
    }
    for (size_t r = 0; r < rows_.size(); ++r) {
      projected_[r].banned = banned_[r].data();
      projected_[r].banned_count = int(banned_[r].size());
    }
  }

  // One sentence's rows, from `first` on; returns how many they are.
  size_t advance(size_t first) {
    BeamSearch& search = searches_[rows_[first].sentence];
    const size_t count = search.live().size();
    std::vector<std::vector<Continuation>> continuations(count);
    for (size_t k = 0; k < count; ++k) {
      const ProjectionRow& row = projected_[first + k];
      const float total = log_sum_exp(row, decoder_.chunks());
      if (search.forced() >= 0) {
        if (k == 0) continuations[k].push_back(forced(search.forced(), int(first), total));
        continue;
      }
      if (pays(search, int(k), int(first + k))) {
        for (int32_t token : search.owed(int(k)))
          continuations[k].push_back(forced(token, int(first + k), total));
        continue;
      }
      for (int i = 0; i < row.count; ++i) {
        const Candidate& c = row.candidates[i];
        continuations[k].push_back({c.logit - total, c.column});
      }
    }
    search.advance(continuations, int(first), decoder_.attended());
    return count;
  }

  // The hypothesis owes tokens, and would end or run out of steps.
  bool pays(const BeamSearch& search, int k, int row) const {
    if (search.owed(k).empty()) return false;
    const ProjectionRow& found = projected_[row];
    return search.must_pay(k) || found.count == 0 ||
           decoder_.logit(row, 0) >= found.candidates[0].logit;
  }

  Continuation forced(int32_t token, int row, float total) const {
    return {decoder_.logit(row, token) - total, token};
  }

  Decoder& decoder_;
  const SearchOptions& options_;
  std::vector<BeamSearch> searches_;
  std::vector<StepRow> rows_;
  std::vector<ProjectionRow> projected_;
  std::vector<Ids> banned_;
};

}  // namespace

// Returned to the free list at the end of the call.
struct Engine::Lease {
  explicit Lease(Engine& engine) : engine(engine) {
    std::lock_guard<std::mutex> lock(engine.mutex_);
    if (!engine.free_.empty()) {
      workspace = std::move(engine.free_.back());
      engine.free_.pop_back();
    }
    if (!workspace) workspace = std::make_unique<Workspace>();
  }
  ~Lease() {
    std::lock_guard<std::mutex> lock(engine.mutex_);
    const size_t most = kSpareWorkspaces + size_t(engine.threads_);
    if (engine.free_.size() < most) engine.free_.push_back(std::move(workspace));
  }
  Engine& engine;
  std::unique_ptr<Workspace> workspace;
};

Engine::Engine(const std::string& path, const std::string& isa, int threads)
    : file_(path),
      model_(file_),
      kernels_(select_kernels(isa)),
      threads_(threads) {}

void Engine::check(const Ids& ids, uint32_t vocabulary, const char* what) const {
  for (int32_t id : ids)
    if (id < 0 || uint32_t(id) >= vocabulary)
      throw std::out_of_range(std::string(what) + " id " + std::to_string(id) +
                              " is outside the vocabulary of " + std::to_string(vocabulary));
}

std::vector<std::vector<Hypothesis>> Engine::translate(const std::vector<Ids>& sources,
                                                       const std::vector<Ids>& prefixes,
                                                       const std::vector<Ids>& required,
                                                       const SearchOptions& options,
                                                       const std::function<void()>& poll) {
  if (options.beam < 1 || 2 * options.beam > kMaxCandidates || options.max_length < 1)
    throw std::out_of_range("beam or max_length is out of range");
  if (!prefixes.empty() && prefixes.size() != sources.size())
    throw std::out_of_range("there must be one prefix a source");
  if (!required.empty() && required.size() != sources.size())
    throw std::out_of_range("there must be one list of required tokens a source");
  for (const Ids& ids : sources) check(ids, model_.d.source_vocabulary, "source");
  for (const Ids& ids : prefixes) {
    check(ids, model_.d.target_vocabulary, "prefix");
    if (std::find(ids.begin(), ids.end(), 0) != ids.end())
      throw std::out_of_range("a prefix holds id 0, the end of sentence");
  }
  check(options.reserved, model_.d.target_vocabulary, "reserved");
  for (const Ids& ids : required)
    for (int32_t id : ids)
      if (std::find(options.reserved.begin(), options.reserved.end(), id) ==
          options.reserved.end())
        throw std::out_of_range("required id " + std::to_string(id) + " is not reserved");
  std::vector<std::vector<Hypothesis>> results(sources.size());
  const auto parts = make_parts(sources, options.beam, threads_);
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i; (i = next++) < parts.size();)
      translate_part(parts[i], sources, prefixes, required, options, poll, results);
  };
  std::vector<std::future<void>> others;
  for (int t = 1; t < std::min(threads_, int(parts.size())); ++t)
    others.push_back(std::async(std::launch::async, work));
  work();
  for (auto& other : others) other.get();
  return results;
}

void Engine::translate_part(const std::vector<int>& part, const std::vector<Ids>& sources,
                            const std::vector<Ids>& prefixes, const std::vector<Ids>& required,
                            const SearchOptions& options, const std::function<void()>& poll,
                            std::vector<std::vector<Hypothesis>>& results) {
  static const Ids kNone;
  Lease lease(*this);
  const Context context{model_, kernels_, *lease.workspace, poll};
  auto of = [](const std::vector<Ids>& lists, int i) -> const Ids& {
    return lists.empty() ? kNone : lists[i];
  };

  SourceBatch batch;
  for (int i : part) batch.add(sources[i]);
  Decoder decoder(context, batch, encode(context, batch));
  decoder.want_alignment(options.alignment);

  Decoding decoding(decoder, options);
  for (int i : part) decoding.add(sources[i], of(prefixes, i), of(required, i));
  poll();
  for (int position = 0; decoding.step(position); ++position) poll();
  for (size_t i = 0; i < part.size(); ++i) results[part[i]] = decoding.search(int(i)).result();
}

std::vector<float> Engine::logits(const Ids& source, const Ids& target) {
  check(source, model_.d.source_vocabulary, "source");
  check(target, model_.d.target_vocabulary, "target");
  Lease lease(*this);
  const std::function<void()> poll = [] {};
  const Context context{model_, kernels_, *lease.workspace, poll};
  SourceBatch batch;
  batch.add(source);
  Decoder decoder(context, batch, encode(context, batch));
  std::vector<float> out;
  const Ids slots(target.size() + 1, 0);
  for (size_t t = 0; t <= target.size(); ++t) {
    decoder.step({{0, t ? target[t - 1] : 0, slots.data()}}, int(t));
    for (int32_t v = 0; v < int32_t(model_.d.target_vocabulary); ++v)
      out.push_back(decoder.logit(0, v));
  }
  return out;
}

}  // namespace csanmt
