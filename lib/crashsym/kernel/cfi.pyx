# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""STACK CFI records of a module; the compiled form of `crashsym.cfi.read_cfi`."""

from cython cimport final
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport qsort
from libc.string cimport memset

from crashsym.kernel.base cimport Array, Memory, give_back, release, reserve
from crashsym.kernel.coderanges cimport add_ranges
from crashsym.kernel.dwarf cimport span_of
from crashsym.kernel.exidx cimport ExceptionIndex
from crashsym.kernel.frametable cimport FrameTable, Item
from crashsym.kernel.ruletext cimport RuleText
from crashsym.kernel.text cimport Text

from crashsym.errors import MalformedError

cdef enum:
    INDEX = 2  # the number of the exception index among the tables
    SMALLEST_GAP = 16


cdef int _by_item_start(const void* a, const void* b) noexcept nogil:
    cdef Item* x = <Item*>a
    cdef Item* y = <Item*>b
    if x.start != y.start:
        return -1 if x.start < y.start else 1
    return -1 if x.order < y.order else 1


@final
cdef class Cfi:
    """The STACK CFI records; see `crashsym.engines.protocols.CfiPart`.

    ``registers`` are the names by DWARF number.
    """

    cdef Memory memory
    cdef Array code
    cdef Array items
    cdef Array active  # a heap of the items that have begun, the first by order on top
    cdef list tables
    cdef ExceptionIndex index
    cdef RuleText texts
    cdef readonly uint64_t count
    cdef readonly uint64_t code_bytes
    cdef readonly list damage

    def __init__(self, elf_file, dict registers):
        self.damage, self.tables = [], []
        self.memory.limit = <uint64_t>20 << 20
        self.texts = RuleText(registers, elf_file.load_base, elf_file.little_endian)
        add_ranges(&self.code, elf_file.executable_ranges, &self.memory)

    def __dealloc__(self):
        give_back(&self.code)
        give_back(&self.items)
        give_back(&self.active)

    cdef bint _add_table(self, holder, str name) except -1:
        """Read .eh_frame or .debug_frame."""
        cdef FrameTable table
        try:
            table = FrameTable(holder, name, self.damage, self.texts)
        except MalformedError as error:
            self.damage.append((error.where, error.why))
            return False
        self.memory.limit += 8 * table.section.size
        table.memory, table.code, table.items = &self.memory, &self.code, &self.items
        table.source = <uint8_t>len(self.tables)
        self.tables.append(table)
        return table.scan()

    cdef bint _add_index(self, holder, section) except -1:
        """Read the exception index."""
        self.index = ExceptionIndex(holder, section, self.damage, self.texts)
        self.index.memory = &self.memory
        self.index.code, self.index.items = &self.code, &self.items
        return self.index.read()

    # ---- which item has which code

    cdef bint _resolve(self) except -1:
        """Sort the items; where several claim the same code, the first of them has it."""
        cdef Item* items = <Item*>self.items.items
        cdef uint64_t i, kept = 0
        cdef bint ascending = True
        for i in range(1, self.items.count):
            if items[i].start < items[i - 1].start:
                ascending = False
                break
        if not ascending:
            qsort(items, self.items.count, sizeof(Item), &_by_item_start)
        for i in range(1, self.items.count):
            if items[i].start < items[i - 1].end:
                self._divide()
                break
        items = <Item*>self.items.items
        for i in range(self.items.count):
            if items[i].formed and self._is_wanted(items + i):
                self.code_bytes += items[i].end - items[i].start
                items[kept] = items[i]
                kept += 1
        self.count = self.items.count = kept
        return True

    cdef bint _is_wanted(self, Item* item) except -1:
        """Whether a piece is no padding, and its FDE may be executed once more for it."""
        if item.source == INDEX:
            return item.first or item.end - item.start >= SMALLEST_GAP
        return not item.again or (<FrameTable>self.tables[item.source]).charge(item)

    cdef bint _divide(self) except -1:
        """Go through the code from the front, the item that came first on top of a heap."""
        cdef Array sorted_ = self.items
        cdef Item* items = <Item*>sorted_.items
        cdef Item* top
        cdef uint64_t at = 0, cursor = 0, stop
        memset(&self.items, 0, sizeof(Array))
        try:
            while at < sorted_.count or self.active.count:
                if not self.active.count:
                    cursor = items[at].start
                while at < sorted_.count and items[at].start == cursor:
                    self._push(items + at)
                    at += 1
                while self.active.count and (<Item**>self.active.items)[0].end <= cursor:
                    self._pop()
                if not self.active.count:
                    continue
                top = (<Item**>self.active.items)[0]
                stop = top.end
                if at < sorted_.count and items[at].start < stop:
                    stop = items[at].start
                self._piece(top, cursor, stop)
                cursor = stop
        finally:
            release(&sorted_, sizeof(Item), &self.memory)
        return True

    cdef bint _piece(self, Item* item, uint64_t start, uint64_t end) except -1:
        """Add code that an item has to the pieces in `items`."""
        cdef Item* piece
        if self.items.count:
            piece = <Item*>self.items.items + (self.items.count - 1)
            if piece.order == item.order and piece.end == start:
                piece.end = end
                return True
        if not reserve(&self.items, 1, sizeof(Item), &self.memory):
            raise MemoryError
        piece = <Item*>self.items.items + self.items.count
        piece[0] = item[0]
        piece.start, piece.end, piece.first = start, end, start == item.start
        item.again = True
        self.items.count += 1
        return True

    cdef bint _push(self, Item* item) except -1:
        cdef Item** heap
        cdef uint64_t at, parent
        if not reserve(&self.active, 1, sizeof(Item*), &self.memory):
            raise MemoryError
        heap = <Item**>self.active.items
        at = self.active.count
        self.active.count += 1
        while at:
            parent = (at - 1) // 2
            if heap[parent].order < item.order:
                break
            heap[at] = heap[parent]
            at = parent
        heap[at] = item
        return True

    cdef void _pop(self) noexcept nogil:
        cdef Item** heap = <Item**>self.active.items
        cdef uint64_t at = 0, child
        cdef Item* last
        self.active.count -= 1
        last = heap[self.active.count]
        while 2 * at + 1 < self.active.count:
            child = 2 * at + 1
            if child + 1 < self.active.count and heap[child + 1].order < heap[child].order:
                child += 1
            if last.order < heap[child].order:
                break
            heap[at] = heap[child]
            at = child
        heap[at] = last

    # ---- records

    def write(self, stream):
        """Write the records to a binary stream."""
        cdef Item* item
        cdef uint64_t i
        cdef bytes rules
        cdef FrameTable table
        self.texts.text = Text(stream)
        for i in range(self.count):
            item = <Item*>self.items.items + i
            if item.source == INDEX:
                rules = self.index.rules[item.place]
                self.texts.ready(item.start, item.end, span_of(rules))
            else:
                table = self.tables[item.source]
                table.write(item)
        self.texts.text.flush()
        self.texts.text = None


def read_cfi(pair, cpu):
    """Read the unwind rules of a module, see `crashsym.cfi.read_cfi`."""
    cdef Cfi cfi
    holders = [(name, pair.holder(name)) for name in (".eh_frame", ".debug_frame")]
    index = _find_index(pair)
    cfi = Cfi(pair.elf_file, cpu.registers)
    for name, holder in holders:
        if holder is not None:
            cfi._add_table(holder, name)
    if index is not None:
        cfi._add_index(index[0], index[1])
    cfi._resolve()
    return cfi


def _find_index(pair):
    """Return a half and the section that has the exception index of a module for Arm, or None."""
    for half in pair.halves:
        for section in half.sections if half.machine == "EM_ARM" else ():
            if section.type == "SHT_ARM_EXIDX" and section.has_bytes:
                return half, section
    return None
