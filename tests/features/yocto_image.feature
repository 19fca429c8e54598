Feature: The account of an image
  As a release manager I want to know of each ELF file on the device whose it is, and to have its symbols.

  Background:
    Given the machine "qemuarm64"

  Scenario: Adding the class makes the image anew, and no package
    Given "accounted-image" was built
    And local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-image"
    When I build "accounted-image"
    Then only tasks of "accounted-image" ran
    And do_package and its like neither ran nor came from sstate
    And there is no archive of the debug files

  Scenario: Each ELF file has one entry, an owner and symbols
    Given local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-image"
    And "accounted-image" was built
    When I build "accounted-image"
    Then no task ran
    And each of the 11 ELF files that os.walk and readelf find in "accounted-image" has exactly one entry
    And each entry names the package and the recipe of the file
    And the entries of "crashdump-example" have the source that the recipe has noted
    And the store has the symbols of all but "/opt/vendor/bin/cut-off"
    And the symbols of "/usr/bin/plain" name the function "main" and "plain.c"

  Scenario: A policy refuses the image, or lets it pass, without making it anew
    Given local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-image"
    And "accounted-image" was built
    And local.conf has: CRASHDUMP_POLICY:pn-accounted-image = "no-build-id=error no-debug-info=ignore"
    When I try to build "accounted-image"
    Then the build fails
    And only do_crashdump_image ran
    And it says as an error of the image "/opt/vendor/bin/no-build-id"
    And it says nothing of the image about "/opt/vendor/bin/no-debug-info"
    When local.conf has: CRASHDUMP_EXCLUDE:pn-accounted-image = "/opt/vendor/*"
    And I build "accounted-image"
    Then do_rootfs did not run, and do_crashdump_image did
    And the image "accounted-image" and its account without "/opt/vendor" are in the deploy folder
    And it says nothing of the image about "/opt/vendor"

  Scenario: What the hooks of an image change is said, as long as they do
    Given local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-image"
    And local.conf has: ROOTFS_POSTPROCESS_COMMAND:append:pn-accounted-image = " shrink_plain"
    And local.conf has: IMAGE_PREPROCESS_COMMAND:append:pn-accounted-image = " shrink_library"
    When I build "accounted-image"
    Then it warns of exactly these as changed:
      | file                           | package           |
      | /usr/bin/plain                 | plain-program     |
      | /usr/lib/libcrashcore.so.1.0.3 | crashdump-example |
    And each of the 11 ELF files that os.walk and readelf find in "accounted-image" has exactly one entry
    And the store has the symbols of all but "/opt/vendor/bin/cut-off"
    When the hooks are gone
    And I build "accounted-image"
    Then it warns of nothing as changed
    And do_package and its like neither ran nor came from sstate

  Scenario: With the package database in the image a change of one byte is said, too
    Given local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-image"
    And local.conf has: IMAGE_FEATURES:append:pn-accounted-image = " package-management"
    And local.conf has: ROOTFS_PKGMANAGE:pn-accounted-image = ""
    And local.conf has: ROOTFS_POSTPROCESS_COMMAND:append:pn-accounted-image = " turn_a_byte"
    When I build "accounted-image"
    Then it warns of exactly these as changed:
      | file           | package       |
      | /usr/bin/plain | plain-program |

  Scenario: The image and its manifest say which build they are
    Given local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-image"
    And local.conf has: CRASHDUMP_IMAGE_ID:pn-accounted-image = "1"
    And local.conf has: CRASHDUMP_IMAGE_VERSION:pn-accounted-image = "1.2"
    And local.conf has: CRASHDUMP_CACHE = "${TOPDIR}/crashdump-cache"
    When I build "accounted-image"
    Then the manifest says that it is of "accounted-image" 1.2 for "qemuarm64", and of which layers
    And "/usr/lib/crashdump/image.json" in the archive is root's, as old as the rest, and names the id in the manifest
    And it warns of nothing as changed
    And there is a page of "accounted-image" with 11 files
    When local.conf has: CRASHDUMP_BASELINE:pn-accounted-image = "${TOPDIR}/last-release.json"
    And the last release had functions in "/opt/vendor/bin/no-debug-info"
    And I build "accounted-image"
    Then only do_crashdump_image ran of what reads the files, and 10 of 11 came from the cache
    And it warns that "/opt/vendor/bin/no-debug-info" became worse

  @slow
  Scenario: Two builds in two folders, each from nothing, give the same manifest
    Given local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-image"
    And local.conf has: INHERIT += "crashdump"
    And local.conf has: CRASHDUMP_IMAGE_ID:pn-accounted-image = "1"
    When I build "accounted-image" twice, in folders and with state caches of their own
    Then their manifests and symbols are the same

  @slow
  Scenario: Where rm_work has removed the root file system, a policy makes it anew
    Given local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-image rm_work"
    And "accounted-image" was built
    And local.conf has: CRASHDUMP_EXCLUDE:pn-accounted-image = "/opt/vendor/*"
    When I build "accounted-image"
    Then the image "accounted-image" and its account without "/opt/vendor" are in the deploy folder
    When I build "accounted-image"
    Then neither do_rootfs nor do_crashdump_image ran

  Scenario: Switched off, the class leaves nothing and changes nothing
    Given "accounted-image" was built
    And local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-image"
    And local.conf has: CRASHDUMP_ENABLED:pn-accounted-image = "0"
    When I build "accounted-image"
    Then no task ran
    And there is no account of "accounted-image"
    And there is no task "do_crashdump_image" in "accounted-image"

  Scenario: An image without any ELF file
    When I build "dataonly-image"
    Then the account of "dataonly-image" has no entry

  Scenario: Cleaning takes the account away
    Given local.conf has: IMAGE_CLASSES:append:pn-accounted-image = " crashdump-image"
    And "accounted-image" was built
    When I clean "accounted-image" and its sstate
    Then there is no account of "accounted-image"
