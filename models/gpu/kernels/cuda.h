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

/// 2^x, log2(x), a / b (within 2 units in the last place) and the bits of bf16(x), to nearest even: single PTX
/// instructions.
__device__ __forceinline__ float exponential2(float x) {
  float result;
  asm("ex2.approx.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}
__device__ __forceinline__ float logarithm2(float x) {
  float result;
  asm("lg2.approx.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}
__device__ __forceinline__ float divide(float a, float b) {
  float result;
  asm("div.full.f32 %0, %1, %2;" : "=f"(result) : "f"(a), "f"(b));
  return result;
}
__device__ __forceinline__ unsigned short bf16_bits(float x) {
  unsigned short result;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result) : "f"(x));
  return result;
}

/// The value of a stored element in fp32; a bf16 (16 bits) is widened exactly.
__device__ __forceinline__ float value_of(float stored) {
  return stored;
}
__device__ __forceinline__ float value_of(unsigned short stored) {
  float result;
  asm("mov.b32 %0, %1;" : "=f"(result) : "r"(static_cast<unsigned>(stored) << 16));
  return result;
}

/// First index of this thread and the distance to its next one, in a grid-stride loop over x or y.
__device__ __forceinline__ int first_x() {
  return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
}
__device__ __forceinline__ int first_y() {
  return static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
}
__device__ __forceinline__ int stride_x() {
  return static_cast<int>(gridDim.x * blockDim.x);
}
__device__ __forceinline__ int stride_y() {
  return static_cast<int>(gridDim.y * blockDim.y);
}
