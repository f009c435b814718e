// CUDA C++ for kernels that run on the CPU: included by csrc/cuda/platform.cuh in place of <cuda_runtime.h>.
#pragma once

#include "atomics.hpp"
#include "language.hpp"
#include "runtime.hpp"
#include "synchronize.hpp"
