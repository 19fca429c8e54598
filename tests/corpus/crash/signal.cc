// Crashes in the handler of a signal that a leaf function without a frame ran into.
#include <signal.h>

#include "client/linux/handler/exception_handler.h"

namespace {

__attribute__((noinline)) void crash_here(volatile int* place) { *place = 1; }

void on_signal(int number) {
  crash_here(nullptr);
  signal(number, SIG_DFL);
}

__attribute__((noinline)) int leaf(int value) {
  asm volatile("nop\n\tud2");
  return value + 1;
}

__attribute__((noinline)) int interrupted(int value) {
  int result = leaf(value);
  return result * 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    return 2;
  }
  google_breakpad::MinidumpDescriptor folder(argv[1]);
  google_breakpad::ExceptionHandler handler(folder, nullptr, nullptr, nullptr, true, -1);
  signal(SIGILL, on_signal);
  return interrupted(argc) == 0;
}
