# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Lists of ranges; joined are those that are sorted and do not touch each other."""

from libc.stdint cimport uint64_t
from libc.stdlib cimport qsort

from crashsym.kernel.linetables cimport Range


cdef int _by_range_start(const void* a, const void* b) noexcept nogil:
    cdef Range* x = <Range*>a
    cdef Range* y = <Range*>b
    if x.start != y.start:
        return -1 if x.start < y.start else 1
    return -1 if x.end < y.end else (1 if x.end > y.end else 0)


cdef void _sort_ranges(Range* ranges, uint64_t count) noexcept nogil:
    """Most are few, or in order already."""
    cdef uint64_t i, k
    cdef Range moved
    if count > 24:
        qsort(ranges, count, sizeof(Range), &_by_range_start)
        return
    for i in range(1, count):
        moved = ranges[i]
        k = i
        while k and _by_range_start(ranges + (k - 1), &moved) > 0:
            ranges[k] = ranges[k - 1]
            k -= 1
        ranges[k] = moved


cdef uint64_t join(Range* ranges, uint64_t count) noexcept nogil:
    """Sort ranges, and make one of those that touch; return how many there are then."""
    cdef uint64_t i, kept = 0
    if count == 0:
        return 0
    _sort_ranges(ranges, count)
    for i in range(1, count):
        if ranges[i].start > ranges[kept].end:
            kept += 1
            ranges[kept] = ranges[i]
        elif ranges[i].end > ranges[kept].end:
            ranges[kept].end = ranges[i].end
    return kept + 1
