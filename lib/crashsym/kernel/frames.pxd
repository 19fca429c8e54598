# SPDX-License-Identifier: MIT
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from crashsym.kernel.base cimport Array, Cursor, Memory, Span

cdef enum:
    REGISTERS = 512  # of which a CIE or FDE can have rules; those above are ignored
    WORDS = REGISTERS // 64
    MOST_STATES = 256  # states that are remembered
    FAR_REGISTER = 0xFFFFFFFF  # one whose number has more than 32 bits

cdef enum:  # see crashsym.cfi.model.RuleKind; 0: there is no rule
    NO_RULE, UNDEFINED, SAME_VALUE, OFFSET, VAL_OFFSET, REGISTER, EXPRESSION, VAL_EXPRESSION,
    REGISTER_OFFSET

cdef int64_t HUGE  # a number that has no form in a symbol file


cdef struct Rule:
    const uint8_t* expression
    int64_t number  # or the size of the expression
    uint32_t register  # of the CFA
    uint8_t kind


cdef struct State:  # the rules of one row
    Rule cfa
    uint64_t used[WORDS]  # a bit for each register that has a rule
    uint32_t count
    Rule rules[REGISTERS]


cdef struct Cie:
    uint64_t code_factor
    int64_t data_factor
    uint64_t return_column
    uint8_t encoding
    uint8_t address_size
    bint augmented
    bint good
    Rule cfa
    uint64_t used[WORDS]
    uint64_t first_rule  # of those that its instructions have set


cdef struct Kept:  # a state that is remembered
    Rule cfa
    uint64_t used[WORDS]
    uint32_t count
    uint64_t first_rule


cdef class Interpreter:
    """Executes call frame instructions and hands each row to `row`."""

    cdef Memory* memory
    cdef int64_t steps  # left, see crashsym.budget
    cdef State state
    cdef State initial
    cdef State last  # the row that was paid or written last
    cdef bint has_last
    cdef uint64_t changed[WORDS]  # a bit for each register whose rule may be another than in `last`
    cdef int words  # of such bits up to the last register that ever had a rule
    cdef bint paid  # rows cost no steps
    cdef uint64_t location
    cdef uint64_t stop  # where no more rows are wanted
    cdef Cie* cie
    cdef bint has_windows  # SPARC
    cdef Array kept
    cdef Array rules
    cdef const char* why

    cdef int run(self, Cursor* c) except -1
    cdef int finish(self) except -1
    cdef int row(self, uint64_t start, uint64_t end) except -1
    cdef bint pointer(self, Cursor* c, uint64_t encoding, unsigned int size, uint64_t* value) noexcept
    cdef int _advance(self, uint64_t count) except -1
    cdef int _move(self, uint64_t delta) except -1
    cdef bint _complete(self) noexcept
    cdef void begin(self) noexcept
    cdef void keep(self) noexcept
    cdef bint _is_like_last(self) noexcept
    cdef bint _set(self, uint64_t register, uint8_t kind, int64_t number) noexcept
    cdef bint _restore(self, uint64_t register) noexcept
    cdef bint _remember(self) noexcept
    cdef bint _bring_back(self) noexcept
    cdef int _instruction(self, unsigned int opcode, Cursor* c) except -1
    cdef int _of_location(self, unsigned int opcode, Cursor* c) except -1
    cdef bint _of_cfa(self, unsigned int opcode, Cursor* c) noexcept
    cdef bint _of_register(self, unsigned int opcode, Cursor* c) noexcept
    cdef bint _expression(self, Cursor* c, Rule* rule, uint8_t kind) noexcept
    cdef bint _window(self) noexcept


cdef uint64_t leb(Cursor* c, bint sign, bint* fits) noexcept nogil
cdef int64_t number(Cursor* c, bint sign) noexcept nogil
cdef bint same_expression(Rule* a, Rule* b) noexcept nogil


cdef extern from *:
    int __builtin_ctzll(unsigned long long) nogil


cdef inline int lowest(uint64_t word) noexcept nogil:
    """Return the number of the lowest bit that is set in a word that has one."""
    return __builtin_ctzll(word)


cdef inline bint same_rule(Rule* a, Rule* b) noexcept nogil:
    if a.kind != b.kind or a.number != b.number or a.register != b.register:
        return False
    return a.expression == b.expression or same_expression(a, b)


cdef inline int64_t natural(Cursor* c) noexcept nogil:
    """Read an unsigned number, of which most have one byte; one that does not fit is HUGE."""
    if c.at < c.end and c.at[0] < 0x80:
        c.at += 1
        return (c.at - 1)[0]
    return number(c, False)
