// Marks a function that the host and the device compile from the same source.
#pragma once

#ifdef __CUDACC__
#define HYRA_INLINE __host__ __device__ __forceinline__
#else
#define HYRA_INLINE inline
#endif
