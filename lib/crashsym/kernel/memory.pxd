# SPDX-License-Identifier: MIT
from libc.stdint cimport uint64_t


cdef char* map_memory(uint64_t size) noexcept nogil
cdef void unmap_memory(char* start, uint64_t size) noexcept nogil
cdef bint space_is_free() noexcept nogil
cdef void hide_from_forks() noexcept nogil
cdef void show_to_forks() noexcept nogil
cdef void show_to_fork(char* start, uint64_t size) noexcept nogil
