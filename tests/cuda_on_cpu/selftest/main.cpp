// selftest: lists the cases. selftest CASE SCHEDULE...: exit status 0 if the result is right in every schedule, 1 if it
// is wrong in one, 2 on an error of the engine.
#include <cstdio>
#include <cstring>
#include <exception>

#include "selftest.hpp"

int main(int argc, char** argv) {
  for (const selftest::Case& c : selftest::cases()) {
    if (argc == 1) std::puts(c.name);
    if (argc < 3 || std::strcmp(argv[1], c.name) != 0) continue;
    for (int i = 2; i < argc; ++i) {
      try {
        cuda_on_cpu::set_schedule(argv[i]);
        if (!c.run()) {
          std::fprintf(stderr, "%s: wrong result, schedule %s\n", c.name, argv[i]);
          return 1;
        }
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 2;
      }
    }
    return 0;
  }
  return argc == 1 ? 0 : 3;
}
