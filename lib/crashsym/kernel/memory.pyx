# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Memory for what becomes large, which a forked process need not have.

What is mapped here is listed, so that a process that is forked for a moment, see `Apart`, can be
had without it: neither does it count twice, nor has the kernel to prepare that it is.
"""

from libc.stdint cimport uint64_t

cdef extern from *:
    """
    #include <stddef.h>
    #include <stdint.h>
    #include <sys/mman.h>
    #include <sys/resource.h>
    /* Reserve address space, with large pages: one page fault each 2 MiB, not each 4 KiB. */
    static char *crashsym_map(uint64_t size) {
    #if defined(MADV_HUGEPAGE) && UINTPTR_MAX > 0xFFFFFFFF && !defined(__SANITIZE_ADDRESS__)
        const uintptr_t page = 2u << 20;
        char *mapped, *start;
        if (size >> 45)
            return NULL;
        mapped = (char *)mmap(NULL, size + page, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapped == (char *)MAP_FAILED)
            return NULL;
        start = (char *)(((uintptr_t)mapped + page - 1) & ~(page - 1));
        if (start > mapped)
            munmap(mapped, (size_t)(start - mapped));
        munmap(start + size, (size_t)(mapped + page - start));
        madvise(start, size, MADV_HUGEPAGE);
        return start;
    #else
        (void)size;
        return NULL;
    #endif
    }
    static void crashsym_unmap(char *start, uint64_t size) {
        munmap(start, (size_t)size);
    }
    /* Whether address space costs nothing, as long as there is no memory behind it. */
    static int crashsym_space_is_free(void) {
        struct rlimit limit;
        return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY;
    }
    static void crashsym_fork(char *start, uint64_t size, int has_it) {
        madvise(start, (size_t)size, has_it ? MADV_DOFORK : MADV_DONTFORK);
    }
    """
    char* _map "crashsym_map"(uint64_t size) noexcept nogil
    void _unmap "crashsym_unmap"(char* start, uint64_t size) noexcept nogil
    bint _space_is_free "crashsym_space_is_free"() noexcept nogil
    void _fork "crashsym_fork"(char* start, uint64_t size, bint has_it) noexcept nogil

cdef enum:
    MOST = 256  # more than that are just not listed


cdef struct Region:
    char* start
    uint64_t size


cdef Region REGIONS[MOST]
cdef int COUNT = 0


cdef char* map_memory(uint64_t size) noexcept nogil:
    """Return zeros, whose place begins and ends with a large page; NULL where they cannot be had."""
    global COUNT
    cdef char* start = _map(size)
    if start != NULL and COUNT < MOST:
        REGIONS[COUNT].start, REGIONS[COUNT].size = start, size
        COUNT += 1
    return start


cdef void unmap_memory(char* start, uint64_t size) noexcept nogil:
    global COUNT
    cdef int i
    _unmap(start, size)
    for i in range(COUNT):
        if REGIONS[i].start == start:
            COUNT -= 1
            REGIONS[i] = REGIONS[COUNT]
            break


cdef bint space_is_free() noexcept nogil:
    return _space_is_free()


cdef void hide_from_forks() noexcept nogil:
    """From now on a forked process has nothing of what is mapped here."""
    cdef int i
    for i in range(COUNT):
        _fork(REGIONS[i].start, REGIONS[i].size, False)


cdef void show_to_forks() noexcept nogil:
    """Undo that."""
    cdef int i
    for i in range(COUNT):
        _fork(REGIONS[i].start, REGIONS[i].size, True)


cdef void show_to_fork(char* start, uint64_t size) noexcept nogil:
    _fork(start, size, True)
