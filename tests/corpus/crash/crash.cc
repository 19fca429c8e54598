// Crashes on demand, in the first thread or in a second one, and leaves a minidump in the folder given.
#include <pthread.h>
#include <string.h>

#include "chain.h"
#include "client/linux/handler/exception_handler.h"
#include "library.h"

namespace {

__attribute__((noinline)) int crash_here(volatile int* place, int value) {
  chain::choose(place, value);
  return place ? *place : value;
}

__attribute__((noinline)) int run(int value) {
  volatile int* nowhere = nullptr;
  int result = library::call_back(crash_here, nowhere, value);
  return result + 1;
}

void* thread_main(void* argument) {
  int value = *static_cast<int*>(argument);
  *static_cast<int*>(argument) = run(value);
  return argument;
}

int in_second_thread(int value) {
  pthread_t thread;
  if (pthread_create(&thread, nullptr, thread_main, &value) != 0) {
    return 1;
  }
  pthread_join(thread, nullptr);
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    return 2;
  }
  google_breakpad::MinidumpDescriptor folder(argv[1]);
  google_breakpad::ExceptionHandler handler(folder, nullptr, nullptr, nullptr, true, -1);
  if (strcmp(argv[2], "second") == 0) {
    return in_second_thread(argc);
  }
  return run(argc) & 1;
}
