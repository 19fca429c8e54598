Feature: Bundle on the builder, send from the desk
  As a team whose builder has no network
  I want to carry all symbols of a build to a desk in one file, and send them from there
  So that crashes can be read, and nothing is lost on the way

  Background:
    Given a builder with a store of 40 symbol files

  Scenario Outline: A <server> server has the same as after a direct upload
    Given two <server> servers
    When the builder uploads to the first one
    And the builder writes the bundle "release.tar"
    And only the bundle is carried to the desk
    And the desk sends the bundle to the second one
    Then the exit code is 0
    And both servers have the same files
    And no byte came twice

    Examples:
      | server |
      | sentry |
      | http   |

  Scenario: The builder asks nobody anything
    Given two sentry servers
    And the token is not on the builder
    When the builder writes the bundle "release.tar"
    Then the exit code is 0
    And no server was asked anything

  Scenario Outline: The connection of the desk breaks off, and the <server> server gets the rest later
    Given two <server> servers
    When the builder uploads to the first one
    And the builder writes the bundle "release.tar"
    And only the bundle is carried to the desk
    And the desk begins to send the bundle to the second one, and is killed
    And the desk sends the bundle to the second one
    Then the exit code is 0
    And both servers have the same files
    And no byte came twice

    Examples:
      | server |
      | sentry |
      | http   |

  Scenario: A file that was damaged on the way fails alone
    Given two http servers
    When the builder writes the bundle "release.tar"
    And only the bundle is carried to the desk
    And a byte of "lib7.so.sym" in it is another one
    And the desk sends the bundle to the second one
    Then the exit code is 3
    And it names "lib7.so.sym"
    And the second server has 39 files

  Scenario: A bundle that was not copied to its end is not sent
    Given two http servers
    When the builder writes the bundle "release.tar"
    And only the first half of the bundle is carried to the desk
    And the desk sends the bundle to the second one
    Then the exit code is 2
    And it says "It is cut short. Copy it again"
    And no server was asked anything

  Scenario: A build without symbols for one module says so, on the builder and on the desk
    Given two http servers
    And the symbol file of "lib7.so" is not there
    When the builder writes the bundle "release.tar"
    Then the exit code is 3
    And it names "lib7.so.sym"
    When only the bundle is carried to the desk
    And the desk sends the bundle to the second one
    Then the exit code is 3
    And it names "lib7.so.sym"
    And the second server has 39 files
