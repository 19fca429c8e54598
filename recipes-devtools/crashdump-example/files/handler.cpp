// SPDX-License-Identifier: MIT
// Prints the raw stack of a crash, one frame a line: "#0 backend+0x11f4". The offset counts from the start of the
// module's first loaded segment, as in a Breakpad symbol file.
//
// The handler only calls what is safe in a signal handler as far as that can be: what it needs of the dynamic linker is
// looked up at start-up, and the unwinder has run once before, so that it has loaded and allocated all it wants.
#include "crashcore.h"

#include <climits>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <link.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

namespace crashcore {
namespace {

struct Module {
    uintptr_t start;  // where the first loaded segment begins
    uintptr_t end;
    char name[NAME_MAX + 1];
};

constexpr unsigned max_modules = 64;
constexpr unsigned max_frames = 1024;

Module modules[max_modules];
unsigned module_count;

// Static, as the stack of the handler is small.
uintptr_t frames[max_frames];
unsigned frame_count;

alignas(16) char handler_stack[256 * 1024];

// The name of the mapped file itself: of a library it is not the link that the program asked for.
void copy_module_name(char (&name)[NAME_MAX + 1], const char *path)
{
    char resolved[PATH_MAX];
    const char *file = realpath(*path ? path : "/proc/self/exe", resolved);
    if (!file)
        file = path;
    const char *slash = std::strrchr(file, '/');
    std::strncpy(name, slash ? slash + 1 : file, NAME_MAX);
}

int remember_module(dl_phdr_info *info, size_t, void *)
{
    if (module_count == max_modules)
        return 1;
    Module &module = modules[module_count];
    for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
        const ElfW(Phdr) &segment = info->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD)
            continue;
        const uintptr_t start = info->dlpi_addr + segment.p_vaddr;
        if (module.end == 0)
            module.start = start;
        module.end = start + segment.p_memsz;
    }
    if (module.end != 0) {
        copy_module_name(module.name, info->dlpi_name);
        ++module_count;
    }
    return 0;
}

const Module *find_module(uintptr_t address)
{
    for (unsigned i = 0; i < module_count; ++i) {
        if (address >= modules[i].start && address < modules[i].end)
            return &modules[i];
    }
    return nullptr;
}

// On 32-bit ARM the lowest bit of a code address tells the instruction set; it is no part of the place.
uintptr_t code_address(uintptr_t value)
{
#if defined(__arm__)
    return value & ~uintptr_t{1};
#else
    return value;
#endif
}

_Unwind_Reason_Code remember_frame(_Unwind_Context *context, void *)
{
    const uintptr_t address = code_address(_Unwind_GetIP(context));
    if (address == 0 || frame_count == max_frames)
        return _URC_END_OF_STACK;
    frames[frame_count++] = address;
    return _URC_NO_REASON;
}

void collect_frames()
{
    frame_count = 0;
    _Unwind_Backtrace(remember_frame, nullptr);
}

uintptr_t program_counter(const ucontext_t &context)
{
#if defined(__x86_64__)
    return static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
#elif defined(__i386__)
    return static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_EIP]);
#elif defined(__aarch64__)
    return context.uc_mcontext.pc;
#elif defined(__arm__)
    return code_address(context.uc_mcontext.arm_pc);
#elif defined(__riscv)
    return context.uc_mcontext.__gregs[REG_PC];
#else
#error "Where does this CPU's ucontext_t keep the program counter? Add it here."
#endif
}

// A line of text without any of stdio.
class Line {
public:
    void text(const char *words)
    {
        while (*words && length < sizeof buffer)
            buffer[length++] = *words++;
    }

    void number(uintptr_t value, unsigned base)
    {
        char digits[24];
        unsigned count = 0;
        do {
            digits[count++] = "0123456789abcdef"[value % base];
            value /= base;
        } while (value != 0);
        while (count > 0 && length < sizeof buffer)
            buffer[length++] = digits[--count];
    }

    void print()
    {
        text("\n");
        for (size_t done = 0; done < length;) {
            const ssize_t written = write(STDERR_FILENO, buffer + done, length - done);
            if (written <= 0)
                return;
            done += static_cast<size_t>(written);
        }
    }

private:
    char buffer[NAME_MAX + 64];
    size_t length = 0;
};

void print_frame(unsigned number, uintptr_t address)
{
    const Module *module = find_module(address);
    Line line;
    line.text("#");
    line.number(number, 10);
    line.text(" ");
    if (module) {
        line.text(module->name);
        line.text("+");
        address -= module->start;
    }
    line.text("0x");
    line.number(address, 16);
    line.print();
}

// The unwinder begins in this file; the crashed program's own frames begin at the program counter.
unsigned first_caller(uintptr_t pc)
{
    for (unsigned i = 0; i < frame_count; ++i) {
        if (frames[i] == pc)
            return i + 1;
    }
    // Not met where the unwinder misses the interrupted frame (a jump to nowhere): then what follows the functions
    // of this file and the trampoline through which the kernel called them is all there is.
    const unsigned own_frames = 3;
    return own_frames < frame_count ? own_frames : frame_count;
}

void on_crash(int number, siginfo_t *, void *context)
{
    const uintptr_t pc = program_counter(*static_cast<ucontext_t *>(context));
    collect_frames();
    print_frame(0, pc);
    unsigned shown = 1;
    for (unsigned i = first_caller(pc); i < frame_count; ++i)
        print_frame(shown++, frames[i]);
    // SA_RESETHAND has put back the default action, and the signal is blocked until this function returns: then it
    // ends the process in the very state of the crash.
    raise(number);
}

}  // namespace

void print_frames_on_crash()
{
    collect_frames();
    dl_iterate_phdr(remember_module, nullptr);

    // A stack overflow leaves no room on the stack to handle it.
    stack_t stack = {};
    stack.ss_sp = handler_stack;
    stack.ss_size = sizeof handler_stack;
    sigaltstack(&stack, nullptr);

    struct sigaction action = {};
    action.sa_sigaction = on_crash;
    action.sa_flags = static_cast<int>(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND);
    sigemptyset(&action.sa_mask);
    const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    for (const int number : fatal_signals)
        sigaction(number, &action, nullptr);
}

}  // namespace crashcore
