Feature: Logs become readable
  As support
  I want function, file and line behind each frame of a log
  So that I can read a crash without a debugger

  Background:
    Given the program "root/usr/bin/app" compiled with "-O2 -g"
    And "crashsym extract root --store store --manifest m.json" has been run

  Scenario Outline: The form of <tool>
    Given a log with the frame "<frame>" for the call of "inner" in "main"
    When I run "crashsym symbolicate log --store store"
    Then the exit code is 0
    And the frame is followed by the call chain "shapes::outer main" with file and line

    Examples:
      | tool                  | frame                                                   |
      | this project          | #1 app+0x{return}                                       |
      | AddressSanitizer      | #1 0x5581 in main (/usr/bin/app+0x{call})               |
      | AddressSanitizer, new | #1 0x5581  (/usr/bin/app+0x{call}) (BuildId: {build})   |
      | backtrace_symbols     | ./app(+0x{return}) [0x5581]                             |
      | backtrace_symbols, 2  | /usr/bin/app(main+0x{distance}) [0x5581]                |
      | systemd-coredump      | #1  0x0000558100001234 n/a (app + 0x{return})           |

  Scenario: All other text passes through
    Given a log with the line "Jan 01 app: nothing to see: 1+0x"
    And the log has the line "#1 unknown.so+0x10"
    And the log has the line "#1 app+0x{return}"
    When I run "crashsym symbolicate log --store store"
    Then the exit code is 0
    And stdout has the line "Jan 01 app: nothing to see: 1+0x"
    And stdout has the line "#1 unknown.so+0x10"
    And stderr says "1 of 2 frames named; unknown.so: no symbols"

  Scenario: Nothing could be named
    Given a log with the line "#1 unknown.so+0x10"
    When I run "crashsym symbolicate log --store store"
    Then the exit code is 3
    And stderr says "0 of 1 frames named; unknown.so: no symbols"

  Scenario: Several builds of one program
    Given a log with the line "#0 app+0x{return}"
    And the program "root/usr/bin/app" compiled with "-O0 -g"
    And "crashsym extract root --store store --manifest m2.json" has been run
    When I run "crashsym symbolicate log --store store"
    Then the exit code is 3
    And stderr says "app: 2 builds, choose one with --manifest"
    When I run "crashsym symbolicate log --store store --manifest m2.json"
    Then the exit code is 0

  Scenario: systemd says which build it was
    Given a log with the line "Found module /usr/bin/app with build-id: {build}"
    And the log has the line "#0  0x0000558100001234 n/a (app + 0x{return})"
    And the program "root/usr/bin/app" compiled with "-O0 -g"
    And "crashsym extract root --store store --manifest m2.json" has been run
    When I run "crashsym symbolicate log --store store"
    Then the exit code is 0
    And stderr says "1 of 1 frames named"

  Scenario: From a pipe
    Given a log with the frame "#1 app+0x{return}" for the call of "inner" in "main"
    When I pipe the log into "crashsym symbolicate --store store"
    Then the exit code is 0
    And the frame is followed by the call chain "shapes::outer main" with file and line

  Scenario Outline: What <tool> really prints
    Given the program "root/usr/bin/failing" that fails in "inner", compiled with "<flags>"
    And "crashsym extract root --store store --manifest m.json" has been run
    When the program "root/usr/bin/failing" has failed and left a log
    And I run "crashsym symbolicate log --store store"
    Then the exit code is 0
    And the frames of "failing" are named "inner shapes::outer main"

    Examples:
      | tool                    | flags                     |
      | AddressSanitizer        | -g -O1 -fsanitize=address |
      | backtrace_symbols_fd    | -g -O1 -DTRACE            |
      | the same with names     | -g -O1 -DTRACE -rdynamic  |
