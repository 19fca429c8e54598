// Steps through a call that goes through the procedure linkage table, and leaves a minidump where it is told to: in the
// table (its address and size are given, in hexadecimal digits), at an offset into an entry. An offset from 10 on means
// the first entry, which all others lead to on the first call.
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include <ucontext.h>
#include <unistd.h>

#include "client/linux/handler/exception_handler.h"

namespace {

google_breakpad::ExceptionHandler* handler;
unsigned long table, size, wanted;
bool first_entry;

void on_step(int signal, siginfo_t* facts, void* context) {
  unsigned long place = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] - table;
  if (place < size && place % 16 == wanted && (place < 16) == first_entry) {
    handler->HandleSignal(signal, facts, context);
    _exit(0);
  }
}

__attribute__((noinline)) int call_through_the_table(int value) {
  asm volatile("pushfq\n\torq $0x100, (%rsp)\n\tpopfq");  // the trap flag: one signal for each instruction
  int result = value + getppid();
  asm volatile("pushfq\n\tandq $~0x100, (%rsp)\n\tpopfq");
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    return 2;
  }
  google_breakpad::MinidumpDescriptor folder(argv[1]);
  google_breakpad::ExceptionHandler crashes(folder, nullptr, nullptr, nullptr, true, -1);
  handler = &crashes;
  table = strtoul(argv[2], nullptr, 16);
  size = strtoul(argv[3], nullptr, 16);
  wanted = strtoul(argv[4], nullptr, 16);
  first_entry = wanted >= 16;
  wanted %= 16;
  struct sigaction action = {};
  action.sa_sigaction = on_step;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGTRAP, &action, nullptr);
  return call_through_the_table(argc) == 0;
}
