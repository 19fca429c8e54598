Feature: A bad file costs only itself

  Background:
    Given a tree with a good program "/usr/bin/good"

  Scenario Outline: A file that is damaged is reported, and the others are kept
    Given the file "/usr/lib/bad.so" is <damage>
    When I extract the tree
    Then the exit code is 3
    And the store holds the symbols of "/usr/bin/good"
    And one line on stderr names "/usr/lib/bad.so" and ends with "[<code>]"
    And there is no traceback

    Examples:
      | damage                         | code        |
      | cut off behind the ELF header  | malformed   |
      | cut off inside of its sections | malformed   |
      | of the other byte order        | malformed   |
      | made for an unknown CPU        | unsupported |

  Scenario Outline: A file that is no ELF file is none of our business
    Given the file "/usr/lib/bad.so" is <damage>
    When I extract the tree
    Then the store holds the symbols of "/usr/bin/good"
    And stderr does not mention "/usr/lib/bad.so"

    Examples:
      | damage           |
      | empty            |
      | a shell script   |
      | a named pipe     |
      | a socket         |
      | a dangling link  |
      | a link to itself |

  Scenario: A file that nobody may read
    Given the file "/usr/lib/bad.so" may not be read
    When I extract the tree as an ordinary user
    Then the exit code is 3
    And the store holds the symbols of "/usr/bin/good"
    And one line on stderr names "/usr/lib/bad.so" and ends with "[unreadable]"

  Scenario Outline: A folder that nobody may look into
    Given the folder "/opt/closed" has an ELF file and mode <mode>
    When I extract the tree as an ordinary user
    Then the exit code is 3
    And the store holds the symbols of "/usr/bin/good"
    And there is no traceback

    Examples:
      | mode |
      | 000  |
      | 444  |

  Scenario Outline: A file with an odd name has its symbols
    Given the file <name> in "/usr/bin" is a good program, too
    When I extract the tree
    Then the exit code is 0
    And the manifest has 2 modules, and their symbols are in the store
    And every line on stderr is printable

    Examples:
      | name               |
      | "with spaces"      |
      | "with\u000anewline" |
      | "with\udcff byte"  |
      | "with\x1b[2J code" |
      | of 255 letters     |

  Scenario: Symbols of another build are in the store already
    Given the store has other symbols for "/usr/bin/good"
    When I extract the tree
    Then the exit code is 3
    And one line on stderr names "/usr/bin/good" and ends with "[conflict]"
    And the other symbols are still in the store

  Scenario: The store cannot be written
    Given the store is in a folder where nobody may write
    When I extract the tree as an ordinary user
    Then the exit code is 2
    And stderr says "cannot write"
    And there is no traceback

  Scenario: The manifest's place is taken by a folder
    Given the place of the manifest is a folder
    When I extract the tree
    Then the exit code is 2
    And stderr says "cannot write"
    And there is no traceback
    And there is no store

  Scenario: The manifest cannot be written, which is found out before the work
    Given the manifest is in a folder where nobody may write
    When I extract the tree as an ordinary user
    Then the exit code is 2
    And stderr says "/closed/m.json': Permission denied. Get the right to write there"
    And there is no store

  Scenario: A program is not overwritten by the manifest
    Given the manifest goes to the place of "/usr/bin/good"
    When I extract the tree
    Then the exit code is 2
    And stderr says "/usr/bin/good': it is an ELF file. Name another file."
    And "/usr/bin/good" is as it was
    And there is no store

  Scenario: The disk is full
    Given no file may become larger than 40 bytes
    When I extract the tree
    Then the exit code is 2
    And stderr says "/out': File too large. Make room there, or name another place."
    And there is no traceback
    And nothing is left in the store

  Scenario: The symbol file goes to a device that is full
    When I dump "/usr/bin/good" to a full device
    Then the exit code is 2
    And there is no traceback

  Scenario: Two extracts into one store at once
    When I extract the tree twice at the same time
    Then both exit codes are 0
    And the store holds the symbols of "/usr/bin/good"
