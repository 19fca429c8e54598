// Goes down through frames of every shape on Arm, and at the bottom prints two things: its registers and its stack, and
// the way out of there as libgcc's unwinder finds it. Its argument names the way down.
#include <alloca.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

#include <algorithm>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" void *__libc_stack_end;

namespace {

volatile int zero;
volatile double one = 1.0;
bool done;
void (*bottom)();

_Unwind_Reason_Code print_frame(_Unwind_Context *context, void *)
{
    printf("frame %lx %lx\n", (unsigned long)_Unwind_GetIP(context), (unsigned long)_Unwind_GetGR(context, 13));
    return _URC_NO_REASON;
}

__attribute__((noinline)) void snapshot()
{
    uint32_t registers[16];
    uint32_t here;
    asm volatile(
        "stmia %1, {r0-r12}\n\t"
        "str sp, [%1, #52]\n\t"
        "str lr, [%1, #56]\n\t"
        "mov %0, pc\n\t"
        "str %0, [%1, #60]"
        : "=&r"(here)
        : "r"(registers)
        : "memory");
    if (done)
        return;
    done = true;
    for (int number = 0; number < 16; ++number)
        printf("register %d %lx\n", number, (unsigned long)registers[number]);
    _Unwind_Backtrace(print_frame, nullptr);
    for (uint32_t place = registers[13]; place < (uintptr_t)__libc_stack_end; place += 4)
        printf("memory %lx %lx\n", (unsigned long)place, (unsigned long)*(uint32_t *)place);
    fflush(stdout);
}

int by_snapshot(const void *, const void *)
{
    bottom();
    return 0;
}

__attribute__((noinline)) int through_libc(int value)
{
    int numbers[3] = {value, value + 1, value + 2};
    qsort(numbers, 3, sizeof *numbers, by_snapshot);
    return numbers[1];
}

__attribute__((noinline)) int with_a_variable_frame(int size)
{
    char *block = (char *)alloca(size + zero);
    memset(block, size, size);
    int result = through_libc(size);
    return result + block[size / 2];
}

__attribute__((noinline)) double with_floating_point(double value)
{
    double a = value * 2 + one, b = value / 3 + one, c = value - one, d = value * value;
    int result = with_a_variable_frame(100);
    return a + b * c - d + result;
}

__attribute__((noinline)) int with_a_large_frame(int value)
{
    volatile int block[5000];
    block[zero] = value;
    double result = with_floating_point(value);
    return block[zero] + (int)result;
}

__attribute__((noinline)) int with_many_registers(int a, int b, int c, int d)
{
    int e = a * b, f = b * c, g = c * d, h = d * a;
    int result = with_a_large_frame(e + f);
    return result + a + b * c - d + e + f * g - h;
}

struct Base {
    virtual ~Base() = default;
    virtual int down(const std::string &name) = 0;
};

struct Derived : Base {
    int down(const std::string &name) override
    {
        std::map<std::string, int> counts;
        counts[name + "!"] = 7;  // destructors to run when something is thrown
        return with_many_registers(counts.size(), name.size(), 3, 4);
    }
};

__attribute__((noinline)) int through_the_library(Base &base)
{
    std::vector<std::string> names = {"three", "one", "two"};
    std::function<bool(const std::string &, const std::string &)> less = [&](auto &left, auto &right) {
        base.down(left);
        return left < right;
    };
    std::sort(names.begin(), names.end(), less);
    return names.size();
}

__attribute__((noinline)) int in_a_handler(Base &base)
{
    try {
        throw std::runtime_error("on purpose");
    } catch (const std::exception &error) {
        return through_the_library(base) + (int)strlen(error.what());
    }
}

void on_signal(int)
{
    snapshot();
    _exit(0);
}

void on_signal_with_facts(int, siginfo_t *, void *)
{
    snapshot();
    _exit(0);
}

// Two functions that are interrupted: one without a frame, whose way out is in lr, and one with a frame.
#ifdef __thumb__
#define FUNCTION "\t.p2align 2\n\t.thumb_func\n"
#else
#define FUNCTION "\t.p2align 2\n"
#endif
extern "C" void trap_without_frame();
asm(".text\n" FUNCTION
    "\t.type trap_without_frame, %function\n\t.global trap_without_frame\n"
    "trap_without_frame:\n\t.fnstart\n\tnop\n\tnop\n\tudf #0\n\tbx lr\n\t.fnend");
extern "C" void trap_with_frame();
asm(".text\n" FUNCTION
    "\t.type trap_with_frame, %function\n\t.global trap_with_frame\n"
    "trap_with_frame:\n\t.fnstart\n\t.save {r4, lr}\n\tpush {r4, lr}\n\tnop\n\tnop\n\tudf #0\n\tpop {r4, pc}\n\t.fnend");

void install(int flags)
{
    struct sigaction action = {};
    action.sa_flags = flags;
    if (flags & SA_SIGINFO) {
        action.sa_sigaction = on_signal_with_facts;
        bottom = trap_with_frame;
    } else {
        action.sa_handler = on_signal;
        bottom = trap_without_frame;
    }
    sigaction(SIGILL, &action, nullptr);
}

}  // namespace

int main(int, char **arguments)
{
    bottom = snapshot;
    if (!strcmp(arguments[1], "signal"))
        install(0);
    else if (!strcmp(arguments[1], "siginfo"))
        install(SA_SIGINFO);
    Derived derived;
    return in_a_handler(derived) == 0;
}
