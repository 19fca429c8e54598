/* Each program is another one, by the NAME of a function: none has the build id of another. */
#ifdef TABLE
const char table[TABLE] = { 1 };
#endif

__attribute__((noinline)) int NAME(int number) { return number + number; }

int main(int argc, char **argv)
{
    (void)argv;
    return NAME(argc);
}
