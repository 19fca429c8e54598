Feature: A symbol file for one ELF file
  As an application developer
  I want the symbols of a program before it is stripped
  So that its crashes can be read

  Scenario: Functions, inlined calls and lines
    Given the program "app" compiled with "-O2 -g"
    When I run "crashsym dump app"
    Then the exit code is 0
    And the symbol file names the function "main"
    And the symbol file names the inlined function "shapes::area"
    And the symbol file names the file "shapes.cc"
    And every STACK CFI INIT record gives .cfa and .ra

  Scenario: The two halves of a stripped program
    Given the program "app" compiled with "-O2 -g"
    And "app" is split into "app" and ".debug/app" as OE does
    When I run "crashsym dump app"
    Then the exit code is 0
    And the symbols are those of the unstripped program

  Scenario: The debug file is named
    Given the program "app" compiled with "-O2 -g"
    And "app" is split into "app" and "elsewhere/x.debug" as OE does
    When I run "crashsym dump app --debug-file elsewhere/x.debug"
    Then the exit code is 0
    And the symbols are those of the unstripped program

  Scenario: The debug file is in a folder that is sorted by build id
    Given the program "app" compiled with "-O2 -g"
    And "app" is split and its debug file moved to a .build-id folder in "symbols"
    When I run "crashsym dump app --debug-dir symbols"
    Then the exit code is 0
    And the symbols are those of the unstripped program

  Scenario: A debug file that lies elsewhere is asked for by its name
    Given the program "app" compiled with "-O2 -g"
    And "app" is split and its debug file moved to a .build-id folder in "symbols"
    When I run "crashsym dump app"
    Then the exit code is 3
    And stderr says "no functions and lines: 'app': no .debug_info section, and its debug file '"
    And stderr says ".debug' was not found. Say where debug files are (--debug-dir, --debug-file). [no-debug-info]"

  Scenario: The debug file of another build is refused
    Given the program "app" compiled with "-O2 -g"
    And "app" is split into "app" and "x.debug" as OE does
    And the program "other" compiled with "-O0 -g"
    When I run "crashsym dump other --debug-file x.debug"
    Then the exit code is 2
    And stderr says "cannot use the debug file: 'x.debug' for 'other': build id"

  Scenario: A fully stripped library still gives public symbols and unwind rules
    Given the library "libfoo.so.1.2" compiled with "-O2 -g -fPIC -shared -Wl,-soname,libfoo.so.1"
    And "libfoo.so.1.2" is stripped
    When I run "crashsym dump libfoo.so.1.2"
    Then the exit code is 3
    And stderr says "no functions and lines: 'libfoo.so.1.2': no .debug_info section"
    And the symbol file has PUBLIC and STACK CFI records, and no FUNC record
    And the symbol file calls the module "libfoo.so.1"

  Scenario: A program without a build id
    Given the program "app" compiled with "-O2 -g -Wl,--build-id=none"
    When I run "crashsym dump app"
    Then the exit code is 3
    And stderr says "no GNU build id, the hash of its .text stands in"
    And the symbol file names the function "main"

  Scenario: Nothing is written for a file with findings if I am strict
    Given the program "app" compiled with "-O2 -g -Wl,--build-id=none"
    When I run "crashsym dump app --strict -o app.sym"
    Then the exit code is 3
    And there is no file "app.sym"

  Scenario Outline: What the symbols are made from is not overwritten
    Given the program "app" compiled with "-O2 -g"
    And "app" is split into "app" and ".debug/app" as OE does
    When I run "crashsym dump app <options>"
    Then the exit code is 2
    And stderr says "the symbols are made from this file. Name another file with -o."
    When I run "crashsym dump app"
    Then the exit code is 0
    And the symbols are those of the unstripped program

    Examples:
      | options                               |
      | -o app                                |
      | -o .debug/../app                      |
      | -o .debug/app                         |
      | --debug-file .debug/app -o .debug/app |

  Scenario: A dash is standard output
    Given the program "app" compiled with "-O2 -g"
    When I run "crashsym dump app -o -"
    Then the exit code is 0
    And the symbol file names the function "main"
    And there is no file "-"

  Scenario: Compressed debug sections
    Given the program "app" compiled with "-O2 -g -gz=zlib"
    When I run "crashsym dump app"
    Then the exit code is 0
    And the symbol file names the file "shapes.cc"

  Scenario: A program linked to a fixed address
    Given the program "app" compiled with "-O2 -g -no-pie -Wl,-Ttext-segment=0x400000"
    When I run "crashsym dump app"
    Then the exit code is 0
    And all addresses are below 0x100000

  Scenario: Less, if I want less
    Given the program "app" compiled with "-O2 -g"
    When I run "crashsym dump app --no-inlines --no-cfi"
    Then the exit code is 0
    And the symbol file has no INLINE and no STACK CFI records

  Scenario: Something that is no ELF file
    Given the text file "notes.txt"
    When I run "crashsym dump notes.txt"
    Then the exit code is 2
    And stderr says "cannot read: 'notes.txt': it does not begin with the ELF magic. Give an ELF file: a program"

  Scenario: A file that is not there
    When I run "crashsym dump nowhere"
    Then the exit code is 2
    And stderr says "cannot read: 'nowhere': No such file or directory. Check its name"

  Scenario: A folder of debug files that is not there
    Given the program "app" compiled with "-O2 -g"
    When I run "crashsym dump app --debug-dir nowhere"
    Then the exit code is 2
    And stderr says "cannot look for debug files: 'nowhere': no such folder. Give --debug-dir a folder with split debug files."
