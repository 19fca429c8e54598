/* Most of the code of a program, described to debuggers only where somebody has thought of it. */
        .text
        .globl  slow
#ifdef DESCRIBED
        .type   slow, %function
#endif
slow:
#ifdef DESCRIBED
        .cfi_startproc
#endif
        .rept   4000
        nop
        .endr
        ret
#ifdef DESCRIBED
        .cfi_endproc
        .size   slow, . - slow
#endif
