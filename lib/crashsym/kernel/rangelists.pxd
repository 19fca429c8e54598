# SPDX-License-Identifier: MIT
from libc.stdint cimport uint64_t

from crashsym.kernel.linetables cimport Range


cdef uint64_t join(Range* ranges, uint64_t count) noexcept nogil


cdef inline bint is_joined(Range* ranges, uint64_t count) noexcept nogil:
    """Whether ranges, one or more, are sorted and do not touch each other."""
    cdef Range* last = ranges + (count - 1)
    while ranges < last:
        if ranges[0].end >= ranges[1].start:
            return False
        ranges += 1
    return True


cdef inline bint has_all(Range* ranges, uint64_t count, Range* parts, uint64_t part_count) noexcept nogil:
    """Whether each of the parts lies in one of the ranges; both are joined, and one or more."""
    cdef Range* last = ranges + (count - 1)
    cdef Range* last_part = parts + (part_count - 1)
    if ranges == last:
        return ranges.start <= parts.start and last_part.end <= ranges.end
    while parts <= last_part:
        while ranges < last and ranges.end < parts.end:
            ranges += 1
        if parts.start < ranges.start or parts.end > ranges.end:
            return False
        parts += 1
    return True
