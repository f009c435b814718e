// A chunk is a band of row pairs of a few planes, with tables of its own, which are merged in a fixed order at the end.
//   walk_rings: the ring of every column of eight rows at once.
//   pair_columns: neighbouring columns lie in one ring or in two neighbouring ones, so the sum of their rings tells
//     both: r + r stands for (r, r), r + (r + 1) for (r, r + 1). A table has an entry for each such sum, of two slots,
//     one for each column: a pair is added by loading and storing one cache line, and waits for the store of the pair
//     before it only where both pairs of rings are the same.
//   bin_rows: as many columns of the rows ky and -ky at a time as a vector holds. The products of both rows are added,
//     transposed to four numbers a column, widened and added to the entries of the pairs.
// Products are rounded to the type of the spectra, sums are float64. (Differences of prefix sums would lose what stands
// beside a strong line.) Large float32 spectra take 1.3 to 1.7 times as long as reading them once, on two threads of a
// machine with AVX-512; without the additions to the tables and the walk, 1.2 times would remain.
#include "core/radial_moments.hpp"

#include "cpu/parallel.hpp"
#include "cpu/ring_walk.hpp"
#include "cpu/scratch.hpp"
#include "cpu/shuffle.hpp"

namespace hyra::HYRA_TARGET {
namespace {

constexpr std::int64_t kPlanes = 4;  // planes that share one walk

// entries[m][j] is the entry of the columns 2 m - 1 and 2 m of row ky + j. Column 0 has the first one for itself; in
// the last one the second column may be one beyond the row.
void pair_columns(const RingRule& rule, std::int64_t ky, std::int64_t columns, const std::int64_t* steps,
                  std::int32_t* rings, std::int32_t* entries) {
  walk_rings(rule, ky, columns + 1, steps, rings);
  for (std::int64_t j = 0; j < kWalkedRows; ++j) entries[j] = 2 * rings[j];
  for (std::int64_t m = 1; m <= columns / 2; ++m) {
    const std::int32_t* pair = rings + (2 * m - 1) * kWalkedRows;
    for (std::int64_t j = 0; j < kWalkedRows; ++j) entries[m * kWalkedRows + j] = pair[j] + pair[kWalkedRows + j];
  }
}

// Where column k is added to.
inline std::int64_t slot_of(const std::int32_t* entries, std::int64_t k) {
  return 2 * entries[(k + 1) / 2 * kWalkedRows] + (k + 1) % 2;
}

// The slots of a ring r are those of (r, r), and that of r in (r, r + 1) and in (r - 1, r): 4 r - 1 to 4 r + 2. So a
// table begins with an entry that nothing is added to.
constexpr std::int64_t kBefore = 2;
inline std::int64_t table_slots(std::int64_t rings) { return kBefore + 4 * rings; }
inline std::int64_t first_slot(std::int64_t ring) { return 4 * ring - 1; }

// Counts a row that stands for `rows`.
void count_row(const RingRule& rule, std::int64_t rows, std::int64_t columns, const std::int32_t* entries,
               std::int64_t* counts) {
  const auto count = [&](std::int64_t k) { counts[slot_of(entries, k)] += rows * rule.hermitian_weight(k); };
  count(0);
  std::int64_t k = 1;
  for (; k + 2 < columns; k += 2) {
    std::int64_t* both = counts + slot_of(entries, k);
    both[0] += 2 * rows;
    both[1] += 2 * rows;
  }
  for (; k < columns; ++k) count(k);
}

// Neighbouring columns, of the row ky and of the row -ky where that is another one.
template <typename T>
struct Products {
  using At = Shuffles<T>;
  Vec<T> aa = {}, bb = {}, ab = {}, a_swapped_b = {};

  void add(const T* a, const T* b) {
    const Vec<T> x = load(a), y = load(b);
    aa += x * x;
    bb += y * y;
    ab += x * y;
    a_swapped_b += x * At::swap_neighbours(y);
  }
  // Both powers of each column.
  Vec<T> powers() const { return At::even(aa, bb) + At::odd(aa, bb); }
  // The real and the imaginary part of each column.
  Vec<T> cross() const {
    return At::odd(ab, a_swapped_b) + At::template plus_minus<Vec<T>>() * At::even(ab, a_swapped_b);
  }
};

// Adds a vector of the numbers of columns whose pairs begin at `entries`, four to a column, from number i on.
inline void add_to_entry(const std::int32_t* entries, double* table, std::int64_t i, Vec<double> v) {
  double* sums = table + 8 * entries[i / 8 * kWalkedRows] + i % 8;
  store(sums, load(sums) + v);
}

inline void add_to_entry(const std::int32_t* entries, double* table, std::int64_t i, Vec<float> v) {
  add_to_entry(entries, table, i, widen(Shuffles<double>::part<0>(v)));
  add_to_entry(entries, table, i + kLanes<double>, widen(Shuffles<double>::part<1>(v)));
}

template <typename T>
inline Vec4d products_of(const T* a, const T* b) {
  const double ar = static_cast<double>(a[0]), ai = static_cast<double>(a[1]);
  const double br = static_cast<double>(b[0]), bi = static_cast<double>(b[1]);
  return Vec4d{ar * ar + ai * ai, br * br + bi * bi, ar * br + ai * bi, ai * br - ar * bi};
}

inline Vec4d load4(const double* p) {
  Vec4d v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

inline void store4(double* p, Vec4d v) { std::memcpy(p, &v, sizeof v); }

// `mirror` is how far row -ky lies from row ky, 0 where they are one. The sums are those of half the weights.
template <typename T>
void bin_rows(const RingRule& rule, const T* a, const T* b, std::int64_t mirror, std::int64_t columns,
              const std::int32_t* entries, double* table) {
  const auto single = [&](std::int64_t k) {
    const double weight = 0.5 * static_cast<double>(rule.hermitian_weight(k));
    Vec4d products = products_of(a + 2 * k, b + 2 * k);
    if (mirror != 0) products += products_of(a + mirror + 2 * k, b + mirror + 2 * k);
    double* sums = table + 4 * slot_of(entries, k);
    store4(sums, load4(sums) + weight * products);
  };
  single(0);
  constexpr std::int64_t kStep = kCacheLine / (2 * sizeof(T)), kColumns = kLanes<T> / 2;
  std::int64_t k = 1;
  for (; k + kStep < columns; k += kStep) {  // stops before the last column, whose weight may differ
    // Of the next pair of rows. Left to the hardware, which begins anew in every row, the whole takes a third longer.
    const std::int64_t next = 2 * (k + columns), next_mirror = mirror + 2 * (k - columns);
    __builtin_prefetch(a + next, 0, 2);
    __builtin_prefetch(b + next, 0, 2);
    if (mirror != 0) {
      __builtin_prefetch(a + next_mirror, 0, 2);
      __builtin_prefetch(b + next_mirror, 0, 2);
    }
    const std::int32_t* here = entries + (k + 1) / 2 * kWalkedRows;
    for (std::int64_t i = 0; i < kStep; i += kColumns) {
      const T *x = a + 2 * (k + i), *y = b + 2 * (k + i);
      Products<T> products;
      products.add(x, y);
      if (mirror != 0) products.add(x + mirror, y + mirror);
      const Vec<T> powers = products.powers(), cross = products.cross();
      add_to_entry(here, table, 4 * i, Shuffles<T>::template interleave<0>(powers, cross));
      add_to_entry(here, table, 4 * i + kLanes<T>, Shuffles<T>::template interleave<1>(powers, cross));
    }
  }
  for (; k < columns; ++k) single(k);
}

}  // namespace

template <typename T>
void radial_moments(const RadialMomentsArgs<T>& args, Context threads) {
  const RingRule rule(args.height, args.width);
  const std::int64_t columns = args.width / 2 + 1, row = 2 * columns, plane = args.height * row;
  const std::int64_t groups = args.planes == 0 ? 1 : (args.planes + kPlanes - 1) / kPlanes;
  const Context team = threads_for(args.planes * args.height * columns, threads);
  Scratch<std::int64_t> steps(columns + 1, Fill::kNone);
  ring_steps(rule, columns + 1, steps.data());
  parallel_for(args.bands * groups, team, [&](std::int64_t chunk) {
    const std::int64_t band = chunk / groups, first = chunk % groups * kPlanes;
    const std::int64_t planes = first + kPlanes < args.planes ? kPlanes : args.planes - first;
    const Pairs pairs = pairs_of_band(args.height, args.bands, band);
    const std::int64_t slots = table_slots(args.rings);
    Scratch<double> tables(4 * planes * slots);
    Scratch<std::int64_t> counts(first == 0 ? slots : 0);
    Scratch<std::int32_t> rings(kWalkedRows * (columns + 1)), entries(kWalkedRows * (columns / 2 + 1));
    const auto table = [&](std::int64_t p) { return tables.data() + 4 * (p * slots + kBefore); };
    for (std::int64_t ky = pairs.begin; ky < pairs.end; ky += kWalkedRows) {
      const std::int64_t rows = ky + kWalkedRows < pairs.end ? kWalkedRows : pairs.end - ky;
      pair_columns(rule, ky, columns, steps.data(), rings.data(), entries.data());
      for (std::int64_t j = 0; j < rows; ++j) {
        const bool pair = rule.has_mirror(ky + j);
        if (first == 0) count_row(rule, pair ? 2 : 1, columns, entries.data() + j, counts.data() + kBefore);
        const std::int64_t mirror = pair ? (args.height - 2 * (ky + j)) * row : 0;
        for (std::int64_t p = 0; p < planes; ++p) {
          const std::int64_t offset = (first + p) * plane + (ky + j) * row;
          bin_rows(rule, args.a + offset, args.b + offset, mirror, columns, entries.data() + j, table(p));
        }
      }
    }
    for (std::int64_t p = 0; p < planes; ++p) {
      for (std::int64_t r = 0; r < args.rings; ++r) {
        const double* sums = table(p) + 4 * first_slot(r);
        store4(args.partials + ((band * args.planes + first + p) * args.rings + r) * 4,
               (load4(sums) + load4(sums + 4)) + (load4(sums + 8) + load4(sums + 12)));
      }
    }
    for (std::int64_t r = 0; first == 0 && r < args.rings; ++r) {
      const std::int64_t* c = counts.data() + kBefore + first_slot(r);
      args.partial_counts[band * args.rings + r] = c[0] + c[1] + c[2] + c[3];
    }
  });
  for (std::int64_t r = 0; r < args.rings; ++r) {
    args.count[r] = 0;
    for (std::int64_t band = 0; band < args.bands; ++band) args.count[r] += args.partial_counts[band * args.rings + r];
  }
  parallel_for(args.planes, team, [&](std::int64_t p) {
    for (std::int64_t r = 0; r < args.rings; ++r) {
      Vec4d sum = {};
      for (std::int64_t band = 0; band < args.bands; ++band) {
        sum += load4(args.partials + ((band * args.planes + p) * args.rings + r) * 4);
      }
      const std::int64_t i = p * args.rings + r;
      args.power_a[i] = 2 * sum[0];
      args.power_b[i] = 2 * sum[1];
      args.cross[2 * i] = 2 * sum[2];
      args.cross[2 * i + 1] = 2 * sum[3];
    }
  });
}

HYRA_INSTANTIATE(radial_moments, RadialMomentsArgs)

}  // namespace hyra::HYRA_TARGET
