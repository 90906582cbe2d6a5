// Element-wise kernels, grid-stride loops. One-dimensional ones run over n elements in x.
#include "cuda.h"

/// out[r, c] = a[r, c] (op) b[c * b_step] for rows x columns elements; columns in x, rows in y.
/// b of a's shape: rows 1, b_step 1; b repeated over rows: b_step 1; b scalar: rows 1, b_step 0.
template <class Operation>
__device__ __forceinline__ void binary(const float* a, const float* b, float* out, int rows, int columns, int b_step,
                                       Operation operation) {
  for (int column = first_x(); column < columns; column += stride_x()) {
    const float right = b[column * b_step];
    for (int row = first_y(); row < rows; row += stride_y())
      out[row * columns + column] = operation(a[row * columns + column], right);
  }
}

struct Add {
  __device__ __forceinline__ float operator()(float a, float b) const { return a + b; }
};
struct Subtract {
  __device__ __forceinline__ float operator()(float a, float b) const { return a - b; }
};
struct Multiply {
  __device__ __forceinline__ float operator()(float a, float b) const { return a * b; }
};

extern "C" __global__ void add(const float* a, const float* b, float* out, int rows, int columns, int b_step) {
  binary(a, b, out, rows, columns, b_step, Add());
}
extern "C" __global__ void subtract(const float* a, const float* b, float* out, int rows, int columns, int b_step) {
  binary(a, b, out, rows, columns, b_step, Subtract());
}
extern "C" __global__ void multiply(const float* a, const float* b, float* out, int rows, int columns, int b_step) {
  binary(a, b, out, rows, columns, b_step, Multiply());
}

/// out = x * factor.
extern "C" __global__ void scale(const float* x, float* out, int n, float factor) {
  for (int i = first_x(); i < n; i += stride_x()) out[i] = x[i] * factor;
}
/// out[r, c] = x[c] for rows x columns elements; columns in x, rows in y.
extern "C" __global__ void broadcast(const float* x, float* out, int rows, int columns) {
  for (int column = first_x(); column < columns; column += stride_x()) {
    const float value = x[column];
    for (int row = first_y(); row < rows; row += stride_y()) out[row * columns + column] = value;
  }
}

/// out = x > 0 ? x : 0 (a NaN gives 0).
extern "C" __global__ void relu(const float* x, float* out, int n) {
  for (int i = first_x(); i < n; i += stride_x()) out[i] = maximum(x[i], 0.0f);
}
/// out = y > 0 ? dy : 0.
extern "C" __global__ void relu_grad(const float* y, const float* dy, float* out, int n) {
  for (int i = first_x(); i < n; i += stride_x()) out[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

extern "C" __global__ void cast_fp32_bf16(const float* x, unsigned short* out, int n) {
  for (int i = first_x(); i < n; i += stride_x()) out[i] = bf16_bits(x[i]);
}
extern "C" __global__ void cast_bf16_fp32(const unsigned short* x, float* out, int n) {
  for (int i = first_x(); i < n; i += stride_x()) out[i] = value_of(x[i]);
}

/// out = (prediction - target) * scale, with scale = 2 / n in fp32.
extern "C" __global__ void mse_grad(const float* prediction, const float* target, float* out, int n, float scale) {
  for (int i = first_x(); i < n; i += stride_x()) out[i] = (prediction[i] - target[i]) * scale;
}

/// parameter' = fma(-learning_rate, gradient, parameter). Output and input may be the same storage.
extern "C" __global__ void sgd(const float* parameter, const float* gradient, float* new_parameter, int n,
                               float learning_rate) {
  for (int i = first_x(); i < n; i += stride_x())
    new_parameter[i] = multiply_add(-learning_rate, gradient[i], parameter[i]);
}
/// velocity' = fma(momentum, velocity, gradient); parameter' = fma(-learning_rate, velocity', parameter).
extern "C" __global__ void sgd_momentum(const float* parameter, const float* gradient, const float* velocity,
                                        float* new_parameter, float* new_velocity, int n, float learning_rate,
                                        float momentum) {
  for (int i = first_x(); i < n; i += stride_x()) {
    const float speed = multiply_add(momentum, velocity[i], gradient[i]);
    new_velocity[i] = speed;
    new_parameter[i] = multiply_add(-learning_rate, speed, parameter[i]);
  }
}
