# SPDX-License-Identifier: MIT
from libc.stdint cimport int64_t, uint32_t, uint64_t

from crashsym.kernel.base cimport Array, Memory, Span
from crashsym.kernel.strings cimport Strings

cdef enum:
    NO_FILE = 0xFFFFFFFF  # the row begins a gap
    NO_TABLE = 0xFFFFFFFF
    LARGEST_LINE = 0x7FFFFFFF


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


cdef struct Range:
    uint64_t start
    uint64_t end


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


cdef class LineTables:
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

    cdef uint32_t path(self, uint32_t table, uint64_t file) noexcept
    cdef uint32_t _full_path(self, Table* table, File* entry) noexcept
    cdef bint _add_directory(self, Span path) noexcept nogil
    cdef bint _add_file(self, Span name, uint64_t directory) noexcept nogil
    cdef bint _add_gap(self) noexcept nogil
    cdef bint _piece(self, Machine* m, uint64_t end) noexcept
    cdef bint _end_sequence(self, Machine* m) noexcept
    cdef bint _arrange(self, Machine* m) noexcept nogil
    cdef bint _untangle(self, uint64_t first_sequence) noexcept nogil
    cdef bint _too_many(self) noexcept nogil
