Feature: What became worse since the last release
  As a release manager
  I want to see which files' crashes can no longer be read as well as those of the last release
  So that it does not come out with the first crash

  Background:
    Given the program "root/usr/bin/app" compiled with "-O2 -g"
    And the program "root/usr/bin/tool" compiled with "-O2 -g"
    And "crashsym image root --store store --manifest old.json" has been run

  Scenario: Nothing has changed
    When I run "crashsym image root --store store --manifest m.json"
    And I run "crashsym manifest diff old.json m.json --fail-on-worse"
    Then the exit code is 0
    And stdout has the line "nothing has changed: 2 files"

  Scenario: A file that was only built again is not worse
    Given the program "root/usr/bin/app" compiled with "-O1 -g"
    When I run "crashsym image root --store store --manifest m.json"
    And I run "crashsym manifest diff old.json m.json --fail-on-worse"
    Then the exit code is 0
    And stdout has the line "changed  /usr/bin/app"
    And stdout has the line "0 worse, 0 excused, 0 better; 0 added, 0 removed, 1 changed, 1 unchanged"

  Scenario: A file has lost its debug information
    Given "root/usr/bin/app" is stripped
    When I run "crashsym image root --store new --manifest m.json"
    And I run "crashsym manifest diff old.json m.json"
    Then the exit code is 0
    And stdout says "worse  /usr/bin/app  functions "
    And stdout says "; status ok -> no-debug-info"
    When I run "crashsym manifest diff old.json m.json --fail-on-worse"
    Then the exit code is 3
    When I run "crashsym manifest diff m.json old.json --fail-on-worse"
    Then the exit code is 0
    And stdout says "better  /usr/bin/app  functions 0 -> "
