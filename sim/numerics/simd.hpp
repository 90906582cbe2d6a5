#pragma once

/// Marks a function that is compiled several times, for the SIMD instructions that hosts have, and chosen when the
/// program starts. IEEE arithmetic gives the same bits with all of them (-ffp-contract=off). Sanitizers do not go with
/// the choice at start-up.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define TRIAD_SIMD [[gnu::target_clones("arch=skylake-avx512", "arch=haswell", "default")]]
#else
#define TRIAD_SIMD
#endif
