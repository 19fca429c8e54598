Feature: Symbols and manifest of a whole tree
  As an integrator
  I want every ELF file of a tree in the store and in the manifest
  So that no frame of a crash stays unknown

  Background:
    Given the program "root/usr/bin/app" compiled with "-O2 -g"
    And the library "root/usr/lib/libfoo.so.1.2" compiled with "-O2 -g -fPIC -shared -Wl,-soname,libfoo.so.1"

  Scenario: Unstripped files
    When I run "crashsym extract root --store store --manifest m.json"
    Then the exit code is 0
    And stderr says "2 symbol files: 2 new, 0 already there"
    And the manifest lists "/usr/bin/app /usr/lib/libfoo.so.1.2"
    And every module of the manifest has its symbol file in the store
    And the manifest follows its JSON schema

  Scenario: Split files, as in a package feed
    Given "root/usr/bin/app" is split into "root/usr/bin/app" and "root/usr/bin/.debug/app" as OE does
    When I run "crashsym extract root --store store --manifest m.json"
    Then the exit code is 0
    And the manifest lists "/usr/bin/app /usr/lib/libfoo.so.1.2"
    And the symbols of "/usr/bin/app" are those of the unstripped program

  Scenario: Debug files in a tree of their own
    Given "root/usr/bin/app" is split into "root/usr/bin/app" and "dbg/usr/bin/.debug/app" as OE does
    When I run "crashsym extract root --debug-root dbg --store store --manifest m.json"
    Then the exit code is 0
    And the symbols of "/usr/bin/app" are those of the unstripped program

  Scenario: Packages
    Given "root/usr/bin/app" is split into "packages/app/usr/bin/app" and "packages/app-dbg/usr/bin/.debug/app" as OE does
    When I run "crashsym extract packages --packages --recipe app --recipe-version 1.0 --store store --manifest m.json"
    Then the exit code is 0
    And the manifest lists "/usr/bin/app"
    And the manifest says that "/usr/bin/app" is of recipe "app", version "1.0", package "app"

  Scenario: The debug file of another build is reported, and the file goes on without
    Given "root/usr/bin/app" is split into "root/usr/bin/app" and "unused" as OE does
    And the program "root/usr/bin/.debug/app" compiled with "-O0 -g"
    When I run "crashsym extract root --store store --manifest m.json"
    Then the exit code is 3
    And stderr says "error: its debug file is not used: '/usr/bin/app': 'app': build id"
    And the manifest says that the status of "/usr/bin/app" is "mismatch"
    And the manifest says that the status of "/usr/lib/libfoo.so.1.2" is "ok"

  Scenario: A debug file that lies elsewhere is asked for by its name
    Given "root/usr/bin/app" is split into "root/usr/bin/app" and "dbg/app.debug" as OE does
    When I run "crashsym extract root --store store --manifest m.json"
    Then the exit code is 3
    And stderr says "its debug file 'app.debug' was not found. Say where debug files are (--debug-root), or let a policy excuse it."

  Scenario: A tree of debug files that is not there
    When I run "crashsym extract root --debug-root nowhere --store store --manifest m.json"
    Then the exit code is 2
    And stderr says "cannot look for debug files: 'nowhere': no such folder. Give --debug-root a tree of them."

  Scenario: A split program without build id is trusted by the checksum in it
    Given the program "root/opt/blob" compiled with "-O2 -g -Wl,--build-id=none"
    And "root/opt/blob" is split into "root/opt/blob" and "root/opt/.debug/blob" as OE does
    When I run "crashsym extract root --store store --manifest m.json"
    Then the exit code is 3
    And the manifest says that the status of "/opt/blob" is "no-build-id"
    And the symbols of "/opt/blob" have functions

  Scenario: A damaged file costs nothing but itself
    Given the file "root/usr/bin/broken" with the first 3000 bytes of "root/usr/bin/app"
    And the empty file "root/usr/bin/empty"
    When I run "crashsym extract root --store store --manifest m.json"
    Then the exit code is 3
    And stderr has exactly one line about "/usr/bin/broken"
    And the manifest lists "/usr/bin/app /usr/lib/libfoo.so.1.2"
    And every module of the manifest has its symbol file in the store

  Scenario: Findings that I do not care about
    Given "root/usr/bin/app" is stripped
    When I run "crashsym extract root --policy no-debug-info=ignore --store store --manifest m.json"
    Then the exit code is 0
    And the manifest says that the status of "/usr/bin/app" is "no-debug-info"

  Scenario: What is known and excused
    Given "root/usr/bin/app" is stripped
    And the file "policy.toml" with the lines
      """
      [[rule]]
      code = "no-debug-info"
      path = "/usr/bin/*"
      level = "excused"
      reason = "ticket 4711"
      expires = 9999-12-31
      """
    When I run "crashsym extract root --policy policy.toml --store store --manifest m.json"
    Then the exit code is 0
    And stderr says "1 excused"
    And the manifest says that the status of "/usr/bin/app" is "excused"
    And the manifest follows its JSON schema

  Scenario: An excuse that has expired
    Given "root/usr/bin/app" is stripped
    And the file "policy.toml" with the lines
      """
      [[rule]]
      path = "/usr/bin/app"
      level = "excused"
      reason = "ticket 4711"
      expires = 2026-01-31
      """
    When I run "crashsym extract root --policy policy.toml --store store --manifest m.json"
    Then the exit code is 3
    And stderr says "(the excuse ended on 2026-01-31: ticket 4711)"
    And the manifest says that the status of "/usr/bin/app" is "no-debug-info"

  Scenario: Strict is stricter than the policy
    Given "root/usr/bin/app" is stripped
    When I run "crashsym extract root --strict --policy *=ignore --store store --manifest m.json"
    Then the exit code is 3
    And stderr says "error: no functions and lines: '/usr/bin/app'"

  Scenario: Files that I do not want
    When I run "crashsym extract root --exclude /usr/lib/* --store store --manifest m.json"
    Then the exit code is 0
    And the manifest lists "/usr/bin/app"

  Scenario: Links
    Given "root/usr/bin/hard" is a hard link to "root/usr/bin/app"
    And "root/usr/bin/soft" is a symbolic link to "app"
    When I run "crashsym extract root --store store --manifest m.json"
    Then the exit code is 0
    And the manifest lists "/usr/bin/app /usr/bin/hard /usr/lib/libfoo.so.1.2"
    And every module of the manifest has its symbol file in the store

  Scenario: The same again
    When I run "crashsym extract root --store store --manifest m.json"
    And I run it again
    Then the exit code is 0
    And stderr says "2 symbol files: 0 new, 2 already there"

  Scenario: Same input, same bytes
    When I run "crashsym extract root -j 1 --store store --manifest m.json"
    And I copy "root" to "deep/down/copy"
    And I run "crashsym extract deep/down/copy -j 4 --store store2 --manifest m2.json" in the locale "tr_TR.UTF-8"
    Then the exit code is 0
    And "store" and "store2" have the same bytes
    And "m.json" and "m2.json" have the same bytes

  Scenario: Other symbols for an id that the store has
    When I run "crashsym extract root --no-inlines --store store --manifest m.json"
    And I run "crashsym extract root --store store --manifest m.json"
    Then the exit code is 3
    And stderr says "error: symbols not stored: '/usr/bin/app'"
    And stderr says "the store has other bytes for the same id; they are kept"
    And stderr says "0 symbol files: 0 new, 0 already there"
    And the manifest follows its JSON schema
    And the manifest says that the status of "/usr/bin/app" is "conflict"
    And the manifest claims no symbols for "/usr/bin/app"

  Scenario: A manifest claims no symbols that are not in the store, whatever is ignored
    When I run "crashsym extract root --no-inlines --exclude /usr/lib/* --store store --manifest m.json"
    And I run "crashsym extract root --policy *=ignore --store store --manifest m.json"
    Then the exit code is 0
    And stderr says "1 symbol file: 1 new, 0 already there"
    And the manifest says that the status of "/usr/bin/app" is "conflict"
    And the manifest claims no symbols for "/usr/bin/app"

  Scenario: An empty tree
    Given the empty folder "nothing"
    When I run "crashsym extract nothing --store store --manifest m.json"
    Then the exit code is 2
    And stderr says "nothing to extract: 'nothing': no ELF executable or shared object below it"
    And there is no file "m.json"

  Scenario: Machines read the outcome
    Given "root/usr/bin/app" is stripped
    When I run "crashsym extract root --json --store store --manifest m.json"
    Then the exit code is 3
    And stdout is JSON of the schema "crashsym-extract/1" with the finding "no-debug-info" of level "warning" for "/usr/bin/app"

  Scenario: Fragments become one manifest, and a build id leads to its module
    When I run "crashsym extract root --exclude /usr/lib/* --store store --manifest a.json"
    And I run "crashsym extract root --exclude /usr/bin/* --store store --manifest b.json"
    And I run "crashsym manifest merge b.json a.json -o m.json"
    Then the exit code is 0
    And the manifest lists "/usr/bin/app /usr/lib/libfoo.so.1.2"
    When I run "crashsym manifest find d87fd9 m.json"
    Then the exit code is 2
    And stderr says "'d87fd9': no module in 1 manifest has this id, path or name. 'readelf -n FILE' prints the build id"
    When I run "crashsym manifest find 00112233 m.json"
    Then the exit code is 2
    And stderr says "'00112233': no module in 1 manifest has this id, path or name."
    When I run "crashsym manifest merge b.json a.json -o -"
    Then stdout is what "m.json" has
    And "crashsym manifest find" knows the build id of "root/usr/bin/app" as "/usr/bin/app"
