Feature: Symbol files are checked
  As a release manager
  I want to know what is wrong with a symbol file, whoever made it
  So that crashes of the release can be read

  Background:
    Given the program "app" with its symbols in "app.sym"

  Scenario: A good symbol file
    When I run "crashsym lint app.sym"
    Then the exit code is 0
    And stdout is empty
    And stderr says "1 symbol file: 1 clean"

  Scenario: What a processor would stumble over
    Given in "app.sym" the record "FILE 0 " ends in "x" and stands there twice
    When I run "crashsym lint app.sym"
    Then the exit code is 3
    And stdout has the line
      """
      error: FILE number defined twice: 'app.sym' line 4: FILE 0. Breakpad takes the first, the others the last. [file-duplicate]
      """
    And stderr says "1 symbol file: 0 clean, 1 with findings"

  Scenario: Knowing is enough
    Given "app.sym" has no record "INFO"
    When I run "crashsym lint app.sym"
    Then the exit code is 0
    And stdout says "info: no INFO CODE_ID record: 'app.sym': the module is for Linux."

  Scenario: The user decides what counts
    Given "app.sym" has no record "INFO"
    When I run "crashsym lint app.sym --policy code-id-missing=error"
    Then the exit code is 3
    And stdout says "error: no INFO CODE_ID record"
    When I run "crashsym lint app.sym --policy *=ignore"
    Then the exit code is 0
    And stdout is empty

  Scenario: Several files, of which one cannot be read
    Given "bad.sym" is "app.sym" without its first line
    When I run "crashsym lint bad.sym missing.sym app.sym"
    Then the exit code is 2
    And stdout says "error: no MODULE record: 'bad.sym'"
    And stderr says "crashsym: cannot read: 'missing.sym': No such file or directory"
    And stderr says "3 symbol files: 1 clean, 1 with findings, 1 not readable"

  Scenario: The wrong place in a store
    Given "app.sym" is copied to "store/app/00000000000000000000000000000000A/app.sym"
    When I run "crashsym lint store/app/00000000000000000000000000000000A/app.sym"
    Then the exit code is 3
    And stdout says "error: in the wrong place of the store"

  Scenario: For programs
    Given "bad.sym" is "app.sym" without its first line
    When I run "crashsym lint --json bad.sym missing.sym app.sym"
    Then the exit code is 2
    And stdout is JSON of the schema "crashsym-lint/1"
    And the JSON has the findings "module-missing" for "bad.sym"
    And the JSON has the findings "" for "app.sym"

  Scenario: How much of the code is described
    When I run "crashsym lint app.sym --elf app"
    Then the exit code is 0
    And stdout says "coverage: 'app.sym': "
    When I run "crashsym lint app.sym --elf app --json"
    Then stdout is JSON of the schema "crashsym-lint/1"
    And the JSON counts as many bytes of functions as the FUNC records of "app.sym" have

  Scenario: The two halves of a stripped program
    Given "app" is split into "app" and "app.debug"
    When I run "crashsym lint app.sym --elf app --debug-file app.debug --require lines=20"
    Then the exit code is 0
    And stdout says "coverage: 'app.sym': "

  Scenario: Less of the code than is required
    Given "app.sym" has no record "FUNC"
    When I run "crashsym lint app.sym --elf app --require functions=50"
    Then the exit code is 3
    And stdout says "share of code below what is required: 'app.sym': functions 0.0 %, required 50 %"

  Scenario: Unwind rules are missing
    Given "app.sym" has no record "STACK CFI INIT"
    When I run "crashsym lint app.sym --elf app"
    Then the exit code is 3
    And stdout says "warning: unwind information is missing: 'app.sym'"

  Scenario: Unwind rules are cut short
    Given "app.sym" has no record "STACK CFI" but INIT
    When I run "crashsym lint app.sym --elf app"
    Then the exit code is 3
    And stdout says "warning: unwind rows are missing: 'app.sym'"

  Scenario Outline: Symbols of another <what>
    Given in "app.sym" "<right>" is "<wrong>"
    When I run "crashsym lint app.sym --elf app"
    Then the exit code is 3
    And stdout says "<finding>"

    Examples:
      | what  | right          | wrong           | finding                            |
      | build | MODULE Linux   | MODULE  Linux   | no record of a symbol file         |
      | build | {debug id}     | {other id}      | error: debug id of another file    |
      | build | {code id}      | {code id}00     | warning: code id of another file   |
      | file  | {debug id} app | {debug id} app2 | error: name of another file        |
      | CPU   | {arch}         | mips            | error: CPU of another file         |

  Scenario Outline: An order that makes no sense: <why>
    When I run "crashsym lint <arguments>"
    Then the exit code is 2
    And stderr says "<why>"

    Examples:
      | arguments                                 | why                                   |
      | app.sym app.sym --elf app                 | one ELF file and 2 symbol files       |
      | app.sym --require lines=90                | --elf is missing                      |
      | app.sym --elf app --require names=90      | it is not WHAT=PERCENT                |
      | app.sym --elf app --require lines=199     | PERCENT is a whole number up to 100   |
      | app.sym --policy unheard=error            | it is not CODE=LEVEL                  |
      | app.sym --elf missing                     | 'missing': No such file or directory  |
      | app.sym --elf app.sym                     | it does not begin with the ELF magic  |
      | .                                         | it is no regular file                 |
