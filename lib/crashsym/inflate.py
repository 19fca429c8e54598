# SPDX-License-Identifier: MIT
"""Compressed sections and embedded xz streams, each inflated at no more cost than it announced.

The modules that do it are imported when the first such section is met.
"""

from __future__ import annotations

import mmap
import struct

from crashsym.errors import MalformedError
from crashsym.zstd import standard_module, zstandard_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Literal

    Pieces = Callable[[memoryview, int, str], Iterator[Any]]

_ELFCOMPRESS_ZLIB, _ELFCOMPRESS_ZSTD = 1, 2
# zlib cannot do better than 1032:1, zstd than about 32768:1, but debug sections reach 3 to 20.
# Beyond this it is a bomb; below _HARMLESS bytes nothing is.
_MAX_INFLATION = 200
_HARMLESS = 1 << 20
_IN, _OUT = 1 << 18, 1 << 20  # bytes that are handled at once
_LZMA_MEMORY = 96 << 20  # what xz -9 needs to decode is 65 MiB
_NO_ZSTD = (
    "it is compressed with zstd, which this Python cannot undo; install its package 'zstandard' "
    "or the library libzstd, or use 'objcopy --decompress-debug-sections'"
)


def inflate_section(
    data: memoryview, where: str, *, bits: int, byte_order: Literal["<", ">"]
) -> memoryview:
    """Undo SHF_COMPRESSED: a header with type, size and alignment, then the stream.

    Raises:
        MalformedError: the header or the stream is damaged, claims too much or not what it holds,
            or needs a library that is not there.

    Source: gABI "Section Compression", Elf32_Chdr and Elf64_Chdr.
    """
    layout = struct.Struct(byte_order + ("I4xQ8x" if bits == 64 else "II4x"))
    if len(data) < layout.size:
        raise _damage(where, f"a compression header of {len(data)} bytes")
    kind, size = layout.unpack_from(data)
    stream = data[layout.size :]
    if kind == _ELFCOMPRESS_ZLIB:
        return _filled(_zlib_pieces, stream, size, where)
    if kind == _ELFCOMPRESS_ZSTD:
        return _filled(_zstd_pieces, stream, size, where)
    raise _damage(where, f"compression type {kind}; this crashsym reads 1, zlib, and 2, zstd")


def inflate_legacy(data: memoryview, where: str) -> memoryview:
    """Undo the compression of a ``.zdebug_*`` section: "ZLIB", the size in 8 bytes, the stream.

    The size is big-endian whatever the file is.

    Raises:
        MalformedError: as for `inflate_section`.

    Source: binutils bfd/compress.c, bfd_is_section_compressed_info (gold's and GNU as' old format).
    """
    if bytes(data[:4]) != b"ZLIB" or len(data) < 12:
        raise _damage(where, "it does not begin with 'ZLIB' and a size")
    return _filled(_zlib_pieces, data[12:], int.from_bytes(data[4:12], "big"), where)


def inflate_xz(data: memoryview, where: str) -> bytes:
    """Return the contents of an xz stream, which does not announce its size in front.

    Raises:
        MalformedError: it is damaged, out of proportion, or this Python lacks the module lzma.
    """
    pieces: list[bytes] = []
    left = _allowed(len(data))
    for piece in _xz_pieces(data, where):
        left -= len(piece)
        if left < 0:
            raise _damage(where, f"its {len(data)} bytes grow beyond proportion")
        pieces.append(piece)
    return b"".join(pieces)


def _allowed(size: int) -> int:
    return max(_HARMLESS, _MAX_INFLATION * size)


def _filled(pieces: Pieces, data: memoryview, size: int, where: str) -> memoryview:
    """Return ``size`` bytes of output; more or less is an error."""
    if size > _allowed(len(data)):
        raise _damage(where, f"it claims to grow from {len(data)} to {size} bytes")
    output = _memory(size)
    filled = 0
    for piece in pieces(data, size, where):
        if filled + len(piece) > size:
            raise _damage(where, f"it holds more than the {size} bytes that it claims")
        output[filled : filled + len(piece)] = piece
        filled += len(piece)
    if filled != size:
        raise _damage(where, f"it holds {filled} bytes, not the {size} that it claims")
    return output.toreadonly()


def _memory(size: int) -> memoryview:
    """Return zeroed memory of which pages that are never written to cost nothing."""
    if not size:
        return memoryview(bytearray())
    try:
        return memoryview(mmap.mmap(-1, size))
    except OSError as error:
        raise MemoryError from error


def _zlib_pieces(data: memoryview, size: int, where: str) -> Iterator[bytes]:
    import zlib

    try:
        yield from _pieces(zlib.decompressobj, data, size, where)
    except zlib.error as error:
        raise _damage(where, str(error)) from error


def _xz_pieces(data: memoryview, where: str) -> Iterator[bytes]:
    try:
        import lzma
    except ImportError as error:
        raise _damage(where, "this Python was built without its module lzma") from error

    def decoder() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_LZMA_MEMORY)

    try:
        yield from _pieces(decoder, data, 0, where)
    except lzma.LZMAError as error:
        raise _damage(where, str(error)) from error


def _zstd_pieces(data: memoryview, size: int, where: str) -> Iterator[Any]:
    """Undo zstd by whatever is there: Python's module, another package, or the library."""
    zstd = standard_module()
    if zstd is None:
        yield from _zstandard_pieces(data, size, where)
        return
    try:
        yield from _pieces(zstd.ZstdDecompressor, data, size, where)
    except zstd.ZstdError as error:
        raise _damage(where, str(error)) from error


def _zstandard_pieces(data: memoryview, size: int, where: str) -> Iterator[Any]:
    zstandard = zstandard_module()
    if zstandard is None:
        yield _libzstd(data, size, where)
        return
    decoder = zstandard.ZstdDecompressor()
    try:
        reader = decoder.stream_reader(data, read_across_frames=True)
        while piece := reader.read(_OUT):
            yield piece
    except zstandard.ZstdError as error:
        raise _damage(where, str(error)) from error


def _libzstd(data: memoryview, size: int, where: str) -> memoryview:
    """Call ZSTD_decompress, which writes no more than the memory it is given.

    Source: zstd.h, "Simple API".
    """
    import ctypes

    try:
        library = ctypes.CDLL("libzstd.so.1")
    except OSError as error:
        raise _damage(where, _NO_ZSTD) from error
    library.ZSTD_decompress.argtypes = (ctypes.c_void_p, ctypes.c_size_t) * 2
    library.ZSTD_decompress.restype = ctypes.c_size_t
    library.ZSTD_isError.argtypes = library.ZSTD_getErrorName.argtypes = (ctypes.c_size_t,)
    library.ZSTD_getErrorName.restype = ctypes.c_char_p
    output = _memory(size)
    target = (ctypes.c_char * size).from_buffer(output)
    made = library.ZSTD_decompress(target, size, bytes(data), len(data))
    if library.ZSTD_isError(made):
        raise _damage(where, library.ZSTD_getErrorName(made).decode())
    return output[:made]


def _pieces(
    new_decoder: Callable[[], Any], data: memoryview, size: int, where: str
) -> Iterator[bytes]:
    """Yield the output in pieces of at most `_OUT` bytes, until a stream ends and has ``size``.

    Several streams may follow each other (binutils' ``ld -r`` wrote such sections). Decoders are
    those of the standard library: zlib hands back input that it had no room for, others keep it.
    """
    decoder, made = new_decoder(), 0
    for start in range(0, len(data), _IN):
        rest: Any = data[start : start + _IN]
        while True:
            piece = decoder.decompress(rest, _OUT)
            made += len(piece)
            yield piece
            rest = getattr(decoder, "unconsumed_tail", b"")
            if decoder.eof:
                if made >= size:
                    return
                rest, decoder = decoder.unused_data, new_decoder()
            elif not piece and not rest:
                break
    raise _damage(where, "its stream has no end")


def _damage(where: str, why: str) -> MalformedError:
    return MalformedError("cannot inflate", where=where, why=why)
