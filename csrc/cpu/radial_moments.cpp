// A chunk is a band of row pairs of a few planes, with sums of its own, which are merged in a fixed order at the end.
//   walk_rings: the ring of every column of eight rows at once.
//   bin_pair: eight columns of the rows ky and -ky at a time. The four products of both rows are added as vectors,
//     transposed, and each column adds its four numbers to its ring in one go. Rings are runs of one to two columns
//     almost everywhere, so summing a run before adding it costs more in branches than it saves, and differences of
//     prefix sums would lose what stands beside a strong line.
// Products are rounded to the type of the spectra, sums are float64.
#include "core/radial_moments.hpp"

#include "cpu/parallel.hpp"
#include "cpu/ring_walk.hpp"
#include "cpu/scratch.hpp"
#include "cpu/vector.hpp"

namespace hyra::HYRA_TARGET {
namespace {

constexpr std::int64_t kPlanes = 4;  // planes that share one walk
constexpr std::int64_t kCounts = 4;

template <typename T>
struct Vec8Of;
template <>
struct Vec8Of<float> {
  using type = Vec8f;
};
template <>
struct Vec8Of<double> {
  using type = Vec8d;
};
template <typename T>
using Vec8 = typename Vec8Of<T>::type;

inline Vec4d low4(Vec8d v) { return __builtin_shufflevector(v, v, 0, 1, 2, 3); }
inline Vec4d high4(Vec8d v) { return __builtin_shufflevector(v, v, 4, 5, 6, 7); }

template <typename T>
struct Complex8 {
  Vec8<T> re, im;
};

// Eight complex numbers, their parts apart.
template <typename T>
Complex8<T> load_complex8(const T* p) {
  Vec8<T> u, v;
  std::memcpy(&u, p, sizeof u);
  std::memcpy(&v, p + 8, sizeof v);
  return {__builtin_shufflevector(u, v, 0, 2, 4, 6, 8, 10, 12, 14),
          __builtin_shufflevector(u, v, 1, 3, 5, 7, 9, 11, 13, 15)};
}

// Counts a row that stands for `rows`, by the column's number mod kCounts: neighbours in one ring need not wait for
// each other.
void count_row(const RingRule& rule, std::int64_t rows, std::int64_t columns, const std::int32_t* rings,
               std::int64_t* counts) {
  for (std::int64_t k = 0; k < columns; ++k) {
    counts[kCounts * rings[k * kWalkedRows] + k % kCounts] += rows * rule.hermitian_weight(k);
  }
}

inline void add4(double* sums, Vec4d v) {
  Vec4d sum;
  std::memcpy(&sum, sums, sizeof sum);
  sum += v;
  std::memcpy(sums, &sum, sizeof sum);
}

// Eight neighbouring columns, of the row ky and of the row -ky where that is another one.
template <typename T>
struct Products {
  Vec8<T> power_a = {}, power_b = {}, re = {}, im = {};

  void add(const T* a, const T* b) {
    const Complex8<T> x = load_complex8(a), y = load_complex8(b);
    power_a += x.re * x.re + x.im * x.im;
    power_b += y.re * y.re + y.im * y.im;
    re += x.re * y.re + x.im * y.im;
    im += x.im * y.re - x.re * y.im;
  }

  void bin(const std::int32_t* rings, double* sums) const {
    const Vec8d a = widen(power_a), b = widen(power_b), c = widen(re), d = widen(im);
    const Vec8d even_ab = __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14);
    const Vec8d even_cd = __builtin_shufflevector(c, d, 0, 8, 2, 10, 4, 12, 6, 14);
    const Vec8d odd_ab = __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
    const Vec8d odd_cd = __builtin_shufflevector(c, d, 1, 9, 3, 11, 5, 13, 7, 15);
    const Vec8d columns_04 = __builtin_shufflevector(even_ab, even_cd, 0, 1, 8, 9, 4, 5, 12, 13);
    const Vec8d columns_15 = __builtin_shufflevector(odd_ab, odd_cd, 0, 1, 8, 9, 4, 5, 12, 13);
    const Vec8d columns_26 = __builtin_shufflevector(even_ab, even_cd, 2, 3, 10, 11, 6, 7, 14, 15);
    const Vec8d columns_37 = __builtin_shufflevector(odd_ab, odd_cd, 2, 3, 10, 11, 6, 7, 14, 15);
    add4(sums + 4 * rings[0], low4(columns_04));
    add4(sums + 4 * rings[1 * kWalkedRows], low4(columns_15));
    add4(sums + 4 * rings[2 * kWalkedRows], low4(columns_26));
    add4(sums + 4 * rings[3 * kWalkedRows], low4(columns_37));
    add4(sums + 4 * rings[4 * kWalkedRows], high4(columns_04));
    add4(sums + 4 * rings[5 * kWalkedRows], high4(columns_15));
    add4(sums + 4 * rings[6 * kWalkedRows], high4(columns_26));
    add4(sums + 4 * rings[7 * kWalkedRows], high4(columns_37));
  }
};

template <typename T>
inline Vec4d products_of(const T* a, const T* b) {
  const double ar = static_cast<double>(a[0]), ai = static_cast<double>(a[1]);
  const double br = static_cast<double>(b[0]), bi = static_cast<double>(b[1]);
  return Vec4d{ar * ar + ai * ai, br * br + bi * bi, ar * br + ai * bi, ai * br - ar * bi};
}

// `mirror` is how far row -ky lies from row ky, 0 where they are one. The sums are those of half the weights.
template <typename T>
void bin_pair(const RingRule& rule, const T* a, const T* b, std::int64_t mirror, std::int64_t columns,
              const std::int32_t* rings, double* sums) {
  const auto single = [&](std::int64_t k) {
    const double weight = 0.5 * static_cast<double>(rule.hermitian_weight(k));
    Vec4d products = products_of(a + 2 * k, b + 2 * k);
    if (mirror != 0) products += products_of(a + mirror + 2 * k, b + mirror + 2 * k);
    add4(sums + 4 * rings[k * kWalkedRows], weight * products);
  };
  single(0);
  std::int64_t k = 1;
  // Stops before the last column, whose weight may differ. In vectors of two doubles the transposition takes longer
  // than all the rest.
  for (; kVectorBytes > 16 && k + 8 < columns; k += 8) {
    Products<T> products;
    products.add(a + 2 * k, b + 2 * k);
    if (mirror != 0) products.add(a + mirror + 2 * k, b + mirror + 2 * k);
    products.bin(rings + k * kWalkedRows, sums);
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
  parallel_for(args.bands * groups, team, [&](std::int64_t chunk) {
    const std::int64_t band = chunk / groups, first = chunk % groups * kPlanes;
    const std::int64_t planes = first + kPlanes < args.planes ? kPlanes : args.planes - first;
    const Pairs pairs = pairs_of_band(args.height, args.bands, band);
    double* sums = args.partials + (band * args.planes + first) * args.rings * 4;
    if (planes > 0) std::memset(sums, 0, static_cast<std::size_t>(planes * args.rings) * 4 * sizeof(double));
    Scratch<std::int64_t> counts(first == 0 ? kCounts * args.rings : 0);
    Scratch<std::int32_t> rings(kWalkedRows * columns);
    for (std::int64_t ky = pairs.begin; ky < pairs.end; ky += kWalkedRows) {
      const std::int64_t rows = ky + kWalkedRows < pairs.end ? kWalkedRows : pairs.end - ky;
      walk_rings(rule, ky, columns, rings.data());
      for (std::int64_t j = 0; j < rows; ++j) {
        const bool pair = rule.has_mirror(ky + j);
        if (first == 0) count_row(rule, pair ? 2 : 1, columns, rings.data() + j, counts.data());
        const std::int64_t mirror = pair ? (args.height - 2 * (ky + j)) * row : 0;
        for (std::int64_t p = 0; p < planes; ++p) {
          const std::int64_t offset = (first + p) * plane + (ky + j) * row;
          bin_pair(rule, args.a + offset, args.b + offset, mirror, columns, rings.data() + j,
                   sums + p * args.rings * 4);
        }
      }
    }
    for (std::int64_t r = 0; first == 0 && r < args.rings; ++r) {
      std::int64_t& count = args.partial_counts[band * args.rings + r] = 0;
      for (std::int64_t i = 0; i < kCounts; ++i) count += counts[kCounts * r + i];
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
        Vec4d partial;
        std::memcpy(&partial, args.partials + ((band * args.planes + p) * args.rings + r) * 4, sizeof partial);
        sum += partial;
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
