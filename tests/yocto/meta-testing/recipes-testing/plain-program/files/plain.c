#include <stdio.h>

static int twice(int number) { return 2 * number; }

int main(int argc, char **argv)
{
    (void)argv;
    return printf("%d\n", twice(argc)) < 0;
}
