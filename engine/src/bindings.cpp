// Python's view of the engine. All work runs without the interpreter lock.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "engine.h"
#include "kernels.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using csanmt::Engine;
using csanmt::Ids;

struct Cancelled : std::runtime_error {
  Cancelled() : std::runtime_error("the caller asked to stop") {}
};

nb::list translate(Engine& engine, const std::vector<Ids>& sources,
                   const std::vector<Ids>& prefixes, const std::vector<Ids>& required,
                   const Ids& reserved, int beam, int n_best, float length_penalty,
                   int max_length, int max_length_factor, bool repetition_guard,
                   bool alignment, nb::object should_stop) {
  const csanmt::SearchOptions options{beam,      n_best,   length_penalty,   max_length, repetition_guard,
                                      alignment, reserved, max_length_factor};
  const std::function<void()> poll = [&] {
    if (should_stop.is_none()) return;
    nb::gil_scoped_acquire lock;
    if (nb::cast<bool>(nb::bool_(should_stop()))) throw Cancelled();
  };
  std::vector<std::vector<csanmt::Hypothesis>> results;
  {
    nb::gil_scoped_release release;
    results = engine.translate(sources, prefixes, required, options, poll);
  }
  nb::list out;
  for (const auto& hypotheses : results) {
    nb::list list;
    for (const auto& h : hypotheses) {
      nb::object aligned = nb::none();
      if (alignment) aligned = nb::tuple(nb::cast(h.alignment));
      list.append(nb::make_tuple(nb::tuple(nb::cast(h.tokens)), h.score, h.hit_limit, aligned));
    }
    out.append(list);
  }
  return out;
}

nb::object logits(Engine& engine, const Ids& source, const Ids& target) {
  auto* values = new std::vector<float>;
  nb::capsule owner(values, [](void* p) noexcept { delete static_cast<std::vector<float>*>(p); });
  {
    nb::gil_scoped_release release;
    *values = engine.logits(source, target);
  }
  const size_t rows = target.size() + 1, columns = engine.dimensions().target_vocabulary;
  return nb::cast(nb::ndarray<nb::numpy, float>(values->data(), {rows, columns}, owner));
}

nb::dict info(const Engine& engine) {
  nb::dict out;
  out["isa"] = engine.kernels().name;
  out["source_vocabulary"] = engine.dimensions().source_vocabulary;
  out["target_vocabulary"] = engine.dimensions().target_vocabulary;
  return out;
}

nb::list instruction_sets() {
  nb::list out;
  for (const csanmt::Kernels* kernels : csanmt::available_kernels()) out.append(kernels->name);
  return out;
}

}  // namespace

NB_MODULE(_native, m) {
  m.doc() = "Int8 CPU engine of CSANMT.";
  nb::exception<csanmt::FileError>(m, "FileError", PyExc_ValueError);
  nb::exception<Cancelled>(m, "Cancelled", PyExc_RuntimeError);
  nb::class_<Engine>(m, "Engine")
      .def(nb::init<const std::string&, const std::string&, int>(), "path"_a,
           "isa"_a = "auto", "threads"_a = 1, nb::call_guard<nb::gil_scoped_release>())
      .def("translate", &translate, "sources"_a, "prefixes"_a, "required"_a, "reserved"_a,
           "beam"_a, "n_best"_a, "length_penalty"_a, "max_length"_a, "max_length_factor"_a,
           "repetition_guard"_a, "alignment"_a, "should_stop"_a.none())
      .def("logits", &logits, "source"_a, "target"_a)
      .def("info", &info);
  m.def("instruction_sets", &instruction_sets);
}
