Feature: Symbols come from the shared state cache like everything else
  As an integrator I want that nothing is made twice, and nothing unpacked that nobody needs.

  Background:
    Given the machine "qemuarm64"
    And "crashdump-example" was built

  Scenario: After a clean everything comes back, the same
    When I clean "crashdump-example"
    Then nothing of "crashdump-example" is left in the deploy folder
    When I build "crashdump-example"
    Then the symbols of "crashdump-example" came from sstate
    And what was deployed is what was deployed before

  Scenario: The symbols' own object is gone, do_package's is still there
    Given the symbols' object of "crashdump-example" is no longer in the cache
    When I build "crashdump-example" in a fresh build folder
    Then do_package of "crashdump-example" came from sstate
    And the symbols of "crashdump-example" were made
    And what was deployed is what was deployed before

  Scenario: Old copies of unstripped files do not stand in for a restored package
    Given "crashdump-example" was changed, built, and changed back
    And the symbols' object of "crashdump-example" is no longer in the cache
    When I build "crashdump-example"
    Then do_package of "crashdump-example" came from sstate
    And the symbols of "crashdump-example" were made
    And what was deployed is what was deployed before

  Scenario: Links to the sources are the same where do_package comes from sstate
    Given a recipe with two git repositories, an archive, a file and a patch
    And local.conf has: CRASHDUMP_SOURCE_LINKS = "1"
    And "many-sources" was built
    And the symbols' object of "many-sources" is no longer in the cache
    When I build "many-sources" in a fresh build folder
    Then do_package of "many-sources" came from sstate
    And the symbols of "many-sources" were made
    And what was deployed of "many-sources" is what was deployed before

  Scenario: With the class in INHERIT no package is unpacked for the symbols' sake
    Given local.conf has: INHERIT += "crashdump"
    And "crashdump-example plain-program tiny-image" was built
    When I build "crashdump-example plain-program tiny-image" in a fresh build folder
    Then the symbols of "crashdump-example" came from sstate
    And the symbols of "plain-program" came from sstate
    And do_package was restored for no recipe

  Scenario: A single recipe's inherit costs that recipe's object
    Given "crashdump-example plain-program tiny-image" was built
    When I build "crashdump-example plain-program tiny-image" in a fresh build folder
    Then the symbols of "crashdump-example" came from sstate
    And do_package was restored for "crashdump-example" only

  Scenario: INHERIT for one recipe costs nothing
    Given local.conf has: INHERIT += "crashdump"
    And local.conf has: CRASHDUMP_ENABLED = "0"
    And local.conf has: CRASHDUMP_ENABLED:pn-crashdump-example = "1"
    And "crashdump-example plain-program tiny-image" was built
    When I build "crashdump-example plain-program tiny-image" in a fresh build folder
    Then the symbols of "crashdump-example" came from sstate
    And do_package was restored for no recipe
