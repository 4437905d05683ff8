// Growing, reused, 64-byte aligned storage. Contents are undefined after growth.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

namespace csanmt {

template <class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { std::free(data_); }

  // At least `count` elements (and room for one more vector behind them).
  T* reserve(size_t count) {
    if (count > size_) {
      std::free(data_);
      data_ = nullptr, size_ = 0;
      const size_t bytes = (count * sizeof(T) + 127) / 64 * 64;
      data_ = static_cast<T*>(std::aligned_alloc(64, bytes));
      if (!data_) throw std::bad_alloc();
      size_ = count;
    }
    return data_;
  }
  T* data() { return data_; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace csanmt
