Feature: The build says which symbols are missing, why, and what to do
  As a release manager I decide with CRASHDUMP_POLICY what stops a build.

  Background:
    Given the machine "qemuarm64"

  Scenario: Without a policy, vendor files are warned about
    When I build "prebuilt"
    Then the build succeeds
    And it says as warning:
      | file                          | reason                 | remedy                          |
      | /opt/vendor/bin/no-debug-info | no .debug_info section | Compile it with -g              |
      | /opt/vendor/bin/no-build-id   | no GNU build id        | --build-id                      |
      | /opt/vendor/bin/cut-off       | the file at 0x3e8      | CRASHDUMP_POLICY += "malformed= |
    And the manifest lists "/opt/vendor/bin/with a space" with status "ok"
    And the manifest lists "/opt/vendor/bin/secret" with status "ok"
    And the manifest lists "/opt/vendor/bin/no-debug-info" with status "no-debug-info"
    And the manifest lists "/opt/vendor/bin/no-build-id" with status "no-build-id"

  Scenario: The same files as errors
    Given local.conf has: CRASHDUMP_POLICY = "*=error"
    When I try to build "prebuilt"
    Then the build fails
    And it says as error:
      | file                          | reason                 | remedy                          |
      | /opt/vendor/bin/no-debug-info | no .debug_info section | Compile it with -g              |
      | /opt/vendor/bin/no-build-id   | no GNU build id        | --build-id                      |
      | /opt/vendor/bin/cut-off       | the file at 0x3e8      | CRASHDUMP_POLICY += "malformed= |

  Scenario: The same files, ignored
    Given local.conf has: CRASHDUMP_POLICY = "no-debug-info=ignore no-build-id=ignore malformed=ignore"
    When I build "prebuilt"
    Then the build succeeds
    And it says nothing about "/opt/vendor/bin"

  Scenario: A file that cannot be read stops the build
    Given local.conf has: PREBUILT_HIDDEN = "1"
    When I try to build "prebuilt"
    Then the build fails
    And it says as error:
      | file                   | reason            | remedy                                        |
      | /opt/vendor/bin/secret | Permission denied | CRASHDUMP_EXCLUDE += "/opt/vendor/bin/secret" |

  Scenario: A file that cannot be read is left out where the policy says so
    Given local.conf has: PREBUILT_HIDDEN = "1"
    And local.conf has: CRASHDUMP_POLICY = "*=ignore"
    When I build "prebuilt"
    Then the build succeeds
    And it says nothing about "/opt/vendor/bin"

  Scenario: A policy file excuses what is known, until its day
    Given local.conf has: CRASHDUMP_POLICY = "*=error ${TOPDIR}/policy.toml"
    And the policy excuses "/opt/vendor/bin/*" until "9999-12-31"
    When I build "prebuilt"
    Then the build succeeds
    And it says nothing about "/opt/vendor/bin"
    And the manifest lists "/opt/vendor/bin/no-debug-info" with status "excused"
    And the manifest lists "/opt/vendor/bin/with a space" with status "ok"
    When the policy excuses "/opt/vendor/bin/*" until "2026-01-31"
    And I try to build "prebuilt"
    Then the build fails
    And the task for symbols says "(the excuse ended on 2026-01-31: asked for)"

  Scenario: A mistake in the policy is said, not swallowed
    Given local.conf has: CRASHDUMP_POLICY = "no-build-id=loud"
    When I try to build "crashdump-example"
    Then the build fails
    And the task for symbols says "no-build-id=loud"

  Scenario Outline: A crashsym that fails stops the build
    Given local.conf has: FAILING_TOOL = "<ending>"
    When I try to build "failing-tool"
    Then the build fails
    And the task for symbols says "<message>"
    And there is no manifest of "failing-tool"

    Examples:
      | ending | message                          |
      | raise  | RuntimeError: a bug in crashsym  |
      | kill   | exit code -9                     |
