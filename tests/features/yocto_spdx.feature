Feature: The SPDX document of an image has the build ids
  As a release manager I want to get from a crash to the package and its licences, sources and CVEs, and from there back to the
  symbols: by the build id, which the crash, the manifest and the SPDX document all have.

  Background:
    Given the machine "qemuarm64"
    And local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-image"

  Scenario: Without create-spdx there is no such task
    Then there is no task "do_crashdump_spdx" in "accounted-image"

  Scenario: OE's SPDX 3.0 with build ids lies beside the image
    Given "accounted-image" was built
    And local.conf has: INHERIT += "create-spdx"
    And local.conf has: IMAGE_PREPROCESS_COMMAND:append:pn-accounted-image = " shrink_library"
    When I build "accounted-image"
    Then do_package of "plain-program" did not run
    And each file with a build id is found by it in the SPDX document, with its bytes
    And "/usr/lib/libcrashcore.so.1.0.3", which a hook has changed, is the image's and not the package's
    And the document and the manifest of "accounted-image" name each other
    And the SPDX project finds nothing wrong in the document
    When I build "accounted-image"
    Then no task ran
    When I clean "accounted-image"
    Then there is no account of "accounted-image"

  Scenario: On scarthgap SPDX 2.2 with build ids lies beside the image
    Given local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " create-spdx-2.2"
    When I build "accounted-image"
    Then the references of the image's package in SPDX 2.2 are the build ids of the manifest
    And spdx-tools finds nothing wrong in the document
    When I clean "accounted-image"
    Then there is no account of "accounted-image"
