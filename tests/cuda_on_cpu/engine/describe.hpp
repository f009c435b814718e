// How errors write places and indices.
#pragma once

#include <string>

#include "engine.hpp"

namespace cuda_on_cpu {

inline std::string describe(Location where) {  // file.cu:12
  const std::string path = where.file_name();
  return path.substr(path.find_last_of('/') + 1) + ":" + std::to_string(where.line());
}

inline std::string describe(uint3 index) {
  return "(" + std::to_string(index.x) + "," + std::to_string(index.y) + "," + std::to_string(index.z) + ")";
}

inline std::string describe(dim3 extent) { return describe(uint3{extent.x, extent.y, extent.z}); }

}  // namespace cuda_on_cpu
