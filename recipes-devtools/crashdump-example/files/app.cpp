// SPDX-License-Identifier: MIT
// A second program of the same recipe; "app --crash" crashes inside the library.
#include "crashcore.h"

#include <cstdio>
#include <cstring>

namespace {

[[gnu::noinline]] int show(const char *name, const crashcore::Calibration *calibration)
{
    const int sum = crashcore::calibrated_sum(*crashcore::find_sensor(name), calibration);
    std::printf("%s: sum %d\n", name, sum);
    return 0;
}

}  // namespace

int main(int argc, char **argv)
{
    crashcore::print_frames_on_crash();
    const crashcore::Calibration calibration = {-2, 101};
    const bool crash = argc == 2 && std::strcmp(argv[1], "--crash") == 0;
    if (argc != 1 && !crash) {
        std::fputs("usage: app [--crash]\n", stderr);
        return 2;
    }
    const int status = show("cellar", crash ? nullptr : &calibration);
    crashcore::keep_frame();
    return status;
}
