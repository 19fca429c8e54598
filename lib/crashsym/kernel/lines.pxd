# SPDX-License-Identifier: MIT
from cython cimport final
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from crashsym.kernel.abbrevs cimport Shape
from crashsym.kernel.base cimport Cursor, Span
from crashsym.kernel.linetables cimport LineTables, Machine


cdef struct LineInput:
    Span line
    Span line_str
    Span str
    Span str_offsets
    Span supplementary  # .debug_str of dwz's common file
    uint64_t str_base
    unsigned int offset_size  # of the unit
    bint big


cdef struct Header:
    uint64_t minimum_length
    uint64_t operations
    int line_base
    uint64_t line_range
    uint64_t opcode_base
    const uint8_t* operand_counts
    uint64_t mask
    int version


cdef struct Special:  # what a special opcode adds
    uint32_t operations
    int32_t line


@final
cdef class Lines(LineTables):
    cdef Special specials[256]  # by opcode
    cdef int special_line_base  # for which they were computed
    cdef uint64_t special_line_range
    cdef uint64_t special_opcode_base

    cdef uint32_t read(self, LineInput* source, uint64_t offset, Span comp_dir, unsigned int address_size) noexcept
    cdef bint _header(self, LineInput* source, Cursor* unit, Header* header, Shape shape) noexcept
    cdef bint _entries(self, LineInput* source, Cursor* unit, Shape shape, bint files) noexcept
    cdef bint _string(self, LineInput* source, uint64_t raw, uint64_t form, Span* text) noexcept nogil
    cdef void _prepare(self, Header* header) noexcept nogil
    cdef bint _program(self, Cursor* program, Header* header, Machine* m) noexcept
    cdef bint _operation(self, uint64_t opcode, Cursor* c, Header* header, Machine* m) noexcept
    cdef bint _extended(self, Cursor* program, Header* header, Machine* m) noexcept
    cdef bint _damage(self, const char* why, Cursor* at) noexcept nogil
