Feature: One command shows the way from a build to a readable stack

  Scenario: The stack of a stripped program becomes readable
    When I run the demo
    Then it succeeds
    And for this machine it lists these files as "ok"
      | path                           |
      | /usr/bin/app                   |
      | /usr/bin/backend               |
      | /usr/bin/backend-worker        |
      | /usr/lib/libcrashcore.so.1.0.3 |
    And no installed program holds debug information itself
    And for this machine the raw stack begins with "#0 backend+0x" and names no function
    And for this machine the readable stack has, from the crash outwards
      | function      | place           |
      | newest_sample | statistics.h:12 |
      | change        | statistics.h:17 |
      | trend         | backend.cpp:19  |
      | report        | backend.cpp:24  |
      | crash_null    | backend.cpp:31  |
      | run_crash     | backend.cpp:113 |
      | main          | backend.cpp:139 |

  Scenario: With an ARM compiler and qemu-user at hand, the same is shown for ARM
    Given "arm-linux-gnueabihf-g++" and "qemu-arm" are installed
    When I run the demo
    Then it succeeds
    And for ARM it lists these files as "ok"
      | path                           |
      | /usr/bin/app                   |
      | /usr/bin/backend               |
      | /usr/bin/backend-worker        |
      | /usr/lib/libcrashcore.so.1.0.3 |
    And for ARM the raw stack begins with "#0 backend+0x" and names no function
    And for ARM the readable stack has, from the crash outwards
      | function      | place           |
      | newest_sample | statistics.h:12 |
      | change        | statistics.h:17 |
      | trend         | backend.cpp:19  |
      | report        | backend.cpp:24  |
      | crash_null    | backend.cpp:31  |
      | run_crash     | backend.cpp:113 |
      | main          | backend.cpp:139 |

  Scenario: The same sources give the same symbols in any folder
    When I run the demo
    And I run the demo in another folder
    Then both folders hold the same manifest and symbol files

  Scenario: Without an ARM compiler one line says what is left out
    Given a machine with nothing but the host's compiler
    When I run the demo there
    Then it succeeds
    And it says "arm is left out: no cross compiler. Get it with 'sudo apt-get install g++-arm-linux-gnueabihf qemu-user'."

  Scenario: A tool that is missing is named
    Given a machine with nothing but the host's compiler
    But "strip" is missing there
    When I run the demo there
    Then it fails with exit code 2
    And it complains "demo: cannot run a tool: 'strip': no such command. Run 'scripts/setup demo' and do what it says."

  Scenario: A folder that cannot be made is named
    Given a machine with nothing but the host's compiler
    But a file is where the demo should work
    When I run the demo there
    Then it fails with exit code 2
    And it complains "Not a directory. Name another one with --output."

  Scenario: Missing debug information stops the demo
    Given a machine with nothing but the host's compiler
    But the compiler there is always called with "-g0"
    When I run the demo there
    Then it fails with exit code 2
    And it complains "exit code 3. Its messages stand above"

  Scenario: A stack that is not the expected one stops the demo
    Given a machine with nothing but the host's compiler
    But the compiler there is always called with "-Dnewest_sample=another_name"
    When I run the demo there
    Then it fails with exit code 2
    And it complains "demo: the stack is not readable: 'newest_sample': no line has it with file and line."

  Scenario Outline: Every way to crash leaves the whole stack
    When I run the demo
    And the stripped program crashes with "<crash>"
    Then it dies of <signal>
    And its stack names, from the crash outwards, <functions>

    Examples:
      | crash          | signal  | functions                                                                  |
      | null           | SIGSEGV | newest_sample change trend report crash_null run_crash main                |
      | abort          | SIGABRT | check_limits crash_abort run_crash main                                    |
      | stack-overflow | SIGSEGV | descend descend crash_stack_overflow run_crash main                |
      | thread         | SIGSEGV | newest_sample change trend report worker                                   |
      | library        | SIGSEGV | apply operator() sum_of calibrated_sum crash_library run_crash main        |
