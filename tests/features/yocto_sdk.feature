Feature: The symbols of an SDK beside its installer
  As a developer of applications I want the symbols of what my SDK has for the device, from the build that made the SDK.

  Background:
    Given the machine "qemuarm64"

  Scenario: Each ELF file of the target's sysroot has one entry, and symbols beside the installer
    Given local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-sdk"
    And the SDK of "accounted-image" was built
    Then each of the 11 ELF files that os.walk and readelf find in its sysroot has exactly one entry
    And the store has the symbols of all but "/opt/vendor/bin/cut-off"
    And the symbols of "/usr/bin/plain" name the function "main" and "plain.c"
    And the symbols of "/usr/bin/backend" name the function "main" and "backend.cpp"
    And "crashsym sdk" makes the same manifest of what the installer unpacks, given the same facts
    And each entry of the SDK names the package and the recipe of the file
    When I build the SDK of "accounted-image"
    Then no task of the SDK ran

  Scenario: A policy refuses the SDK, or lets it pass
    Given local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-sdk"
    And the SDK of "accounted-image" was built
    And local.conf has: CRASHDUMP_POLICY:pn-accounted-image = "no-build-id=error no-debug-info=ignore"
    When I try to build the SDK of "accounted-image"
    Then the build fails
    And it says as an error of the SDK "/opt/vendor/bin/no-build-id"
    And it says nothing of the SDK about "/opt/vendor/bin/no-debug-info"
    And there is neither an installer nor symbols of the SDK
    When local.conf has: CRASHDUMP_EXCLUDE:pn-accounted-image = "/opt/vendor/*"
    And I build the SDK of "accounted-image"
    Then the account of the SDK has 6 entries and none below "/opt/vendor"

  Scenario: The SDK and the image of one build have the same files
    Given local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-sdk crashdump-image"
    And "accounted-image" was built
    And the SDK of "accounted-image" was built
    Then "crashsym sdk" finds 10 files of its sysroot in the image, and none of another build

  Scenario: Cleaning takes the symbols away with the installer
    Given local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-sdk"
    And the SDK of "accounted-image" was built
    When I clean "accounted-image"
    Then there is neither an installer nor symbols of the SDK

  Scenario: Switched off, the class leaves nothing and changes nothing
    Given the SDK of "accounted-image" was built
    And local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-sdk"
    And local.conf has: CRASHDUMP_ENABLED:pn-accounted-image = "0"
    When I build the SDK of "accounted-image"
    Then no task of the SDK ran
    And there are no symbols of the SDK

  Scenario: With rm_work the sysroot goes, and the symbols stay
    Given local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-sdk rm_work"
    When I build the SDK of "accounted-image"
    Then the sysroot is gone
    And the account of the SDK has 11 entries and none below "/usr/local"

  Scenario: Debug files in a tree of their own
    Given local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-sdk"
    And local.conf has: PACKAGE_DEBUG_SPLIT_STYLE = "debug-file-directory"
    When I build the SDK of "accounted-image"
    Then the sysroot has "/usr/lib/debug/usr/bin/plain.debug"
    And the symbols of "/usr/bin/plain" name the function "main" and "plain.c"
