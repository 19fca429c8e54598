# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Text for a symbol file, a large piece at a time."""

from cpython.buffer cimport PyBUF_READ
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free, malloc

from crashsym.kernel.base cimport Span
from crashsym.kernel.strings cimport is_plain, one_line

cdef class Text:
    def __init__(self, stream):
        self.stream = stream
        self.count = 0
        self.buffer = <char*>malloc(SIZE)
        if self.buffer == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.buffer)

    cdef bint flush(self) except False:
        """Hand what is there to the stream."""
        if self.count:
            self.stream.write(PyMemoryView_FromMemory(self.buffer, self.count, PyBUF_READ))
            self.count = 0
        return True

    cdef bint span(self, Span text) except False:
        """Write a name; what would end the record or cannot be seen becomes "?"."""
        cdef bytes other
        if is_plain(text):
            if text.size > SIZE // 2:
                self.flush()
                self.stream.write(text.data[: text.size])
                return True
            make_room(self, text.size)
            put_bytes(self, <const char*>text.data, text.size)
            return True
        other = one_line(text)
        self.flush()
        self.stream.write(other)
        return True


cdef char* long_hex_at(char* at, uint64_t value) noexcept nogil:
    """Write a number of more than 8 digits."""
    cdef unsigned int shift = 56
    while not value >> shift:
        shift -= 8
    at = number_at(at, &HEX[value >> shift])
    while shift:
        shift -= 8
        at = number_at(at, &LAST_HEX[(value >> shift) & 255])
    return at


cdef char* long_decimal_at(char* at, uint64_t value) noexcept nogil:
    """Write a number of more than 6 digits."""
    cdef uint64_t part = 1000
    while value // part >= 1000:
        part *= 1000
    at = number_at(at, &DECIMAL[value // part])
    while part > 1:
        value %= part
        part //= 1000
        at = number_at(at, &LAST_DECIMAL[value // part])
    return at


cdef void _fill(Digits* digits, uint64_t value, unsigned int base, unsigned int least) noexcept:
    """Make the text of a number, with ``least`` digits if it has not more."""
    cdef unsigned int at = 1 + (value >= base) + (value >= base * base)
    if at < least:
        at = least
    digits.size = <uint8_t>at
    while at:
        at -= 1
        digits.text[at] = (<const char*>b"0123456789abcdef")[value % base]
        value //= base


cdef void _fill_all() noexcept:
    cdef uint64_t i
    for i in range(1000):
        _fill(&DECIMAL[i], i, 10, 1)
        _fill(&LAST_DECIMAL[i], i, 10, 3)
    for i in range(256):
        _fill(&HEX[i], i, 16, 1)
        _fill(&LAST_HEX[i], i, 16, 2)


_fill_all()
