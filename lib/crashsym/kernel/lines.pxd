# SPDX-License-Identifier: MIT
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from crashsym.kernel.abbrevs cimport Shape
from crashsym.kernel.base cimport Array, Cursor, Memory, Span
from crashsym.kernel.strings cimport Strings

cdef enum:
    NO_FILE = 0xFFFFFFFF  # the row begins a gap
    NO_TABLE = 0xFFFFFFFF


cdef struct Row:  # of a line table; it lasts up to the next row
    uint64_t address
    uint32_t line
    uint32_t file  # index in `paths`


cdef struct Sequence:  # rows in ascending order
    uint64_t low
    uint64_t high
    uint64_t first
    uint64_t count


cdef struct Table:
    uint64_t first_sequence
    uint64_t sequences
    uint64_t first_file
    uint64_t files
    Span comp_dir


cdef struct File:  # one entry of a line table's header
    Span name
    Span directory
    Span base  # the directory that `directory` is relative to
    uint32_t path  # index in `paths`, NO_STRING until it is asked for
    bint missing  # no file has this number


cdef struct LineInput:
    Span line
    Span line_str
    Span str
    Span str_offsets
    Span supplementary  # .debug_str of dwz's common file
    uint64_t str_base
    unsigned int offset_size  # of the unit
    bint big


cdef struct Range:
    uint64_t start
    uint64_t end


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


cdef struct Machine:  # the registers of a line program, and the row under construction
    uint64_t address
    uint64_t op_index
    uint64_t file
    int64_t line
    bint pending  # a row has begun
    uint64_t row_address
    uint32_t row_line
    uint64_t row_file
    uint64_t known_file  # whose path is `known_path`
    uint32_t known_path
    bint wanted  # the sequence lies where code can be
    uint64_t first_row  # of the sequence
    uint64_t last_end
    uint32_t last_line
    uint32_t last_path
    bint tangled  # rows go back
    bint defined  # DW_LNE_define_file was met
    uint32_t table
    uint64_t first_sequence


cdef bint in_code(Array* code, uint64_t address) noexcept nogil


cdef class Lines:
    cdef Array rows
    cdef Array sequences
    cdef Array tables
    cdef Array files
    cdef Array directories
    cdef Array scratch
    cdef Array joined
    cdef Memory* memory
    cdef int64_t* steps  # left, see `Dwarf`
    cdef Strings paths
    cdef Array* code
    cdef uint64_t code_mask  # of the bits of an address
    cdef const char* why  # of the last damage
    cdef uint64_t where
    cdef Special specials[256]  # by opcode
    cdef int special_line_base  # for which they were computed
    cdef uint64_t special_line_range
    cdef uint64_t special_opcode_base

    cdef uint32_t read(self, LineInput* source, uint64_t offset, Span comp_dir, unsigned int address_size) noexcept
    cdef uint32_t path(self, uint32_t table, uint64_t file) noexcept
    cdef bint _header(self, LineInput* source, Cursor* unit, Header* header, Shape shape) noexcept
    cdef bint _entries(self, LineInput* source, Cursor* unit, Shape shape, bint files) noexcept
    cdef bint _string(self, LineInput* source, uint64_t raw, uint64_t form, Span* text) noexcept nogil
    cdef bint _add_directory(self, Span path) noexcept nogil
    cdef bint _add_file(self, Span name, uint64_t directory) noexcept nogil
    cdef bint _add_gap(self) noexcept nogil
    cdef bint _program(self, Cursor* program, Header* header, Machine* m) noexcept
    cdef bint _extended(self, Cursor* program, Header* header, Machine* m) noexcept
    cdef void _prepare(self, Header* header) noexcept nogil
    cdef bint _piece(self, Machine* m, uint64_t end) noexcept
    cdef bint _end_sequence(self, Machine* m) noexcept
    cdef bint _arrange(self, Machine* m) noexcept nogil
    cdef bint _untangle(self, uint64_t first_sequence) noexcept nogil
    cdef bint _too_many(self) noexcept nogil
    cdef uint32_t _full_path(self, Table* table, File* entry) noexcept
    cdef bint _damage(self, const char* why, Cursor* at) noexcept nogil
