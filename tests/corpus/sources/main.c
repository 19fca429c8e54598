/* Calls everything: the entry of each executable of the corpus. */
int corpus_inlines(int value);
int corpus_plain(int value);
int corpus_hotcold(int value);
int corpus_assembler(int value);
int corpus_marked(int value);

int main(int argc, char **argv)
{
    int result = argc + (argv != 0);
#ifdef WITH_INLINES
    result += corpus_inlines(argc);
#endif
#ifdef WITH_PLAIN
    result += corpus_plain(argc);
#endif
#ifdef WITH_HOTCOLD
    result += corpus_hotcold(argc);
#endif
#ifdef WITH_ASSEMBLER
    result += corpus_assembler(argc);
#endif
#ifdef WITH_MARKED
    result += corpus_marked(argc);
#endif
    return result & 1;
}
