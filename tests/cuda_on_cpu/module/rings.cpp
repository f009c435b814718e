// The rule of the rings by itself, at sizes of which no machine holds a spectrum: tests/ops/test_rings.py.
#include <vector>

#include "bind/backend.hpp"

#define HYRA_TARGET rings
#include "core/ring.hpp"
#include "cpu/ring_walk.hpp"

namespace hyra {
namespace {

using rings::RingRule;

std::int64_t ring_of(std::int64_t height, std::int64_t width, std::int64_t ky, std::int64_t kx) {
  return RingRule(height, width).ring_of(ky, kx);
}

std::int64_t ring_of_sum(std::int64_t height, std::int64_t width, std::int64_t ky, std::int64_t kx) {
  const RingRule rule(height, width);
  const std::int64_t sum = rule.of_row(ky) + rule.of_column(kx);
  std::int64_t low = 0, high = 2 * rule.shortest;  // the last ring of which the edge is not beyond the sum
  while (high - low > 1) (rule.inner_edge((low + high) / 2) <= sum ? low : high) = (low + high) / 2;
  return low;
}

// Of column zero up to the last of eight rows, `out` is [columns, 8].
void walk(std::int64_t height, std::int64_t width, std::int64_t ky, std::int64_t columns, Address out) {
  const RingRule rule(height, width);
  std::vector<std::int64_t> steps(static_cast<std::size_t>(columns));
  rings::ring_steps(rule, columns, steps.data());
  rings::walk_rings(rule, ky, columns, steps.data(), pointer<std::int32_t>(out));
}

}  // namespace

void bind_rings(py::module_& m) {
  m.def("ring_of", &ring_of, "The ring of a bin, as kernels that look at one bin decide it.");
  m.def("ring_of_sum", &ring_of_sum, "The same by what its row and its column add.");
  m.def("walk_rings", &walk, "The rings of all columns of eight rows, as kernels on a CPU walk them.");
}

}  // namespace hyra
