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


cdef extern from *:
    """
    #include <stdint.h>
    /* Multiply to 128 bits, and fold them: all bits of both numbers count for all of the result. */
    static inline uint64_t crashsym_folded(uint64_t a, uint64_t b) {
    #ifdef __SIZEOF_INT128__
        const unsigned __int128 product = (unsigned __int128)a * b;
        return (uint64_t)product ^ (uint64_t)(product >> 64);
    #else
        const uint64_t low = (a & 0xFFFFFFFF) * (b & 0xFFFFFFFF), high = (a >> 32) * (b >> 32);
        const uint64_t first = (a >> 32) * (b & 0xFFFFFFFF), second = (a & 0xFFFFFFFF) * (b >> 32);
        return (low + (first << 32) + (second << 32)) ^ (high + (first >> 32) + (second >> 32));
    #endif
    }
    """
    uint64_t _folded "crashsym_folded"(uint64_t a, uint64_t b) noexcept nogil


cdef inline uint64_t _word(const uint8_t* data) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, data, 8)
    return word


cdef inline uint64_t _hash(const uint8_t* data, uint64_t size, uint64_t seed) noexcept nogil:
    """Mix 32 bytes at a time; the seed, new for each process, keeps inputs from being aimed at it.

    The last of them overlap with those before where there are not as many left.
    """
    cdef uint64_t key = seed * <uint64_t>0x9E3779B97F4A7C15
    cdef uint64_t one = seed ^ size, two = ~seed  # side by side, for one has to wait for itself
    cdef uint64_t words[2]
    cdef const uint8_t* last
    if size >= 32:
        last = data + size - 32
        while data < last:
            one = _folded(_word(data) ^ one, _word(data + 8) ^ key)
            two = _folded(_word(data + 16) ^ two, _word(data + 24) ^ key)
            data += 32
        one = _folded(_word(last) ^ one, _word(last + 8) ^ key)
        two = _folded(_word(last + 16) ^ two, _word(last + 24) ^ key)
    elif size >= 16:
        one = _folded(_word(data) ^ one, _word(data + 8) ^ key)
        two = _folded(_word(data + size - 16) ^ two, _word(data + size - 8) ^ key)
    else:
        words[0] = words[1] = 0
        if size:
            memcpy(words, data, size)
        one = _folded(words[0] ^ one, words[1] ^ key)
    return _folded(one ^ key, two ^ seed)


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
        cdef Slot* slots
        cdef uint32_t index
        cdef Entry* entry
        if size >= NO_STRING or (self.entries.count * 8 >= self.slots.count * 5 and not self._grow()):
            return NO_STRING
        mask = self.slots.count - 1
        slots = <Slot*>self.slots.items
        at = hash_ & mask
        while slots[at].after:
            if slots[at].hash == hash_:
                entry = <Entry*>self.entries.items + (slots[at].after - 1)
                if entry.size == size and memcmp(self.text.items + entry.offset, data, size) == 0:
                    return slots[at].after - 1
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
        entry.plain = plain
        if size:
            memcpy(self.text.items + self.text.count, data, size)
            self.text.count += size
        self.entries.count += 1
        slots[at].hash, slots[at].after = hash_, index + 1
        return index

    cdef bint _grow(self) noexcept nogil:
        cdef uint64_t count = self.slots.count * 2 if self.slots.count else 256
        cdef uint64_t at
        cdef Array fresh
        cdef Slot* slots
        cdef Slot* slot = <Slot*>self.slots.items
        cdef Slot* end = slot + self.slots.count
        if count >= NO_STRING or not make_slots(&fresh, count, sizeof(Slot), self.memory):
            return False
        slots = <Slot*>fresh.items
        while slot < end:
            if slot.after:
                at = slot.hash & (count - 1)
                while slots[at].after:
                    at = (at + 1) & (count - 1)
                slots[at] = slot[0]
            slot += 1
        release(&self.slots, sizeof(Slot), self.memory)
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
    if text.size >= 8:
        end -= 8
        while at < end:
            word = _word(at)
            high |= word
            odd |= (word + EACH) | (word - 0x20 * EACH)  # bit 7: above 0x7e, or below 0x20
            at += 8
        word = _word(end)
    else:
        word = 0x20 * EACH
        if text.size:
            memcpy(&word, at, text.size)
    high |= word
    odd |= (word + EACH) | (word - 0x20 * EACH) | high
    return (NOT_ASCII if high & (0x80 * EACH) else 0) | (NOT_PRINTABLE if odd & (0x80 * EACH) else 0)


cdef bytes one_line(Span text):
    """Return a name that fits into a record, see `crashsym.breakpad.writer.one_line`."""
    cdef str name = text.data[: text.size].decode("utf-8", "replace")
    return _one_line(name).encode("utf-8", "replace")
