# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Unwind rules → STACK CFI records; the compiled form of `crashsym.breakpad.rules`."""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

from crashsym.kernel.base cimport Span
from crashsym.kernel.frames cimport (
    EXPRESSION, HUGE, OFFSET, REGISTER, REGISTER_OFFSET, REGISTERS, SAME_VALUE, UNDEFINED,
    VAL_EXPRESSION, VAL_OFFSET, Rule, State, lowest, same_rule,
)
from crashsym.kernel.text cimport (
    bytes_at, char_at, decimal_at, end_at, end_of, hex_at, make_room, place_for, put_bytes, put_char,
    put_hex,
)

from crashsym.breakpad.postfix import translate

cdef enum:
    MOST_EXPRESSIONS = 4096  # expressions
    LONGEST_REGISTER = 16  # of a register
    LONGEST_EXPRESSION = 64  # bytes of an expression that may have a form, see crashsym.breakpad.postfix


cdef inline Span span(const char* text, uint64_t size) noexcept nogil:
    cdef Span found
    found.data, found.size = <const uint8_t*>text, size
    return found


cdef inline bint equal(Span a, Span b) noexcept nogil:
    """Whether two texts are equal; NULL is none."""
    if a.data == NULL or b.data == NULL:
        return a.data == b.data
    return a.size == b.size and memcmp(a.data, b.data, a.size) == 0


cdef inline bint has(State* state, int register) noexcept nogil:
    return (state.used[register >> 6] >> (register & 63)) & 1


cdef inline bint same_of(State* a, State* b, uint64_t register) noexcept nogil:
    """Whether two rows have the same rule, or none, for a register."""
    if register >= REGISTERS:
        return True
    if not has(a, <int>register) or not has(b, <int>register):
        return has(a, <int>register) == has(b, <int>register)
    return same_rule(&a.rules[register], &b.rules[register])


cdef inline char* signed_at(char* at, int64_t number) noexcept nogil:
    if number < 0:
        return decimal_at(char_at(at, b"-"), 0 - <uint64_t>number)
    return decimal_at(at, <uint64_t>number)


cdef inline char* name_at(char* at, Span name) noexcept nogil:
    """Write the name of a register, behind which there are bytes up to `LONGEST_REGISTER`."""
    memcpy(at, name.data, LONGEST_REGISTER)
    return at + name.size


cdef inline char* sum_at(char* at, Span name, Rule* rule) noexcept nogil:
    """Write a rule that adds to what has a name."""
    at = signed_at(char_at(name_at(at, name), b" "), rule.number)
    memcpy(at, b" + ^", 4)
    return at + (4 if rule.kind == OFFSET else 2)


cdef inline bint is_offset(Rule* rule) noexcept nogil:
    """Whether a rule adds to the CFA or a register a number that can be written."""
    return rule.kind in (OFFSET, VAL_OFFSET, REGISTER_OFFSET) and rule.number != HUGE


cdef inline bint differ(Rule* a, Rule* b) noexcept nogil:
    """Whether the texts of two rules are known to differ without making them."""
    return is_offset(a) and is_offset(b) and a.kind == b.kind and a.register == b.register


cdef Span CFA = span(b".cfa            ", 4)
cdef Span RETURN_ADDRESS = span(b".ra             ", 3)


cdef class RuleText:
    """Writes the rules of one module to ``text``."""

    def __init__(self, dict registers, uint64_t load_base, bint little_endian):
        self.registers, self.load_base, self.little_endian = registers, load_base, little_endian
        self.keep = []
        self.expressions, self.older = {}, {}
        for number, name in registers.items():
            raw = name.encode()
            if number < REGISTERS and len(raw) <= LONGEST_REGISTER:
                wide = raw.ljust(LONGEST_REGISTER)
                self.keep.append(wide)
                self.names[<int>number] = span(wide, len(raw))
                self.named[<int>number >> 6] |= <uint64_t>1 << (<int>number & 63)
                self.words = max(self.words, (<int>number >> 6) + 1)

    cdef Span name(self, uint64_t register) noexcept nogil:
        """Return the name of a register; NULL where it has none."""
        return self.names[register] if register < REGISTERS else span(NULL, 0)

    # ---- the text of one rule

    cdef Span form(self, Rule* rule, Span own, char* room) except *:
        """Return the text of a rule for the register ``own``; NULL when Breakpad has none.

        It is in ``room``, or valid until the second expression after this.
        """
        cdef Span name
        cdef uint8_t kind = rule.kind
        if kind == EXPRESSION or kind == VAL_EXPRESSION:
            return self._expression(rule, own.data != NULL)
        if kind == SAME_VALUE:
            return own
        if kind == REGISTER:
            return self.name(<uint64_t>rule.number)
        if kind == UNDEFINED or rule.number == HUGE:
            return span(NULL, 0)
        name = self._base(rule)
        if name.data == NULL:
            return name
        return span(room, <uint64_t>(sum_at(room, name, rule) - room))

    cdef Span _expression(self, Rule* rule, bint on_stack) except *:
        cdef bytes code
        if rule.number > LONGEST_EXPRESSION:
            return span(NULL, 0)
        code = rule.expression[: rule.number]
        cdef bint loaded = rule.kind == EXPRESSION
        key = (code, on_stack, loaded)
        found = self.expressions.get(key, self)
        if found is self:
            text = translate(
                code, self.registers, [".cfa"] if on_stack else [], little_endian=self.little_endian
            )
            found = None
            if text:
                found = f"{text} ^".encode() if loaded else text.encode()
            if len(self.expressions) >= MOST_EXPRESSIONS:
                self.older, self.expressions = self.expressions, {}
            self.expressions[key] = found
        if found is None:
            return span(NULL, 0)
        return span(<bytes>found, len(<bytes>found))

    cdef Span _back(self, State* state, uint64_t column, char* room) except *:
        """Return the rule of ``.ra``, which is never left out; NULL where it has no form."""
        cdef Rule* rule
        if column >= REGISTERS or not has(state, <int>column):
            return self.name(column)
        rule = &state.rules[column]
        if rule.kind == UNDEFINED:
            return span(b"0", 1)
        return self.form(rule, self.name(column), room)

    cdef Span _own(self, State* state, int register, char* room) except *:
        """Return the rule of a register that has a name; NULL where it is left out."""
        cdef Span name = self.names[register], found
        if not has(state, register):
            return span(NULL, 0)
        found = self.form(&state.rules[register], name, room)
        if found.data == NULL:
            return span(b".undef", 6)
        return span(NULL, 0) if equal(found, name) else found

    # ---- records

    cdef bint has_form(self, State* state, uint64_t column) except -1:
        """Whether a row can be written: CFA and return address have a form."""
        cdef char room[RULE_ROOM]
        cdef Rule* cfa = &state.cfa
        if cfa.kind == REGISTER_OFFSET and is_offset(cfa):
            if self.name(cfa.register).data == NULL:
                return False
        elif self.form(cfa, span(NULL, 0), room).data == NULL:
            return False
        if column < REGISTERS and has(state, <int>column) and is_offset(&state.rules[column]):
            return True
        return self._back(state, column, room).data != NULL

    cdef bint _init(self, uint64_t start, uint64_t end) except -1:
        make_room(self.text, CFI_RECORD)
        put_bytes(self.text, b"STACK CFI INIT ", 15)
        put_hex(self.text, start - self.load_base)
        put_char(self.text, b" ")
        put_hex(self.text, end - start)
        return True

    cdef bint ready(self, uint64_t start, uint64_t end, Span rules) except -1:
        """Write a record whose rules are a text already."""
        self._init(start, end)
        put_char(self.text, b" ")
        self.text.span(rules)
        make_room(self.text, 1)
        put_char(self.text, b"\n")
        return True

    cdef bint begin(self, State* state, uint64_t column, uint64_t start, uint64_t end) except -1:
        """Write a STACK CFI INIT record."""
        cdef char room[RULE_ROOM]
        cdef Span rule
        cdef uint64_t word
        cdef int i, at
        self._init(start, end)
        self._rule(CFA, self.form(&state.cfa, span(NULL, 0), room))
        self._rule(RETURN_ADDRESS, self._back(state, column, room))
        for i in range(self.words):
            word = state.used[i]
            while word:
                at = 64 * i + lowest(word)
                word &= word - 1
                if <uint64_t>at == column or self.names[at].data == NULL:
                    continue
                rule = self._own(state, at, room)
                if rule.data != NULL:
                    self._rule(self.names[at], rule)
        make_room(self.text, 1)
        put_char(self.text, b"\n")
        return True

    cdef bint _rule(self, Span name, Span rule) except -1:
        """Write " name: rule"."""
        cdef char* at = place_for(self.text, end_of(self.text), 2 * CFI_RECORD)
        end_at(self.text, bytes_at(name_at(char_at(at, b" "), name), b": ", 2))
        if rule.size > RULE_ROOM:
            return self.text.span(rule)
        put_bytes(self.text, <const char*>rule.data, rule.size)
        return True

    cdef bint change(
        self, State* before, State* now, uint64_t* changed, uint64_t column, uint64_t address
    ) except -1:
        """Write a STACK CFI record if anything is different from the row before.

        ``changed`` has a bit for each register whose rule may be another.
        """
        cdef char room[RULE_ROOM]
        cdef char old_room[RULE_ROOM]
        cdef Span rule
        self.changed = False
        if not same_rule(&before.cfa, &now.cfa):
            if differ(&before.cfa, &now.cfa):
                self._sum(address, CFA, &now.cfa)
            else:
                rule = self.form(&now.cfa, span(NULL, 0), room)
                if not equal(rule, self.form(&before.cfa, span(NULL, 0), old_room)):
                    self._change(address, CFA, rule)
        if not same_of(before, now, column):
            rule = self._back(now, column, room)
            if not equal(rule, self._back(before, column, old_room)):
                self._change(address, RETURN_ADDRESS, rule)
        if self._compare(before, now, changed, column):
            self._registers(before, now, address)
            self._lost(before, now, address)
        if self.changed:
            make_room(self.text, 1)
            put_char(self.text, b"\n")
        return True

    cdef bint _compare(
        self, State* before, State* now, uint64_t* changed, uint64_t column
    ) noexcept nogil:
        """Find the registers whose rules are different; return whether there are any."""
        cdef uint64_t word, different, any_ = 0
        cdef int i, at
        for i in range(self.words):
            different = (before.used[i] ^ now.used[i]) & self.named[i]
            word = before.used[i] & now.used[i] & self.named[i] & changed[i]
            while word:
                at = lowest(word)
                if not same_rule(&before.rules[64 * i + at], &now.rules[64 * i + at]):
                    different |= <uint64_t>1 << at
                word &= word - 1
            if column >> 6 == <uint64_t>i:
                different &= ~(<uint64_t>1 << (column & 63))
            self.different[i] = different
            any_ |= different
        return any_ != 0

    cdef bint _registers(self, State* before, State* now, uint64_t address) except -1:
        """Write the rules that are new or different."""
        cdef char room[RULE_ROOM]
        cdef char old_room[RULE_ROOM]
        cdef Span rule
        cdef uint64_t word
        cdef int i, at
        for i in range(self.words):
            word = now.used[i] & self.different[i]
            while word:
                at = 64 * i + lowest(word)
                word &= word - 1
                if is_offset(&now.rules[at]) and (
                    not has(before, at) or differ(&before.rules[at], &now.rules[at])
                ):
                    self._sum(address, self.names[at], &now.rules[at])
                    continue
                rule = self._own(now, at, room)
                if rule.data != NULL and not equal(rule, self._own(before, at, old_room)):
                    self._change(address, self.names[at], rule)
        return True

    cdef bint _lost(self, State* before, State* now, uint64_t address) except -1:
        """Write which registers have no rule any more: they hold the caller's value again."""
        cdef char room[RULE_ROOM]
        cdef uint64_t word
        cdef int i, at
        for i in range(self.words):
            word = before.used[i] & self.different[i]
            while word:
                at = 64 * i + lowest(word)
                word &= word - 1
                if has(now, at) and is_offset(&now.rules[at]):
                    continue
                if self._own(before, at, room).data != NULL and (
                    self._own(now, at, room).data == NULL
                ):
                    self._change(address, self.names[at], self.names[at])
        return True

    cdef bint _change(self, uint64_t address, Span name, Span rule) except -1:
        """Add a rule to the record, and begin that with the first one."""
        cdef char* at = place_for(self.text, end_of(self.text), CFI_RECORD)
        end_at(self.text, self._begin_change(at, address))
        return self._rule(name, rule)

    cdef bint _sum(self, uint64_t address, Span name, Rule* rule) except -1:
        """The same for a rule that `is_offset`."""
        cdef Span base = self._base(rule)
        cdef char* at
        if base.data == NULL:
            return self._change(address, name, base)
        at = place_for(self.text, end_of(self.text), 2 * CFI_RECORD)
        at = self._begin_change(at, address)
        at = bytes_at(name_at(char_at(at, b" "), name), b": ", 2)
        end_at(self.text, sum_at(at, base, rule))
        return True

    cdef inline char* _begin_change(self, char* at, uint64_t address) noexcept nogil:
        if self.changed:
            return at
        self.changed = True
        return hex_at(bytes_at(at, b"STACK CFI ", 10), address - self.load_base)

    cdef inline Span _base(self, Rule* rule) noexcept nogil:
        """Return the name of what a rule that `is_offset` adds to; NULL where it has none."""
        return self.name(rule.register) if rule.kind == REGISTER_OFFSET else CFA
