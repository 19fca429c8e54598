Feature: A folder of debug files is a symbol server
  As somebody who has got a core from a device
  I want gdb to get the debug files by itself
  So that I see the functions and lines of the crash, though the device has stripped files only

  Background:
    Given the example was built, and runs on a device that has its stripped files alone

  Scenario Outline: gdb shows the crash, with the address of debuginfod alone
    Given the debug files of the example are uploaded into a folder in the layout "<layout>"
    And debuginfod serves the folder
    When the example crashes with "null" and leaves a core
    And gdb opens the core with the address of the server
    Then its stack is, from the crash outwards
      | function      | place           |
      | newest_sample | statistics.h:12 |
      | change        | statistics.h:17 |
      | trend         | backend.cpp:19  |
      | report        | backend.cpp:24  |
      | crash_null    | backend.cpp:31  |
      | run_crash     | backend.cpp:113 |
      | main          | backend.cpp:139 |

    Examples:
      | layout     |
      | unified    |
      | debuginfod |
      | build-id   |
      | symstore   |

  Scenario: gdb shows the crash, with the address of a plain web server alone
    Given the debug files of the example are uploaded into a folder in the layout "debuginfod"
    And a web server serves the folder
    When the example crashes with "null" and leaves a core
    And gdb opens the core with the address of the server
    Then its stack is, from the crash outwards
      | function      | place           |
      | newest_sample | statistics.h:12 |
      | change        | statistics.h:17 |
      | trend         | backend.cpp:19  |
      | report        | backend.cpp:24  |
      | crash_null    | backend.cpp:31  |
      | run_crash     | backend.cpp:113 |
      | main          | backend.cpp:139 |

  Scenario: The crash is in a library
    Given the debug files of the example are uploaded into a folder in the layout "debuginfod"
    And a web server serves the folder
    When the example crashes with "library" and leaves a core
    And gdb opens the core with the address of the server
    Then its stack has "calibrated_sum" at a line of "crashcore.cpp"
    And its stack has "crash_library" at a line of "backend.cpp"

  Scenario: Without a server gdb shows neither
    When the example crashes with "null" and leaves a core
    And gdb opens the core without a server
    Then its stack has neither a function nor a line of the example

  Scenario: After the release is pruned gdb shows neither
    Given the debug files of the example are uploaded into a folder in the layout "debuginfod"
    And so are those of another release, for which the folder is pruned
    And a web server serves the folder
    When the example crashes with "null" and leaves a core
    And gdb opens the core with the address of the server
    Then its stack has neither a function nor a line of the example

  Scenario: debuginfod has the files of the device, too: the core is enough
    Given the debug files of the example are uploaded into a folder in the layout "debuginfod"
    And debuginfod serves the folder, and the files of the device
    When the example crashes with "null" and leaves a core
    And the device is far away
    And gdb opens the core with the address of the server
    Then its stack has "newest_sample" at a line of "statistics.h"
    And its stack has "main" at a line of "backend.cpp"

  Scenario: gdb looks into the folder itself
    Given the debug files of the example are uploaded into a folder in the layout "build-id"
    When the example crashes with "null" and leaves a core
    And gdb opens the core with the folder as its debug-file-directory
    Then its stack has "newest_sample" at a line of "statistics.h"

  Scenario Outline: elfutils' tools show it, too
    Given the debug files of the example are uploaded into a folder in the layout "debuginfod"
    And <server> serves the folder
    When the example crashes with "null" and leaves a core
    Then eu-stack shows "crash_null" at a line of "backend.cpp" with the address of the server
    And debuginfod-find gets each debug file as it was

    Examples:
      | server       |
      | debuginfod   |
      | a web server |
