Feature: A finding goes away with the remedy that it names
  As an integrator I do what the warning says, and it is gone.

  Scenario: An image with eleven faults, and the same image with eleven remedies
    Given the machine "qemuarm64"
    And local.conf has: CRASHDUMP_POLICY:pn-faulty-image = "unused-excuse=warning ${TOPDIR}/policy.toml"
    And the policy excuses "/opt/gone/*" until "9999-12-31"
    When I try to build "faulty-image"
    Then the build fails
    And the account of "faulty-image" says exactly this:
      | level   | file                       | code               | remedy                                         |
      | warning | /opt/faulty/no-build-id    | no-build-id        | Link it with '-Wl,--build-id'                  |
      | warning | /opt/faulty/no-debug-info  | no-debug-info      | Compile it with -g                             |
      | warning | /opt/faulty/no-lines       | no-lines           | Compile it with -g or -g1                      |
      | warning | /opt/faulty/no-unwind-info | no-unwind-info     | Compile it with -funwind-tables                |
      | warning | /opt/faulty/late-build-id  | late-build-id      | Look for a linker script                       |
      | warning | /opt/faulty/low-coverage   | low-coverage       | assembler needs .cfi directives, .type and     |
      | warning | /opt/faulty/changed        | changed            | Look for a hook of the image that strips       |
      | warning | /opt/faulty/packed         | packed             | Let no recipe and no hook of the image run upx |
      | warning | /opt/faulty/unowned        | unowned            | Let a recipe package it                        |
      | error   | /opt/faulty/duplicate-2    | duplicate-build-id | a tool that changes code has to make a new     |
      | warning | policy.toml                | unused-excuse      | Delete the rule, or correct its patterns       |
    When local.conf has: FAULTY_ID = "-Wl,--build-id"
    And local.conf has: FAULTY_DEBUG = "-g"
    And local.conf has: FAULTY_LINES_TOOL = "true"
    And local.conf has: FAULTY_UNWIND = "-funwind-tables"
    And local.conf has: FAULTY_UNWIND_TOOL = "true"
    And local.conf has: FAULTY_SCRIPT = ""
    And local.conf has: FAULTY_ASSEMBLER = "-DDESCRIBED"
    And local.conf has: FAULTY_SAME_ID = "-Wl,--build-id"
    And local.conf has: FAULTY_PACKAGES_TOOL = "unowned"
    And local.conf has: FAULTY_HOOKS = ""
    And the policy has no rule
    And I build "faulty-image"
    Then the account of "faulty-image" says nothing
    And each of its 11 files has the status "ok", symbols and an owner
