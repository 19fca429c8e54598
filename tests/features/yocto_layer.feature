Feature: A layer that keeps its place
  As an integrator I add the layer without side effects, with the tools I am used to.

  Scenario: The Yocto Project's own check
    When I run yocto-check-layer on the layer
    Then it says PASS, and that no signature changed

  Scenario: bitbake-layers adds the layer
    Given a build folder without the layer
    When I run "bitbake-layers add-layer" with the layer
    Then "bitbake-layers show-layers" lists "crashdump"

  Scenario: kas builds the example from the layer's own file
    Given kas finds the upstream repositories on this machine
    When I run kas with "kas/qemuarm64.yml"
    Then kas has built the symbols of "crashdump-example"

  Scenario: One's own kas file includes the layer
    Given kas finds the upstream repositories on this machine
    When I run kas with a file of my own that includes "kas/crashdump.yml"
    Then kas has built the symbols of "plain-program"
