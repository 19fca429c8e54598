# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Where code can lie; the compiled form of `crashsym.codemap.CodeMap.inside`."""

from libc.stdint cimport UINT64_MAX, uint64_t

from crashsym.kernel.base cimport Array, Memory, reserve
from crashsym.kernel.linetables cimport Range


cdef bint add_ranges(Array* ranges, executable, Memory* memory) except -1:
    """Add sorted (start, end) pairs."""
    cdef Range* item
    if not reserve(ranges, len(executable), sizeof(Range), memory):
        raise MemoryError
    for start, end in executable:
        item = <Range*>ranges.items + ranges.count
        item.start, item.end = min(start, UINT64_MAX), min(end, UINT64_MAX)
        ranges.count += 1
    return True


cdef bint cut_to_code(Array* ranges, uint64_t start, uint64_t* end) noexcept nogil:
    """Cut a range off where code ends; False if it begins where none can lie."""
    cdef Range* code = <Range*>ranges.items
    cdef uint64_t low = 0, high = ranges.count, middle
    while low < high:
        middle = (low + high) // 2
        if code[middle].start <= start:
            low = middle + 1
        else:
            high = middle
    if low == 0 or start >= code[low - 1].end:
        return False
    if end[0] > code[low - 1].end:
        end[0] = code[low - 1].end
    return True
