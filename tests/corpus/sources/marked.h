/* Two functions that every compiler inlines, whatever the options. */
__attribute__((always_inline)) static inline int marked_inner(int value)
{
    return corpus_sink(value) + 1; /* FACT: function=marked_inner, inlined-into=marked_outer */
}

__attribute__((always_inline)) static inline int marked_outer(int value)
{
    corpus_sink(value + 2); /* FACT: function=marked_outer, inlined-into=corpus_marked */
    return marked_inner(value * 3);
}
