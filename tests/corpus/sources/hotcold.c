/* Functions that the compiler splits into a hot and a cold part, with inlines in both. */
int corpus_sink(int value);
int corpus_hotcold(int value);

__attribute__((cold, noinline)) static void complain(int value)
{
    corpus_sink(value); /* FACT: function=complain */
    corpus_sink(-value); /* FACT: function=complain */
}

static inline int checked(int value, int limit)
{
    if (__builtin_expect(value > limit, 0)) {
        int excess = value - limit;
        complain(excess); /* FACT: function=checked */
        complain(excess + 1); /* FACT: function=checked */
        return limit;
    }
    return value;
}

__attribute__((noinline)) static int split(int value)
{
    int result = checked(value, 10);
    if (__builtin_expect(result < 0, 0)) {
        complain(result);
        result = checked(-result, 5);
        complain(result + 2); /* FACT: function=split, optional */
    }
    return corpus_sink(result) + 1; /* FACT: function=split */
}

int corpus_hotcold(int value)
{
    int result = 0;
    for (int i = 0; i < value; ++i) {
        result += split(i); /* FACT: function=corpus_hotcold */
        if (__builtin_expect(result > 1000, 0)) {
            complain(result);
            result = checked(result, 100);
        }
    }
    return result;
}
