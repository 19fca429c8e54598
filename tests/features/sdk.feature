Feature: The symbols of an SDK
  As a developer of applications
  I want the symbols of the libraries that my SDK has for the device
  So that I can read the crashes of what I have built with it

  Background:
    Given an SDK whose installer was told "/opt/oe", with the sysroot "cortexa57-oe-linux"
    And its library "/usr/lib/libshape.so.1" split as "PACKAGE_DEBUG_SPLIT_STYLE" ".debug" does
    And its library "/usr/lib/libcolor.so.1" split as "PACKAGE_DEBUG_SPLIT_STYLE" "debug-file-directory" does

  Scenario: An installed SDK
    When I run "crashsym sdk sdk --store store --manifest m.json"
    Then the exit code is 0
    And stdout has the line "     2  ok"
    And stdout has the line "     2  in the sysroot sysroots/cortexa57-oe-linux"
    And the store has the function "shape" of "/usr/lib/libshape.so.1"
    And the store has the function "color" of "/usr/lib/libcolor.so.1"
    And the manifest says nothing of "/usr/lib/libtool.so.1" of the host's tools

  Scenario: A crash of a program that was built with it
    When I run "crashsym sdk sdk --store store --manifest m.json"
    And I symbolicate the frame of "shape" in "libshape.so.1" with "store"
    Then stdout says "shape at "

  Scenario: The sysroot alone
    When I run "crashsym sdk sdk/sysroots/cortexa57-oe-linux --store store --manifest m.json"
    Then the exit code is 0
    And stdout has the line "     2  in the sysroot ."

  Scenario: The sysroot of the host's tools
    When I run "crashsym sdk sdk/sysroots/x86_64-oesdk-linux --store store --manifest m.json"
    Then the exit code is 2
    And stderr says "it has the host's tools. Give the folder where the SDK is installed, or one of its target sysroots."
    And there is no file "m.json"

  Scenario: The SDK is that of the image
    Given the image has the libraries of the SDK
    When I run "crashsym sdk sdk --image image.json --store store --manifest m.json"
    Then the exit code is 0
    And stdout has the line "     2  in the image, too; 0 of another build"

  Scenario: The SDK is of another build than the image
    Given the image has the libraries of the SDK
    And the image has "/usr/lib/libshape.so.1" built again
    When I run "crashsym sdk sdk --image image.json --store store --manifest m.json"
    Then the exit code is 3
    And stderr says "warning: the SDK's file is not the image's: '/usr/lib/libshape.so.1': build id "
    And stdout has the line "     2  in the image, too; 1 of another build"
    When I run "crashsym sdk sdk --image image.json --policy other-build=ignore --store store --manifest m.json"
    Then the exit code is 0

  Scenario: A folder that is no SDK
    Given the empty folder "elsewhere"
    When I run "crashsym sdk elsewhere --store store --manifest m.json"
    Then the exit code is 2
    And stderr says "no target sysroot: 'elsewhere': no file environment-setup-* in it, and neither a folder usr nor lib."

  Scenario: Half an SDK
    Given the SDK has lost its folder "sysroots/cortexa57-oe-linux"
    When I run "crashsym sdk sdk --store store --manifest m.json"
    Then the exit code is 2
    And stderr says "environment-setup-cortexa57-oe-linux': its sysroot '/opt/oe/sysroots/cortexa57-oe-linux' is no folder in this SDK, neither are 'sysroots/cortexa57-oe-linux' and 'tmp/sysroots/cortexa57-oe-linux'."
