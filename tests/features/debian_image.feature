Feature: The account of Debian's root file systems
  As a release manager
  I want to know of each program in an image whether a crash in it can be read
  So that nothing is shipped that nobody can debug

  Scenario Outline: A root file system that others have made
    Given a root file system of Debian's packages for "<architecture>", and the debug files of some of them
    When I run "crashsym image root --debug-root debug --store store --manifest image.json --html image.html --cache cache"
    Then the exit code is 3
    And it accounts for more than 300 ELF files, those that elfutils finds and no others
    And package, recipe and version of each are what dpkg says
    And size, digest and build id of each are what the machine's own tools say
    And those have functions and lines whose debug files are there, and no others
    And the store has the symbols of each, with the digest that the manifest says
    And stdout adds up the files of the manifest
    And stdout names the packages that lack most
    And there is one finding for each file that is not "ok"
    And the page has the numbers of the manifest, in windows of 360 and 1280 pixels
    When I run it again
    Then it dumps no file
    And manifest and page have not changed by a byte

    Examples:
      | architecture |
      | arm64        |

    @slow
    Examples:
      | architecture |
      | armhf        |
      | s390x        |
