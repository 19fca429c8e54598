// SPDX-License-Identifier: MIT
// What the library libcrashcore offers to the two example programs.
#ifndef CRASHCORE_H
#define CRASHCORE_H

namespace crashcore {

struct Sensor {
    const char *name;
    const int *samples;
    unsigned count;
};

struct Calibration {
    int offset;
    int percent;
};

// The sensor of that name; nullptr when there is none.
const Sensor *find_sensor(const char *name);

// The sum of the sensor's calibrated samples. Crashes inside the library when `calibration` is nullptr.
int calibrated_sum(const Sensor &sensor, const Calibration *calibration);

// On a fatal signal: print the raw stack to stderr, then die of that signal. To be called once, in main().
void print_frames_on_crash();

// Standing between a call and the return, this keeps the compiler from turning the call into a jump, which would
// take the caller's frame off the stack.
inline void keep_frame() { asm volatile("" ::: "memory"); }

}  // namespace crashcore

#endif
