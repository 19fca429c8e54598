/* Inlined calls that are there with every compiler and at every level: FACT marks can rely on them. */
int corpus_sink(int value);

#include "marked.h"

int corpus_marked(int value)
{
    int result = corpus_sink(value); /* FACT: function=corpus_marked */
    return result + marked_outer(result);
}
