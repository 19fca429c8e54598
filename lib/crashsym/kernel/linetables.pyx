# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Rows, sequences and files of line tables; the other half of `crashsym.dwarf.lines`."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport qsort
from libc.string cimport memset

from crashsym.kernel.base cimport Array, Span, give_back, release, reserve
from crashsym.kernel.paths cimport join_path, tidy_path
from crashsym.kernel.strings cimport NO_STRING


cdef struct Piece:  # of code, while a table is being untangled
    uint64_t start
    uint64_t end
    uint32_t line
    uint32_t file
    uint64_t order


cdef bint in_code(Array* code, uint64_t address) noexcept nogil:
    """Whether one of the sorted ranges in ``code`` holds an address."""
    cdef Range* ranges = <Range*>code.items
    cdef uint64_t low = 0, high = code.count, middle
    while low < high:
        middle = (low + high) // 2
        if ranges[middle].end <= address:
            low = middle + 1
        else:
            high = middle
    return low < code.count and ranges[low].start <= address


cdef int _by_low(const void* a, const void* b) noexcept nogil:
    cdef Sequence* x = <Sequence*>a
    cdef Sequence* y = <Sequence*>b
    if x.low != y.low:
        return -1 if x.low < y.low else 1
    return -1 if x.first < y.first else 1


cdef int _by_first_address(const void* a, const void* b) noexcept nogil:
    cdef Piece* x = <Piece*>a
    cdef Piece* y = <Piece*>b
    if x.start != y.start:
        return -1 if x.start < y.start else 1
    return -1 if x.order < y.order else 1

cdef int _by_first(const void* a, const void* b) noexcept nogil:
    return -1 if (<Sequence*>a).first < (<Sequence*>b).first else 1


cdef class LineTables:
    """The line tables of one file; see `Row`. Index 0 of ``paths`` is the unknown file."""

    def __dealloc__(self):
        give_back(&self.rows)
        give_back(&self.sequences)
        give_back(&self.tables)
        give_back(&self.files)
        give_back(&self.directories)
        give_back(&self.scratch)
        give_back(&self.joined)

    # ---- files

    cdef bint _add_directory(self, Span path) noexcept nogil:
        if not reserve(&self.directories, 1, sizeof(Span), self.memory):
            return False
        (<Span*>self.directories.items)[self.directories.count] = path
        self.directories.count += 1
        return True

    cdef bint _add_file(self, Span name, uint64_t directory) noexcept nogil:
        """Add a file; a directory that is not there counts as the first."""
        cdef File* entry
        if not reserve(&self.files, 1, sizeof(File), self.memory):
            return False
        entry = <File*>self.files.items + self.files.count
        memset(entry, 0, sizeof(File))
        entry.path = NO_STRING
        entry.name = name
        if self.directories.count:
            entry.base = (<Span*>self.directories.items)[0]
        if 0 < directory < self.directories.count:
            entry.directory = (<Span*>self.directories.items)[directory]
        self.files.count += 1
        return True

    cdef bint _add_gap(self) noexcept nogil:
        """Add a file number that no file has."""
        cdef Span none
        none.data, none.size = NULL, 0
        if not self._add_file(none, 0):
            return False
        (<File*>self.files.items)[self.files.count - 1].missing = True
        return True

    cdef uint32_t path(self, uint32_t table, uint64_t file) noexcept:
        """Return the index in ``paths`` of a file number; 0 when the table does not have it."""
        cdef Table* holder
        cdef File* entry
        if table == NO_TABLE:
            return 0
        holder = <Table*>self.tables.items + table
        if file >= holder.files:
            return 0
        entry = <File*>self.files.items + holder.first_file + file
        if entry.path == NO_STRING:
            entry.path = self._full_path(holder, entry)
        return entry.path

    cdef uint32_t _full_path(self, Table* table, File* entry) noexcept:
        """Join and tidy: ``a/./b`` and ``a/x/../b`` are one file with ``a/b``."""
        cdef Span path
        if entry.missing:
            return 0
        self.steps[0] -= <int64_t>(
            table.comp_dir.size + entry.base.size + entry.directory.size + entry.name.size
        )
        if self.steps[0] < 0:
            return NO_STRING
        self.joined.count = 0
        if not (
            join_path(&self.joined, table.comp_dir, self.memory)
            and join_path(&self.joined, entry.base, self.memory)
            and join_path(&self.joined, entry.directory, self.memory)
            and join_path(&self.joined, entry.name, self.memory)
        ):
            return NO_STRING
        tidy_path(&self.joined)
        path.data, path.size = <const uint8_t*>self.joined.items, self.joined.count
        return self.paths.add_text(path)

    # ---- rows

    cdef bint _piece(self, Machine* m, uint64_t end) noexcept:
        """Append the code from the pending row up to ``end``."""
        cdef Row* rows
        if m.row_file != m.known_file:
            m.known_file = m.row_file
            m.known_path = self.path(m.table, m.row_file)
            if m.known_path == NO_STRING:
                return False
        if not reserve(&self.rows, 3, sizeof(Row), self.memory):
            return False
        rows = <Row*>self.rows.items
        if self.rows.count > m.first_row:
            if m.last_end == m.row_address and m.last_line == m.row_line and m.last_path == m.known_path:
                m.last_end = end
                return True
            if m.last_end != m.row_address:
                rows[self.rows.count].address = m.last_end
                rows[self.rows.count].file = NO_FILE
                self.rows.count += 1
                if m.row_address < m.last_end:
                    m.tangled = True
        rows[self.rows.count].address = m.row_address
        rows[self.rows.count].line = m.row_line
        rows[self.rows.count].file = m.known_path
        self.rows.count += 1
        m.last_end = end
        m.last_line = m.row_line
        m.last_path = m.known_path
        return True

    cdef bint _end_sequence(self, Machine* m) noexcept:
        cdef Row* rows
        cdef Sequence* sequence
        if m.pending and self.rows.count > m.first_row:
            if not reserve(&self.rows, 1, sizeof(Row), self.memory):
                return False
            if not reserve(&self.sequences, 1, sizeof(Sequence), self.memory):
                return False
            rows = <Row*>self.rows.items
            rows[self.rows.count].address = m.last_end
            rows[self.rows.count].line = 0
            rows[self.rows.count].file = NO_FILE
            self.rows.count += 1
            sequence = <Sequence*>self.sequences.items + self.sequences.count
            sequence.low = rows[m.first_row].address
            sequence.high = m.last_end
            sequence.first = m.first_row
            sequence.count = self.rows.count - m.first_row
            self.sequences.count += 1
        m.pending = False
        m.address = m.op_index = 0
        m.file = 1
        m.line = 1
        return True

    cdef bint _arrange(self, Machine* m) noexcept nogil:
        """Put the sequences of a table in order; where code is claimed twice, row by row."""
        cdef Sequence* sequences = <Sequence*>self.sequences.items + m.first_sequence
        cdef uint64_t count = self.sequences.count - m.first_sequence, i
        cdef bint sorted_ = True
        cdef bint tangled = m.tangled
        for i in range(1, count):
            if sequences[i].low < sequences[i - 1].high:
                sorted_ = False
        if not sorted_ and not tangled:
            qsort(sequences, count, sizeof(Sequence), &_by_low)
            for i in range(1, count):
                if sequences[i].low < sequences[i - 1].high:
                    tangled = True
            if tangled:  # back into the order of the program
                qsort(sequences, count, sizeof(Sequence), &_by_first)
        return self._untangle(m.first_sequence) if tangled else True

    cdef bint _untangle(self, uint64_t first_sequence) noexcept nogil:
        """Sort the rows of a table by address, in the order of the program where equal.

        Where two pieces of code overlap, the earlier is cut off at the start of the later.
        """
        cdef Sequence* sequences = <Sequence*>self.sequences.items + first_sequence
        cdef uint64_t count = self.sequences.count - first_sequence, i, k, n = 0
        cdef uint64_t first = sequences[0].first, total = self.rows.count - first
        cdef Row* rows = <Row*>self.rows.items
        cdef Piece* pieces
        if not reserve(&self.scratch, total, sizeof(Piece), self.memory):
            return self._too_many()
        pieces = <Piece*>self.scratch.items
        for i in range(count):
            for k in range(sequences[i].first, sequences[i].first + sequences[i].count - 1):
                if rows[k].file == NO_FILE:
                    continue
                if n and pieces[n - 1].end == rows[k].address and (
                    pieces[n - 1].line == rows[k].line and pieces[n - 1].file == rows[k].file
                ):  # it goes on with the sequence before
                    pieces[n - 1].end = rows[k + 1].address
                    continue
                pieces[n].start, pieces[n].end = rows[k].address, rows[k + 1].address
                pieces[n].line, pieces[n].file = rows[k].line, rows[k].file
                pieces[n].order = n
                n += 1
        qsort(pieces, n, sizeof(Piece), &_by_first_address)
        for i in range(1, n):
            if pieces[i - 1].end > pieces[i].start:
                pieces[i - 1].end = pieces[i].start
        self.rows.count = first
        if not reserve(&self.rows, 2 * n + 1, sizeof(Row), self.memory):
            return self._too_many()
        rows = <Row*>self.rows.items
        k = first
        for i in range(n):
            if pieces[i].start >= pieces[i].end:
                continue
            if k > first and rows[k - 1].address == pieces[i].start:
                k -= 1  # no gap
            rows[k].address, rows[k].line, rows[k].file = pieces[i].start, pieces[i].line, pieces[i].file
            rows[k + 1].address, rows[k + 1].line, rows[k + 1].file = pieces[i].end, 0, NO_FILE
            k += 2
        self.rows.count = k
        release(&self.scratch, sizeof(Piece), self.memory)
        sequences[0].low, sequences[0].high = rows[first].address, rows[k - 1].address
        sequences[0].first, sequences[0].count = first, k - first
        self.sequences.count = first_sequence + 1
        return True

    cdef bint _too_many(self) noexcept nogil:
        self.why = "more rows than a file of this size has a right to"
        self.where = 0
        return False
