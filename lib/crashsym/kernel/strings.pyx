# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""A set of strings, each kept once and known by its index."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from crashsym.kernel.base cimport Array, Span, give_back, make_slots, release, reserve

import os

from crashsym.breakpad.writer import one_line as _one_line


cdef enum:
    NOT_ASCII = 1
    NOT_PRINTABLE = 2

cdef uint64_t EACH = <uint64_t>0x0101010101010101  # 1 in each byte


cdef inline uint64_t _hash(const uint8_t* data, uint64_t size, uint64_t seed) noexcept nogil:
    """Mix 32 bytes at a time; the seed, new for each process, keeps inputs from being aimed at it."""
    cdef uint64_t lanes[4]
    cdef uint64_t words[4]
    cdef uint64_t value = seed ^ size, left = size
    lanes[0], lanes[1], lanes[2], lanes[3] = seed, ~seed, seed << 1, ~seed << 1
    while left >= 32:  # side by side, for one has to wait for itself
        memcpy(words, data, 32)
        lanes[0] = mixed(lanes[0] ^ words[0]) + seed
        lanes[1] = mixed(lanes[1] ^ words[1]) + seed
        lanes[2] = mixed(lanes[2] ^ words[2]) + seed
        lanes[3] = mixed(lanes[3] ^ words[3]) + seed
        data += 32
        left -= 32
    while left >= 8:
        memcpy(words, data, 8)
        value = mixed(value ^ words[0]) + seed
        data += 8
        left -= 8
    words[0] = 0
    if left:
        memcpy(words, data, left)
    value = mixed(value ^ words[0]) + seed
    if size >= 32:
        value = mixed(value ^ lanes[0]) + lanes[1]
        value = mixed(value ^ lanes[2]) + lanes[3]
    return mixed(value + seed)


cdef class Strings:
    """Strings by index, in the order in which they came."""

    def __cinit__(self):
        self.seed = <uint64_t>int.from_bytes(os.urandom(8), "little")

    def __dealloc__(self):
        give_back(&self.text)
        give_back(&self.entries)
        give_back(&self.slots)

    cdef uint32_t add(self, const uint8_t* data, uint64_t size, bint plain) noexcept nogil:
        """Return the index of a string; NO_STRING when there is no memory left for it."""
        cdef uint32_t hash_ = <uint32_t>_hash(data, size, self.seed)
        cdef uint64_t mask, at
        cdef uint32_t* slots
        cdef uint32_t index
        cdef Entry* entry
        if size >= NO_STRING or (self.entries.count * 2 >= self.slots.count and not self._grow()):
            return NO_STRING
        mask = self.slots.count - 1
        slots = <uint32_t*>self.slots.items
        at = hash_ & mask
        while slots[at]:
            entry = <Entry*>self.entries.items + (slots[at] - 1)
            if entry.hash == hash_ and entry.size == size and (
                memcmp(self.text.items + entry.offset, data, size) == 0
            ):
                return slots[at] - 1
            at = (at + 1) & mask
        if not reserve(&self.text, size, 1, self.memory):
            return NO_STRING
        if not reserve(&self.entries, 1, sizeof(Entry), self.memory):
            return NO_STRING
        index = <uint32_t>self.entries.count
        entry = <Entry*>self.entries.items + index
        entry.offset = self.text.count
        entry.size = <uint32_t>size
        entry.number = NO_STRING
        entry.hash, entry.plain = hash_, plain
        if size:
            memcpy(self.text.items + self.text.count, data, size)
            self.text.count += size
        self.entries.count += 1
        slots[at] = index + 1
        return index

    cdef bint _grow(self) noexcept nogil:
        cdef uint64_t count = self.slots.count * 2 if self.slots.count else 256
        cdef uint64_t i, at
        cdef Array fresh
        cdef uint32_t* slots
        if count >= NO_STRING or not make_slots(&fresh, count, 4, self.memory):
            return False
        slots = <uint32_t*>fresh.items
        for i in range(self.entries.count):
            at = (<Entry*>self.entries.items + i).hash & (count - 1)
            while slots[at]:
                at = (at + 1) & (count - 1)
            slots[at] = <uint32_t>(i + 1)
        release(&self.slots, 4, self.memory)
        self.slots = fresh
        return True

    cdef uint32_t add_text(self, Span raw) noexcept:
        """Like `add`, for text from a file: what is no UTF-8 becomes U+FFFD."""
        cdef bytes clean
        cdef uint8_t found = _odd_bits(raw)
        if found & NOT_ASCII:
            clean = raw.data[: raw.size].decode("utf-8", "replace").encode("utf-8")
            return self.add(clean, len(clean), False)
        return self.add(raw.data, raw.size, not found)

    cdef Entry* entry(self, uint32_t index) noexcept nogil:
        return <Entry*>self.entries.items + index

    cdef Span get(self, uint32_t index) noexcept nogil:
        cdef Entry* entry = <Entry*>self.entries.items + index
        cdef Span span
        span.data = <const uint8_t*>self.text.items + entry.offset
        span.size = entry.size
        return span


cdef bint is_plain(Span text) noexcept nogil:
    """Whether a text is printable ASCII, which needs no second look."""
    return _odd_bits(text) == 0


cdef uint8_t _odd_bits(Span text) noexcept nogil:
    """Return NOT_ASCII, NOT_PRINTABLE or both for what a text has, and 0 for printable ASCII."""
    cdef const uint8_t* at = text.data
    cdef const uint8_t* end = at + text.size
    cdef uint64_t word, high = 0, odd = 0
    while end - at >= 8:
        memcpy(&word, at, 8)
        high |= word
        odd |= (word + EACH) | (word - 0x20 * EACH)  # bit 7: above 0x7e, or below 0x20
        at += 8
    word = 0x20 * EACH
    if at < end:
        memcpy(&word, at, end - at)
    high |= word
    odd |= (word + EACH) | (word - 0x20 * EACH) | high
    return (NOT_ASCII if high & (0x80 * EACH) else 0) | (NOT_PRINTABLE if odd & (0x80 * EACH) else 0)


cdef bytes one_line(Span text):
    """Return a name that fits into a record, see `crashsym.breakpad.writer.one_line`."""
    cdef str name = text.data[: text.size].decode("utf-8", "replace")
    return _one_line(name).encode("utf-8", "replace")
