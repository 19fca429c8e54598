Feature: Symbols of a build reach a symbol server
  As a release manager I want one task that uploads all symbols of an image, and a token that nobody finds.

  Background:
    Given the machine "qemuarm64"
    And a symbol server, and its token in a file that only the building user can read

  Scenario: Asked for, the symbols of an image arrive, and the token is nowhere
    Given local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-image"
    And local.conf has: CRASHDUMP_POLICY:pn-accounted-image = "*=ignore"
    And local.conf has: INHERIT += "buildhistory"
    And local.conf has: BUILDHISTORY_COMMIT = "0"
    And the only file of the image that cannot have symbols is left out
    When I build "accounted-image"
    Then the server was asked nothing
    When I upload "accounted-image"
    Then the server has each symbol file of "accounted-image"
    When I upload "accounted-image"
    Then nothing was sent
    And the token is neither in a log, nor in a signature, nor in sstate, nor in the build history, nor in what was deployed

  Scenario: The symbols of one recipe
    When I upload "crashdump-example"
    Then the server has each symbol file of "crashdump-example"

  Scenario: Of an image without an account, the symbols of its recipes
    Given local.conf has: INHERIT += "crashdump"
    When I upload "tiny-image"
    Then the server has each symbol file of "crashdump-example plain-program"

  Scenario: Through the proxy of the configuration
    Given the server is reached through a proxy alone
    When I upload "crashdump-example"
    Then the server has each symbol file of "crashdump-example"
    And the proxy was asked

  Scenario: A server that refuses is an error that names file and status
    Given the server does not know the token any more
    When I try to upload "crashdump-example"
    Then the build fails
    And it says "HTTP 401" of "libcrashcore.so.1.sym"

  Scenario: Without a network it says so
    Given local.conf has: BB_NO_NETWORK:forcevariable = "1"
    When I try to upload "crashdump-example"
    Then the build fails
    And it says "BB_NO_NETWORK is set"
    And it says "--bundle FILE"
    And the server was asked nothing

  Scenario: As a part of the build, for those who want it
    Given local.conf has: CRASHDUMP_UPLOAD_ON_BUILD = "1"
    And local.conf has: INHERIT += "crashdump"
    When I build "tiny-image"
    Then the server has each symbol file of "crashdump-example plain-program"
