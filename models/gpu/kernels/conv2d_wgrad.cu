// dw from dy and x.
#include "implicit_gemm.h"

IMPLICIT_GEMMS(conv2d_wgrad, WeightGradient)
