Feature: One line in a recipe keeps the symbols of exactly that build
  As an application developer I write "inherit crashdump" into my recipe and find, after every build,
  a symbol file for each program and library in the deploy folder, and a manifest that says which is which.

  Scenario Outline: The example's symbols are there after a build
    Given the machine "<machine>"
    When I build "crashdump-example"
    Then each ELF file of "crashdump-example" has a symbol file below "deploy/crashdump/<architecture>"
    And the manifest names recipe, version, package and path of each of them
    And the build ids are those of the stripped files in the packages and of their .debug halves
    And each symbol file has functions, lines and unwind rows for "<cpu>"

    Examples:
      | machine    | architecture          | cpu    |
      | qemuarm64  | cortexa57             | arm64  |
      | qemuarm    | cortexa15t2hf-neon    | arm    |
      | qemux86-64 | x86-64-v3             | x86_64 |

  Scenario: The names are those of the target
    Given the machine "qemuarm64"
    When I build "crashdump-example"
    Then the manifest lists "/usr/bin/backend" and "/usr/bin/backend-worker" with the same build id
    And the manifest lists "/usr/bin/app" and "/usr/bin/crashdemo.crashdump-example" with the same build id
    And the symbols of "/usr/lib/libcrashcore.so.1.0.3" are filed under "libcrashcore.so.1"

  Scenario: Whoever has the build's symbols reads a stack of addresses as functions and lines
    Given the machine "qemuarm64"
    When I build "crashdump-example"
    And I give crashsym a log line with an address inside the function "calibrated_sum"
    Then the line it prints names that function and "crashcore.cpp"

  Scenario: The manifest says where all of the source is, and symbols lead to it
    Given the machine "qemuarm64"
    And a recipe with two git repositories, an archive, a file and a patch
    And local.conf has: CRASHDUMP_SOURCE_LINKS = "1"
    When I build "many-sources"
    Then the manifest gives these places of the source of "/usr/bin/many", with the revisions:
      | git://git.example.com/team/first.git;protocol=https;branch=main       |               |
      | git://git.example.com:8443/team/second;protocol=https;branch=main     | vendor/second |
      | https://files.example.com/table-1.0.tar.gz                            | table         |
      | file://extra.c                                                        | extra.c       |
    And it names the patches "0001-patched.c-return-two.patch"
    And "git show" has the files of the links in the symbols of "/usr/bin/many":
      | git.example.com/team/first  | src/main.c   |
      | git.example.com/team/second | lib/second.c |
    And the other files are "src/patched.c table/table-1.0/table.c extra.c generated.c" below the prefix
    And neither the password nor a folder of this machine is in symbols of "many-sources"

  Scenario: The manifest says where the source is, and gives no secret away
    Given the machine "qemuarm64"
    And a recipe whose SRC_URI is a git repository with user and password
    When I build "remote-source"
    Then the manifest gives "git://git.example.com/team/remote-source.git;protocol=https;branch=main" and the revision
    And paths of that source begin with "/usr/src/debug/remote-source/1.0"
    And neither the password nor a folder of this machine is in symbols of "remote-source"

  Scenario: The newest revision is named, and a repository of the build machine is not
    Given the machine "qemuarm64"
    And a recipe whose SRC_URI is a git repository of this machine, at AUTOREV
    When I build "remote-source"
    Then the manifest gives the revision of that repository, and no URI
    And neither the password nor a folder of this machine is in symbols of "remote-source"

  Scenario: Some files are left out on request
    Given the machine "qemuarm64"
    And local.conf has: CRASHDUMP_EXCLUDE:pn-crashdump-example = "/usr/bin/backend* /usr/lib/*"
    When I build "crashdump-example"
    Then the manifest of "crashdump-example" lists exactly "/usr/bin/app /usr/bin/crashdemo.crashdump-example"

  Scenario: Inlined functions are left out on request
    Given the machine "qemuarm64"
    And local.conf has: CRASHDUMP_INLINES = "0"
    When I build "crashdump-example"
    Then no symbol file of "crashdump-example" has an INLINE record
