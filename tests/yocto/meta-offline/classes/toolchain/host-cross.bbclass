# OE's gcc settings, with the distribution's cross compiler and that compiler's own headers and C library.
inherit toolchain/gcc
BASE_DEFAULT_DEPS = ""
TOOLCHAIN_OPTIONS = ""
DEBUG_PREFIX_MAP_EXTRA = ""
# no recipe here ships libc, libstdc++ or update-alternatives
INSANE_SKIP:append = " build-deps file-rdeps"
