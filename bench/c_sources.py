# SPDX-License-Identifier: MIT
"""Small C translation units, as a C library has them by the thousand.

Each is a few hundred lines of other kinds of function than its neighbours have; the same seed
gives the same source. Every external name contains ``PREFIX``.
"""

from __future__ import annotations

import random
from string import Template

# A stand-in of constant length: in the object it can be replaced, byte for byte, by another name.
PREFIX = "Qz00000"

_HEADERS = (
    "ctype.h",
    "errno.h",
    "stdint.h",
    "stdio.h",
    "stdlib.h",
    "string.h",
    "time.h",
    "wchar.h",
)

_TYPES = """
enum ${p}_kind$k { ${p}_NONE$k, ${p}_SOME$k = $small, ${p}_MANY$k };
struct ${p}_item$k {
    struct ${p}_item$k *next;
    enum ${p}_kind$k kind;
    $number size, used : $small;
    char name[$large];
    union { $number number; void *pointer; } value;
    int (*compare)(const struct ${p}_item$k *, const struct ${p}_item$k *);
};
static struct ${p}_item$k *first$k;
static inline $number twice$k($number value) { return value * 2 + $small; }
static int usable$k(const struct ${p}_item$k *item)
{
    return item && item->kind != ${p}_NONE$k && item->size > twice$k(item->used);
}
"""

_LIST = """
int ${p}_add$k(const char *name, $number size)
{
    struct ${p}_item$k *item = calloc(1, sizeof *item);
    if (!item)
        return -ENOMEM;
    snprintf(item->name, sizeof item->name, "%s", name);
    item->size = twice$k(size);
    item->next = first$k;
    first$k = item;
    return usable$k(item) ? $small : 0;
}
struct ${p}_item$k *${p}_find$k(const char *name)
{
    for (struct ${p}_item$k *item = first$k; item; item = item->next) {
        size_t length = strlen(item->name);
        if (usable$k(item) && !strncmp(item->name, name, length))
            return item;
    }
    return NULL;
}
"""

_SWITCH = """
static $number weigh$k(struct ${p}_item$k *item, int depth)
{
    switch (item->kind) {
    case ${p}_SOME$k: return twice$k(item->value.number);
    case ${p}_MANY$k: return depth > $small ? 0 : ($number)(item->size + weigh$k(item->next, depth + 1));
    default: break;
    }
    return item->used;
}
long ${p}_weigh$k(void)
{
    long sum = 0;
    for (struct ${p}_item$k *item = first$k; item; item = item->next)
        if (usable$k(item))
            sum += weigh$k(item, 0);
    return sum;
}
"""

_TEXT = """
size_t ${p}_quote$k(char *to, size_t size, const unsigned char *from)
{
    size_t used = 0;
    for (; *from && used + $small < size; ++from) {
        if (isalnum(*from))
            to[used++] = (char)tolower(*from);
        else
            used += (size_t)snprintf(to + used, size - used, "%%%02x", *from);
    }
    to[used] = 0;
    return used;
}
"""

_SUMS = """
uint32_t ${p}_sum$k(const uint8_t *data, size_t length)
{
    uint32_t sum = $large;
    static uint32_t table$k[256];
    if (!table$k[1])
        for (uint32_t i = 0; i < 256; ++i) {
            uint32_t value = i;
            for (int bit = 0; bit < 8; ++bit)
                value = value & 1 ? value >> 1 ^ 0xedb88320u : value >> 1;
            table$k[i] = value;
        }
    while (length--)
        sum = table$k[(sum ^ *data++) & 255] ^ sum >> $small;
    return sum;
}
"""

_ORDER = """
static int order$k(const void *left, const void *right)
{
    const struct ${p}_item$k *a = *(struct ${p}_item$k *const *)left, *b = *(struct ${p}_item$k *const *)right;
    return a->compare ? a->compare(a, b) : strcmp(a->name, b->name);
}
void ${p}_sort$k(void)
{
    struct ${p}_item$k *all[$large], *item = first$k;
    size_t count = 0;
    while (item && count < $large) {
        all[count++] = item;
        item = item->next;
    }
    qsort(all, count, sizeof *all, order$k);
    for (size_t i = 0; i + 1 < count; ++i)
        all[i]->next = all[i + 1];
    first$k = count ? all[0] : NULL;
}
"""

_CLOCK = """
int ${p}_stamp$k(FILE *out, const char *what, int level)
{
    struct timespec now;
    struct tm parts;
    if (clock_gettime(CLOCK_REALTIME, &now) || !localtime_r(&now.tv_sec, &parts))
        return -errno;
    if (level > $small)
        return 0;
    return fprintf(out, "%02d:%02d:%02d.%03ld %s: %s", parts.tm_hour, parts.tm_min, parts.tm_sec,
                   now.tv_nsec / $large, what, first$k ? first$k->name : "-");
}
"""

_BLOCKS = (_LIST, _SWITCH, _TEXT, _SUMS, _ORDER, _CLOCK)


def translation_unit(seed: int) -> str:
    """Return the text of one unit, about 8 kB of .debug_info."""
    draw = random.Random(seed)  # noqa: S311 - to vary sources, not to keep a secret
    parts = ["#define _GNU_SOURCE"]
    parts += [f"#include <{name}>" for name in _HEADERS if draw.random() < 0.5 or name in _NEEDED]
    for number in range(draw.randint(2, 8)):
        kinds = draw.sample(_BLOCKS, draw.randint(1, 4))
        parts += _blocks(draw, f"_{seed}_{number}", [_TYPES, *kinds])
    return "\n".join(parts)


_NEEDED = ("ctype.h", "errno.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "time.h")


def _blocks(draw: random.Random, name: str, kinds: list[str]) -> list[str]:
    words = {
        "p": PREFIX,
        "k": name,
        "number": draw.choice(("int", "long", "short", "unsigned", "uint64_t", "int16_t")),
        "small": draw.randint(3, 9),
        "large": draw.randint(16, 200),
    }
    return [Template(kind).substitute(words) for kind in kinds]
