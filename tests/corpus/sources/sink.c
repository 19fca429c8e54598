/* What the other sources call so that the compiler cannot know the answer. */
volatile int corpus_total;

int corpus_sink(int value)
{
    corpus_total += value;
    return corpus_total;
}

double corpus_float_sink(double value)
{
    return value + corpus_total;
}
