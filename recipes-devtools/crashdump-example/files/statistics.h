// SPDX-License-Identifier: MIT
// Small functions that the compiler puts into their callers: a crash in one of them is a chain of inlines.
#ifndef STATISTICS_H
#define STATISTICS_H

#include "crashcore.h"

namespace statistics {

[[gnu::always_inline]] inline int newest_sample(const crashcore::Sensor *sensor)
{
    return sensor->samples[sensor->count - 1];
}

[[gnu::always_inline]] inline int change(const crashcore::Sensor *sensor)
{
    const int newest = newest_sample(sensor);
    return newest - sensor->samples[0];
}

}  // namespace statistics

#endif
