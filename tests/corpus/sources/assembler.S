/* Hand-written code for each CPU: line rows from the assembler (-g), unwind rules that compilers seldom write
   (.eh_frame and .debug_frame, remember/restore, undefined return address, expressions, a signal frame),
   a function symbol without rules and a label without a type. */
#ifndef NO_DEBUG_FRAME
    .cfi_sections .eh_frame, .debug_frame
#endif
    .text
    .globl corpus_assembler
    .type corpus_assembler, %function
#ifdef __thumb__
    .syntax unified
    .thumb
    .thumb_func
#endif
corpus_assembler:
    .cfi_startproc
#if defined(__x86_64__)
    pushq %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbx, 0
    movl %edi, %ebx
    testl %ebx, %ebx
    jne 1f
    .cfi_remember_state
    popq %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    ret
1:
    .cfi_restore_state
    leal 1(%rbx), %eax
    popq %rbx
    .cfi_def_cfa_offset 8
    .cfi_same_value %rbx
    ret
#elif defined(__i386__)
    pushl %ebx
    .cfi_adjust_cfa_offset 4
    .cfi_rel_offset %ebx, 0
    movl 8(%esp), %ebx
    testl %ebx, %ebx
    jne 1f
    .cfi_remember_state
    popl %ebx
    .cfi_adjust_cfa_offset -4
    .cfi_restore %ebx
    ret
1:
    .cfi_restore_state
    leal 1(%ebx), %eax
    popl %ebx
    .cfi_def_cfa_offset 4
    .cfi_same_value %ebx
    ret
#elif defined(__aarch64__)
    stp x29, x30, [sp, #-32]!
    .cfi_def_cfa_offset 32
    .cfi_offset x29, -32
    .cfi_offset x30, -24
    str x19, [sp, #16]
    .cfi_offset x19, -16
    mov x19, x0
    cbnz x19, 1f
    .cfi_remember_state
    ldr x19, [sp, #16]
    ldp x29, x30, [sp], #32
    .cfi_restore x19
    .cfi_restore x30
    .cfi_restore x29
    .cfi_def_cfa_offset 0
    ret
1:
    .cfi_restore_state
    add x0, x19, #1
    ldr x19, [sp, #16]
    ldp x29, x30, [sp], #32
    .cfi_same_value x19
    .cfi_restore x30
    .cfi_restore x29
    .cfi_def_cfa_offset 0
    ret
#elif defined(__arm__)
    push {r4, lr}
    .cfi_def_cfa_offset 8
    .cfi_offset r4, -8
    .cfi_offset lr, -4
    movs r4, r0
    bne 1f
    .cfi_remember_state
    pop {r4, lr}
    .cfi_restore r4
    .cfi_restore lr
    .cfi_def_cfa_offset 0
    bx lr
1:
    .cfi_restore_state
    adds r0, r4, #1
    pop {r4, lr}
    .cfi_same_value r4
    .cfi_restore lr
    .cfi_def_cfa_offset 0
    bx lr
#elif defined(__riscv)
    addi sp, sp, -16
    .cfi_def_cfa_offset 16
    sd ra, 8(sp)
    .cfi_offset ra, -8
    sd s0, 0(sp)
    .cfi_offset s0, -16
    mv s0, a0
    bnez s0, 1f
    .cfi_remember_state
    ld s0, 0(sp)
    .cfi_restore s0
    ld ra, 8(sp)
    .cfi_restore ra
    addi sp, sp, 16
    .cfi_def_cfa_offset 0
    ret
1:
    .cfi_restore_state
    addi a0, s0, 1
    ld s0, 0(sp)
    .cfi_same_value s0
    ld ra, 8(sp)
    .cfi_restore ra
    addi sp, sp, 16
    .cfi_def_cfa_offset 0
    ret
#endif
    .cfi_endproc
    .size corpus_assembler, .-corpus_assembler

/* The first frame of a thread: the return address is undefined, unwinding ends here. */
    .globl corpus_first_frame
    .type corpus_first_frame, %function
#ifdef __thumb__
    .thumb_func
#endif
corpus_first_frame:
    .cfi_startproc
#if defined(__x86_64__)
    .cfi_undefined %rip
    xorl %ebp, %ebp
    .cfi_undefined %rbp
    call corpus_assembler
    hlt
#elif defined(__i386__)
    .cfi_undefined %eip
    xorl %ebp, %ebp
    .cfi_undefined %ebp
    call corpus_assembler
    hlt
#elif defined(__aarch64__)
    .cfi_undefined x30
    mov x29, xzr
    .cfi_undefined x29
    bl corpus_assembler
    brk #1
#elif defined(__arm__)
    .cfi_undefined lr
    movs r0, #0
    .cfi_undefined r11
    bl corpus_assembler
    nop
#elif defined(__riscv)
    .cfi_undefined ra
    li s0, 0
    .cfi_undefined s0
    call corpus_assembler
    ebreak
#endif
    .cfi_endproc
    .size corpus_first_frame, .-corpus_first_frame

/* A signal frame whose CFA and one register are DWARF expressions: DW_CFA_def_cfa_expression(breg SP 64) and
   DW_CFA_expression / DW_CFA_val_expression of a callee-saved register, later back to ordinary rules. */
    .globl corpus_signal_frame
    .type corpus_signal_frame, %function
#ifdef __thumb__
    .thumb_func
#endif
corpus_signal_frame:
    .cfi_startproc
    .cfi_signal_frame
#if defined(__x86_64__)
#define SP_BREG 0x77
#define SAVED 3
#elif defined(__i386__)
#define SP_BREG 0x74
#define SAVED 3
#elif defined(__aarch64__)
#define SP_BREG 0x8f
#define SAVED 19
#elif defined(__arm__)
#define SP_BREG 0x7d
#define SAVED 4
#elif defined(__riscv)
#define SP_BREG 0x72
#define SAVED 9
#endif
    nop
    .cfi_escape 0x10, SAVED, 2, SP_BREG, 8
    nop
    .cfi_escape 0x16, SAVED, 2, SP_BREG, 16
    nop
    .cfi_escape 0x0f, 3, SP_BREG, 0xc0, 0x00
    nop
    .cfi_same_value SAVED
    nop
#if defined(__x86_64__)
    .cfi_def_cfa %rsp, 16
    nop
    ret
#elif defined(__i386__)
    .cfi_def_cfa %esp, 8
    nop
    ret
#elif defined(__aarch64__)
    .cfi_def_cfa sp, 16
    .cfi_val_offset x20, 8
    nop
    ret
#elif defined(__arm__)
    .cfi_def_cfa sp, 8
    nop
    bx lr
#elif defined(__riscv)
    .cfi_def_cfa sp, 16
    nop
    ret
#endif
    .cfi_endproc
    .size corpus_signal_frame, .-corpus_signal_frame

/* No unwind rules; a return address kept in another register is met in millicode. */
    .globl corpus_without_rules
    .type corpus_without_rules, %function
#ifdef __thumb__
    .thumb_func
#endif
corpus_without_rules:
    nop
    nop
    .size corpus_without_rules, .-corpus_without_rules

    .globl corpus_return_in_register
    .type corpus_return_in_register, %function
#ifdef __thumb__
    .thumb_func
#endif
corpus_return_in_register:
    .cfi_startproc
#if defined(__x86_64__)
    popq %rax
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rax
    jmp *%rax
#elif defined(__i386__)
    popl %eax
    .cfi_adjust_cfa_offset -4
    .cfi_register %eip, %eax
    jmp *%eax
#elif defined(__aarch64__)
    mov x9, x30
    .cfi_register x30, x9
    br x9
#elif defined(__arm__)
    mov r3, lr
    .cfi_register lr, r3
    bx r3
#elif defined(__riscv)
    mv t0, ra
    .cfi_register ra, t0
    jr t0
#endif
    .cfi_endproc
    .size corpus_return_in_register, .-corpus_return_in_register
/* Two functions on one line: the assembler writes no row for the second. */
#ifdef __thumb__
#define FUNCTION(name) .globl name; .type name, %function; .thumb_func; name:
#else
#define FUNCTION(name) .globl name; .type name, %function; name:
#endif
#define SHORT(name) FUNCTION(name) nop; nop; .size name, .-name;
SHORT(corpus_one) SHORT(corpus_two)

/* A label in code that is no function: it must not become a PUBLIC record. */
corpus_label:
    nop
    nop
    .section .note.GNU-stack, "", %progbits
