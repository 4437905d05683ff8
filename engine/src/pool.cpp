#include "pool.h"

#include <chrono>

namespace csanmt {
namespace {

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// True as soon as `ready` is, within about 20 microseconds.
template <class Ready>
bool spin(Ready ready) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(20);
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready()) return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() < end);
  return ready();
}

}  // namespace

Pool::Pool(int threads) {
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { serve(); });
}

Pool::~Pool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    ++generation_;
  }
  wake_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void Pool::take_tasks() {
  for (int i; (i = next_.fetch_add(1)) < tasks_;) (*work_)(i);
}

void Pool::serve() {
  uint64_t seen = 0;
  for (;;) {
    if (!spin([&] { return generation_.load() != seen; })) {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [&] { return generation_.load() != seen; });
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      seen = generation_.load();
      if (stop_) return;
    }
    take_tasks();
    if (busy_.fetch_sub(1) == 1) {
      std::lock_guard<std::mutex> lock(mutex_);
      done_.notify_one();
    }
  }
}

void Pool::run(int tasks, const std::function<void(int)>& work) {
  std::unique_lock<std::mutex> caller(caller_, std::defer_lock);
  if (workers_.empty() || tasks < 2 || !caller.try_lock()) {
    for (int i = 0; i < tasks; ++i) work(i);
    return;
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    work_ = &work;
    tasks_ = tasks;
    next_ = 0;
    busy_ = int(workers_.size());
    ++generation_;
  }
  wake_.notify_all();
  take_tasks();
  if (!spin([&] { return busy_.load() == 0; })) {
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [&] { return busy_.load() == 0; });
  }
}

}  // namespace csanmt
