// Crashes below a function that aligns its stack to 64 bytes and has a frame of variable size: where its caller's frame is
// stands in memory (GCC's "dynamic realign argument pointer").
#include <alloca.h>
#include <string.h>

#include "client/linux/handler/exception_handler.h"

namespace {

__attribute__((noinline)) void crash_here(volatile int* place) { *place = 1; }

__attribute__((noinline)) int aligned(int size, int a, int b, int c, int d, int e, int f, int g) {
  alignas(64) volatile char fixed[128];
  char* block = static_cast<char*>(alloca(size));
  memset(block, size, size);
  fixed[size & 63] = block[size / 2];
  crash_here(nullptr);
  return fixed[a & 63] + block[b % size] + c + d + e + f + g;
}

__attribute__((noinline)) int caller(int value) {
  int result = aligned(value + 40, value, 1, 2, 3, 4, 5, 6);
  return result * 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    return 2;
  }
  google_breakpad::MinidumpDescriptor folder(argv[1]);
  google_breakpad::ExceptionHandler handler(folder, nullptr, nullptr, nullptr, true, -1);
  return caller(argc) == 0;
}
