# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Call frame instructions; the compiled form of `crashsym.cfi.program`.

A number that does not fit into 64 bits has no form in a symbol file, and neither has -2^63: that
value, `HUGE`, stands for all of them.
"""

from libc.stdint cimport UINT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from crashsym.kernel.base cimport Cursor, fail, fixed, give_back, left, reserve, u8

cdef extern from *:
    bint __builtin_mul_overflow(int64_t, int64_t, int64_t*) nogil
    bint umul_overflow "__builtin_mul_overflow"(uint64_t, uint64_t, uint64_t*) nogil

cdef enum:
    FEW_BYTES = 256  # of an expression; longer ones are compared by their place

HUGE = <int64_t>(<uint64_t>1 << 63)


cdef uint64_t leb(Cursor* c, bint sign, bint* fits) noexcept nogil:
    """Read a LEB128 number of up to 16 bytes: its lower 64 bits, and whether those are all."""
    cdef uint64_t value = 0, byte, above
    cdef unsigned int shift = 0
    cdef bint zeros = True, ones = True
    while shift < 7 * 16:
        if c.at >= c.end:
            break
        byte = c.at[0]
        c.at += 1
        if shift < 64:
            value |= (byte & 0x7F) << shift
        if shift >= 63:
            above = byte & 0x7E if shift == 63 else byte & 0x7F
            zeros = zeros and above == 0
            ones = ones and above == (0x7E if shift == 63 else 0x7F)
        shift += 7
        if byte < 0x80:
            if sign and byte & 0x40 and shift < 64:
                value |= UINT64_MAX << shift
            if not sign or shift < 64:
                fits[0] = zeros
            else:
                fits[0] = ones if value >> 63 else zeros
            return value
    fail(c)
    fits[0] = False
    return 0


cdef int64_t number(Cursor* c, bint sign) noexcept nogil:
    """Read a LEB128 number; one that does not fit is HUGE."""
    cdef bint fits
    cdef uint64_t value = leb(c, sign, &fits)
    if not fits or (not sign and value >> 63):
        return HUGE
    return <int64_t>value


cdef inline uint64_t unsigned_number(Cursor* c) noexcept nogil:
    """Read an unsigned LEB128 number; one that does not fit is 2^64 - 1."""
    cdef bint fits
    cdef uint64_t value
    if c.at < c.end and c.at[0] < 0x80:
        c.at += 1
        return (c.at - 1)[0]
    value = leb(c, False, &fits)
    return value if fits else UINT64_MAX


cdef inline int64_t product(int64_t a, int64_t b) noexcept nogil:
    """Multiply; HUGE and anything but 0 is HUGE again, since it overflows."""
    cdef int64_t result
    if a == 0 or b == 0:
        return 0
    if __builtin_mul_overflow(a, b, &result):
        return HUGE
    return result


cdef bint same_expression(Rule* a, Rule* b) noexcept nogil:
    return a.expression != NULL and b.expression != NULL and a.number < FEW_BYTES and (
        memcmp(a.expression, b.expression, a.number) == 0
    )


cdef class Interpreter:
    def __dealloc__(self):
        give_back(&self.kept)
        give_back(&self.rules)

    cdef void begin(self) noexcept:
        """Make `state` like `initial`; there is no last row."""
        cdef uint64_t word
        cdef int i, at
        self.has_last = False
        self.state.cfa, self.state.count = self.initial.cfa, self.initial.count
        for i in range(self.words):
            word = self.state.used[i] = self.initial.used[i]
            while word:
                at = 64 * i + lowest(word)
                self.state.rules[at] = self.initial.rules[at]
                word &= word - 1

    cdef void keep(self) noexcept:
        """Make `last` like `state`."""
        cdef uint64_t word
        cdef int i, at
        self.last.cfa, self.last.count = self.state.cfa, self.state.count
        for i in range(self.words):
            word = self.state.used[i]
            self.last.used[i] = word
            if self.has_last:
                word &= self.changed[i]
            self.changed[i] = 0
            while word:
                at = 64 * i + lowest(word)
                self.last.rules[at] = self.state.rules[at]
                word &= word - 1
        self.has_last = True

    cdef bint _is_like_last(self) noexcept:
        cdef uint64_t word
        cdef int i, at
        if self.last.count != self.state.count or not same_rule(&self.last.cfa, &self.state.cfa):
            return False
        for i in range(self.words):
            word = self.state.used[i]
            if word != self.last.used[i]:
                return False
            word &= self.changed[i]
            while word:
                at = 64 * i + lowest(word)
                if not same_rule(&self.last.rules[at], &self.state.rules[at]):
                    return False
                word &= word - 1
        return True

    cdef int row(self, uint64_t start, uint64_t end) except -1:
        """Take a row: `state` holds from ``start`` up to ``end``."""
        return 1

    cdef bint pointer(
        self, Cursor* c, uint64_t encoding, unsigned int size, uint64_t* value
    ) noexcept:
        return False

    cdef int run(self, Cursor* c) except -1:
        """Execute instructions; 0 where one is damaged or unknown, and `why` says why."""
        cdef unsigned int opcode, low
        while c.at < c.end and not (self.paid and self.location >= self.stop):
            opcode = <unsigned int>u8(c)
            low = opcode & 0x3F
            if opcode >= 0xC0:  # DW_CFA_restore
                self._restore(low)
            elif opcode >= 0x80:  # DW_CFA_offset
                self._set(low, OFFSET, product(natural(c), self.cie.data_factor))
            elif opcode >= 0x40:  # DW_CFA_advance_loc
                if not self._advance(low):
                    return 0
            elif opcode and not self._instruction(opcode, c):
                return 0
            if c.failed:
                self.why = b"an instruction is truncated"
                return 0
        return 1

    cdef int finish(self) except -1:
        """Complete the last row."""
        if self.paid and self.location >= self.stop:
            return 1
        return self._complete() and self.row(self.location, UINT64_MAX)

    cdef bint _complete(self) noexcept:
        """Pay for a row, unless it is like the one before."""
        if self.paid or (self.has_last and self._is_like_last()):
            return True
        self.steps -= 1 + <int64_t>self.state.count
        if self.steps < 0:
            self.why = b"its references ask for work out of proportion to its size"
            return False
        self.keep()
        return True

    cdef int _advance(self, uint64_t count) except -1:
        cdef uint64_t delta
        if umul_overflow(count, self.cie.code_factor, &delta):
            delta = UINT64_MAX
        return self._move(delta)

    cdef int _move(self, uint64_t delta) except -1:
        cdef uint64_t start = self.location
        if not delta:
            return 1
        if not self._complete():
            return 0
        self.location = start + delta if start + delta >= start else UINT64_MAX
        return self.row(start, self.location)

    cdef bint _set(self, uint64_t register, uint8_t kind, int64_t number) noexcept:
        cdef Rule* rule
        cdef uint64_t bit
        if register >= REGISTERS:
            return True
        bit = <uint64_t>1 << (register & 63)
        if not self.state.used[register >> 6] & bit:
            self.state.used[register >> 6] |= bit
            self.state.count += 1
            if register >> 6 >= <uint64_t>self.words:
                self.words = <int>(register >> 6) + 1
        self.changed[register >> 6] |= bit
        rule = &self.state.rules[register]
        rule.kind, rule.number, rule.register, rule.expression = kind, number, 0, NULL
        return True

    cdef bint _restore(self, uint64_t register) noexcept:
        cdef uint64_t bit
        cdef Rule* rule
        if register >= REGISTERS:
            return True
        bit = <uint64_t>1 << (register & 63)
        if self.initial.used[register >> 6] & bit:
            rule = &self.initial.rules[register]
            self._set(register, rule.kind, rule.number)
            self.state.rules[register] = rule[0]
        elif self.state.used[register >> 6] & bit:
            self.state.used[register >> 6] &= ~bit
            self.state.count -= 1
        return True

    cdef bint _remember(self) noexcept:
        cdef Kept* kept
        cdef uint64_t word
        cdef int i
        if self.kept.count >= MOST_STATES:
            self.why = b"too many states are remembered"
            return False
        if not reserve(&self.kept, 1, sizeof(Kept), self.memory) or not reserve(
            &self.rules, self.state.count, sizeof(Rule), self.memory
        ):
            self.why = b"it asks for more memory than a file of its size may use"
            return False
        kept = <Kept*>self.kept.items + self.kept.count
        kept.cfa, kept.count, kept.first_rule = self.state.cfa, self.state.count, self.rules.count
        memcpy(kept.used, self.state.used, sizeof(kept.used))
        for i in range(self.words):
            word = kept.used[i]
            while word:
                (<Rule*>self.rules.items)[self.rules.count] = self.state.rules[64 * i + lowest(word)]
                self.rules.count += 1
                word &= word - 1
        self.kept.count += 1
        return True

    cdef bint _bring_back(self) noexcept:
        cdef Kept* kept
        cdef Rule* rule
        cdef uint64_t word
        cdef int i
        if not self.kept.count:
            self.why = b"a state is restored that was never remembered"
            return False
        self.kept.count -= 1
        kept = <Kept*>self.kept.items + self.kept.count
        self.state.cfa, self.state.count = kept.cfa, kept.count
        memcpy(self.state.used, kept.used, sizeof(kept.used))
        rule = <Rule*>self.rules.items + kept.first_rule
        for i in range(self.words):
            word = kept.used[i]
            self.changed[i] |= word
            while word:
                self.state.rules[64 * i + lowest(word)] = rule[0]
                rule += 1
                word &= word - 1
        self.rules.count = kept.first_rule
        return True

    # ---- instructions with operands, DWARF 5 section 7.24

    cdef int _instruction(self, unsigned int opcode, Cursor* c) except -1:
        if opcode in (0x01, 0x02, 0x03, 0x04, 0x1D):
            return self._of_location(opcode, c)
        if opcode in (0x0C, 0x0D, 0x0E, 0x0F, 0x12, 0x13):
            return self._of_cfa(opcode, c)
        if opcode == 0x0A:
            return self._remember()
        if opcode == 0x0B:
            return self._bring_back()
        if opcode == 0x2B:  # DW_CFA_AARCH64_set_ra_state
            natural(c)
            number(c, True)
            return 1
        if opcode == 0x2C:  # DW_CFA_AARCH64_negate_ra_state_with_pc
            return 1
        if opcode == 0x2D:  # DW_CFA_GNU_window_save, DW_CFA_AARCH64_negate_ra_state
            return self._window()
        if opcode == 0x2E:  # DW_CFA_GNU_args_size
            natural(c)
            return 1
        return self._of_register(opcode, c)

    cdef int _of_location(self, unsigned int opcode, Cursor* c) except -1:
        cdef uint64_t location
        cdef unsigned int size = 8 if opcode == 0x1D else 1 << (opcode - 2) if opcode > 1 else 0
        if size:
            location = fixed(c, size)
            return 1 if c.failed else self._advance(location)
        if not self.pointer(c, self.cie.encoding, self.cie.address_size, &location):
            return 0
        if location < self.location:
            self.why = b"the rows go back"
            return 0
        return self._move(location - self.location)

    cdef bint _of_cfa(self, unsigned int opcode, Cursor* c) noexcept:
        cdef Rule* cfa = &self.state.cfa
        cdef uint64_t register
        cdef int64_t offset = 0
        if opcode == 0x0F:  # DW_CFA_def_cfa_expression
            return self._expression(c, cfa, VAL_EXPRESSION)
        if cfa.kind != REGISTER_OFFSET and (
            opcode in (0x0E, 0x13) or (opcode == 0x0D and cfa.kind != NO_RULE)
        ):
            self.why = b"the CFA has no register or offset that could stay"
            return False
        if opcode in (0x0C, 0x0D, 0x12):
            register = unsigned_number(c)
            if register > FAR_REGISTER:
                register = FAR_REGISTER
        else:
            register = cfa.register
        if opcode == 0x0D:
            if cfa.kind != NO_RULE:
                offset = cfa.number
        elif opcode in (0x0C, 0x0E):
            offset = natural(c)
        else:
            offset = product(number(c, True), self.cie.data_factor)
        cfa.kind, cfa.register, cfa.number, cfa.expression = (
            REGISTER_OFFSET, <uint32_t>register, offset, NULL
        )
        return True

    cdef bint _of_register(self, unsigned int opcode, Cursor* c) noexcept:
        cdef uint64_t register
        cdef int64_t factor = self.cie.data_factor, value
        cdef Rule rule
        if not (0x05 <= opcode <= 0x09 or 0x10 <= opcode <= 0x16 or opcode == 0x2F):
            self.why = b"unknown call frame instruction"
            return False
        register = unsigned_number(c)
        if opcode == 0x05 or opcode == 0x14:
            return self._set(
                register, OFFSET if opcode == 0x05 else VAL_OFFSET, product(natural(c), factor)
            )
        if opcode == 0x11 or opcode == 0x15:
            return self._set(
                register, OFFSET if opcode == 0x11 else VAL_OFFSET, product(number(c, True), factor)
            )
        if opcode == 0x06:
            return self._restore(register)
        if opcode == 0x07 or opcode == 0x08:
            return self._set(register, UNDEFINED if opcode == 0x07 else SAME_VALUE, 0)
        if opcode == 0x09:
            return self._set(register, REGISTER, natural(c))
        if opcode == 0x2F:  # DW_CFA_GNU_negative_offset_extended
            value = natural(c)
            return self._set(register, OFFSET, product(value if value == HUGE else -value, factor))
        if not self._expression(c, &rule, EXPRESSION if opcode == 0x10 else VAL_EXPRESSION):
            return False
        self._set(register, rule.kind, 0)
        if register < REGISTERS:
            self.state.rules[register] = rule
        return True

    cdef bint _expression(self, Cursor* c, Rule* rule, uint8_t kind) noexcept:
        cdef uint64_t size = unsigned_number(c)
        if c.failed or size > left(c):
            self.why = b"an expression is truncated"
            return False
        rule.kind, rule.register, rule.number, rule.expression = kind, 0, <int64_t>size, c.at
        c.at += size
        return True

    cdef bint _window(self) noexcept:
        """SPARC: the outs are in the ins, locals and ins on the stack; other CPUs: no change."""
        cdef unsigned int i
        if self.has_windows:
            for i in range(8, 16):
                self._set(i, REGISTER, i + 16)
            for i in range(16, 32):
                self._set(i, OFFSET, (i - 16) * <int64_t>self.cie.address_size)
        return True
