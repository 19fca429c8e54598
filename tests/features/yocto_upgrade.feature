Feature: A new crashsym makes new symbols, not new packages
  As an integrator I upgrade the layer without rebuilding my distribution.

  Background:
    Given the machine "qemuarm64"
    And "crashdump-example" was built

  @slow
  Scenario: An edit in the kernel makes the symbols again
    When a developer changes a source of the kernel
    And I build "crashdump-example"
    Then the symbols of "crashdump-example" were made
    And do_package of "crashdump-example" did not run

  Scenario: An edit in lib/crashsym makes the symbols again, and nothing else of the recipe
    When a developer changes a file in lib/crashsym
    And I build "crashdump-example"
    Then the symbols of "crashdump-example" were made
    And do_package of "crashdump-example" did not run

  @slow
  Scenario: Another file in lib/crashsym makes the symbols again, and nothing else of the recipe
    When a developer adds a file to lib/crashsym
    And I build "crashdump-example"
    Then the symbols of "crashdump-example" were made
    And do_package of "crashdump-example" did not run

  Scenario: Compiled Python files, a compiled kernel and the place of the checkout do not matter
    Given Python left __pycache__ folders in lib/crashsym
    And the kernel was compiled in the checkout
    And the layer's checkout lies in another folder
    When I build "crashdump-example" in a fresh build folder
    Then the symbols of "crashdump-example" came from sstate
    And python3-crashsym-native was not built

  @slow
  Scenario: The packages are the same with and without the class
    Given nothing is taken from the shared state cache
    And "plain-program" was built
    When I take note of the packages of "plain-program"
    And local.conf has: INHERIT += "crashdump"
    And I build "plain-program"
    Then do_package of "plain-program" ran
    And the symbols of "plain-program" were made
    And the packages of "plain-program" are byte for byte the same
