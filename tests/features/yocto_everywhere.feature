Feature: The class for the whole distribution
  As an integrator I switch symbols on for all recipes, off for some, and build for more than one machine.

  Background:
    Given the machine "qemuarm64"

  Scenario: INHERIT in a build with native recipes and an image
    Given local.conf has: INHERIT += "crashdump"
    When I build "tiny-image host-python-native"
    Then each ELF file of "plain-program" has a symbol file below "deploy/crashdump/cortexa57"
    And each ELF file of "crashdump-example" has a symbol file below "deploy/crashdump/cortexa57"
    And there is no task for symbols in "tiny-image"
    And there is no task for symbols in "host-python-native"

  Scenario: Building an image makes the symbols of a recipe that inherits the class alone
    When I build "tiny-image" in a fresh build folder
    Then each ELF file of "crashdump-example" has a symbol file below "deploy/crashdump/cortexa57"
    And there is no manifest of "plain-program"

  Scenario: Switched off for one recipe
    Given local.conf has: CRASHDUMP_ENABLED:pn-crashdump-example = "0"
    When I build "crashdump-example" in a fresh build folder
    Then there is no manifest of "crashdump-example"
    And there is no task for symbols in "crashdump-example"

  Scenario: Switched off, the class leaves the packages' signatures alone
    Given "plain-program" was built
    And local.conf has: INHERIT += "crashdump"
    And local.conf has: CRASHDUMP_ENABLED:pn-plain-program = "0"
    When I build "plain-program"
    Then do_package of "plain-program" did not run

  Scenario: A second machine in the same build folder
    When I build "crashdump-example" in a fresh build folder
    And I build "crashdump-example" for the machine "qemuarm"
    Then there are manifests of "crashdump-example" below "cortexa15t2hf-neon" and "cortexa57"
    When I clean "crashdump-example"
    Then there are manifests of "crashdump-example" below "cortexa57" only

  Scenario: Two recipes ship the same file
    Given local.conf has: CRASHDUMP_POLICY = "*=ignore"
    When I build "prebuilt prebuilt-twin"
    Then both manifests list "/opt/vendor/bin/no-debug-info" with the same build id
    When I clean "prebuilt-twin"
    Then the symbols of "/opt/vendor/bin/no-debug-info" of "prebuilt" are still there
