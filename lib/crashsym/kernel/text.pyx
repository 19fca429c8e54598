# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Text for a symbol file, a large piece at a time."""

from cpython.buffer cimport PyBUF_READ
from cpython.memoryview cimport PyMemoryView_FromMemory
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
