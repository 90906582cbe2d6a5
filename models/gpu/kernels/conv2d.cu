// y = x convolved with w.
#include "implicit_gemm.h"

IMPLICIT_GEMMS(conv2d, Forward)
