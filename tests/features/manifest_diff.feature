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

  Scenario: The account of an image says what became worse
    Given "root/usr/bin/app" is stripped
    When I run "crashsym image root --store new --manifest m.json --baseline old.json"
    Then the exit code is 3
    And stderr says "warning: worse than in the baseline: '/usr/bin/app': functions "
    And stderr says "crashsym: compared with 'old.json':"
    And stderr says "1 worse, 0 excused, 0 better; 0 added, 0 removed, 0 changed, 2 unchanged"

  Scenario: The policy says whether that matters
    Given "root/usr/bin/app" is stripped
    When I run "crashsym image root --store new --manifest m.json --baseline old.json --policy *=ignore --policy worse=error"
    Then the exit code is 3
    And stderr says "error: worse than in the baseline: '/usr/bin/app'"
    When I run "crashsym image root --store new --manifest m.json --baseline old.json --policy *=ignore"
    Then the exit code is 0
    And stderr says "1 worse, "

  Scenario Outline: A baseline that is none: <why>
    Given the file "text.json" with the lines
      """
      <text>
      """
    When I run "crashsym image root --store new --manifest m.json --baseline <file>"
    Then the exit code is 2
    And stderr says "<why>"
    And there is no file "m.json"
    And there is no file "new"

    Examples:
      | file      | text                                           | why                                   |
      | gone.json |                                                | 'gone.json': No such file             |
      | text.json | no JSON                                        | 'text.json': it is no JSON            |
      | text.json | {"schema": "crashsym-image/1"}                 | its schema is 'crashsym-image/1'      |
      | text.json | {"schema": "crashsym-manifest/1", "modules": []} | not one of its files is in 'root'   |
