// dx from dy and w.
#include "implicit_gemm.h"

IMPLICIT_GEMMS(conv2d_dgrad, DataGradient)
