# SPDX-License-Identifier: MIT
#
# Keep the symbols of exactly this build: a Breakpad symbol file for each ELF executable and shared library
# that the recipe packages, and a manifest that lists them by build id.
#
#   One recipe:    inherit crashdump                   (in the recipe or its .bbappend)
#   All recipes:   INHERIT += "crashdump"              (in local.conf or the distro configuration)
#   Not this one:  CRASHDUMP_ENABLED:pn-foo = "0"
#
# What a build leaves, for each package architecture, below ${CRASHDUMP_DEPLOY_DIR}:
#   <arch>/symbols/<recipe>/<debug file>/<debug id>/<debug file>.sym
#   <arch>/manifests/<recipe>.json
# Each recipe has a store of its own, because two recipes may ship the same file: in a common folder sstate
# would refuse the second one, and cleaning one recipe would take the other's symbols away.
#
# do_package only gets a copy of the unstripped files; reading them is do_crashdump_symbols' work. When
# do_package came from sstate there is no such copy: the -dbg packages then give the same symbols.
#
# Limits:
# - Native, cross, nativesdk, image, kernel, allarch and packagegroup recipes are left out, and so is whatever
#   has no do_package.
# - Warnings are given when the symbols are made, not again when they come from sstate.
# - When only a single recipe inherits the class, a build that takes everything from sstate also unpacks that
#   recipe's do_package object and crashsym's own sysroot. With INHERIT it does not; to have both:
#   INHERIT += "crashdump", CRASHDUMP_ENABLED = "0", CRASHDUMP_ENABLED:pn-foo = "1".
# - A recipe that has a do_deploy of its own and inherits the class alone: 'bitbake <image>' does not make its
#   symbols, 'bitbake <recipe>' does.

inherit crashdump-common

CRASHDUMP_SOURCE_LINKS ?= "0"
CRASHDUMP_SOURCE_LINKS[doc] = "Set to '1' to name source files in the symbol files by repository, path and revision (git:HOST/REPOSITORY:PATH:REVISION), of which crash servers make links: those of the recipe's git repositories that no patch or task has changed. The sources are then unpacked again where do_package, but not the symbols, came from sstate."

CRASHDUMP_WORKDIR = "${WORKDIR}/crashdump-symbols"
CRASHDUMP_PRESERVED = "${WORKDIR}/crashdump-unstripped"

# Runs in do_package, before OE strips. These lines are part of every do_package hash: keep them few and stable.
python crashdump_preserve () {
    import shutil
    pkgd, copies = d.getVar("PKGD"), {}
    for folder, _, names in os.walk(pkgd):
        for path in (os.path.join(folder, name) for name in names):
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            try:
                with open(path, "rb") as candidate:
                    if candidate.read(4) != b"\x7fELF":
                        continue
            except PermissionError:
                continue  # the packaged file is looked at again, and reported, by crashsym
            copy = os.path.join(d.getVar("CRASHDUMP_PRESERVED"), os.path.relpath(path, pkgd))
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            status = os.stat(path)
            first = copies.setdefault((status.st_dev, status.st_ino), copy)
            # never a link to the packaged file itself: strip may write in place
            os.link(first, copy) if first != copy else shutil.copyfile(path, copy)
}
crashdump_preserve[cleandirs] = "${CRASHDUMP_PRESERVED}"
# Series before whinlatter: pseudo watches all but these folders, and the copies are removed outside pseudo.
PSEUDO_IGNORE_PATHS .= ",${CRASHDUMP_PRESERVED},${CRASHDUMP_WORKDIR}"

def crashdump_source_facts(d):
    """Write what the recipe says of its source for crashsym, and return the file, which is not deployed."""
    import json, oe.patch
    patches = []
    if d.getVarFlag("do_patch", "task", False) and d.getVarFlag("do_patch", "noexec", False) != "1":
        patches = oe.patch.src_patches(d)
    fetch = bb.fetch2.Fetch((d.getVar("SRC_URI") or "").split(), d)
    sources = []
    for url in fetch.urls:
        data = fetch.ud[url]
        if patches and oe.patch.patch_path(url, fetch, "", expand=False):
            continue
        # older series: one entry may have several names, each with a revision
        for revision in getattr(data, "revisions", {}).values() or [getattr(data, "revision", None)]:
            sources.append({"scheme": data.type, "host": data.host, "path": data.path,
                            "parameters": data.parm, "revision": revision})
    facts = os.path.join(d.getVar("T"), "crashdump-source.json")
    with open(facts, "w") as stream:
        json.dump({
            "sources": sources,
            "patches": [bb.fetch2.decodeurl(patch)[5]["patchname"] for patch in patches],
            "variables": {
                "S": d.getVar("S"), "B": d.getVar("B"),
                "WORKDIR": d.getVar("WORKDIR"), "UNPACKDIR": d.getVar("UNPACKDIR"),
                "DEBUG_PREFIX_MAP": d.getVar("DEBUG_PREFIX_MAP"),
                "BB_GIT_DEFAULT_DESTSUFFIX": d.getVar("BB_GIT_DEFAULT_DESTSUFFIX"),
            },
        }, stream)
    return facts

python do_crashdump_symbols () {
    out = d.getVar("CRASHDUMP_WORKDIR")
    command = ["extract", d.getVar("PKGDEST"), "--packages",
               "--store", os.path.join(out, "symbols", d.getVar("PN")),
               "--manifest", os.path.join(out, "manifests", d.getVar("PN") + ".json"),
               "--recipe", d.getVar("PN"), "--recipe-version", d.getVar("PV"),
               "--source-recipe", crashdump_source_facts(d)]
    if d.getVar("CRASHDUMP_SOURCE_LINKS") == "1":
        command.append("--source-links")
    if os.path.isdir(d.getVar("CRASHDUMP_PRESERVED")):
        command += ["--debug-root", d.getVar("CRASHDUMP_PRESERVED")]
    crashdump_run(d, command)
}
do_crashdump_symbols[file-checksums] += "${@crashdump_policy_files(d)}"
# do_package has the same hash when another revision gives the same files
do_crashdump_symbols[vardeps] += "fetcher_hashes_dummyfunc"
do_crashdump_symbols[dirs] = "${CRASHDUMP_WORKDIR}"
do_crashdump_symbols[cleandirs] = "${CRASHDUMP_WORKDIR}"
do_crashdump_symbols[depends] = "python3-crashsym-native:do_populate_sysroot"
do_crashdump_symbols[sstate-inputdirs] = "${CRASHDUMP_WORKDIR}"
do_crashdump_symbols[sstate-outputdirs] = "${CRASHDUMP_DEPLOY_DIR}/${SSTATE_PKGARCH}"
SSTATETASKS += "do_crashdump_symbols"
addtask crashdump_symbols after do_package before do_build

python do_crashdump_symbols_setscene () {
    sstate_setscene(d)
}
addtask do_crashdump_symbols_setscene

python do_crashdump_upload () {
    place = d.expand("${CRASHDUMP_DEPLOY_DIR}/${SSTATE_PKGARCH}")
    # many recipes have no programs
    crashdump_upload(d, os.path.join(place, "manifests", d.getVar("PN") + ".json"),
                     os.path.join(place, "symbols", d.getVar("PN")), ["--allow-empty"])
}
do_crashdump_upload[depends] = "python3-crashsym-native:do_populate_sysroot"

# An image's do_build collects this task from all recipes that have it, where the image has the class too ...
do_build[recrdeptask] += "do_crashdump_symbols"

def crashdump_collect_uploads(d):
    """Let an image that has no account of its own collect do_crashdump_upload from all of its recipes."""
    if (d.getVar("CRASHDUMP_ENABLED") != "1" or not bb.data.inherits_class("image", d)
            or bb.data.inherits_class("crashdump-image", d)):
        return
    d.setVarFlag("do_crashdump_upload", "noexec", "1")
    d.setVarFlag("do_crashdump_upload", "recrdeptask", "do_crashdump_upload")
    d.setVarFlag("do_crashdump_upload", "recideptask", "do_" + d.getVar("BB_DEFAULT_TASK"))
    crashdump_add_upload(d, None)

CRASHDUMP_LEFT_OUT = "native cross cross-canadian nativesdk image kernel allarch packagegroup nopackages"

python () {
    if (d.getVar("CRASHDUMP_ENABLED") != "1" or not d.getVar("PACKAGES") or not d.getVarFlag("do_package", "task", False)
            or any(bb.data.inherits_class(name, d) for name in d.getVar("CRASHDUMP_LEFT_OUT").split())):
        bb.build.deltask("do_crashdump_symbols", d)
        bb.build.deltask("do_crashdump_symbols_setscene", d)
        crashdump_collect_uploads(d)
        return
    d.appendVar("PACKAGE_PREPROCESS_FUNCS", " crashdump_preserve")
    if d.getVar("CRASHDUMP_SOURCE_LINKS") == "1" and d.getVarFlag("do_patch", "task", False):
        bb.build.addtask("do_crashdump_symbols", "do_build", "do_patch", d)  # it looks at the sources
    crashdump_add_upload(d, "do_crashdump_symbols")
    # copies of an earlier do_package must not be taken for those of a restored one
    d.appendVarFlag("do_package_setscene", "cleandirs", " ${CRASHDUMP_PRESERVED}")
    # ... and where it has not: an image's do_build always collects do_deploy.
    if not d.getVarFlag("do_deploy", "task", False) and not bb.data.inherits_class("deploy", d):
        d.setVarFlag("do_deploy", "noexec", "1")
        bb.build.addtask("do_deploy", "do_build", "do_crashdump_symbols", d)
}

# For an all-from-sstate build core's setscene_depvalid decides which objects are needed. It knows core's tasks
# only, and would have do_package restored for every recipe with our task. Read from the global configuration:
# works with INHERIT, does nothing in a single recipe. (A plain '=' loses to sstate.bbclass' own assignment.)
def crashdump_setscene_depvalid(task, taskdependees, notneeded, d, log=None):
    others = {tid: entry for tid, entry in taskdependees.items()
              if tid == task or entry[1] != "do_crashdump_symbols"}
    return setscene_depvalid(task, others, notneeded, d, log)
BB_SETSCENE_DEPVALID:forcevariable = "crashdump_setscene_depvalid"
