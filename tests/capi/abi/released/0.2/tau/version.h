/* Version numbers of the package and of the ABI. They move apart: the package version tells which features
 * there are, the ABI version which binaries fit. The build reads both from here. */
#ifndef TAU_VERSION_H
#define TAU_VERSION_H

#define TAU_VERSION_MAJOR 0
#define TAU_VERSION_MINOR 1
#define TAU_VERSION_PATCH 0
#define TAU_VERSION_STRING "0.1.0"

/* Programs built against ABI (major, n) run with any library of ABI (major, m) with m >= n.
 * While the major number is 0 an incompatible change is allowed and recorded in docs/abi-changes.md. */
#define TAU_ABI_MAJOR 0
#define TAU_ABI_MINOR 2

#endif
