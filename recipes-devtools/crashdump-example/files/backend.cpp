// SPDX-License-Identifier: MIT
// Example program that crashes on demand, in the ways that programs in the field do.
#include "crashcore.h"
#include "statistics.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <pthread.h>
#include <sys/resource.h>

namespace {

using crashcore::keep_frame;

[[gnu::always_inline]] inline int trend(const crashcore::Sensor *sensor)
{
    return statistics::change(sensor) * 10;
}

[[gnu::noinline]] int report(const char *name)
{
    const int value = trend(crashcore::find_sensor(name));
    std::printf("%s: trend %d\n", name, value);
    return value;
}

int crash_null()
{
    const int value = report("attic");
    keep_frame();
    return value;
}

[[gnu::noinline]] void check_limits(const crashcore::Sensor &sensor)
{
    if (sensor.count < 1000)
        std::abort();
}

int crash_abort()
{
    check_limits(*crashcore::find_sensor("kitchen"));
    keep_frame();
    return 0;
}

// Recursion with a big frame, so that the stack overflows after a number of frames that one can still read.
[[gnu::noinline]] int descend(int level)
{
    volatile char room[64 * 1024];
    for (char volatile &byte : room)
        byte = static_cast<char>(level);
    const int deeper = level < 0 ? 0 : descend(level + 1);
    return deeper + room[0];
}

int crash_stack_overflow()
{
    // Without a limit the memory of the machine would be the limit.
    const rlim_t enough = 1024 * 1024;
    rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur > enough) {
        limit.rlim_cur = enough;
        setrlimit(RLIMIT_STACK, &limit);
    }
    const int sum = descend(0);
    keep_frame();
    return sum;
}

void *worker(void *result)
{
    *static_cast<int *>(result) = report("garage");
    return nullptr;
}

int crash_thread()
{
    int result = 0;
    pthread_t thread;
    if (pthread_create(&thread, nullptr, worker, &result) != 0)
        return 1;
    pthread_join(thread, nullptr);
    return result;
}

int crash_library()
{
    const int sum = crashcore::calibrated_sum(*crashcore::find_sensor("cellar"), nullptr);
    keep_frame();
    return sum;
}

struct Crash {
    const char *name;
    int (*run)();
};

const Crash crashes[] = {
    {"null", crash_null},
    {"abort", crash_abort},
    {"stack-overflow", crash_stack_overflow},
    {"thread", crash_thread},
    {"library", crash_library},
};

[[gnu::noinline]] int run_crash(const char *name)
{
    for (const Crash &crash : crashes) {
        if (std::strcmp(crash.name, name) == 0) {
            const int result = crash.run();
            keep_frame();
            return result;
        }
    }
    std::fprintf(stderr, "backend: no such crash: '%s'. Use null, abort, stack-overflow, thread or library.\n", name);
    return 2;
}

int usage()
{
    std::fputs("usage: backend [--crash null|abort|stack-overflow|thread|library]\n", stderr);
    return 2;
}

}  // namespace

int main(int argc, char **argv)
{
    crashcore::print_frames_on_crash();
    int status;
    if (argc == 1) {
        report("kitchen");
        report("cellar");
        status = 0;
    } else if (argc == 3 && std::strcmp(argv[1], "--crash") == 0) {
        status = run_crash(argv[2]);
    } else {
        status = usage();
    }
    keep_frame();
    return status;
}
