# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Abbreviations as short programs (DWARF 5 section 7.5.3): what nobody wants is one step."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, qsort
from libc.string cimport memset

from crashsym.kernel.base cimport Cursor, Memory, Span, cursor_on, give_back, left, reserve, sleb, u8, uleb

cdef enum:
    CACHED = 256  # tables


cdef int _slot_of(uint64_t attribute, uint8_t kind) noexcept nogil:
    """Return where an attribute of an entry is kept, or -1."""
    if kind == UNIT:
        if attribute == 0x11: return LOW_PC
        if attribute == 0x55: return RANGES
        if attribute == 0x10: return STMT_LIST
        if attribute == 0x1B: return COMP_DIR
        if attribute == 0x72: return STR_BASE
        if attribute == 0x73: return ADDR_BASE
        if attribute == 0x2133: return GNU_ADDR_BASE
        if attribute == 0x74: return RNG_BASE
        if attribute == 0x2132: return GNU_RNG_BASE
        if attribute == 0x76: return DWO_NAME
        if attribute == 0x2130: return GNU_DWO_NAME
        if attribute == 0x2131: return GNU_DWO_ID
        return -1
    if attribute == 0x03: return NAME
    if attribute == 0x6E: return LINKAGE
    if attribute == 0x2007: return MIPS_LINKAGE
    if attribute == 0x47: return SPECIFICATION
    if attribute == 0x31: return ORIGIN
    if attribute == 0x69: return SIGNATURE
    if kind == ENTRY_POINT and attribute == 0x11: return LOW_PC
    if kind == SUBPROGRAM or kind == INLINED:
        if attribute == 0x11: return LOW_PC
        if attribute == 0x12: return HIGH_PC
        if attribute == 0x55: return RANGES
    if kind == INLINED:
        if attribute == 0x58: return CALL_FILE
        if attribute == 0x59: return CALL_LINE
    return -1


cdef uint8_t _kind_of(uint64_t tag) noexcept nogil:
    if tag == 0x2E:
        return SUBPROGRAM
    if tag == 0x1D:
        return INLINED
    if tag == 0x39:
        return NAMESPACE
    if tag == 0x03:
        return ENTRY_POINT
    # class, structure, union, interface, enumeration, module
    if tag in (0x02, 0x13, 0x17, 0x38, 0x04, 0x1E):
        return SCOPE
    # compile, partial, type and skeleton unit
    if tag in (0x11, 0x3C, 0x41, 0x4A):
        return UNIT
    return OTHER


cdef int step_of(uint64_t form, Shape shape, uint32_t* size) noexcept nogil:
    """Return how to pass over a form, its size where that is fixed; -1 for an unknown form.

    Source: DWARF 5 section 7.5.6; the GNU forms are those of binutils' include/dwarf2.def.
    """
    size[0] = 0
    if form in (0x0B, 0x0C, 0x11, 0x25, 0x29):  # data1 flag ref1 strx1 addrx1
        size[0] = 1
    elif form in (0x05, 0x12, 0x26, 0x2A):  # data2 ref2 strx2 addrx2
        size[0] = 2
    elif form in (0x27, 0x2B):  # strx3 addrx3
        size[0] = 3
    elif form in (0x06, 0x13, 0x1C, 0x28, 0x2C):  # data4 ref4 ref_sup4 strx4 addrx4
        size[0] = 4
    elif form in (0x07, 0x14, 0x20, 0x24):  # data8 ref8 ref_sig8 ref_sup8
        size[0] = 8
    elif form == 0x1E:  # data16
        size[0] = 16
    elif form == 0x01:  # addr
        size[0] = shape.address_size
    # strp sec_offset strp_sup line_strp GNU_ref_alt GNU_strp_alt
    elif form in (0x0E, 0x17, 0x1D, 0x1F, 0x1F20, 0x1F21):
        size[0] = shape.offset_size
    elif form == 0x10:  # ref_addr
        size[0] = shape.address_size if shape.version == 2 else shape.offset_size
    elif form in (0x19, 0x21):  # flag_present implicit_const
        size[0] = 0
    # sdata udata ref_udata strx addrx loclistx rnglistx GNU_addr_index GNU_str_index
    elif form in (0x0D, 0x0F, 0x15, 0x1A, 0x1B, 0x22, 0x23, 0x1F01, 0x1F02):
        return SKIP_LEB
    elif form == 0x08:
        return SKIP_STRING
    elif form == 0x0A:
        return SKIP_BLOCK1
    elif form == 0x03:
        return SKIP_BLOCK2
    elif form == 0x04:
        return SKIP_BLOCK4
    elif form in (0x09, 0x18):  # block exprloc
        return SKIP_BLOCK
    elif form == 0x16:
        return SKIP_INDIRECT
    else:
        return -1
    return SKIP_FIXED


cdef int _by_code(const void* a, const void* b) noexcept nogil:
    cdef Abbrev* x = <Abbrev*>a
    cdef Abbrev* y = <Abbrev*>b
    if x.code != y.code:
        return -1 if x.code < y.code else 1
    return -1 if x.order > y.order else 1  # the later declaration is found first


cdef class AbbrevCache:
    """The abbreviation tables in use, compiled; at most `CACHED` at once."""

    def __cinit__(self):
        self.tables = <AbbrevTable*>calloc(CACHED, sizeof(AbbrevTable))
        if self.tables == NULL:
            raise MemoryError

    def __dealloc__(self):
        cdef int i
        if self.tables != NULL:
            for i in range(CACHED):
                give_back(&self.tables[i].abbrevs)
                give_back(&self.tables[i].ops)
            free(self.tables)

    cdef AbbrevTable* get(self, Span section, uint64_t context, uint64_t offset, Shape shape) noexcept nogil:
        """Return the table at ``offset``; NULL when it is damaged from the start."""
        cdef AbbrevTable* table = self.tables + ((offset ^ (offset >> 11) ^ context * 31) % CACHED)
        if (
            table.used and table.context == context and table.offset == offset
            and table.shape.version == shape.version
            and table.shape.address_size == shape.address_size
            and table.shape.offset_size == shape.offset_size
        ):
            return NULL if table.damaged else table
        self.made += 1
        table.used = False
        table.abbrevs.count = table.ops.count = 0
        table.context, table.offset, table.shape = context, offset, shape
        table.damaged = not _compile(table, section, self.memory)
        table.used = True
        self.steps[0] -= <int64_t>(table.abbrevs.count + table.ops.count)
        return NULL if table.damaged else table


cdef bint _compile(AbbrevTable* table, Span section, Memory* memory) noexcept nogil:
    cdef Cursor c = cursor_on(section, table.offset, False)
    cdef uint64_t code, tag, before = 0
    cdef Abbrev* abbrev
    cdef bint ascending = True
    while left(&c):  # a table that ends with its section is complete
        code = uleb(&c)
        if code == 0:
            break
        if not reserve(&table.abbrevs, 1, sizeof(Abbrev), memory):
            return False
        abbrev = <Abbrev*>table.abbrevs.items + table.abbrevs.count
        abbrev.code = code
        tag = uleb(&c)
        abbrev.tag = <uint16_t>tag if tag < 0x10000 else 0xFFFF
        abbrev.kind = _kind_of(tag)
        abbrev.wanted = abbrev.kind == INLINED or abbrev.kind == ENTRY_POINT
        abbrev.children = <uint8_t>u8(&c)
        abbrev.first = <uint32_t>table.ops.count
        abbrev.order = <uint32_t>table.abbrevs.count
        if not _attributes(table, abbrev, &c, memory):
            return False
        if abbrev.fixed != NOT_FIXED:
            _place_ops(table, abbrev)
        abbrev.ops = <uint32_t>table.ops.count - abbrev.first
        table.abbrevs.count += 1
        if code <= before:
            ascending = False
        before = code
    if c.failed:
        return False
    table.ascending = ascending
    if not ascending:
        qsort(table.abbrevs.items, table.abbrevs.count, sizeof(Abbrev), &_by_code)
    _find_leaves(table)
    return True


cdef void _place_ops(AbbrevTable* table, Abbrev* abbrev) noexcept nogil:
    """Say where the values of an entry of fixed size are, and leave out what lies between them."""
    cdef Op* op = <Op*>table.ops.items + abbrev.first
    cdef Op* last = <Op*>table.ops.items + table.ops.count
    cdef Op* kept = op
    cdef int64_t place = 0
    while op < last:
        if op.step != SKIP_FIXED:
            kept[0] = op[0]
            if op.step == TAKE_FIXED:
                kept.constant = place
            kept += 1
        place += op.size
        op += 1
    table.ops.count -= <uint64_t>(last - kept)


cdef void _find_leaves(AbbrevTable* table) noexcept nogil:
    cdef Abbrev* abbrev = <Abbrev*>table.abbrevs.items
    cdef Abbrev* end = abbrev + table.abbrevs.count
    memset(table.leaves, 0, sizeof(table.leaves))
    while abbrev < end and table.ascending and abbrev.code < SHORT_CODES:
        if abbrev.kind == OTHER and not abbrev.children and abbrev.fixed < 0xFFFF:
            table.leaves[abbrev.code] = <uint16_t>(1 + abbrev.fixed)
        abbrev += 1


cdef bint _attributes(AbbrevTable* table, Abbrev* abbrev, Cursor* c, Memory* memory) noexcept nogil:
    cdef uint64_t attribute, form
    cdef int64_t constant
    cdef int slot, step
    cdef uint32_t size
    cdef Op* op
    cdef Op* before
    cdef uint32_t total = 0
    cdef bint varies = False
    while True:
        attribute, form = uleb(c), uleb(c)
        if c.failed:
            return False
        if attribute == 0 and form == 0:
            break
        constant = sleb(c) if form == 0x21 else 0
        step = step_of(form, table.shape, &size)
        slot = _slot_of(attribute, abbrev.kind)
        if not reserve(&table.ops, 1, sizeof(Op), memory):
            return False
        op = <Op*>table.ops.items + table.ops.count
        before = op - 1
        if step < 0:  # it costs the entries that have it
            slot, step = -1, SKIP_FIXED
            size = NOT_FIXED
        if step == SKIP_FIXED:
            total += size if size < 0x10000 else 0
            if size == NOT_FIXED:
                varies = True
        else:
            varies = True
        if slot < 0 and step == SKIP_FIXED and table.ops.count > abbrev.first and (
            before.step == SKIP_FIXED and before.size < 0x10000000 and size < 0x10000000
        ):
            before.size += size
            continue
        op.step = <uint8_t>step if slot < 0 else TAKE
        if slot >= 0 and step == SKIP_FIXED and 0 < size <= 8:
            op.step = TAKE_FIXED
        if slot in (LOW_PC, RANGES) or (slot >= 0 and (0x1A <= form <= 0x28 or form == 0x16)) or (
            slot >= 0 and form == 0x1F02
        ):
            abbrev.wanted = True
        op.slot = <uint8_t>slot if slot >= 0 else 0
        op.form = <uint16_t>form if form < 0x10000 else 0
        op.size = size
        op.constant = constant
        table.ops.count += 1
    abbrev.fixed = NOT_FIXED if varies else total
    return True


cdef Abbrev* find_abbrev(AbbrevTable* table, uint64_t code) noexcept nogil:
    """Return the declaration of a code, or NULL."""
    cdef Abbrev* abbrevs = <Abbrev*>table.abbrevs.items
    cdef uint64_t low = 0, high = table.abbrevs.count, middle
    if code - 1 < high and abbrevs[code - 1].code == code and (
        code == 1 or abbrevs[code - 2].code != code
    ):
        return abbrevs + (code - 1)
    while low < high:
        middle = (low + high) // 2
        if abbrevs[middle].code < code:
            low = middle + 1
        else:
            high = middle
    if low < table.abbrevs.count and abbrevs[low].code == code:
        return abbrevs + low
    return NULL
