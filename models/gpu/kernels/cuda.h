// What the kernels need of CUDA, for clang without a CUDA SDK; with nvcc everything is there already.
// Numbers: a product that is added is written as multiply_add(), so that no compiler's contraction decides about
// rounding.
#pragma once

#ifdef __clang__
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __forceinline__ __inline__ __attribute__((always_inline))
struct uint3;
struct dim3;
#include <__clang_cuda_builtin_vars.h>  // threadIdx, blockIdx, blockDim, gridDim; part of clang
__device__ __forceinline__ float multiply_add(float a, float b, float c) {
  return __builtin_fmaf(a, b, c);
}
__device__ __forceinline__ float maximum(float a, float b) {
  return __builtin_fmaxf(a, b);
}
#else
__device__ __forceinline__ float multiply_add(float a, float b, float c) {
  return __fmaf_rn(a, b, c);
}
__device__ __forceinline__ float maximum(float a, float b) {
  return fmaxf(a, b);
}
#endif

/// a / b, to nearest even (PTX div.rn). Written so that every compiler makes one instruction of it.
__device__ __forceinline__ float divide(float a, float b) {
  float result;
  asm("div.rn.f32 %0, %1, %2;" : "=f"(result) : "f"(a), "f"(b));
  return result;
}

/// An fp16 or a bf16 as it is stored.
struct Half {
  unsigned short bits;
};
struct BFloat {
  unsigned short bits;
};

/// The value of a stored element in fp32; fp16 and bf16 are widened exactly.
__device__ __forceinline__ float value_of(float stored) {
  return stored;
}
__device__ __forceinline__ float value_of(BFloat stored) {
  float result;
  asm("mov.b32 %0, %1;" : "=f"(result) : "r"(static_cast<unsigned>(stored.bits) << 16));
  return result;
}
__device__ __forceinline__ float value_of(Half stored) {
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(stored.bits));
  return result;
}

/// The upper half of a product of 64 bits.
__device__ __forceinline__ unsigned upper_product(unsigned a, unsigned b) {
  unsigned result;
  asm("mul.hi.u32 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
  return result;
}

/// Division of numbers from 0 to 2^31 - 1 by d, without a division: a / d = (a factor) >> (31 + shift) with shift =
/// ceil(log2 d) and factor = ceil(2^(31 + shift) / d) (Granlund and Montgomery, PLDI 1994, theorem 4.2). The host makes
/// factor and shift.
struct Divisor {
  unsigned factor, shift;
  __device__ __forceinline__ int quotient(int a) const {
    return static_cast<int>(upper_product(static_cast<unsigned>(a) << 1, factor) >> shift);
  }
};

/// Number of this thread, of a grid in x.
__device__ __forceinline__ int thread_number() {
  return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
}
