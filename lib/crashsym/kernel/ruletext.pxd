# SPDX-License-Identifier: MIT
from cython cimport final
from libc.stdint cimport int64_t, uint32_t, uint64_t

from crashsym.kernel.base cimport Span
from crashsym.kernel.frames cimport REGISTERS, WORDS, Rule, State
from crashsym.kernel.text cimport Text

cdef enum:
    RULE_ROOM = 80  # bytes of the text of a rule that is no expression
    CFI_RECORD = 128  # bytes that a record can have before its rules


@final
cdef class RuleText:
    cdef Text text
    cdef object registers
    cdef bint little_endian
    cdef list keep
    cdef Span names[REGISTERS]
    cdef uint64_t named[WORDS]  # a bit for each register that has a name
    cdef int words  # of them up to the last that has bits
    cdef uint64_t different[WORDS]  # of two rows: with a name, and not that of the return address
    cdef uint64_t load_base
    cdef dict expressions
    cdef dict older
    cdef bint changed

    cdef bint has_form(self, State* state, uint64_t column) except -1
    cdef bint begin(self, State* state, uint64_t column, uint64_t start, uint64_t end) except -1
    cdef bint change(
        self, State* before, State* now, uint64_t* changed, uint64_t column, uint64_t address
    ) except -1
    cdef bint ready(self, uint64_t start, uint64_t end, Span rules) except -1
    cdef Span name(self, uint64_t register) noexcept nogil
    cdef Span form(self, Rule* rule, Span own, char* room) except *
    cdef Span _expression(self, Rule* rule, bint on_stack) except *
    cdef Span _back(self, State* state, uint64_t column, char* room) except *
    cdef Span _own(self, State* state, int register, char* room) except *
    cdef bint _init(self, uint64_t start, uint64_t end) except -1
    cdef bint _rule(self, Span name, Span rule) except -1
    cdef bint _change(self, uint64_t address, Span name, Span rule) except -1
    cdef bint _sum(self, uint64_t address, Span name, Rule* rule) except -1
    cdef char* _begin_change(self, char* at, uint64_t address) noexcept nogil
    cdef Span _base(self, Rule* rule) noexcept nogil
    cdef bint _compare(
        self, State* before, State* now, uint64_t* changed, uint64_t column
    ) noexcept nogil
    cdef bint _registers(self, State* before, State* now, uint64_t address) except -1
    cdef bint _lost(self, State* before, State* now, uint64_t address) except -1
