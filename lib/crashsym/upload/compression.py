# SPDX-License-Identifier: MIT
"""Compressed files: equal bytes give equal files, and one that others made is read at a known cost.

They keep their names. Symbolicator sees by the first bytes what a file is compressed with
(getsentry/symbolicator crates/symbolicator-service/src/download/compression.rs).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from crashsym.errors import ConfigError
from crashsym.files import StagedFolder, not_written
from crashsym.upload.bodies import PIECE, pieces
from crashsym.upload.items import Item
from crashsym.zstd import standard_module, zstandard_module

_GZIP_LEVEL = 6
_GZIP_HEADER = 31  # for zlib: its largest window, and a header without name and time
_ZSTD_LEVEL = 9  # a fifth smaller than gzip, in 11 MiB of memory
_WINDOW_LOG = 23  # 8 MiB, which every reader of zstd should have (RFC 8878 section 3.1.1.1.2)
# Four bytes of zstd can be 128 KiB (an RLE block), 256 so 8 MiB.
_STEP = 256


class Plain:
    """No compression."""

    def packed(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield what they are."""
        yield from pieces

    def unpacked(self, stream: BinaryIO) -> Iterator[bytes]:
        """Yield what is there.

        Raises:
            OSError: it cannot be read.
        """
        while data := stream.read(PIECE):
            yield data


@dataclass(frozen=True)
class Compressed:
    """Both coders have the methods of those of `zlib`; ``damage`` is what they raise."""

    encoder: Callable[[], Any]
    decoder: Callable[[], Any]
    damage: type[Exception]

    def packed(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the compressed file."""
        encoder = self.encoder()
        for piece in pieces:
            yield encoder.compress(piece)
        yield encoder.flush()

    def unpacked(self, stream: BinaryIO) -> Iterator[bytes]:
        """Yield what is in a compressed file, no more than 8 MiB at once.

        Raises:
            ValueError: it is damaged, or breaks off.
            OSError: it cannot be read.
        """
        decoder, ended = self.decoder(), False
        while data := stream.read(_STEP):
            while data:
                try:
                    yield decoder.decompress(data)
                except self.damage as error:
                    raise ValueError(str(error)) from error
                data, ended = decoder.unused_data, decoder.eof
                if ended:  # what follows is one more of it: compressors at work in parallel do that
                    decoder = self.decoder()
        if not ended:
            raise ValueError("it breaks off")


Compression = Plain | Compressed


def compression(name: str) -> Compression:
    """Return what ``compress`` of a target stands for.

    Raises:
        ConfigError: this Python lacks what it needs.
    """
    if name == "zstd":
        return _zstd()
    return Compressed(_gzip_encoder, _gzip_decoder, zlib.error) if name == "gzip" else Plain()


@contextmanager
def packed_copy(item: Item, compression: Compression) -> Iterator[Path]:
    """Yield a compressed copy of a file.

    Raises:
        StoreError: temporary files cannot be written.
        UnreadableError: the file cannot be read, or has changed.
    """
    with StagedFolder(None) as folder:
        packed = Path(folder, "data")
        try:
            with packed.open("wb") as raw:
                raw.writelines(compression.packed(pieces(item)))
        except OSError as error:
            raise not_written(Path(folder).parent, error) from error
        yield packed


def _gzip_encoder() -> Any:
    return zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_HEADER)


def _gzip_decoder() -> Any:
    return zlib.decompressobj(_GZIP_HEADER)


def _zstd() -> Compressed:
    """Both ways give the same bytes by the same libzstd; a checksum is in them, as gzip has one."""
    if module := standard_module():
        options = module.CompressionParameter, module.DecompressionParameter
        written = {options[0].compression_level: _ZSTD_LEVEL, options[0].checksum_flag: 1}
        window = {options[1].window_log_max: _WINDOW_LOG}
        return Compressed(
            lambda: module.ZstdCompressor(options=written),
            lambda: module.ZstdDecompressor(options=window),
            module.ZstdError,
        )
    if package := zstandard_module():
        return Compressed(
            # One of each for one stream: of one compressor all streams would share the memory.
            lambda: package.ZstdCompressor(_ZSTD_LEVEL, write_checksum=True).compressobj(),
            lambda: package.ZstdDecompressor(max_window_size=1 << _WINDOW_LOG).decompressobj(),
            package.ZstdError,
        )
    raise ConfigError(
        "cannot compress",
        where="zstd",
        why="this Python has no module for it",
        remedy="Install its package 'backports.zstd' or 'zstandard', or take gzip.",
    )
