// An optional pool of threads: spins briefly for the next piece of work, then sleeps,
// so that a starved machine never burns time waiting.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace csanmt {

class Pool {
 public:
  explicit Pool(int threads);
  ~Pool();
  int threads() const { return int(workers_.size()) + 1; }

  // Calls work(0) … work(tasks - 1), spread over the threads; returns when all are done.
  // `work` must not throw. If another caller holds the pool, runs them all here.
  void run(int tasks, const std::function<void(int)>& work);

 private:
  void serve();
  void take_tasks();

  std::vector<std::thread> workers_;
  std::mutex caller_, mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(int)>* work_ = nullptr;
  std::atomic<int> next_{0};
  std::atomic<uint64_t> generation_{0};
  std::atomic<int> busy_{0};
  int tasks_ = 0;
  bool stop_ = false;
};

}  // namespace csanmt
