/* C: static functions, inlines, recursion, a variable frame, many saved registers, unused functions. */
int corpus_sink(int value);
int corpus_plain(int value);

static inline int square(int value)
{
    int result = value * value;
    if (result > 100)
        result = corpus_sink(result); /* FACT: function=square */
    return result;
}

static inline int sum_of_squares(int count)
{
    int sum = 0;
    for (int i = 0; i < count; ++i) {
        int part = square(i); /* FACT: function=sum_of_squares, optional */
        {
            int doubled = part * 2;
            sum += square(doubled);
        }
    }
    return sum;
}

__attribute__((noinline)) static int recursive(int depth)
{
    if (depth <= 0)
        return corpus_sink(0); /* FACT: function=recursive, optional */
    return recursive(depth - 1) + square(depth);
}

__attribute__((noinline)) static int variable_frame(int count)
{
    volatile char *block = __builtin_alloca(count);
    for (int i = 0; i < count; ++i)
        block[i] = (char)corpus_sink(i); /* FACT: function=variable_frame */
    return block[count / 2];
}

__attribute__((noinline)) static int many_registers(int a, int b, int c, int d)
{
    int e = corpus_sink(a), f = corpus_sink(b), g = corpus_sink(c), h = corpus_sink(d); /* FACT: function=many_registers */
    int i = corpus_sink(e), j = corpus_sink(f), k = corpus_sink(g), l = corpus_sink(h);
    return a + b * c - d + e + f * g - h + i + j * k - l;
}

__attribute__((noinline)) static int big_frame(int value)
{
    volatile int block[3000];
    block[0] = value;
    block[2999] = corpus_sink(value); /* FACT: function=big_frame */
    return block[0] + block[2999];
}

double corpus_float_sink(double value);

/* Floating point values that live across calls: their registers are saved, and have unwind rules of their own. */
__attribute__((noinline)) static int float_registers(int value)
{
    double a = corpus_float_sink(value), b = corpus_float_sink(a), c = corpus_float_sink(b); /* FACT: function=float_registers */
    double d = corpus_float_sink(c), e = corpus_float_sink(d);
    return (int)(a * b + c * d - e + corpus_float_sink(e));
}

int corpus_unused(int value)
{
    return square(value) + corpus_sink(value);
}

int corpus_unused_too(int value)
{
    return sum_of_squares(value) - corpus_unused(value);
}

#line 500 "generated.y"
int corpus_generated(int value)
{
    return value + corpus_sink(square(value)); /* FACT: function=corpus_generated */
}
#line 82 "plain.c"

int corpus_plain(int value)
{
    int result = sum_of_squares(value);
    result += recursive(value) + variable_frame(value + 1);
    result += many_registers(value, result, 3, 4);
    result += float_registers(value) + corpus_generated(value);
    return result + big_frame(result); /* FACT: function=corpus_plain */
}
