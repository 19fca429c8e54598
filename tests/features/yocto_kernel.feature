Feature: Compiled code makes the symbols
  As an integrator I want a build with gigabytes of debug information to take minutes, and to see that it does.

  Scenario: The native tool has the kernel, and the task's log says that it made the symbols
    Given the machine "qemuarm64"
    And local.conf has: CRASHDUMP_EXCLUDE = "/nothing/to/leave/out"
    When I build "crashdump-example"
    Then the symbols of "crashdump-example" were made
    And the log of do_crashdump_symbols of "crashdump-example" says "made by the compiled engine"

  @slow
  Scenario: The package for the target has the kernel, and none of its sources
    Given the machine "qemux86-64"
    When I build "python3-crashsym"
    Then the package "python3-crashsym" has the compiled kernel
    And no package of "python3-crashsym" has a source of the kernel
    And QA has no complaint about "python3-crashsym"
