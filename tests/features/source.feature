Feature: From a build id to the source
  As a developer who got a crash of an old release
  I want to know which revision of which repository a file was made from
  So that I read the very lines that were compiled

  Background:
    Given a git repository with "src/app.c lib/util.h", and "src/patched.c" changed after the commit
    And a program made of it and of "generated.c", with the prefix "/usr/src/debug/app/1.0"

  Scenario: The symbols name repository, path and revision of unchanged files
    When I extract it with "--source-links --source-checkout repository" and the revision
    Then the exit code is 0
    And the source files in the symbols are these:
      | git:example.com/team/app:src/app.c:REVISION  |
      | git:example.com/team/app:lib/util.h:REVISION |
      | /usr/src/debug/app/1.0/src/patched.c         |
      | /usr/src/debug/app/1.0/generated.c           |
    And "git show" has each file that is named by its revision
    And lint has nothing to say of the symbol file
    And the manifest follows its JSON schema

  Scenario: Without a checkout all files below the prefix are taken for the repository's
    When I extract it with "--source-links" and the revision
    Then the source files in the symbols are these:
      | git:example.com/team/app:src/app.c:REVISION     |
      | git:example.com/team/app:lib/util.h:REVISION    |
      | git:example.com/team/app:src/patched.c:REVISION |
      | git:example.com/team/app:generated.c:REVISION   |

  Scenario: Both engines write the same links, and the cache knows which they were
    When I extract it with "--source-links --source-checkout repository --cache cache" and the revision
    And I extract it with "--cache cache" and the revision, into another store
    Then the source files in the symbols are below "/usr/src/debug/app/1.0"
    When I extract it with "--source-links --source-checkout repository --cache cache" and the revision
    Then stderr says "1 of 1 file known from the cache"
    When I extract it with the other engine, "--source-links --source-checkout repository" and the revision
    Then stderr says "0 new, 1 already there"
    And the exit code is 0

  Scenario: A log leads to the revision
    When I extract it with "--source-links --source-checkout repository" and the revision
    And I symbolicate the address of "helper" in it
    Then it is named "helper at git:example.com/team/app:lib/util.h:REVISION:1"

  Scenario: Who asks for a file by id, path or name gets its source
    When I extract it with "--recipe app-recipe --recipe-version 1.0" and the revision
    Then these find it, and say repository, revision and prefix:
      | its build id  |
      | its debug id  |
      | /usr/bin/app  |
      | app           |
      | app-recipe    |
      | */bin/*       |

  Scenario: No secret of the command line is in the manifest
    When I run "crashsym extract root --store store --manifest m.json --source-uri https://me:t0ken@example.com/app?key=t0ken"
    Then the exit code is 0
    And the manifest says that the source is "https://example.com/app"

  Scenario: Nobody has such a file
    When I extract it with "" and the revision
    And I run "crashsym manifest find usr/bin/app m.json"
    Then the exit code is 2
    And stderr says "cannot find a module: 'usr/bin/app': no module in 1 manifest has this id, path or name. 'readelf -n FILE' prints the build id of an ELF file, of which 8 digits are enough; a path begins with '/'."

  Scenario: Links need to know where to
    When I run "crashsym extract root --store store --manifest m.json --source-links"
    Then the exit code is 2
    And stderr says "cannot link sources: --source-links: URI, revision or prefix of a git repository are missing. Give"
    When I run "crashsym extract root --store store --manifest m.json --source-checkout repository"
    Then the exit code is 2
    And stderr says "cannot link sources: --source-checkout: it is of use with --source-links only."
    When I run "crashsym extract root --store store --manifest m.json --source-recipe r.json --source-uri u"
    Then the exit code is 2
    And stderr says "options contradict each other: --source-uri: --source-recipe says that, too."
    When I run "crashsym extract root --store store --manifest m.json --source-recipe nowhere.json"
    Then the exit code is 2
    And stderr says "cannot read the source of the recipe: 'nowhere.json': No such file or directory."
    And there is no file "m.json"
