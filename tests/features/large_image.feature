Feature: The account of a large root file system
  As an integrator
  I want an image of thousands of files to need little memory, and nothing to be done twice
  So that it can be accounted for in each build

  Scenario: An interrupted run is gone on with
    Given a root file system of 60 ELF files with debug information
    When I run "crashsym image root --store store --manifest image.json --cache cache" and press Ctrl-C after 20 files
    Then the exit code is 130
    And nothing is left but what the cache has of 20 files
    When I run "crashsym image root --store store --manifest image.json --cache cache"
    Then the exit code is 0
    And stderr says "60 symbol files: 60 new, 0 already there"
    And stderr says "20 of 60 files known from the cache"
    And the account is that of a run without interruption
    When I run "crashsym image root --store store --manifest image.json --cache cache"
    Then stderr says "60 of 60 files known from the cache"
    And the account is that of a run without interruption

  @slow
  Scenario: 2000 ELF files with 3 GB of debug information
    Given a root file system of 2000 ELF files with more than 3 GB of debug information
    When I run "crashsym image root --store store --manifest image.json --cache cache --html image.html" and press Ctrl-C in the middle
    Then the exit code is 130
    And nothing is left but what the cache has
    When I run it to the end
    Then what the cache had was not read again
    And all processes together had less than 1000 MB of memory at any time
    And the manifest has 2000 files that are "ok"
    When I run it to the end
    Then stderr says "2000 symbol files: 0 new, 2000 already there"
    And stderr says "2000 of 2000 files known from the cache"
    And all processes together had less than 500 MB of memory at any time
