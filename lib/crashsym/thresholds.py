# SPDX-License-Identifier: MIT
"""Whether as much of the code has symbols as a policy wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from crashsym.coverage import SHARES, Coverage
from crashsym.findings import EXCUSED, LOW_COVERAGE, NOBODY, Finding, Owner, Policy
from crashsym.manifest import Module

IMAGE = "/"  # the path by which policies mean all files together


def total(modules: Iterable[Module]) -> Coverage:
    """Return the sums over modules; those without symbols do not count."""
    found = [module.symbols.coverage for module in modules if module.symbols]
    names = ("code", "plt", *SHARES)
    return Coverage(**{name: sum(getattr(one, name) for one in found) for name in names})


def low(modules: Iterable[Module], policy: Policy) -> Iterator[Finding]:
    """Yield a finding for each module of which less is covered than the policy wants.

    That there are no records of a kind at all is another finding, which there is already.
    """
    for module in modules:
        if module.symbols is None:
            continue
        coverage, counts = module.symbols.coverage, module.symbols.counts
        if coverage.is_little:
            continue
        owner = Owner(module.package, module.recipe)
        wanted = wanted_of(module.path, owner, policy)
        wanted = {what: share for what, share in wanted.items() if getattr(counts, what) > 0}
        why = ", ".join(_shortfalls(coverage, wanted))
        if why:
            yield Finding(
                LOW_COVERAGE,
                module.path,
                "some of its code has no symbols",
                why,
                "Compile all of it with -g and -funwind-tables; assembler needs .cfi directives,"
                " .type and .size.",
                owner,
            )


def low_image(modules: Iterable[Module], policy: Policy) -> Iterator[Finding]:
    """Yield a finding if less of the code of all files together is covered than is wanted of it.

    By default nothing is: what single files lack is said of these. Excused files do not count.
    """
    coverage = total(module for module in modules if module.status != EXCUSED)
    asked = [wanted for wanted in policy.wanted if wanted.path == IMAGE]
    wanted = wanted_of(IMAGE, NOBODY, policy._replace(wanted=tuple(asked)))
    why = ", ".join(_shortfalls(coverage, wanted))
    if why:
        remedy = "Begin with the files that have most code and least symbols."
        yield Finding(LOW_COVERAGE, IMAGE, "the image as a whole lacks symbols", why, remedy)


def wanted_of(path: str, owner: Owner, policy: Policy) -> dict[str, float]:
    """Return the share in percent of each kind that the policy wants of a file."""
    fitting = [wanted for wanted in policy.wanted if wanted.fits(path, owner)]
    found: dict[str, float] = {}
    for wanted in fitting:
        shares = {what: getattr(wanted, what) for what in SHARES}
        found |= {what: share for what, share in shares.items() if share is not None}
    return found


def _shortfalls(coverage: Coverage, wanted: dict[str, float]) -> Iterator[str]:
    for what, share in wanted.items():
        found = coverage.percent(what)
        if found is not None and found < share:
            yield f"{SHARES[what]} for {found} % of {coverage.code} bytes, {share:g} % are wanted"
