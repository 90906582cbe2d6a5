// Rows found by index. The rows that are read or written, and so how accesses coalesce, depend on data.
#include "cuda.h"

__device__ __forceinline__ int column_number() {
  return static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
}

/// out[i, :] = table[indices[i], :]. grid: x over rows of out, y over columns.
template <class Stored>
__device__ __forceinline__ void gather(const Stored* table, const int* indices, Stored* out, int width) {
  const int column = column_number(), row = static_cast<int>(blockIdx.x);
  if (column >= width) return;
  out[row * width + column] = table[indices[row] * width + column];
}
extern "C" __global__ void gather_4(const unsigned* table, const int* indices, unsigned* out, int width) {
  gather(table, indices, out, width);
}
extern "C" __global__ void gather_2(const unsigned short* table, const int* indices, unsigned short* out, int width) {
  gather(table, indices, out, width);
}
extern "C" __global__ void gather_1(const unsigned char* table, const int* indices, unsigned char* out, int width) {
  gather(table, indices, out, width);
}

/// For each of `count` indices the next place with the same one, plus 1 (0: none), and whether an earlier place has it.
/// A block of 256 places; the indices pass through shared memory, 256 at a time.
extern "C" __global__ void link_equal(const int* indices, int* next, int* has_earlier, int count) {
  __shared__ int part[256];
  const int i = thread_number(), thread = static_cast<int>(threadIdx.x);
  const int own = indices[i < count ? i : 0];
  int following = count, earlier = 0;
  for (int begin = 0; begin < count; begin += 256) {
    const int from = begin + thread;
    const int loaded = indices[from < count ? from : 0];
    __syncthreads();
    part[thread] = loaded;
    __syncthreads();
    const int end = count - begin < 256 ? count - begin : 256;
    for (int k = 0; k < end; ++k) {
      const int place = begin + k;
      const bool same = part[k] == own;
      earlier = (same & (place < i)) ? 1 : earlier;
      following = (same & (place > i) & (place < following)) ? place : following;
    }
  }
  if (i >= count) return;
  next[i] = following == count ? 0 : following + 1;
  has_earlier[i] = earlier;
}

/// out[indices[i], :] = sum of dy[j, :] over all places j with that index, in their order, made by the first of them.
/// out is zero before. grid: x over places, y over columns.
extern "C" __global__ void scatter_add(const float* dy, const int* indices, const int* next, const int* has_earlier,
                                       float* out, int width) {
  const int column = column_number(), first = static_cast<int>(blockIdx.x);
  if (column >= width) return;
  if (has_earlier[first] != 0) return;
  float sum = 0.0f;
  for (int place = first + 1; place > 0; place = next[place - 1]) sum = sum + dy[(place - 1) * width + column];
  out[indices[first] * width + column] = sum;
}
