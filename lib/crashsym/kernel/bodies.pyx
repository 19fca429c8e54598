# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What a unit has that can end in a symbol file: functions with code, and calls inlined in them."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from crashsym.kernel.abbrevs cimport CALL_FILE, CALL_LINE, ORIGIN, Values
from crashsym.kernel.base cimport Array, give_back, make_slots, release, reserve
from crashsym.kernel.dwarf cimport LATER, OFFSET_BITS, Dwarf, Unit, take_number
from crashsym.kernel.entries cimport BUCKET, Entries, EntryRow, row_of_current
from crashsym.kernel.inlines cimport MOST_OF_CALL, MOST_OF_RANGE, pack, pack_distance
from crashsym.kernel.linetables cimport LARGEST_LINE, NO_TABLE, Range
from crashsym.kernel.names cimport DEFERRED, WAITING, Names
from crashsym.kernel.rangelists cimport has_all, is_joined, join
from crashsym.kernel.strings cimport NO_STRING, mixed

cdef extern from *:
    void prefetch "__builtin_prefetch"(const void* address) noexcept nogil

cdef enum:
    FAR = 10
    NEAR = 5
    FEW_RANGES = 16  # ranges that may be looked through for each call inside

MEMORY = b"it asks for more memory than a file of this size has a right to"
WORK = b"its references ask for work out of proportion to its size"


cdef class Bodies(Entries):
    """The functions of a module in the order of their entries."""

    def __init__(self, Dwarf dwarf, Names names):
        Entries.__init__(self, dwarf)
        self.names = names
        names.entries = self

    def __dealloc__(self):
        give_back(&self.claims)
        give_back(&self.bodies)
        give_back(&self.inlines)
        give_back(&self.opens)
        give_back(&self.calls)
        give_back(&self.ranges)
        give_back(&self.later)
        give_back(&self.waiting)
        give_back(&self.slots)

    cdef bint _open(self, Unit* unit, uint64_t at, uint64_t claims) noexcept nogil:
        """Begin a body, and make room for its claims."""
        cdef Open* open_
        if not reserve(&self.opens, 1, sizeof(Open), &self.dwarf.memory) or not reserve(
            &self.claims, claims, sizeof(Claim), &self.dwarf.memory
        ) or not reserve(&self.bodies, 1, sizeof(Body), &self.dwarf.memory) or (
            not self._more_slots(claims)
        ):
            self.why = MEMORY
            return False
        open_ = <Open*>self.opens.items + self.opens.count
        open_.place = (<uint64_t>unit.context << OFFSET_BITS) | at
        open_.first = open_.last = open_.shares = -1
        open_.first_claim, open_.claims = self.claims.count, claims
        self.opens.count += 1
        memset(<Body*>self.bodies.items + self.bodies.count, 0, sizeof(Body))
        (<Body*>self.bodies.items + self.bodies.count).table = NO_TABLE
        self.bodies.count += 1
        return True

    cdef void _claim(self, uint64_t start, uint64_t end) noexcept nogil:
        """Add a claim of the body that was begun last."""
        cdef Claim* claim = <Claim*>self.claims.items + self.claims.count
        claim.start, claim.end = start, end
        claim.body = <uint32_t>(self.bodies.count - 1)
        claim.multiple = False
        self.claims.count += 1
        self._slot(start, end)[0] = <uint32_t>self.claims.count

    cdef bint _is_claimed(self, Range* code) noexcept nogil:
        """Whether there is a claim of exactly this code."""
        return self.slots.count and self._slot(code.start, code.end)[0]

    cdef uint32_t* _slot(self, uint64_t start, uint64_t end) noexcept nogil:
        """Return where the number of a claim is kept, or where it would be."""
        cdef uint32_t* slots = <uint32_t*>self.slots.items
        cdef uint64_t mask = self.slots.count - 1, at
        cdef Claim* claim
        at = mixed(mixed(mixed(start ^ self.names.names.seed) ^ end) + self.names.names.seed) & mask
        while slots[at]:
            claim = <Claim*>self.claims.items + (slots[at] - 1)
            if claim.start == start and claim.end == end:
                break
            at = (at + 1) & mask
        return slots + at

    cdef bint _more_slots(self, uint64_t claims) noexcept nogil:
        """Make room for more claims in the map."""
        cdef uint64_t count = self.slots.count if self.slots.count else 256, i
        cdef Array old = self.slots
        cdef Claim* claim
        while (self.claims.count + claims) * 2 > count:
            count *= 2
        if count == old.count:
            return True
        if count >> 31 or not make_slots(&self.slots, count, 4, &self.dwarf.memory):
            self.slots = old
            return False
        for i in range(self.claims.count):
            claim = <Claim*>self.claims.items + i
            self._slot(claim.start, claim.end)[0] = <uint32_t>(i + 1)
        release(&old, 4, &self.dwarf.memory)
        return True

    cdef bint _call(self, Unit* unit, Values* values, Level* above, Level* below) noexcept nogil:
        cdef Call* call
        cdef Call* parent
        cdef Open* open_ = <Open*>self.opens.items + above.body
        cdef uint64_t number
        cdef int32_t index = <int32_t>self.calls.count
        if not reserve(&self.calls, 1, sizeof(Call), &self.dwarf.memory) or index == 0x7FFFFFFF:
            self.why = MEMORY
            return False
        call = <Call*>self.calls.items + index
        memset(call, 0, sizeof(Call))
        call.first = <uint32_t>self.ranges.count
        if not self.dwarf.ranges(unit, values, &self.ranges):
            self.why = b"a range list is damaged, or asks for work out of proportion to its size"
            return False
        call.count = <uint32_t>(self.ranges.count - call.first)
        call.parent, call.child, call.sibling, call.next = above.call, -1, -1, -1
        if above.call >= 0:
            parent = <Call*>self.calls.items + above.call
            call.depth = parent.depth + 1
            call.sibling = parent.child
            parent.child = index
        if take_number(values.raw[CALL_LINE], values.form[CALL_LINE], &number):
            call.call_line = <uint32_t>number if number <= LARGEST_LINE else 0
        if take_number(values.raw[CALL_FILE], values.form[CALL_FILE], &number):
            call.call_file = number
        call.origin = self.dwarf.reference(unit, values.raw[ORIGIN], values.form[ORIGIN])
        if call.origin == LATER:
            call.origin, call.by_signature = values.raw[ORIGIN], True
        if open_.last >= 0:
            (<Call*>self.calls.items + open_.last).next = index
        else:
            open_.first = index
        open_.last = index
        self.calls.count += 1
        below.call = index
        return True

    # ---- the end of a unit

    cdef bint _has_inside(self, Call* call, uint64_t* steps) noexcept nogil:
        """Whether a call's own ranges are joined, and have all those of the calls inside it.

        So it is with nearly all. Gives how many the latter are: each costs a step.
        """
        cdef Range* ranges = <Range*>self.ranges.items
        cdef Call* child
        cdef int32_t index = call.child
        if not is_joined(ranges + call.first, call.count):
            return False
        steps[0] = 0
        while index >= 0:
            child = <Call*>self.calls.items + index
            index = child.sibling
            steps[0] += child.count
            if child.count and not has_all(
                ranges + call.first, call.count, ranges + child.first, child.count
            ):
                return False
        return True

    cdef bint _join(self, Call* call) noexcept nogil:
        """Make of a call's own ranges, and those of the calls inside it, sorted and separate ones."""
        cdef Range* ranges
        cdef Call* child
        cdef uint64_t steps, first = self.ranges.count
        cdef int32_t index = call.child
        if 0 < call.count <= FEW_RANGES and self._has_inside(call, &steps):
            return call.child < 0 or self.dwarf.spend(steps)
        if not self._copy_ranges(call):
            return False
        while index >= 0:
            child = <Call*>self.calls.items + index
            index = child.sibling
            if not self.dwarf.spend(child.count) or not self._copy_ranges(child):
                return False
        ranges = <Range*>self.ranges.items + first
        call.first, call.count = <uint32_t>first, <uint32_t>join(ranges, self.ranges.count - first)
        self.ranges.count = first + call.count
        return True

    cdef bint _copy_ranges(self, Call* call) noexcept nogil:
        """Append the ranges of a call to the others."""
        cdef Range* ranges
        if not reserve(&self.ranges, call.count, sizeof(Range), &self.dwarf.memory):
            return False
        ranges = <Range*>self.ranges.items
        memcpy(ranges + self.ranges.count, ranges + call.first, call.count * sizeof(Range))
        self.ranges.count += call.count
        return True

    cdef bint _finish(self, uint64_t number, uint64_t first_body) noexcept:
        """Complete the bodies of a unit."""
        cdef int64_t i, k
        self.why = WORK
        for i in range(<int64_t>self.calls.count - 1, -1, -1):
            if not self._join(<Call*>self.calls.items + i):
                self.calls.count = 0
                for k in range(<int64_t>self.opens.count):
                    (<Open*>self.opens.items + k).first = -1
                break
        for i in range(<int64_t>self.opens.count):
            if not self._finish_body(number, <Open*>self.opens.items + i, first_body + i):
                return False
        return True

    cdef bint _finish_body(self, uint64_t number, Open* open_, uint64_t index) noexcept:
        cdef Body* body = <Body*>self.bodies.items + index
        cdef Call* call
        cdef int32_t next_ = open_.first
        cdef Unit* unit = self.dwarf.unit(number)
        cdef Body* function
        body.table = unit.table
        body.first_inline = self.inlines.count
        if not self._name(open_.place, index, False):
            return False
        if open_.shares >= 0:
            function = <Body*>self.bodies.items + (index - (self._index_of(open_) - open_.shares))
            body.first_inline, body.inlines = function.first_inline, function.inlines
            body.ranges = function.ranges
            return True
        while next_ >= 0:
            call = <Call*>self.calls.items + next_
            next_ = call.next
            self._look_ahead(unit, call)
            if call.count:
                if not self._inline(unit, call):
                    return False
                body = <Body*>self.bodies.items + index
                body.inlines += 1
                body.ranges += call.count
        return True

    cdef void _look_ahead(self, Unit* unit, Call* call) noexcept nogil:
        """Have the processor fetch what the names of later calls will need."""
        cdef Call* end = <Call*>self.calls.items + self.calls.count
        cdef uint64_t at
        if call + FAR < end and call[FAR].count:
            at = call[FAR].origin - self.place
            if at < self.size:
                prefetch(<uint64_t*>self.bits.items + (at >> BUCKET))
                prefetch(<uint32_t*>self.firsts.items + (at >> BUCKET))
                prefetch(self.dwarf.context(unit.context).info.data + unit.offset + at)
        if call + NEAR < end and call[NEAR].count:
            at = call[NEAR].origin - self.place
            if at < self.size:
                prefetch(<EntryRow*>self.rows.items + row_of_current(self, at))

    cdef bint _inline(self, Unit* unit, Call* call) noexcept:
        """Append an inlined call to `inlines`."""
        cdef Range* ranges
        cdef uint8_t* start
        cdef uint8_t* at
        cdef uint64_t before = 0, i
        cdef uint32_t file = self.dwarf.lines.path(unit.table, call.call_file)
        if not reserve(
            &self.inlines, MOST_OF_CALL + call.count * <uint64_t>MOST_OF_RANGE, 1, &self.dwarf.memory
        ):
            self.why = MEMORY
            return False
        start = <uint8_t*>self.inlines.items
        at = pack(start + self.inlines.count, call.depth)
        at = pack(at, call.call_line)
        at = pack(at, file if file != NO_STRING else 0)
        if call.by_signature:
            memset(at, 0, 4)
            if not self._name_later(&self.later, call.origin, <uint64_t>(at - start), True, True):
                return False
        elif not self._name(call.origin, <uint64_t>(at - start), True):
            return False
        at = pack(at + 4, call.count)
        ranges = <Range*>self.ranges.items + call.first
        for i in range(call.count):
            at = pack_distance(at, ranges[i].start - before)
            at = pack(at, ranges[i].end - ranges[i].start)
            before = ranges[i].end
        self.inlines.count = <uint64_t>(at - start)
        return True

    cdef int64_t _index_of(self, Open* open_) noexcept nogil:
        return open_ - <Open*>self.opens.items

    cdef bint _name(self, uint64_t place, uint64_t index, bint is_inline) noexcept:
        """Set the name of a body or an inline, now or at the end."""
        cdef uint32_t name = self.names.find(place)
        if name == NO_STRING:
            self.why = MEMORY
            name = 0
            if self.dwarf.steps >= 0:
                self.dwarf.steps = -1
                self.dwarf.damaged(b".debug_str", 0, MEMORY)
        if name == DEFERRED:
            return self._name_later(&self.later, place, index, is_inline, False)
        if name >= WAITING and not self._name_later(&self.waiting, name, index, is_inline, False):
            return False
        self._set_name(name, index, is_inline)
        return True

    cdef void _set_name(self, uint32_t name, uint64_t index, bint is_inline) noexcept nogil:
        if is_inline:
            memcpy(self.inlines.items + index, &name, 4)
        else:
            (<Body*>self.bodies.items + index).name = name

    cdef bint _name_later(self, Array* names, uint64_t place, uint64_t index, bint is_inline, bint by_signature) noexcept nogil:
        """Leave a name to `settle`; ``by_signature`` says that the place is a type's signature."""
        cdef Later* later
        if not reserve(names, 1, sizeof(Later), &self.dwarf.memory):
            self.why = MEMORY
            return False
        later = <Later*>names.items + names.count
        later.place, later.index = place, index
        later.is_inline, later.by_signature = is_inline, by_signature
        names.count += 1
        return True

    def settle(self):
        """Find the names that had to wait until all units were read."""
        cdef uint64_t i, count = self.later.count
        cdef Later later
        self.dwarf.final = True
        for i in range(count):
            later = (<Later*>self.later.items)[i]
            if later.by_signature:
                later.place = self.dwarf._type(later.place)
            self._name(later.place, later.index, later.is_inline)
        self.later.count = 0
        self.names.settle()
        for i in range(self.waiting.count):
            later = (<Later*>self.waiting.items)[i]
            self._set_name(self.names.settled(<uint32_t>later.place), later.index, later.is_inline)
        self.names.entries = None  # or the two would keep each other
