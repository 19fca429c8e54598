// The shared library of the crash test: its frame lies between two of the program.
#include "library.h"

namespace library {

volatile int calls;

static inline int counted(Callback callback, volatile int* place, int value) {
  calls = calls + 1;
  int result = callback(place, value);
  return result + calls;
}

__attribute__((noinline)) static int enter(Callback callback, volatile int* place, int value) {
  volatile int block[200];
  block[value % 200] = value;
  int result = counted(callback, place, value);
  return result + block[value % 200];
}

int call_back(Callback callback, volatile int* place, int value) {
  return enter(callback, place, value + 1) - 1;
}

}  // namespace library
