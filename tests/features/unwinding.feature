Feature: Stacks can be walked through modules without DWARF
  As somebody with a crash in a vendor's library
  I want the unwind rules that a stripped file still has
  So that the stack does not end there

  Scenario: A stripped library for 32-bit Arm
    Given the library "libvendor.so" for 32-bit Arm, stripped of everything
    When I run "crashsym dump libvendor.so"
    Then the exit code is 3
    And stderr does not say "no unwind rules"
    And there are unwind rules for "vendor_calls_back" that restore "r4" and the return address

  Scenario: Its debug file knows more
    Given the library "libvendor.so" for 32-bit Arm, stripped, with its debug file in ".debug"
    When I run "crashsym dump libvendor.so"
    Then the exit code is 0
    And the unwind rules for "vendor_calls_back" follow its prologue

  Scenario: The lazy procedure linkage table
    Given the program "lazy" for x86-64 with a lazy procedure linkage table
    When I run "crashsym dump lazy"
    Then the exit code is 0
    And there are unwind rules at each instruction of its section ".plt"
